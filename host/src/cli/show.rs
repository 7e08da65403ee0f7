//! `skysieve show`: alerts as JSON lines, from the very columns that filters get.
//!
//! In: packets from files, folders and tars. Out: one line `{"file", "record", "alert"}` per record,
//! and `{"file", "record", "error"}` for each packet that cannot be read, which makes the exit status
//! 1; of a packet in a tar also its number, `"packet"`. Never: a rounded number, or silence about a damaged packet.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use skysieve_decode::{FieldPath, Limits, NoSchemas, SchemaSource, WholeDecoder};

use super::chosen::Chosen;
use super::json_line;
use crate::source::archive::ArchiveSource;
use crate::source::schema_folder::SchemaFolder;
use crate::source::{BatchLimits, Packet, Polled, Source};

/// Print alerts as JSON, one line each.
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Packets: files, tars (also compressed), or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Only this field, such as candidate.magpsf or prv_candidates[].magpsf; may be repeated
    #[arg(long = "field", value_name = "FIELD")]
    pub fields: Vec<FieldPath>,
    /// Schemas of packets in Confluent framing: files <id>.avsc or a tree <major>/<minor>/*.avsc
    #[arg(long, value_name = "DIR")]
    pub schema_dir: Option<PathBuf>,
}

/// So many packets are in memory at once.
const BATCH: BatchLimits = BatchLimits {
    rows: 64,
    bytes: 16 << 20,
    age: Duration::from_secs(1),
};

/// Prints every alert; the exit status is 1 if a packet is damaged, or a field leads to no single value
/// in any of them.
///
/// # Errors
/// When a path or the schema folder cannot be read.
pub fn run(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    for path in &args.paths {
        std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    }
    let schemas: Arc<dyn SchemaSource> = match &args.schema_dir {
        Some(folder) => Arc::new(SchemaFolder::read(folder)?),
        None => Arc::new(NoSchemas),
    };
    let view = match args.fields[..] {
        [] => View::Whole(WholeDecoder::new(schemas, Limits::default())),
        _ => View::Chosen(Chosen::new(args.fields.clone(), schemas)),
    };
    let mut show = Show {
        view,
        out: BufWriter::new(io::stdout().lock()),
        damaged: false,
    };
    super::start_notes();
    match show.all(ArchiveSource::replay(args.paths.iter().cloned())) {
        Err(error) if is_closed_pipe(&error) => return Ok(ExitCode::SUCCESS),
        outcome => outcome?,
    }
    let mut wrong = show.damaged;
    if let View::Chosen(chosen) = &show.view {
        for message in chosen.never_found() {
            eprintln!("skysieve: {message}");
        }
        wrong |= chosen.asks_for_no_value();
    }
    Ok(ExitCode::from(u8::from(wrong)))
}

/// Whoever reads the output, such as `head`, has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref()
        .is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What of each alert is printed.
enum View {
    Whole(WholeDecoder),
    Chosen(Chosen),
}

struct Show<W> {
    view: View,
    out: W,
    damaged: bool,
}

impl<W: Write> Show<W> {
    fn all(&mut self, mut source: impl Source) -> anyhow::Result<()> {
        loop {
            match source.poll(&BATCH).context("cannot read on")? {
                Polled::Packets(packets) => {
                    packets.iter().try_for_each(|packet| self.packet(packet))?
                }
                Polled::Rebalanced => {}
                Polled::End => return Ok(self.out.flush()?),
            }
        }
    }

    fn packet(&mut self, packet: &Packet) -> anyhow::Result<()> {
        let place = place(packet);
        if let Some(damage) = &packet.damage {
            return Ok(self.line(&place, 0, "error", &quoted(damage))?);
        }
        let Self { view, out, damaged } = self;
        let mut records = 0;
        let mut alert = |alert: json_line::Alert| {
            let (key, value) = match alert {
                Ok(value) => ("alert", value),
                Err(error) => ("error", quoted(&error.to_string())),
            };
            *damaged |= key == "error";
            let record = records;
            records += 1;
            writeln!(out, r#"{{{place},"record":{record},"{key}":{value}}}"#)
        };
        let error = match view {
            View::Whole(decoder) => whole(decoder, &packet.bytes, &mut alert)?,
            View::Chosen(chosen) => chosen.alerts(&packet.bytes, &mut alert)?,
        };
        match error {
            Some(error) => Ok(self.line(&place, records, "error", &quoted(&error))?),
            None => Ok(()),
        }
    }

    fn line(&mut self, place: &str, record: usize, key: &str, value: &str) -> io::Result<()> {
        self.damaged |= key == "error";
        writeln!(self.out, r#"{{{place},"record":{record},"{key}":{value}}}"#)
    }
}

/// The file, and in a tar the number of the packet.
fn place(packet: &Packet) -> String {
    let file = &packet.position.partition.topic;
    let tar = [".tar", ".tar.gz", ".tgz"]
        .iter()
        .any(|end| file.ends_with(end));
    match tar {
        true => format!(
            r#""file":{},"packet":{}"#,
            quoted(file),
            packet.position.offset
        ),
        false => format!(r#""file":{}"#, quoted(file)),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Hands every sound record on as JSON; gives what is wrong with the rest.
fn whole(
    decoder: &mut WholeDecoder,
    packet: &[u8],
    alert: &mut dyn FnMut(json_line::Alert) -> io::Result<()>,
) -> anyhow::Result<Option<String>> {
    match decoder.decode(packet) {
        Err(error) => Ok(Some(error.to_string())),
        Ok(whole) => {
            for row in 0..whole.records.len() {
                alert(json_line::value(&whole.records, row))?;
            }
            Ok(whole.error.map(|error| error.to_string()))
        }
    }
}

//! `skysieve replay`: the production engine over packets on an author's own machine.
//!
//! In: packets, compiled filters. Out: a table of counts, the cut-flow, fuel and time; on request
//! the verdicts and the passing packets. Never: a network, a registry.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use skysieve_decode::SchemaSource;

use super::filters::{self, LocalFilter};
use super::report::{Damages, Examples, Report};
use super::streams;
use crate::delivery::Counts;
use crate::judge::Judge;
use crate::route::route;
use crate::samples::Samples;
use crate::sink::{Sink, archive};
use crate::source::archive::ArchiveSource;
use crate::source::{BatchLimits, Packet, Polled, Source};
use crate::stream::MAIN_LANE;
use crate::upload::StreamSamples;

/// Arguments of `skysieve replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Packets: files, folders, tar and tar.gz nights.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// A compiled filter; may be given several times.
    #[arg(long = "filter", required = true, value_name = "FILE.wasm")]
    filters: Vec<PathBuf>,
    /// Write the passing packets to this new or empty folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write one JSON line for each alert and filter; judges alerts one by one, to the unit of fuel.
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
    /// One JSON object on standard output, and nothing else.
    #[arg(long)]
    json: bool,
    /// Set a filter's parameter.
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// Folder of schema documents for packets in Confluent framing.
    #[arg(long, value_name = "DIR")]
    schema_dir: Option<PathBuf>,
    /// Name alerts as this stream of the configuration does, instead of as any of them does.
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// The configuration that describes the streams.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Run it.
///
/// # Errors
/// When a filter cannot be used, a path cannot be read or an output cannot be written.
pub fn run(arguments: ReplayArgs) -> anyhow::Result<ExitCode> {
    let stream = streams::for_packets(
        arguments.config.as_deref(),
        arguments.stream.as_deref(),
        arguments.schema_dir.as_deref(),
    )?;
    let filters = filters::load(&arguments.filters, &arguments.parameters)?;
    let active = filters::active_set(&filters);
    let alone = arguments.verdicts.is_some();
    let judge = Judge::new(stream.settings, stream.schemas.clone(), Arc::new(active)).alone(alone);
    let outputs = Outputs::open(&arguments)?;
    super::start_notes();
    let mut replay = Replay::new(judge, outputs, stream.schemas);
    let bar = progress(arguments.json);
    replay.read(ArchiveSource::replay(arguments.paths), &bar)?;
    bar.finish_and_clear();
    let report = replay.finish(&filters)?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table());
    }
    Ok(ExitCode::SUCCESS)
}

fn progress(quiet: bool) -> ProgressBar {
    if quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    }
    .with_style(super::report::progress_style())
}

/// Different reasons of damage that are told.
const MOST_REASONS: usize = 10;

/// What is written besides the report.
struct Outputs {
    sink: Option<archive::ArchiveSink>,
    verdicts: Option<BufWriter<File>>,
}

impl Outputs {
    fn open(arguments: &ReplayArgs) -> anyhow::Result<Self> {
        let verdicts = arguments.verdicts.as_ref().map(|path| {
            File::create(path).with_context(|| format!("cannot write {}", path.display()))
        });
        let sink = arguments.out.as_ref().map(|out| {
            if out
                .read_dir()
                .is_ok_and(|mut entries| entries.next().is_some())
            {
                bail!("{} is not empty; give a new folder", out.display());
            }
            let settings = archive::Settings {
                path: out.clone(),
                ..Default::default()
            };
            let (sinks, _) = archive::open(&settings, "replay", MAIN_LANE, 1)?;
            Ok(sinks.into_iter().next())
        });
        Ok(Self {
            sink: sink.transpose()?.flatten(),
            verdicts: verdicts.transpose()?.map(BufWriter::new),
        })
    }
}

/// A replay under way.
struct Replay {
    judge: Judge,
    outputs: Outputs,
    started: Instant,
    packets: u64,
    bytes: u64,
    alerts: u64,
    damaged: u64,
    /// Packets by what is wrong with them; of many reasons the first.
    damages: BTreeMap<String, u64>,
    schemas: Arc<dyn SchemaSource>,
    /// Some packets of every schema.
    samples: Samples,
    counts: BTreeMap<i64, Counts>,
    /// One per filter, in the order of the settings.
    examples: Vec<Examples>,
}

impl Replay {
    fn new(judge: Judge, outputs: Outputs, schemas: Arc<dyn SchemaSource>) -> Self {
        let samples = Samples::new(schemas.clone());
        let counts = BTreeMap::new();
        let examples = Vec::new();
        let started = Instant::now();
        Self {
            judge,
            outputs,
            started,
            packets: 0,
            bytes: 0,
            alerts: 0,
            damaged: 0,
            damages: BTreeMap::new(),
            schemas,
            samples,
            counts,
            examples,
        }
    }

    fn read(&mut self, mut source: ArchiveSource, bar: &ProgressBar) -> anyhow::Result<()> {
        let limits = BatchLimits {
            rows: 256,
            bytes: 32 << 20,
            age: Duration::from_secs(1),
        };
        loop {
            match source.poll(&limits)? {
                Polled::Packets(packets) => self.batch(&packets)?,
                Polled::Rebalanced => {}
                Polled::End => return Ok(()),
            }
            bar.set_message(format!("{} packets, {} alerts", self.packets, self.alerts));
            bar.tick();
        }
    }

    fn batch(&mut self, packets: &[Packet]) -> anyhow::Result<()> {
        self.samples.offer(packets);
        let judgement = self.judge.judge(packets);
        if let Some(file) = &mut self.outputs.verdicts {
            for line in super::verdicts::verdict_lines(packets, &judgement) {
                writeln!(file, "{line}")?;
            }
        }
        self.examples.resize_with(
            judgement.verdicts.len().max(self.examples.len()),
            Default::default,
        );
        for (examples, said) in self.examples.iter_mut().zip(&judgement.verdicts) {
            examples.add(&judgement, said);
        }
        let delivery = route(packets, judgement);
        self.packets += delivery.packets;
        self.alerts += delivery.alerts;
        self.damaged += delivery.dead_letters.len() as u64;
        for letter in &delivery.dead_letters {
            self.count_damage(&letter.reason);
        }
        self.bytes += packets
            .iter()
            .map(|packet| packet.bytes.len() as u64)
            .sum::<u64>();
        for (key, counts) in &delivery.counts {
            self.counts.entry(key.setting).or_default().add(counts);
        }
        if let Some(sink) = &mut self.outputs.sink {
            sink.commit(delivery)?;
        }
        Ok(())
    }

    fn count_damage(&mut self, reason: &str) {
        if let Some(packets) = self.damages.get_mut(reason) {
            *packets += 1;
        } else if self.damages.len() < MOST_REASONS {
            self.damages.insert(reason.to_owned(), 1);
        }
    }

    fn finish(mut self, filters: &[LocalFilter]) -> anyhow::Result<Report> {
        if let Some(file) = &mut self.outputs.verdicts {
            file.flush()?;
        }
        self.examples.resize_with(filters.len(), Default::default);
        let empty = Counts::default();
        let samples = StreamSamples::of_packets(self.samples.packets(), self.schemas);
        let lines = (1_i64..).zip(filters).zip(self.examples);
        let lines = lines.map(|((setting, filter), examples)| {
            let counts = self.counts.get(&setting).unwrap_or(&empty);
            filter.line(counts, examples, &samples)
        });
        let damages = self.damages.into_iter();
        let damages = damages.map(|(reason, packets)| Damages { reason, packets });
        Ok(Report {
            packets: self.packets,
            bytes: self.bytes,
            alerts: self.alerts,
            damaged: self.damaged,
            damages: damages.collect(),
            elapsed_s: self.started.elapsed().as_secs_f64(),
            filters: lines.collect(),
        })
    }
}

//! A survey of numbered alerts: packets and the stream's configuration for tests that need no sky.
//!
//! In: numbers. Out: packets whose alert id is the number. Never: two packets with the same bytes.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use apache_avro::types::Value;
use apache_avro::{Schema, Writer};

use crate::Stop;

/// Name of the stream.
pub const STREAM: &str = "numbers";

const SCHEMA: &str = r#"{"type": "record", "name": "alert", "fields": [
    {"name": "id", "type": "long"},
    {"name": "name", "type": "string"},
    {"name": "value", "type": ["null", "double"]},
    {"name": "series", "type": {"type": "array", "items":
        {"type": "record", "name": "point", "fields": [{"name": "x", "type": "float"}]}}},
    {"name": "image", "type": "bytes"}]}"#;
/// About a small packet of a real survey [bytes].
const IMAGE_BYTES: usize = 8_000;

/// The packet of alert `number`: five alerts to an object, the value is the number.
///
/// # Errors
/// When it cannot be written.
#[allow(clippy::cast_precision_loss)] // numbers of tests are small
pub fn packet(number: i64) -> Result<Vec<u8>> {
    let schema = Schema::parse_str(SCHEMA)?;
    let mut writer = Writer::new(&schema, Vec::new())?;
    let point = |x: f32| Value::Record(vec![("x".into(), Value::Float(x))]);
    writer.append_value(Value::Record(vec![
        ("id".into(), Value::Long(number)),
        (
            "name".into(),
            Value::String(format!("object-{}", number / 5)),
        ),
        (
            "value".into(),
            Value::Union(1, Box::new(Value::Double(number as f64))),
        ),
        ("series".into(), Value::Array(vec![point(1.0), point(2.0)])),
        ("image".into(), Value::Bytes(vec![b'i'; IMAGE_BYTES])),
    ]))?;
    Ok(writer.into_inner()?)
}

/// Sends numbered alerts, one after the other in this time, until told to stop: `send` gets a key and a
/// packet, `sent` counts.
///
/// # Errors
/// Those of `send`.
pub fn send_until(
    stop: &Stop,
    pace: Duration,
    sent: &AtomicI64,
    mut send: impl FnMut(String, Vec<u8>) -> Result<()>,
) -> Result<()> {
    while !stop.is_told() {
        let number = sent.fetch_add(1, Ordering::Relaxed);
        send(format!("object-{}", number / 5), packet(number)?)?;
        std::thread::sleep(pace);
    }
    Ok(())
}

/// One tar with the packets of `numbers`, put into the archive at `incoming` under its final name at
/// once.
///
/// # Errors
/// When it cannot be written.
pub fn put_tar(incoming: &Path, name: &str, numbers: Range<i64>) -> Result<()> {
    let unfinished = incoming.join(format!("{name}.partial"));
    let mut tar = tar::Builder::new(std::fs::File::create(&unfinished)?);
    for number in numbers {
        let bytes = packet(number)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{number}.avro"), &bytes[..])?;
    }
    tar.into_inner()?.sync_all()?;
    std::fs::rename(&unfinished, incoming.join(name)).context("rename into place")
}

/// The configuration of an archive-to-archive stream below `folder`, whose folders are made:
/// `incoming`, `results`, and `samples` with a few packets.
///
/// # Errors
/// When the folders cannot be made.
pub fn archive_stream(folder: &Path, workers: usize) -> Result<String> {
    for name in ["incoming", "results", "samples"] {
        std::fs::create_dir_all(folder.join(name))?;
    }
    for number in 1_000_000..1_000_010 {
        std::fs::write(
            folder.join(format!("samples/{number}.avro")),
            packet(number)?,
        )?;
    }
    let mut text = identities(workers);
    writeln!(
        text,
        "samples = {:?}\ncommit_interval_ms = 100",
        folder.join("samples")
    )?;
    for (part, name) in [("source", "incoming"), ("sink", "results")] {
        writeln!(
            text,
            "\n[streams.{part}]\nkind = \"archive\"\npath = {:?}",
            folder.join(name)
        )?;
    }
    Ok(text)
}

/// The configuration of a stream on Kafka; samples as for [`archive_stream`].
///
/// # Errors
/// When the folders cannot be made.
pub fn kafka_stream(folder: &Path, workers: usize, broker: &str, topic: &str) -> Result<String> {
    std::fs::create_dir_all(folder.join("samples"))?;
    for number in 1_000_000..1_000_010 {
        std::fs::write(
            folder.join(format!("samples/{number}.avro")),
            packet(number)?,
        )?;
    }
    let mut text = identities(workers);
    writeln!(text, "samples = {:?}", folder.join("samples"))?;
    writeln!(
        text,
        "\n[streams.source]\nkind = \"kafka\"\nbrokers = {broker:?}"
    )?;
    writeln!(text, "topics = [{topic:?}]\nprefix = {topic:?}")?;
    writeln!(text, "\n[streams.sink]\nkind = \"kafka\"")?;
    Ok(text)
}

fn identities(workers: usize) -> String {
    format!(
        "[[streams]]\nname = \"{STREAM}\"\nworkers = {workers}\nobject_id = [\"name\"]\n\
         alert_id = [\"id\"]\ngate_percent = 100.0\ncutouts = [\"image\"]\n"
    )
}

//! Bytes to values, by apache-avro and by our own decoder, over the same packets.
//!
//! In: distinct packets. Out: nanoseconds per alert of each way. Never: a schema parsed within a
//! case that claims a cached one.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, Result};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::{Reader, Schema};
use skysieve_decode::{Decoder, Limits, NoSchemas, schema_text};

use crate::fields;
use crate::report::Report;
use crate::rounds::{Case, Effort, measure};

/// Alerts of one batch, as a worker takes them.
const BATCH: usize = 24;

/// Measure every way and report it.
///
/// # Errors
/// When a packet cannot be decoded at all.
pub fn run(packets: &[Vec<u8>], effort: Effort, report: &mut Report) -> Result<()> {
    let bodies = bodies(packets)?;
    let borrowed: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
    let mut projected = decoder(fields::projected()?)?;
    let mut whole = decoder(fields::whole(&packets[0])?)?;
    let count = packets.len();
    let mut cases = [
        Case::new("decode_apache_avro_reader", count, || reader(packets)),
        Case::new("decode_apache_avro_cached", count, || cached(&bodies)),
        Case::new("decode_whole", count, || batches(&mut whole, &borrowed)),
        Case::new("decode_projected", count, || {
            batches(&mut projected, &borrowed)
        }),
        Case::new("decode_memcpy", count, || copied(packets)),
    ];
    for (name, ns) in measure(&mut cases, effort) {
        report.figure(&format!("{name}_ns"), ns, "ns/alert");
    }
    report.figure("packets_distinct", count as f64, "packets");
    let bytes: usize = packets.iter().map(Vec::len).sum();
    report.figure("packet_mean_bytes", bytes as f64 / count as f64, "bytes");
    let (projected, cached) = ("decode_projected_ns", "decode_apache_avro_cached_ns");
    // Of rates: how many times as fast.
    report.ratio(
        "decode_projected_over_apache_avro_cached",
        cached,
        projected,
    );
    report.ratio(
        "decode_whole_over_apache_avro_cached",
        cached,
        "decode_whole_ns",
    );
    Ok(())
}

fn decoder(fields: Vec<skysieve_decode::Field>) -> Result<Decoder> {
    Ok(Decoder::new(
        fields,
        Arc::new(NoSchemas),
        Limits::default(),
    )?)
}

/// A packet's record without its header, and its schema, parsed once per text.
fn bodies(packets: &[Vec<u8>]) -> Result<Vec<(Arc<Schema>, &[u8])>> {
    let mut schemas: HashMap<Arc<str>, Arc<Schema>> = HashMap::new();
    let mut bodies = Vec::with_capacity(packets.len());
    for packet in packets {
        let text = schema_text(packet, &NoSchemas)?;
        let schema = match schemas.get(&text) {
            Some(schema) => schema.clone(),
            None => Arc::new(Schema::parse_str(&text).context("apache-avro refuses the schema")?),
        };
        schemas.insert(text, schema.clone());
        bodies.push((schema, body(packet).context("a packet without a block")?));
    }
    Ok(bodies)
}

/// The only block of an uncompressed container: between its length and the sync marker.
fn body(packet: &[u8]) -> Option<&[u8]> {
    let sync = packet.len().checked_sub(16)?;
    let marker = &packet[sync..];
    let header = packet[..sync]
        .windows(16)
        .position(|window| window == marker)?;
    let mut rest = &packet[header + 16..sync];
    for _ in ["records", "bytes"] {
        let length = rest.iter().position(|byte| byte & 0x80 == 0)?;
        rest = &rest[length + 1..];
    }
    Some(rest)
}

fn reader(packets: &[Vec<u8>]) {
    for packet in packets {
        let reader = Reader::new(&packet[..]).expect("the packets were read before");
        for value in reader {
            black_box(value.expect("the packets were read before"));
        }
    }
}

fn cached(bodies: &[(Arc<Schema>, &[u8])]) {
    for (schema, body) in bodies {
        let reader = GenericDatumReader::builder(schema)
            .build()
            .expect("a parsed schema");
        black_box(
            reader
                .read_value(&mut &body[..])
                .expect("the packets were read before"),
        );
    }
}

fn batches(decoder: &mut Decoder, packets: &[&[u8]]) {
    for batch in packets.chunks(BATCH) {
        let batch = black_box(decoder.decode(batch));
        assert!(batch.damages.is_empty(), "the packets were read before");
    }
}

fn copied(packets: &[Vec<u8>]) {
    for packet in packets {
        black_box(packet.clone());
    }
}

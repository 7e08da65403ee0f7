//! Real packets of many surveys: each undamaged one gives its records, each damaged one says why.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use skysieve_decode::{Decoder, Element, Field, Limits, Schema, WholeDecoder, schema_text};
use support::{Documents, alerts, at_path, decode, field, json, packets, rubin};

#[test]
fn every_undamaged_packet_decodes_and_every_damaged_one_says_where() {
    let Some(folder) = alerts() else { return };
    let packets = packets(&folder);
    let bytes: Vec<&[u8]> = packets.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    let fields = [
        field("candidate.magpsf", Element::Float64),
        field("prv_candidates[].magpsf", Element::Float32),
    ];
    let batch = decode(&fields, rubin(&folder), &bytes);
    let mut damaged = Vec::new();
    for damage in &batch.damages {
        let name = &packets[damage.origin.packet as usize].0;
        println!("{name}: record {}: {}", damage.origin.record, damage.error);
        damaged.push(name.as_str());
    }
    assert!(
        damaged.iter().all(|name| name.starts_with("odd/damaged/")),
        "{damaged:?}"
    );
    assert_eq!(
        damaged.len(),
        packets
            .iter()
            .filter(|(name, _)| name.starts_with("odd/damaged/"))
            .count()
    );
    assert!(
        batch
            .columns
            .iter()
            .all(|column| column.len() == batch.rows.len())
    );
    println!("{} packets, {} rows", packets.len(), batch.rows.len());
}

#[test]
fn every_path_projected_alone_equals_the_whole_record() {
    let Some(folder) = alerts() else { return };
    let documents = rubin(&folder);
    let mut whole = WholeDecoder::new(Arc::new(rubin(&folder)), Limits::default());
    let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
    let mut paths = 0;
    for (name, packet) in packets(&folder) {
        let Ok(text) = schema_text(&packet, &documents) else {
            continue;
        };
        // Every schema, and of each a few packets: the others differ in their values only.
        let count = seen.entry(text.clone()).or_default();
        *count += 1;
        if *count > 2 {
            continue;
        }
        let alerts = json(&whole.decode(&packet).unwrap().records);
        for askable in Schema::parse(&text).unwrap().askable_paths() {
            paths += 1;
            let field = Field::new(vec![askable.path.clone()], askable.element).unwrap();
            let mut decoder = Decoder::new(
                vec![field],
                Arc::new(rubin_of(&documents)),
                Limits::default(),
            )
            .unwrap();
            let batch = decoder.decode(&[&packet]);
            let expected: Vec<_> = alerts
                .iter()
                .map(|alert| at_path(alert, askable.path.members()))
                .collect();
            assert_eq!(
                json(&batch.columns[0]),
                expected,
                "{name}: {}",
                askable.path
            );
            let null = expected.iter().any(serde_json::Value::is_null);
            assert!(
                askable.nullable || !null,
                "{name}: {} is null",
                askable.path
            );
        }
    }
    println!("{} schemas, {paths} paths", seen.len());
    assert!(seen.len() > 30 && paths > 2_000);
}

/// The same documents for another decoder.
fn rubin_of(documents: &Documents) -> Documents {
    Documents(documents.0.clone())
}

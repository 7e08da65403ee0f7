//! Real packets of many surveys: each undamaged one gives its records, each damaged one says why.
#![allow(clippy::unwrap_used)]

mod support;

use skysieve_decode::Element;
use support::{alerts, decode, field, packets, rubin};

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

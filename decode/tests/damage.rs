//! Damage at every place of a batch: it is named, and the good packets do not feel it.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use proptest::prelude::*;
use skysieve_decode::{Batch, Decoder, Element, Field, Limits, NoSchemas, Schema, WholeDecoder};
use support::generated::{CODECS, SCHEMA, packet};
use support::{Documents, alerts, container, decode, field, json, longs, packets, record, sized};

fn all_fields(schema: &str) -> Vec<Field> {
    let askable = Schema::parse(schema).unwrap().askable_paths();
    askable
        .into_iter()
        .map(|a| Field::new(vec![a.path], a.element).unwrap())
        .collect()
}

/// The columns without the rows of one packet.
fn without(batch: &Batch, packet: usize) -> Vec<Vec<serde_json::Value>> {
    let column = |column| {
        let rows = json(column).into_iter().zip(&batch.rows);
        rows.filter(|(_, row)| row.packet as usize != packet)
            .map(|(value, _)| value)
            .collect()
    };
    batch
        .columns
        .iter()
        .map(|array| column(array.as_ref()))
        .collect()
}

/// Puts `bad` at each place among `good`: all else has to be as if it were not there.
fn check_neighbours(decoder: &mut Decoder, good: &[&[u8]], bad: &[u8]) {
    let alone = decoder.decode(good);
    assert_eq!(alone.damages, []);
    let expected = without(&alone, usize::MAX);
    for place in 0..=good.len() {
        let mut packets = good.to_vec();
        packets.insert(place, bad);
        let batch = decoder.decode(&packets);
        assert!(
            batch
                .damages
                .iter()
                .all(|damage| damage.origin.packet as usize == place)
        );
        assert_eq!(without(&batch, place), expected, "at {place}");
        let records: u32 = batch.records.iter().sum();
        assert_eq!(records as usize, batch.rows.len());
        assert!(
            batch
                .columns
                .iter()
                .all(|column| column.len() == batch.rows.len())
        );
    }
}

fn decoder(fields: Vec<Field>) -> Decoder {
    Decoder::new(fields, Arc::new(NoSchemas), Limits::default()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn neighbours_of_a_damaged_packet_do_not_feel_it(
        seed in any::<u64>(),
        codec in 0..CODECS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let good = [packet(seed ^ 1, "null", 2).0, packet(seed ^ 2, CODECS[codec], 1).0, packet(seed ^ 3, "null", 3).0];
        let good: Vec<&[u8]> = good.iter().map(Vec::as_slice).collect();
        let mut bad = packet(seed, CODECS[codec], 2).0;
        let body = bad.len() - bad.len() / 4;
        for (place, byte) in changes {
            let place = body + place.index(bad.len() - body);
            bad[place] = byte;
        }
        bad.truncate(end.map_or(bad.len(), |end| end.index(bad.len())));
        check_neighbours(&mut decoder(all_fields(SCHEMA)), &good, &bad);
        let _no_panic = WholeDecoder::new(Arc::new(NoSchemas), Limits::default()).decode(&bad);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let packet = container(SCHEMA, "null", &[(3, &bytes)]);
        let batch = decode(&all_fields(SCHEMA), Documents::default(), &[&packet]);
        let whole = WholeDecoder::new(Arc::new(NoSchemas), Limits::default()).decode(&packet).unwrap();
        // The whole decode also looks at text that nobody can ask for.
        prop_assert!(whole.records.len() <= batch.rows.len());
    }
}

#[test]
fn neighbours_of_every_really_damaged_file_do_not_feel_it() {
    let Some(folder) = alerts() else { return };
    let all = packets(&folder);
    let good: Vec<&[u8]> = ["ztf/v3.3", "other/winter", "ztf-snappy", "ztf-fink-multi"]
        .iter()
        .filter_map(|place| all.iter().find(|(name, _)| name.starts_with(place)))
        .map(|(_, bytes)| bytes.as_slice())
        .collect();
    let fields = vec![
        field("objectId", Element::Utf8),
        field("candidate.magpsf", Element::Float64),
        field("prv_candidates[].magpsf", Element::Float64),
        field("cutoutScience.stampData", Element::Binary),
    ];
    let mut decoder = decoder(fields);
    let damaged = all.iter().filter(|(name, _)| name.starts_with("odd/"));
    for (name, bad) in damaged {
        println!("{name}");
        check_neighbours(&mut decoder, &good, bad);
    }
    // A real packet, cut or with a byte changed at many places of its body.
    let sound = good[0];
    for step in 1..60 {
        let at = sound.len() - step * sound.len() / 100;
        check_neighbours(&mut decoder, &good, &sound[..at]);
        let mut changed = sound.to_vec();
        changed[at] ^= 0xff;
        check_neighbours(&mut decoder, &good, &changed);
    }
}

/// Rows kept, and the damage.
fn damage(schema: &str, fields: &[Field], packet: &[u8]) -> (usize, String) {
    let batch = decode(fields, Documents::default(), &[packet]);
    let message = batch.damages.first().map(|damage| {
        assert_eq!(damage.origin.record as usize, batch.rows.len(), "{schema}");
        damage.error.to_string()
    });
    (batch.rows.len(), message.unwrap_or_default())
}

#[test]
fn frames_are_checked_before_and_after_the_records() {
    let schema = record(&[("x", "\"int\"")]);
    let check = |packet: &[u8], rows: usize, part: &str| {
        let (kept, message) = damage(&schema, &[field("x", Element::Int32)], packet);
        assert!(
            kept == rows && message.contains(part),
            "{kept} rows, {message}"
        );
    };
    let sound = container(&schema, "null", &[(2, &[2, 4]), (1, &[6])]);
    check(&sound, 3, "");
    let mut bad_sync = sound.clone();
    *bad_sync.last_mut().unwrap() ^= 1;
    check(&bad_sync, 2, "not followed by the file's sync marker");
    check(
        &[&sound[..], b"\x02\x04garbage follows here"].concat(),
        3,
        "not followed by the file's sync marker",
    );
    check(
        &[&sound[..], &[0xff; 90_000]].concat(),
        3,
        "an integer is longer than 64 bits",
    );
    check(&[&sound[..], &[1]].concat(), 3, "a block states -1 records");
    check(
        &[&sound[..], &[2, 1]].concat(),
        3,
        "a length is negative (-1)",
    );
    check(
        &sound[..sound.len() - 1],
        2,
        "the file ends within the block, which states 1 bytes; it lacks 1",
    );
    check(
        &container(&schema, "null", &[(2, &[2, 4]), (1, &[6, 8])]),
        2,
        "1 bytes are left over after the last record",
    );
    check(
        &container(&schema, "null", &[(3, &[2, 4])]),
        2,
        "record 2, byte ",
    );
    check(&container(&schema, "lz4", &[]), 0, "unknown codec \"lz4\"");
    check(
        &container(&schema, "snappy", &[(1, &[1, 2])]),
        0,
        "cannot be decompressed (snappy)",
    );
    check(
        &container("{", "null", &[]),
        0,
        "schema cannot be read: the schema is not valid JSON",
    );
    check(b"Obj\x01\x00", 0, "the metadata has no avro.schema");
    check(&sound[..10], 0, "byte ");
    check(&container(&schema, "null", &[]), 0, "");
}

#[test]
fn headers_may_come_in_blocks_with_sizes() {
    let schema = record(&[("x", "\"int\"")]);
    let mut entry = Vec::new();
    sized(&mut entry, b"avro.schema");
    sized(&mut entry, schema.as_bytes());
    let mut packet = b"Obj\x01".to_vec();
    packet.extend(longs(&[-1, entry.len() as i64]));
    packet.extend(entry);
    packet.push(0);
    packet.extend(support::SYNC);
    packet.extend(longs(&[1, 1, 7]));
    packet.extend(support::SYNC);
    assert_eq!(
        damage(&schema, &[field("x", Element::Int32)], &packet),
        (1, String::new())
    );
}

#[test]
fn a_bad_value_is_named_with_its_field_and_byte() {
    let schema = record(&[
        ("id", "\"long\""),
        (
            "history",
            r#"["null",{"type":"array","items":{"type":"record","name":"s","fields":[
            {"name":"mag","type":["null","float"]},{"name":"who","type":"string"},{"name":"ok","type":"boolean"},
            {"name":"band","type":{"type":"enum","name":"b","symbols":["g"]}},{"name":"chi/N","type":"int"}]}}]"#,
        ),
    ]);
    let good = [0u8, 2, b'a', 1, 0, 2];
    let check = |item: &[u8], part: &str| {
        let body = [&longs(&[5, 1, 2])[..], &good, item, &[0]].concat();
        let packet = container(&schema, "null", &[(1, &body)]);
        let at = packet.len() - 16 - body.len() + 3 + good.len();
        let (rows, message) = damage(&schema, &[field("history[].who", Element::Utf8)], &packet);
        let part = part.replace("BYTE+", "byte ");
        let offset: usize = part
            .split("byte ")
            .nth(1)
            .map_or(0, |rest| rest[..1].parse().unwrap());
        let part = part.replace(&format!("byte {offset}"), &format!("byte {}", at + offset));
        assert!(
            rows == 0 && message.contains(&part),
            "{message} lacks {part}"
        );
    };
    check(
        &[4, 2, b'a', 1, 0, 2],
        "record 0, BYTE+0, at history[1].mag: the union has no branch number 2",
    );
    check(
        &[0, 2, 0xff, 1, 0, 2],
        "record 0, BYTE+1, at history[1].who: the text is not valid UTF-8",
    );
    check(
        &[0, 1, b'a', 1, 0, 2],
        "BYTE+1, at history[1].who: a length is negative (-1)",
    );
    check(
        &[0, 0x7e, b'a', 1, 0, 2],
        "BYTE+1, at history[1].who: a length of 63 bytes goes beyond the end",
    );
    check(
        &[0, 2, b'a', 2, 0, 2],
        "BYTE+3, at history[1].ok: the byte 0x02 is not a boolean",
    );
    check(
        &[0, 2, b'a', 1, 2, 2],
        "BYTE+4, at history[1].band: the enum has no symbol number 1",
    );
    check(
        &[0, 2, b'a', 1, 0, 0x80, 0x80, 0x80, 0x80, 0x10],
        "BYTE+5, at history[1].\"chi/N\": the value 2147483648 does not fit an int",
    );
    check(&[2, 1, 1], "BYTE+1, at history[1].mag: the bytes end here");
}

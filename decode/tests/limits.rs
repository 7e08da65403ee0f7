//! Each limit obeyed and violated, asked for or not, and bombs that must not take time or memory.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Write;
use std::sync::Arc;

use skysieve_decode::{Batch, Decoder, Element, Field, Limits, NoSchemas, WholeDecoder};
use support::{container, field, long, longs, record, sized};

fn decode(fields: &[Field], limits: &Limits, packet: &[u8]) -> Batch {
    let decoder = Decoder::new(fields.to_vec(), Arc::new(NoSchemas), limits.clone());
    decoder.unwrap().decode(&[packet])
}

/// Rows and the error, asked, unasked and whole: all three have to agree.
fn outcome(fields: &[Field], limits: &Limits, packet: &[u8]) -> Result<usize, String> {
    let asked = decode(fields, limits, packet);
    let unasked = decode(&[], limits, packet);
    assert_eq!(asked.damages, unasked.damages);
    assert_eq!(asked.rows, unasked.rows);
    let whole = WholeDecoder::new(Arc::new(NoSchemas), limits.clone())
        .decode(packet)
        .unwrap();
    assert_eq!(whole.records.len(), asked.rows.len());
    assert_eq!(
        whole.error.as_ref(),
        asked.damages.first().map(|damage| &damage.error)
    );
    match asked.damages.first() {
        Some(damage) => Err(damage.error.to_string()),
        None => Ok(asked.rows.len()),
    }
}

#[test]
fn items_of_an_array_are_counted_over_its_blocks() {
    let schema = record(&[("a", r#"{"type":"array","items":"int"}"#)]);
    let limits = Limits {
        array_items: 4,
        ..Limits::default()
    };
    let fields = [field("a[]", Element::Int32)];
    let check = |body: &[i64]| {
        outcome(
            &fields,
            &limits,
            &container(&schema, "null", &[(1, &longs(body))]),
        )
    };
    assert_eq!(check(&[4, 1, 2, 3, 4, 0]), Ok(1));
    assert_eq!(check(&[2, 1, 2, -2, 2, 3, 4, 0]), Ok(1));
    let error = check(&[5, 1, 2, 3, 4, 5, 0]).unwrap_err();
    assert!(
        error.contains("record 0, byte ")
            && error.contains(", at a: an array has more than 4 items"),
        "{error}"
    );
    assert!(
        check(&[2, 1, 2, -3, 3, 3, 4, 5, 0])
            .unwrap_err()
            .contains("more than 4 items")
    );
    assert!(
        check(&[i64::MIN, 0, 0])
            .unwrap_err()
            .contains("more than 4 items")
    );
}

#[test]
fn keys_of_a_map_are_counted_too() {
    let schema = record(&[("m", r#"{"type":"map","values":"null"}"#)]);
    let limits = Limits {
        array_items: 2,
        ..Limits::default()
    };
    let body = |keys: i64| {
        let mut body = longs(&[keys]);
        (0..keys).for_each(|key| sized(&mut body, &[b'a' + key as u8]));
        long(&mut body, 0);
        outcome(&[], &limits, &container(&schema, "null", &[(1, &body)]))
    };
    assert_eq!(body(2), Ok(1));
    assert!(body(3).unwrap_err().contains("more than 2 items"));
}

#[test]
fn an_array_of_empty_records_takes_no_time() {
    let schema = record(&[
        (
            "a",
            r#"{"type":"array","items":{"type":"record","name":"nothing","fields":[]}}"#,
        ),
        ("n", r#"{"type":"array","items":"null"}"#),
        ("x", "\"int\""),
    ]);
    let fields = [field("x", Element::Int32)];
    let check = |body: &[i64]| {
        outcome(
            &fields,
            &Limits::default(),
            &container(&schema, "null", &[(1, &longs(body))]),
        )
    };
    assert_eq!(check(&[1_000_000, 0, 7, 0, 1]), Ok(1));
    assert!(
        check(&[200_000_000, 0, 0, 1])
            .unwrap_err()
            .contains("at a: an array has more than 1000000 items")
    );
    assert!(
        check(&[0, 900_000, 900_000, 0, 1])
            .unwrap_err()
            .contains("at n: ")
    );
}

#[test]
fn types_that_double_at_each_level_take_no_time() {
    let mut fields = vec![(
        String::from("r0"),
        String::from(r#"{"type":"record","name":"r0","fields":[]}"#),
    )];
    for level in 1..40 {
        let below = level - 1;
        fields.push((
            format!("r{level}"),
            format!(r#"{{"type":"record","name":"r{level}","fields":[{{"name":"a","type":"r{below}"}},{{"name":"b","type":"r{below}"}}]}}"#),
        ));
    }
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, kind)| (name.as_str(), kind.as_str()))
        .collect();
    let packet = container(&record(&fields), "null", &[(1, &[])]);
    assert_eq!(decode(&[], &Limits::default(), &packet).rows.len(), 1);
    let whole = WholeDecoder::new(Arc::new(NoSchemas), Limits::default())
        .decode(&packet)
        .unwrap();
    assert!(
        whole
            .error
            .unwrap()
            .to_string()
            .contains("too large to show whole")
    );
}

#[test]
fn nesting_is_bounded_in_types_that_contain_themselves() {
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"next","type":["null","r"]},{"name":"x","type":"int"}]}"#;
    let limits = Limits {
        nesting: 5,
        ..Limits::default()
    };
    let check = |depth: usize| {
        let mut body = longs(&vec![1; depth - 1]);
        body.extend(longs(&[0]));
        body.extend(longs(&vec![7; depth]));
        outcome(
            &[field("x", Element::Int32)],
            &limits,
            &container(schema, "null", &[(1, &body)]),
        )
    };
    assert_eq!(check(1), Ok(1));
    assert_eq!(check(5), Ok(1));
    let error = check(6).unwrap_err();
    assert!(error.contains("nested more than 5 deep"), "{error}");
    let endless = r#"{"type":"record","name":"r","fields":[{"name":"me","type":"r"},{"name":"too","type":"r"}]}"#;
    let error = outcome(
        &[],
        &Limits::default(),
        &container(endless, "null", &[(1, &[])]),
    )
    .unwrap_err();
    assert!(error.contains("nested more than 64 deep"), "{error}");
}

#[test]
fn a_block_is_bounded_while_it_is_decompressed() {
    let schema = record(&[("x", "\"bytes\"")]);
    let mut body = Vec::new();
    sized(&mut body, &vec![0; 50_000]);
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(&body).unwrap();
    let packet = container(&schema, "deflate", &[(1, &writer.finish().unwrap())]);
    let check = |block_bytes| {
        outcome(
            &[field("x", Element::Binary)],
            &Limits {
                block_bytes,
                ..Limits::default()
            },
            &packet,
        )
    };
    assert_eq!(check(body.len()), Ok(1));
    assert!(
        check(body.len() - 1)
            .unwrap_err()
            .contains("exceeds 50002 bytes when decompressed")
    );
}

#[test]
fn records_of_a_packet_are_counted_over_its_blocks() {
    let schema = record(&[("x", "\"int\"")]);
    let limits = Limits {
        records: 3,
        ..Limits::default()
    };
    let check = |blocks: &[(i64, &[u8])]| decode(&[], &limits, &container(&schema, "null", blocks));
    assert_eq!(check(&[(2, &[2, 4]), (1, &[6])]).rows.len(), 3);
    let batch = check(&[(2, &[2, 4]), (2, &[6, 8])]);
    assert_eq!((batch.rows.len(), batch.damages[0].origin.record), (2, 2));
    assert!(
        batch.damages[0]
            .error
            .to_string()
            .contains("more than 3 records")
    );
    let nothing = record(&[]);
    let batch = decode(
        &[],
        &Limits::default(),
        &container(&nothing, "null", &[(i64::MAX, &[])]),
    );
    assert!(
        batch.damages[0]
            .error
            .to_string()
            .contains("more than 100000 records")
    );
}

#[test]
fn items_of_a_packet_are_counted_over_its_arrays_and_blocks() {
    let schema = record(&[("a", r#"{"type":"array","items":"int"}"#)]);
    let fields = [field("a[]", Element::Int32)];
    let two = longs(&[2, 1, 2, 0]);
    let packet = container(&schema, "null", &[(1, &two), (1, &two)]);
    let check = |packet_items| {
        let limits = Limits {
            packet_items,
            ..Limits::default()
        };
        outcome(&fields, &limits, &packet)
    };
    assert_eq!(check(4), Ok(2));
    let error = check(3).unwrap_err();
    assert!(
        error.contains("record 1, byte ") && error.contains("more items than allowed together"),
        "{error}"
    );
}

#[test]
fn bytes_of_a_packet_are_counted_over_its_blocks() {
    let schema = record(&[("x", "\"bytes\"")]);
    let mut body = Vec::new();
    sized(&mut body, &[0; 998]);
    let packet = container(&schema, "null", &[(1, &body), (1, &body)]);
    let check = |packet_bytes| {
        let limits = Limits {
            packet_bytes,
            ..Limits::default()
        };
        outcome(&[field("x", Element::Binary)], &limits, &packet)
    };
    assert_eq!(check(2_000), Ok(2));
    let error = check(1_999).unwrap_err();
    assert!(error.contains("exceed 1999 bytes"), "{error}");
}

#[test]
fn a_union_may_have_more_branches_than_a_byte_can_number() {
    let names = (0..300).map(|number| {
        format!(r#"{{"type":"record","name":"r{number}","fields":[{{"name":"x","type":"int"}}]}}"#)
    });
    let union = format!("[{}]", names.collect::<Vec<_>>().join(","));
    let schema = record(&[("u", &union)]);
    let whole = |branches: std::ops::Range<i64>| {
        let bodies: Vec<Vec<u8>> = branches.map(|branch| longs(&[branch, 7])).collect();
        let blocks: Vec<(i64, &[u8])> = bodies.iter().map(|body| (1, &body[..])).collect();
        let packet = container(&schema, "null", &blocks);
        WholeDecoder::new(Arc::new(NoSchemas), Limits::default())
            .decode(&packet)
            .unwrap()
    };
    let some = whole(200..299);
    assert!(some.error.is_none(), "{:?}", some.error);
    assert_eq!(
        support::json(&some.records)[98],
        serde_json::json!({"u": {"x": 7}})
    );
    // More than can be shown at once is an error of that record, and no panic.
    let all = whole(0..300);
    assert_eq!(all.records.len(), 127);
    assert!(all.error.is_some());
}

#[test]
fn as_many_names_as_a_schema_may_have_take_no_time() {
    let names: Vec<String> = (0..40_000).map(|number| format!("n{number}")).collect();
    let mut members: Vec<(&str, &str)> = names.iter().map(|name| (&name[..], "\"int\"")).collect();
    members.push(("n0", "\"int\""));
    let packet = container(&record(&members), "null", &[(1, &vec![0; 40_001])]);
    let since = std::time::Instant::now();
    assert_eq!(
        outcome(&[field("n0", Element::Int32)], &Limits::default(), &packet),
        Ok(1)
    );
    // A look through all names for each of them would take minutes.
    assert!(since.elapsed().as_secs() < 10);
}

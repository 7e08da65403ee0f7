//! Reduced packets: what is left equals the same parts of the whole packet, read independently.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};
use skysieve_decode::{
    FieldPath, Limits, NoSchemas, Parts, Reducer, Reference, Schema, WholeDecoder, schema_text,
    write_container,
};
use support::generated::{CODECS, SCHEMA, packet, to_json};
use support::{Documents, alerts, container, json, longs, packets, record, rubin, sized};

fn paths(texts: &[&str]) -> Vec<FieldPath> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn names(paths: &[FieldPath]) -> Vec<Vec<&str>> {
    let names = |path: &'_ FieldPath| path.members().len();
    paths
        .iter()
        .map(|path| {
            (0..names(path))
                .map(|index| path.members()[index].name.as_str())
                .collect()
        })
        .collect()
}

/// The parts of `value` that lie on `paths`, or off them: on JSON alone, arrays looked through.
fn expected(value: &Value, paths: &[Vec<&str>], only: bool) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|i| expected(i, paths, only)).collect(),
        Value::Object(members) if !(only && paths.iter().any(Vec::is_empty)) => {
            let mut kept = Map::new();
            for (name, member) in members {
                let on = paths
                    .iter()
                    .filter(|path| path.first() == Some(&name.as_str()));
                let below: Vec<Vec<&str>> = on.map(|path| path[1..].to_vec()).collect();
                let ends = below.iter().any(Vec::is_empty);
                let member = match (only, ends, below.is_empty()) {
                    (true, true, _) | (false, _, true) => member.clone(),
                    (true, _, true) | (false, true, _) => continue,
                    _ => expected(member, &below, only),
                };
                kept.insert(name.clone(), member);
            }
            kept.into()
        }
        other => other.clone(),
    }
}

fn reducer(parts: &Parts) -> Reducer {
    Reducer::new(parts.clone(), Arc::new(NoSchemas), Limits::default())
}

/// What apache-avro reads of a packet.
fn independent(packet: &[u8]) -> Vec<Value> {
    let reader = apache_avro::Reader::new(packet).unwrap();
    reader.map(|value| to_json(&value.unwrap())).collect()
}

const CHOICES: [&[&str]; 8] = [
    &["large"],
    &["raw", "maybe_raw", "four"],
    &["source.flux", "source.band"],
    &["history[].time", "object.nearest.flux", "gaps[].flags"],
    &["history", "source.time"],
    &["object.nearest.flags[]", "object.id", "either", "words"],
    &["grid[]", "nothing", "maybe_band", "band"],
    &["truth", "there.is.nothing", "object"],
];

#[test]
fn what_is_left_equals_what_apache_avro_reads_in_every_codec() {
    for (seed, codec) in CODECS.into_iter().cycle().take(24).enumerate() {
        let (whole, all) = packet(seed as u64, codec, seed % 5);
        for choice in CHOICES.map(paths) {
            let named = names(&choice);
            for only in [true, false] {
                let parts = if only { Parts::Only } else { Parts::Without };
                let parts = parts(choice.clone());
                let reduced = reducer(&parts).reduce(&whole).unwrap();
                let wanted: Vec<_> = all.iter().map(|one| expected(one, &named, only)).collect();
                assert_eq!(
                    independent(&reduced.container()),
                    wanted,
                    "{parts:?}, {codec}"
                );
                let records: Vec<&[u8]> = reduced.records.iter().map(Vec::as_slice).collect();
                let file = write_container(&reduced.schema, &[("a", b"b")], records);
                assert_eq!(independent(&file), wanted, "{parts:?}, {codec}");
            }
        }
    }
}

#[test]
fn the_whole_packet_keeps_its_schema_and_its_bytes() {
    let (whole, all) = packet(3, "null", 4);
    let reduced = reducer(&Parts::Whole).reduce(&whole).unwrap();
    assert_eq!(&*reduced.schema, &*schema_text(&whole, &NoSchemas).unwrap());
    assert_eq!(independent(&reduced.container()), all);
    for record in &reduced.records {
        assert!(whole.windows(record.len()).any(|bytes| bytes == record));
    }
}

#[test]
fn a_compressed_packet_stays_small() {
    let schema = record(&[
        ("id", r#""long""#),
        ("raw", r#""bytes""#),
        ("more", r#""bytes""#),
    ]);
    let mut body = longs(&[7]);
    sized(&mut body, &[0; 1_000_000]);
    sized(&mut body, b"gone");
    let mut plain = flate2_deflated(&body);
    let whole = container(&schema, "deflate", &[(1, &plain)]);
    let reduced = reducer(&Parts::Without(paths(&["more"])))
        .reduce(&whole)
        .unwrap();
    assert!(reduced.container().len() < 20_000);
    plain.truncate(10);
    let torn = container(&schema, "deflate", &[(1, &plain)]);
    assert!(reducer(&Parts::Whole).reduce(&torn).is_err());
}

fn flate2_deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reader = flate2::bufread::DeflateEncoder::new(bytes, flate2::Compression::fast());
    std::io::Read::read_to_end(&mut reader, &mut out).unwrap();
    out
}

/// Arrays with stated lengths, over-long numbers, several blocks: what writers may do.
#[test]
fn odd_but_sound_bytes_are_copied_as_values() {
    let schema = record(&[
        ("n", r#""long""#),
        (
            "list",
            r#"{"type":"array","items":{"type":"record","name":"item","fields":[
                {"name":"a","type":"int"},{"name":"b","type":["null","string"]}]}}"#,
        ),
    ]);
    let mut body = vec![0x8e, 0x80, 0x00];
    body.extend(longs(&[-1, 3, 5, 1]));
    sized(&mut body, b"");
    body.extend(longs(&[2, 6, 0, 7, 0, 0]));
    let whole = container(&schema, "null", &[(1, &body)]);
    let reduced = reducer(&Parts::Only(paths(&["list[].a", "n"])))
        .reduce(&whole)
        .unwrap();
    assert_eq!(reduced.records[0][..3], [0x8e, 0x80, 0x00]);
    let wanted = serde_json::json!([{"n": 7, "list": [{"a": 5}, {"a": 6}, {"a": 7}]}]);
    assert_eq!(Value::from(independent(&reduced.container())), wanted);
    // A block that does not have the length that it states is damage here as everywhere.
    let wrong = container(&schema, "null", &[(1, &longs(&[7, -1, 2, 5, 0, 0]))]);
    assert!(reducer(&Parts::Whole).reduce(&wrong).is_ok());
    let error = reducer(&Parts::Only(paths(&["list[].a"]))).reduce(&container(
        &schema,
        "null",
        &[(1, &longs(&[7, -1, 9, 5, 0, 0, 0, 0, 0, 0, 0, 0]))],
    ));
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("length that it states")
    );
}

#[test]
fn a_type_of_two_fates_becomes_two_types_and_all_attributes_stay() {
    let schema = r#"{"type":"record","name":"survey.v1.alert","doc":"One alert","fields":[
        {"name":"me","type":["null","alert"]},
        {"name":"now","doc":"[d]","type":{"type":"record","name":"source","unit":"x","fields":[
            {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"},"default":"wrong","units":"ms"},
            {"name":"f","type":"float"}]}},
        {"name":"before","type":{"type":"array","items":"source"}},
        {"name":"after","type":{"type":"array","items":"survey.v1.source"}},
        {"name":"first","type":{"type":"source"}},
        {"name":"long","type":{"type":"fixed","name":"long","namespace":"other","size":2}}]}"#;
    let mut body = longs(&[0, 10]);
    body.extend(1.5_f32.to_le_bytes());
    body.extend(longs(&[1, 11]));
    body.extend(2.5_f32.to_le_bytes());
    body.extend(longs(&[0, 0, 12]));
    body.extend(3.5_f32.to_le_bytes());
    body.extend(*b"ab");
    let whole = container(schema, "null", &[(1, &body)]);
    let parts = Parts::Without(paths(&["before[].f"]));
    let reduced = reducer(&parts).reduce(&whole).unwrap();
    let document: Value = serde_json::from_str(&reduced.schema).unwrap();
    assert_eq!(document["name"], "alert");
    assert_eq!(
        (&document["namespace"], &document["doc"]),
        (&"survey.v1".into(), &"One alert".into())
    );
    let fields = document["fields"].as_array().unwrap();
    assert_eq!(fields[0]["type"][1]["name"], "alert_2");
    let inner = &fields[0]["type"][1]["fields"];
    assert_eq!(inner[0]["type"], serde_json::json!(["null", "alert_2"]));
    assert_eq!(fields[1]["type"], "source");
    assert_eq!(
        inner[1]["type"]["fields"][0]["type"]["logicalType"],
        "timestamp-millis"
    );
    assert_eq!(inner[1]["type"]["fields"][0]["units"], "ms");
    assert_eq!(inner[1]["type"]["fields"][0].get("default"), None);
    assert_eq!(fields[2]["type"]["items"]["name"], "source_2");
    assert_eq!(fields[3]["type"]["items"], "source");
    assert_eq!(fields[4]["type"], "source");
    let mut decoder = WholeDecoder::new(Arc::new(NoSchemas), Limits::default());
    let found = json(&*decoder.decode(&reduced.container()).unwrap().records);
    assert_eq!(found[0]["before"], serde_json::json!([{"t": 11}]));
    assert_eq!(found[0]["first"], serde_json::json!({"t": 12, "f": 3.5}));
    assert_eq!(found[0]["long"]["bytes"], 2);
}

#[test]
fn types_chained_too_deeply_are_refused() {
    let chain = |length: usize| {
        let links = (1..length).map(|link| {
            format!(
                r#"{{"name":"n{link}","type":{{"type":"record","name":"r{link}","fields":[{{"name":"a","type":"r{}"}}]}}}}"#,
                if link + 1 < length { link + 1 } else { 0 }
            )
        });
        let links: Vec<String> = links.collect();
        format!(
            r#"{{"type":"record","name":"root","fields":[{{"name":"x","type":"long"}},{{"name":"n0","type":{{"type":"record","name":"r0","fields":[]}}}},{}]}}"#,
            links.join(",")
        )
    };
    let parts = Parts::Without(paths(&["x"]));
    let fine = container(&chain(20), "null", &[(1, &longs(&[1]))]);
    let reduced = reducer(&parts).reduce(&fine).unwrap();
    assert!(Schema::parse(&reduced.schema).is_ok());
    let deep = container(&chain(20_000), "null", &[(1, &longs(&[1]))]);
    let error = reducer(&parts).reduce(&deep).unwrap_err().to_string();
    assert!(error.contains("nested too deeply"), "{error}");
}

#[test]
fn a_confluent_packet_becomes_a_container() {
    let schema = record(&[("id", r#""long""#), ("raw", r#""bytes""#)]);
    let mut documents = Documents::default();
    documents.0.insert(5, schema.as_str().into());
    let mut packet = vec![0, 0, 0, 0, 5];
    packet.extend(longs(&[2_695_378_462_115_010_012]));
    sized(&mut packet, b"pixels");
    let parts = Parts::Without(paths(&["raw"]));
    let mut reducer = Reducer::new(parts, Arc::new(documents), Limits::default());
    let reduced = reducer.reduce(&packet).unwrap().container();
    let wanted = serde_json::json!({"id": 2_695_378_462_115_010_012_i64});
    assert_eq!(independent(&reduced), [wanted]);
    packet.push(0);
    assert!(reducer.reduce(&packet).is_err());
}

#[test]
fn a_reference_is_a_packet() {
    let reference = Reference {
        object_id: "ZTF18é",
        alert_id: "2695378462115010012",
        topic: "night.tar",
        partition: -1,
        offset: i64::MIN,
        record: u32::MAX,
    };
    let wanted = serde_json::json!({"object_id": "ZTF18é", "alert_id": "2695378462115010012",
        "topic": "night.tar", "partition": -1, "offset": i64::MIN, "record": u32::MAX});
    assert_eq!(independent(&reference.container()), [wanted]);
}

#[test]
fn paths_are_checked_against_a_schema() {
    let schema = Schema::parse(SCHEMA).unwrap();
    for path in [
        "source",
        "history",
        "history[]",
        "words",
        "either",
        "raw",
        "gaps[].flags[]",
    ] {
        schema.has(&path.parse().unwrap()).unwrap();
    }
    for (path, part) in [
        ("source.fluxx", "did you mean source.flux"),
        ("history.time", "write `[]`"),
        ("words.x", "in a map"),
    ] {
        let error = schema.has(&path.parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// Every schema of every survey at hand, every single path, and all paths together by halves.
#[test]
fn real_packets_lose_what_is_cut_and_nothing_else() {
    let Some(folder) = alerts() else { return };
    let documents = Arc::new(rubin(&folder));
    let mut whole = WholeDecoder::new(documents.clone(), Limits::default());
    let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
    let (mut cases, mut independent_cases) = (0, 0);
    for (name, packet) in packets(&folder) {
        let Ok(text) = schema_text(&packet, &*documents) else {
            continue;
        };
        let count = seen.entry(text.clone()).or_default();
        *count += 1;
        if *count > 1 {
            continue;
        }
        let Ok(decoded) = whole.decode(&packet) else {
            continue;
        };
        if decoded.error.is_some() {
            continue;
        }
        let all = json(&decoded.records);
        let askable = Schema::parse(&text).unwrap().askable_paths();
        let askable: Vec<FieldPath> = askable.into_iter().map(|one| one.path).collect();
        let of_two = |rest: usize| {
            let chosen = askable
                .iter()
                .enumerate()
                .filter(|(index, _)| index % 2 == rest);
            chosen.map(|(_, path)| path.clone()).collect::<Vec<_>>()
        };
        let mut choices = vec![askable.clone(), of_two(0), of_two(1), vec![]];
        choices.extend(askable.iter().step_by(23).map(|path| vec![path.clone()]));
        for choice in choices {
            for only in [true, false] {
                let parts = if only { Parts::Only } else { Parts::Without };
                let mut reducer =
                    Reducer::new(parts(choice.clone()), documents.clone(), Limits::default());
                let file = reducer.reduce(&packet).unwrap().container();
                let wanted: Vec<_> = all
                    .iter()
                    .map(|one| expected(one, &names(&choice), only))
                    .collect();
                let found = json(&whole.decode(&file).unwrap().records);
                assert!(found == wanted, "{name}: {only}, {choice:?}");
                cases += 1;
                if let Ok(reader) = apache_avro::Reader::new(file.as_slice()) {
                    let found: Vec<_> = reader.map(|value| to_json(&value.unwrap())).collect();
                    assert!(found == wanted, "{name}: {only}, {choice:?}");
                    independent_cases += 1;
                }
                if let Some(out) = std::env::var_os("SKYSIEVE_TEST_REDUCED") {
                    let out = std::path::PathBuf::from(out).join(cases.to_string());
                    std::fs::write(out.with_extension("avro"), &file).unwrap();
                    std::fs::write(out.with_extension("json"), Value::from(wanted).to_string())
                        .unwrap();
                }
            }
        }
    }
    println!(
        "{} schemas, {cases} cases, {independent_cases} with apache-avro",
        seen.len()
    );
    assert!(seen.len() > 30 && cases > 500 && independent_cases > cases / 2);
}

//! Simulated packets, read by an independent Avro reader and held against real ones.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::{Reader, Schema};
use serde_json::Value as Json;
use skysieve_simulator::{Alert, Night, Simulation, Survey};

const ALERTS: u64 = 400;

fn night(survey: Survey, seed: u64) -> Vec<Alert> {
    let night = Night::parse("2026-04-01").unwrap();
    let mut simulation = Simulation::new(survey, night, seed, ALERTS);
    (0..ALERTS).map(|number| simulation.alert(number)).collect()
}

fn read(survey: Survey, alerts: &[Alert]) -> Vec<Value> {
    let schema = Schema::parse_str(survey.schema()).unwrap();
    let read = |alert: &Alert| match survey {
        Survey::Ztf => {
            let mut records = Reader::new(&alert.bytes[..]).unwrap();
            let record = records.next().unwrap().unwrap();
            assert!(records.next().is_none());
            record
        }
        Survey::Lsst => {
            assert_eq!(alert.bytes[..5], [0, 0, 0, 3, 232]);
            let mut rest = &alert.bytes[5..];
            let reader = GenericDatumReader::builder(&schema).build().unwrap();
            let record = reader.read_value(&mut rest).unwrap();
            assert!(rest.is_empty());
            record
        }
    };
    alerts.iter().map(read).collect()
}

/// The value at a path of names; unions are opened.
fn get<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.')
        .fold(opened(value), |value, name| match value {
            Value::Record(fields) => {
                opened(&fields.iter().find(|(field, _)| field == name).unwrap().1)
            }
            other => panic!("{name} of {other:?}"),
        })
}

fn opened(value: &Value) -> &Value {
    match value {
        Value::Union(_, value) => value,
        value => value,
    }
}

fn number(value: &Value, path: &str) -> f64 {
    match get(value, path) {
        Value::Float(value) => f64::from(*value),
        Value::Double(value) => *value,
        Value::Int(value) => f64::from(*value),
        Value::Long(value) => *value as f64,
        other => panic!("{path} is {other:?}"),
    }
}

fn share(records: &[Value], holds: impl Fn(&Value) -> bool) -> f64 {
    records.iter().filter(|record| holds(record)).count() as f64 / records.len() as f64
}

#[test]
fn a_night_depends_on_its_seed_alone() {
    for survey in [Survey::Ztf, Survey::Lsst] {
        let one = night(survey, 7);
        let mut simulation =
            Simulation::new(survey, Night::parse("2026-04-01").unwrap(), 7, ALERTS);
        for number in (0..ALERTS).rev() {
            assert!(
                simulation.alert(number) == one[number as usize],
                "alert {number}"
            );
        }
        assert!(
            night(survey, 8)
                .iter()
                .zip(&one)
                .all(|(other, one)| other.bytes != one.bytes)
        );
    }
}

#[test]
fn ids_are_unique_and_sizes_are_real() {
    for (survey, least, most) in [
        (Survey::Ztf, 60_000, 90_000),
        (Survey::Lsst, 103_000, 330_000),
    ] {
        let alerts = night(survey, 1);
        let ids: BTreeSet<i64> = alerts.iter().map(|alert| alert.alert_id).collect();
        let objects: BTreeSet<&str> = alerts
            .iter()
            .map(|alert| alert.object_id.as_str())
            .collect();
        assert_eq!((ids.len(), objects.len()), (alerts.len(), alerts.len()));
        assert!(ids.iter().all(|id| *id > 1 << 53));
        assert!(alerts.is_sorted_by_key(|alert| alert.observed_ms));
        for alert in &alerts {
            assert!(
                (least..most).contains(&alert.bytes.len()),
                "{}",
                alert.bytes.len()
            );
        }
    }
}

#[test]
fn ztf_packets_read_well_and_have_ztfs_traps() {
    let alerts = night(Survey::Ztf, 3);
    let records = read(Survey::Ztf, &alerts);
    for (alert, record) in alerts.iter().zip(&records) {
        assert_eq!(
            get(record, "objectId"),
            &Value::String(alert.object_id.clone())
        );
        assert_eq!(get(record, "candid"), &Value::Long(alert.alert_id));
        assert_eq!(
            get(record, "candidate.candid"),
            &Value::Long(alert.alert_id)
        );
        let mag = number(record, "candidate.magpsf");
        assert!((10.0..22.5).contains(&mag), "{mag}");
        assert!((1.0..=3.0).contains(&number(record, "candidate.programid")));
        let Value::Record(candidate) = get(record, "candidate") else {
            panic!()
        };
        assert_eq!(candidate.len(), 103);
        let nulls = candidate
            .iter()
            .filter(|(_, value)| *opened(value) == Value::Null)
            .count();
        assert_eq!(nulls, 0, "ZTF writes -999 for none");
    }
    let negative =
        |record: &Value| *get(record, "candidate.isdiffpos") == Value::String("f".into());
    assert!((0.1..0.4).contains(&share(&records, negative)));
    let asteroid = |record: &Value| number(record, "candidate.ssdistnr") >= 0.0;
    assert!((0.1..0.3).contains(&share(&records, asteroid)));
    let nameless =
        |record: &Value| *get(record, "candidate.ssnamenr") == Value::String("null".into());
    assert!((0.7..0.9).contains(&share(&records, nameless)));
    let bogus = |record: &Value| number(record, "candidate.drb") < 0.65;
    assert!((0.08..0.3).contains(&share(&records, bogus)));
    let new = |record: &Value| *get(record, "prv_candidates") == Value::Null;
    assert!((0.03..0.3).contains(&share(&records, new)));
    assert!(histories(&records).any(|entry| *get(entry, "magpsf") == Value::Null));
}

fn histories(records: &[Value]) -> impl Iterator<Item = &Value> {
    records
        .iter()
        .flat_map(|record| match get(record, "prv_candidates") {
            Value::Array(entries) => entries.as_slice(),
            _ => &[],
        })
}

#[test]
fn ztf_histories_are_in_order_and_before_the_alert() {
    for record in read(Survey::Ztf, &night(Survey::Ztf, 4)) {
        let now = number(&record, "candidate.jd");
        let Value::Array(entries) = get(&record, "prv_candidates") else {
            continue;
        };
        let jds: Vec<f64> = entries.iter().map(|entry| number(entry, "jd")).collect();
        assert!(jds.is_sorted() && jds.iter().all(|jd| (now - 31.0..now).contains(jd)));
    }
}

#[test]
fn ztf_cutouts_are_gzipped_fits() {
    let mut edges = 0;
    for record in read(Survey::Ztf, &night(Survey::Ztf, 5)) {
        for name in ["cutoutScience", "cutoutTemplate", "cutoutDifference"] {
            let Value::Bytes(stamp) = get(&record, &format!("{name}.stampData")) else {
                panic!()
            };
            let mut file = Vec::new();
            flate2::read::GzDecoder::new(&stamp[..])
                .read_to_end(&mut file)
                .unwrap();
            assert!(file.starts_with(b"SIMPLE  =                    T"));
            assert_eq!(file.len() % 2880, 0);
            let whole =
                String::from_utf8_lossy(&file[..2880]).contains("NAXIS2  =                   63");
            edges += usize::from(!whole);
            assert!(!whole || file.len() == 20_160);
        }
    }
    assert!((1..100).contains(&edges), "{edges}");
}

#[test]
fn lsst_packets_read_well_and_have_rubins_traps() {
    let alerts = night(Survey::Lsst, 3);
    let records = read(Survey::Lsst, &alerts);
    for (alert, record) in alerts.iter().zip(&records) {
        assert_eq!(get(record, "diaSourceId"), &Value::Long(alert.alert_id));
        assert_eq!(
            get(record, "diaSource.diaSourceId"),
            &Value::Long(alert.alert_id)
        );
        let Value::Record(source) = get(record, "diaSource") else {
            panic!()
        };
        assert_eq!(source.len(), 98);
        let missing = |value: &Value| match opened(value) {
            Value::Float(value) => value.is_nan(),
            Value::Double(value) => value.is_nan(),
            Value::Null => panic!("Rubin writes NaN for none"),
            _ => false,
        };
        assert_eq!(
            source.iter().filter(|(_, value)| missing(value)).count(),
            14
        );
        let moving = number(record, "diaSource.ssObjectId") != 0.0;
        assert_eq!(moving, *get(record, "diaObject") == Value::Null);
        assert_eq!(moving, *get(record, "ssSource") != Value::Null);
        assert_eq!(moving, *get(record, "mpc_orbits") != Value::Null);
        let new = get(record, "diaSource.diaObjectId") == get(record, "diaSourceId");
        assert!(!new || *get(record, "prvDiaSources") == Value::Null);
        let Value::Bytes(stamp) = get(record, "cutoutDifference") else {
            panic!()
        };
        assert!(stamp.len() >= 34_560 && stamp.len().is_multiple_of(2880));
        let header = String::from_utf8_lossy(&stamp[..2880]);
        let ra = format!("CRVAL1  = {:>20.9}", alert_ra(record));
        assert!(header.contains(&ra[..24]), "{ra}");
    }
    let moving = |record: &Value| *get(record, "diaObject") == Value::Null;
    assert!((0.15..0.35).contains(&share(&records, moving)));
    let bright = |record: &Value| number(record, "diaSource.snr") > 10.0;
    assert!((0.3..1.0).contains(&share(&records, bright)));
}

fn alert_ra(record: &Value) -> f64 {
    number(record, "diaSource.trailRa")
}

fn real_alerts() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/alerts");
    let folder = std::env::var_os("SKYSIEVE_ALERTS").map_or(beside, PathBuf::from);
    let there = folder.is_dir();
    if !there {
        println!(
            "skipped: no real packets in {} (set SKYSIEVE_ALERTS)",
            folder.display()
        );
    }
    there.then_some(folder)
}

/// Names and types in order, every named type written out, without texts and defaults.
fn shape(schema: &Json, types: &mut dyn FnMut(&str) -> Option<Json>) -> Json {
    match schema {
        Json::String(name) => types(name).map_or(schema.clone(), |named| shape(&named, types)),
        Json::Array(branches) => branches.iter().map(|branch| shape(branch, types)).collect(),
        Json::Object(object) if object.contains_key("fields") => object["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| serde_json::json!([field["name"], shape(&field["type"], types)]))
            .collect(),
        Json::Object(object) if object.contains_key("items") => {
            serde_json::json!({"items": shape(&object["items"], types)})
        }
        Json::Object(object) => shape(&object["type"], types),
        other => other.clone(),
    }
}

fn own_shape(survey: Survey) -> Json {
    let schema: Json = serde_json::from_str(survey.schema()).unwrap();
    let whole = schema.clone();
    shape(&schema, &mut |name| definition(&whole, name))
}

fn definition(schema: &Json, name: &str) -> Option<Json> {
    let short = name.rsplit('.').next()?;
    match schema {
        Json::Object(object) if object.contains_key("fields") && object["name"] == *short => {
            Some(schema.clone())
        }
        Json::Object(object) => object.values().find_map(|value| definition(value, name)),
        Json::Array(items) => items.iter().find_map(|item| definition(item, name)),
        _ => None,
    }
}

#[test]
fn names_and_types_are_those_of_real_ztf_packets() {
    let Some(folder) = real_alerts() else { return };
    let path = std::fs::read_dir(folder.join("ztf/v4.02"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = std::fs::read(path).unwrap();
    let from = bytes
        .windows(11)
        .position(|window| window == b"avro.schema")
        .unwrap()
        + 11;
    // The length of 20 to 30 kB takes three bytes.
    let text = &bytes[from + 3..];
    let schema = serde_json::Deserializer::from_slice(text)
        .into_iter::<Json>()
        .next();
    let schema = schema.unwrap().unwrap();
    let real = shape(&schema, &mut |name| definition(&schema, name));
    assert_eq!(own_shape(Survey::Ztf), real);
}

#[test]
fn names_and_types_are_those_of_rubins_schemas() {
    let Some(folder) = real_alerts() else { return };
    let folder = folder.join("lsst-schemas/10/0");
    let load = |name: &str| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.avsc"))).ok()?;
        serde_json::from_str::<Json>(&text).ok()
    };
    let real = shape(&load("lsst.v10_0.alert").unwrap(), &mut |name| load(name));
    assert_eq!(own_shape(Survey::Lsst), real);
}

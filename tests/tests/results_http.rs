//! Passing alerts read over HTTP, against what lies in the archive and in the topic.
//!
//! In: numbered alerts, filters that pass all of them. Out: each alert once, in every format and with
//! every payload, over restarts. Never: one filter's alert under another's name.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use apache_avro::types::Value as Avro;
use serde_json::{Value, json};
use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::topic::read_all;
use skysieve_tests::{Broker, numbered, results};

const LIMIT: Duration = Duration::from_secs(120);

/// Where numbered alerts are put in, and what came out.
enum Way {
    Archive,
    Kafka(&'static Broker, String),
}

fn settings(broker: &Broker) -> Settings {
    Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    }
}

struct Stage {
    host: Host,
    /// Topics of a broker outlive a host: each test has a filter name of its own.
    filter: String,
    way: Way,
    next: i64,
}

impl Stage {
    fn archive(api: &str) -> Self {
        let host = Host::start(|folder| {
            format!("{api}\n{}", numbered::archive_stream(folder, 2).unwrap())
        });
        Self {
            host: host.unwrap(),
            filter: "everything".to_owned(),
            way: Way::Archive,
            next: 0,
        }
    }

    fn kafka(api: &str, name: &str) -> Option<Self> {
        let broker = Broker::shared()?;
        let source = format!("{name}-{}", std::process::id());
        Publisher::new(&settings(broker), &source, 4).unwrap();
        let address = broker.address();
        let host = Host::start(|folder| {
            let stream = numbered::kafka_stream(folder, 2, address, &source);
            format!("{api}\n{}", stream.unwrap())
        });
        Some(Self {
            host: host.unwrap(),
            filter: format!("all-{name}"),
            way: Way::Kafka(broker, source),
            next: 0,
        })
    }

    fn publish(&self, filter: &str) -> i64 {
        let module = std::fs::read(wasm("pass-all")).unwrap();
        let setting = self
            .host
            .publish(filter, numbered::STREAM, &module)
            .unwrap();
        self.host
            .wait_until_live(numbered::STREAM, setting)
            .unwrap();
        setting
    }

    /// A setting with this payload, active from now on.
    fn choose(&self, filter: &str, payload: &Value) -> i64 {
        let path = format!("/v1/filters/{USER}/{filter}");
        let setting = self.host.post(&format!("{path}/settings"), payload);
        let setting = setting.unwrap().created().unwrap()["setting"]
            .as_i64()
            .unwrap();
        let body = json!({"setting": setting});
        self.host
            .post(&format!("{path}/activate"), &body)
            .unwrap()
            .created()
            .unwrap();
        self.host
            .wait_until_live(numbered::STREAM, setting)
            .unwrap();
        setting
    }

    /// The next so many alerts.
    fn feed(&mut self, alerts: i64) {
        let numbers = self.next..self.next + alerts;
        self.next = numbers.end;
        match &self.way {
            Way::Archive => {
                let name = format!("{:07}.tar", numbers.start);
                numbered::put_tar(&self.host.folder().join("incoming"), &name, numbers).unwrap();
            }
            Way::Kafka(broker, source) => {
                let mut publisher = Publisher::new(&settings(broker), source, 4).unwrap();
                for number in numbers {
                    let publication = Publication {
                        key: format!("object-{}", number / 5),
                        bytes: numbered::packet(number).unwrap().into(),
                        timestamp_ms: None,
                    };
                    publisher.publish(&publication).unwrap();
                }
                publisher.finish().unwrap();
            }
        }
    }

    /// Until the filter has passed so many.
    fn passed(&self, filter: &str, alerts: i64) {
        wait("alerts are counted", LIMIT, || {
            Ok((self.host.count(filter, "passed")? >= alerts.unsigned_abs()).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", self.host.words()));
    }

    /// What lies in the filter's topic or folder: alert id to payload.
    fn stored(&self, filter: &str) -> BTreeMap<i64, Vec<u8>> {
        let topic = self.host.topic(filter).unwrap();
        let stored: Vec<(String, Vec<u8>)> = match &self.way {
            Way::Archive => {
                let passing = results::passing(&self.host.folder().join("results"), &topic);
                let id = |line: &Value| line["alert_id"].as_str().unwrap().to_owned();
                passing
                    .unwrap()
                    .into_iter()
                    .map(|one| (id(&one.line), one.bytes))
                    .collect()
            }
            Way::Kafka(broker, ..) => {
                let records = read_all(broker.address(), &topic, LIMIT).unwrap();
                let id = |headers: &BTreeMap<String, String>| headers["skysieve-alert-id"].clone();
                records
                    .into_iter()
                    .map(|one| (id(&one.headers), one.value))
                    .collect()
            }
        };
        let total = stored.len();
        let by_id: BTreeMap<i64, Vec<u8>> = stored
            .into_iter()
            .map(|(id, bytes)| (number(&id), bytes))
            .collect();
        assert_eq!(by_id.len(), total, "an alert lies there twice");
        by_id
    }
}

fn id(line: &Value) -> i64 {
    number(line["alert_id"].as_str().unwrap())
}

/// An alert whose id is 0 has none.
fn number(id: &str) -> i64 {
    if id.is_empty() {
        0
    } else {
        id.parse().unwrap()
    }
}

/// Each of `numbers` once.
fn check_numbers(lines: &[Value], numbers: std::ops::Range<i64>) {
    let mut ids: Vec<i64> = lines.iter().map(id).collect();
    ids.sort_unstable();
    let wanted: Vec<i64> = numbers.collect();
    assert!(
        ids == wanted,
        "{} alerts for {}: {ids:?}",
        ids.len(),
        wanted.len()
    );
}

fn avro(bytes: &[u8]) -> Vec<Avro> {
    let reader = apache_avro::Reader::new(bytes).unwrap();
    reader.map(Result::unwrap).collect()
}

fn names(record: &Avro) -> Vec<String> {
    match record {
        Avro::Record(fields) => fields.iter().map(|(name, _)| name.clone()).collect(),
        other => panic!("{other:?}"),
    }
}

fn pages_equal_what_is_stored(stage: &mut Stage) {
    let filter = stage.filter.clone();
    let late = format!("{filter}-late");
    let setting = stage.publish(&filter);
    stage.feed(150);
    stage.passed(&filter, 150);
    stage.publish(&late);
    stage.feed(100);
    stage.passed(&filter, 250);
    stage.passed(&late, 100);
    let (host, stored) = (&stage.host, stage.stored(&filter));

    let lines = host.all_alerts(&filter, "limit=37").unwrap();
    check_numbers(&lines, 0..250);
    for line in &lines {
        let number = id(line);
        assert_eq!(line["object_id"], format!("object-{}", number / 5));
        assert_eq!(
            (&line["night"], &line["version"]),
            (&json!("unknown"), &json!(1))
        );
        assert_eq!(
            (&line["setting"], &line["payload"]),
            (&json!(setting), &json!("packet"))
        );
        let alert = &line["alert"];
        assert_eq!(
            (&alert["id"], alert["value"].as_f64()),
            (&json!(number), Some(number as f64))
        );
        assert_eq!(alert["image"]["bytes"], 8_000);
        assert!(line["source"]["offset"].is_number() && line["annotations"].is_object());
    }
    // The late filter has its own alerts, the later ones, and no cursor leads to another's.
    check_numbers(&host.all_alerts(&late, "").unwrap(), 150..250);
    let cursor = lines[100]["cursor"].as_str().unwrap();
    let path = format!("/v1/filters/{USER}/{late}/alerts?after={cursor}");
    let refused = host.get(&path).unwrap();
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (400, &json!("bad_request"))
    );

    // Every line's cursor goes on right behind it.
    for at in [0, 36, 37, 100, 248] {
        let after = format!("limit=50&after={}", lines[at]["cursor"].as_str().unwrap());
        let rest = host.all_alerts(&filter, &after).unwrap();
        let mut both: Vec<Value> = lines[..=at].to_vec();
        both.extend(rest);
        check_numbers(&both, 0..250);
    }
    let end = host.alerts(&filter, "limit=1000").unwrap();
    assert!(!end.more);
    let nothing = host
        .alerts(&filter, &format!("after={}", end.next))
        .unwrap();
    assert_eq!((nothing.body.len(), nothing.more), (0, false));

    // Nights and times.
    check_numbers(
        &host.all_alerts(&filter, "night=unknown&limit=99").unwrap(),
        0..250,
    );
    check_numbers(&host.all_alerts(&filter, "night=2026-04-01").unwrap(), 0..0);
    check_numbers(
        &host
            .all_alerts(&filter, "since=2001-01-01T00:00:00Z")
            .unwrap(),
        0..250,
    );
    check_numbers(
        &host
            .all_alerts(&filter, "since=2100-01-01T00:00:00Z")
            .unwrap(),
        0..0,
    );

    // As Avro, the records are those of the packets.
    let mut found = BTreeMap::new();
    let mut page = host.alerts(&filter, "format=avro&limit=60").unwrap();
    loop {
        let metadata = apache_avro::Reader::new(&page.body[..])
            .unwrap()
            .user_metadata()
            .clone();
        let alerts: Vec<Value> = serde_json::from_slice(&metadata["skysieve.alerts"]).unwrap();
        assert_eq!(metadata["skysieve.damaged"], b"[]");
        let records = avro(&page.body);
        assert_eq!(alerts.len(), records.len());
        for (alert, record) in alerts.iter().zip(records) {
            assert!(found.insert(id(alert), record).is_none());
        }
        if !page.more {
            break;
        }
        page = host
            .alerts(
                &filter,
                &format!("format=avro&limit=60&after={}", page.next),
            )
            .unwrap();
    }
    assert_eq!(found.len(), 250);
    for (number, record) in &found {
        assert_eq!(vec![record.clone()], avro(&stored[number]), "{number}");
    }
}

#[test]
fn pages_equal_what_lies_in_the_archive() {
    pages_equal_what_is_stored(&mut Stage::archive(""));
}

#[test]
fn pages_equal_what_lies_in_the_topic() {
    let Some(mut stage) = Stage::kafka("", "pages") else {
        return;
    };
    pages_equal_what_is_stored(&mut stage);
}

fn payloads_are_chosen(stage: &mut Stage) {
    let filter = stage.filter.clone();
    stage.publish(&filter);
    stage.feed(10);
    stage.passed(&filter, 10);
    for (times, payload) in [
        json!({"payload": "without_cutouts"}),
        json!({"payload": "fields", "fields": ["value", "series[].x", "value"]}),
        json!({"payload": "reference"}),
        json!({"payload": "packet"}),
    ]
    .iter()
    .enumerate()
    {
        stage.choose(&filter, payload);
        stage.feed(10);
        stage.passed(&filter, 20 + 10 * times as i64);
    }
    let (host, stored) = (&stage.host, stage.stored(&filter));
    let of = |number: i64| avro(&stored[&number]).remove(0);
    let whole = |number: i64| avro(&numbered::packet(number).unwrap()).remove(0);
    for number in [0..10, 40..50].into_iter().flatten() {
        assert_eq!(of(number), whole(number));
        assert!(stored[&number].len() > 8_000);
    }
    for number in 10..30 {
        let (Avro::Record(kept), Avro::Record(all)) = (of(number), whole(number)) else {
            panic!("records");
        };
        let wanted: &[&str] = match number < 20 {
            true => &["id", "name", "value", "series"],
            false => &["value", "series"],
        };
        let all = all
            .into_iter()
            .filter(|(name, _)| wanted.contains(&name.as_str()));
        assert_eq!(kept, all.collect::<Vec<_>>());
        assert!(stored[&number].len() < 1_000);
    }
    assert_eq!(
        names(&of(35)),
        [
            "object_id",
            "alert_id",
            "topic",
            "partition",
            "offset",
            "record"
        ]
    );

    // What was stored is shown, and less of it where less is asked for, never more.
    let lines = host.all_alerts(&filter, "").unwrap();
    check_numbers(&lines, 0..50);
    for line in &lines {
        let keys: Vec<&str> = match &line["alert"] {
            Value::Object(alert) => alert.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let (kind, wanted): (&str, &[&str]) = match id(line) {
            0..10 | 40..50 => ("packet", &["id", "name", "value", "series", "image"]),
            10..20 => ("without_cutouts", &["id", "name", "value", "series"]),
            20..30 => ("fields", &["value", "series"]),
            _ => ("reference", &[]),
        };
        assert_eq!(
            (line["payload"].as_str().unwrap(), &keys[..]),
            (kind, wanted),
            "{line}"
        );
    }
    for (query, wanted) in [
        (
            "payload=without_cutouts",
            json!(["id", "name", "value", "series"]),
        ),
        ("fields=id,%22image%22", json!(["id", "image"])),
    ] {
        let lines = host
            .all_alerts(&filter, &format!("limit=1000&{query}"))
            .unwrap();
        let line = lines.iter().find(|line| id(line) == 3).unwrap();
        let keys: Vec<&String> = line["alert"].as_object().unwrap().keys().collect();
        assert_eq!(json!(keys), wanted);
    }
    let lines = host.all_alerts(&filter, "payload=reference").unwrap();
    assert!(
        lines
            .iter()
            .all(|line| line.get("alert").is_none() && line["payload"] == "reference")
    );
    let page = host
        .alerts(&filter, "payload=reference&format=avro")
        .unwrap();
    let references = avro(&page.body);
    assert_eq!((references.len(), page.more), (50, false));
    // A page ends where the schema changes, and the next goes on there.
    let (mut after, mut total) = (String::new(), 0);
    let mut schemas = BTreeSet::new();
    for _ in 0..60 {
        let page = host
            .alerts(&filter, &format!("format=avro{after}"))
            .unwrap();
        let reader = apache_avro::Reader::new(&page.body[..]).unwrap();
        schemas.insert(reader.writer_schema().canonical_form());
        total += reader.count();
        after = format!("&after={}", page.next);
        if !page.more {
            break;
        }
    }
    assert_eq!((total, schemas.len()), (50, 4));

    // What no alert has is refused, with what there is.
    let path = format!("/v1/filters/{USER}/{filter}");
    for (body, part) in [
        (json!({"fields": ["valeu"]}), "did you mean value"),
        (json!({"fields": ["a..b"]}), "lacks a name"),
        (json!({"fields": []}), "no fields"),
    ] {
        let refused = host.post(&format!("{path}/settings"), &body).unwrap();
        let detail = refused.body["detail"].as_str().unwrap().to_owned();
        assert!(refused.status == 422 && detail.contains(part), "{detail}");
    }
    let refused = host.get(&format!("{path}/alerts?fields=valeu")).unwrap();
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (422, &json!("invalid_field"))
    );
}

#[test]
fn payloads_are_chosen_in_an_archive() {
    payloads_are_chosen(&mut Stage::archive(""));
}

#[test]
fn payloads_are_chosen_on_kafka() {
    let Some(mut stage) = Stage::kafka("", "payloads") else {
        return;
    };
    payloads_are_chosen(&mut stage);
}

/// The next `alerts` alerts of the live stream.
fn take(live: &mut skysieve_tests::reading::Live, alerts: usize, lines: &mut Vec<Value>) {
    for _ in 0..alerts {
        let event = live.next_event().unwrap().expect("the stream goes on");
        assert_eq!(event.kind, "alert", "{event:?}");
        assert_eq!(event.data["cursor"], event.id);
        lines.push(event.data);
    }
}

fn live_goes_on_over_restarts(stage: &mut Stage) {
    let filter = stage.filter.clone();
    stage.publish(&filter);
    stage.feed(50);
    stage.passed(&filter, 50);
    // From now on: what passed before is not told.
    let mut live = stage.host.live(&filter, "", None).unwrap();
    let mut lines = Vec::new();
    stage.feed(100);
    take(&mut live, 70, &mut lines);
    let mut last = live.last().to_owned();
    for death in 0..4 {
        drop(live);
        stage.feed(50);
        if death % 2 == 0 {
            stage.host.kill().unwrap();
        } else {
            assert!(stage.host.stop().unwrap().success());
        }
        stage.feed(50);
        stage.host.restart().unwrap();
        live = stage.host.live(&filter, "", Some(&last)).unwrap();
        stage.feed(50);
        take(&mut live, 130, &mut lines);
        last = live.last().to_owned();
    }
    let left = usize::try_from(stage.next - 50).unwrap() - lines.len();
    take(&mut live, left, &mut lines);
    check_numbers(&lines, 50..stage.next);

    // The host says that it stops, and does not wait for readers.
    let begun = Instant::now();
    assert!(stage.host.stop().unwrap().success());
    let end = live.next_event().unwrap().unwrap();
    assert_eq!(
        (end.kind.as_str(), &end.data["reason"]),
        ("end", &json!("stopping"))
    );
    assert_eq!(live.next_event().unwrap(), None);
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn live_goes_on_over_restarts_in_an_archive() {
    live_goes_on_over_restarts(&mut Stage::archive(""));
}

#[test]
fn live_goes_on_over_restarts_on_kafka() {
    let Some(mut stage) = Stage::kafka("", "live") else {
        return;
    };
    live_goes_on_over_restarts(&mut stage);
}

fn a_slow_reader_is_cut_off_and_told(stage: &mut Stage) {
    let filter = stage.filter.clone();
    stage.publish(&filter);
    let mut live = stage.host.live(&filter, "", None).unwrap();
    // Nothing is read until the host gives up: the connection's own buffers take some megabytes.
    wait("the reader is cut off", LIMIT, || {
        stage.feed(1_000);
        stage.passed(&filter, stage.next);
        Ok(stage.host.words().contains("too slow").then_some(()))
    })
    .unwrap();
    let mut lines = Vec::new();
    let gap = loop {
        let event = live
            .next_event()
            .unwrap()
            .expect("a gap is told before the end");
        match event.kind.as_str() {
            "alert" => lines.push(event.data),
            _ => break event,
        }
    };
    assert_eq!(
        (gap.kind.as_str(), &gap.data["reason"]),
        ("gap", &json!("slow"))
    );
    assert!(gap.data["alerts"].as_u64().unwrap() > 0);
    assert_eq!(live.next_event().unwrap(), None);
    assert_eq!(gap.data["cursor"], gap.id);
    assert_eq!(lines.last().unwrap()["cursor"], gap.id);
    // Coming again with the id that was told, the rest follows.
    let mut live = stage.host.live(&filter, "", Some(&gap.id)).unwrap();
    let left = usize::try_from(stage.next).unwrap() - lines.len();
    assert!(left > 0);
    take(&mut live, left, &mut lines);
    check_numbers(&lines, 0..stage.next);
}

const SMALL: &str = "live_buffer_bytes = 20000\nlive_slow_ms = 500\nlive_readers_per_user = 2\n";

#[test]
fn a_slow_reader_is_cut_off_in_an_archive() {
    a_slow_reader_is_cut_off_and_told(&mut Stage::archive(SMALL));
}

#[test]
fn a_slow_reader_is_cut_off_on_kafka() {
    let Some(mut stage) = Stage::kafka(SMALL, "slow") else {
        return;
    };
    a_slow_reader_is_cut_off_and_told(&mut stage);
}

#[test]
fn live_readers_are_counted() {
    let stage = Stage::archive(SMALL);
    let filter = stage.filter.clone();
    stage.publish(&filter);
    let first = stage.host.live(&filter, "", None).unwrap();
    let second = stage.host.live(&filter, "", None).unwrap();
    let refused = stage
        .host
        .live(&filter, "", None)
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("429") && refused.contains("retry-after"),
        "{refused}"
    );
    drop(first);
    let third = wait("a place is given back", LIMIT, || {
        Ok(stage.host.live(&filter, "", None).ok())
    });
    drop((second, third.unwrap()));
}

//! Filters that come and change while a stream runs.
//!
//! In: a stream under load, a version that passes everything, another that does. Out: each source
//! position under one of the two, those of the first before those of the second; how soon a new
//! filter sees its first alert. Never: an alert that neither judged, or both.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::topic::read_all;
use skysieve_tests::{Broker, Stop, numbered, results};

const LIMIT: Duration = Duration::from_secs(120);
/// The promise; the best of a few, for a busy machine may be late.
const FIRST_ALERT: Duration = Duration::from_secs(2);
/// Alerts of one tar, so of one partition of the archive.
const TAR: i64 = 1_000;

/// Another version of the same program: a custom section more.
fn another(mut module: Vec<u8>) -> Vec<u8> {
    module.extend(b"\x00\x06\x05other");
    module
}

/// Each partition's positions by setting: first one, then the other, nothing twice, no gap.
fn check(mut seen: Vec<((String, i64), i64)>, first: i64, second: i64, total: i64) {
    seen.sort_unstable();
    assert_eq!(
        seen.len(),
        usize::try_from(total).unwrap(),
        "every alert once"
    );
    let mut partitions: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    for ((partition, offset), setting) in &seen {
        partitions
            .entry(partition)
            .or_default()
            .push((*offset, *setting));
    }
    for (partition, positions) in &partitions {
        let start = positions[0].0;
        assert!(
            positions
                .iter()
                .map(|(offset, _)| *offset)
                .eq((start..).take(positions.len())),
            "{partition}: a gap or a double"
        );
        let turn = positions.iter().position(|(_, setting)| *setting == second);
        let (before, after) = positions.split_at(turn.unwrap_or(positions.len()));
        assert!(
            before.iter().all(|(_, setting)| *setting == first),
            "{partition}"
        );
        assert!(
            after.iter().all(|(_, setting)| *setting == second),
            "{partition}"
        );
    }
    let of = |setting| seen.iter().filter(|(_, by)| *by == setting).count();
    assert!(
        of(first) > 0 && of(second) > 0,
        "{} and {} alerts",
        of(first),
        of(second)
    );
}

/// Put tars in until told to stop; how many alerts that were.
fn feed(incoming: PathBuf, stop: &Stop) -> i64 {
    let mut next = 0;
    while !stop.is_told() && next < 1000 * TAR {
        numbered::put_tar(
            &incoming,
            &format!("{:04}.tar", next / TAR),
            next..next + TAR,
        )
        .unwrap();
        next += TAR;
    }
    next
}

#[test]
fn a_version_is_replaced_without_a_gap_in_an_archive() {
    let host = Host::start(|folder| numbered::archive_stream(folder, 2).unwrap()).unwrap();
    let module = std::fs::read(wasm("pass-all")).unwrap();
    let first = host
        .publish("everything", numbered::STREAM, &module)
        .unwrap();
    host.wait_until_live(numbered::STREAM, first).unwrap();
    let stop = Stop::default();
    let (total, second) = thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        let feeder = scope.spawn(|| feed(host.folder().join("incoming"), &stop));
        wait("alerts come out", LIMIT, || {
            Ok((host.count("everything", "passed")? > 0).then_some(()))
        })
        .unwrap();
        let version = host.upload("everything", &another(module)).unwrap();
        let before = host.count("everything", "passed").unwrap();
        let second = host
            .activate("everything", version, &serde_json::json!({}))
            .unwrap();
        host.wait_until_live(numbered::STREAM, second).unwrap();
        wait("more alerts come out", LIMIT, || {
            Ok((host.count("everything", "passed")? > before + 2_000).then_some(()))
        })
        .unwrap();
        stop.now();
        (feeder.join().unwrap(), second)
    });
    wait("every alert is counted", LIMIT, || {
        Ok((host.count("everything", "passed")? >= total.unsigned_abs()).then_some(()))
    })
    .unwrap();
    let topic = host.topic("everything").unwrap();
    let passing = results::passing(&host.folder().join("results"), &topic).unwrap();
    let seen = passing
        .iter()
        .map(|alert| (alert.position().unwrap(), alert.setting().unwrap()));
    check(seen.collect(), first, second, total);
}

#[test]
fn a_version_is_replaced_without_a_gap_on_kafka() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let source = format!("replaced-{}", std::process::id());
    let settings = Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    };
    let mut publisher = Publisher::new(&settings, &source, 4).unwrap();
    let address = broker.address();
    let host =
        Host::start(|folder| numbered::kafka_stream(folder, 2, address, &source).unwrap()).unwrap();
    let module = std::fs::read(wasm("pass-all")).unwrap();
    let first = host
        .publish("everything", numbered::STREAM, &module)
        .unwrap();
    host.wait_until_live(numbered::STREAM, first).unwrap();
    let (stop, sent) = (Stop::default(), AtomicI64::new(0));
    let second = thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        scope.spawn(|| {
            while !stop.is_told() {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                let bytes = numbered::packet(number).unwrap().into();
                let key = format!("object-{}", number / 5);
                publisher
                    .publish(&Publication {
                        key,
                        bytes,
                        timestamp_ms: None,
                    })
                    .unwrap();
            }
            publisher.finish().unwrap();
        });
        wait("alerts come out", LIMIT, || {
            Ok((host.count("everything", "passed")? > 1_000).then_some(()))
        })
        .unwrap();
        let version = host.upload("everything", &another(module)).unwrap();
        let before = host.count("everything", "passed").unwrap();
        let second = host
            .activate("everything", version, &serde_json::json!({}))
            .unwrap();
        host.wait_until_live(numbered::STREAM, second).unwrap();
        wait("more alerts come out", LIMIT, || {
            Ok((host.count("everything", "passed")? > before + 2_000).then_some(()))
        })
        .unwrap();
        stop.now();
        second
    });
    let total = sent.load(Ordering::Relaxed);
    wait("every alert is counted", LIMIT, || {
        Ok((host.count("everything", "passed")? >= total.unsigned_abs()).then_some(()))
    })
    .unwrap();
    let records = read_all(broker.address(), &host.topic("everything").unwrap(), LIMIT).unwrap();
    let number = |text: &str| text.parse::<i64>().unwrap();
    let seen = records.iter().map(|record| {
        let header = |name: &str| record.headers[name].clone();
        let position = (
            header("skysieve-partition"),
            number(&header("skysieve-offset")),
        );
        (position, number(&header("skysieve-setting")))
    });
    check(seen.collect(), first, second, total);
}

#[test]
fn a_new_filter_sees_its_first_alert_within_two_seconds() {
    let host = Host::start(|folder| numbered::archive_stream(folder, 1).unwrap()).unwrap();
    let module = std::fs::read(wasm("pass-all")).unwrap();
    let stop = Stop::default();
    let mut took = Vec::new();
    thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        // One small tar every few milliseconds: a stream that is never quiet.
        scope.spawn(|| {
            let mut next = 0;
            while !stop.is_told() {
                let name = format!("{next:07}.tar");
                numbered::put_tar(&host.folder().join("incoming"), &name, next..next + 5).unwrap();
                next += 5;
                thread::sleep(Duration::from_millis(20));
            }
        });
        for name in ["first", "second", "third"] {
            host.create(name, numbered::STREAM).unwrap();
            let begun = Instant::now();
            let version = host.upload(name, &module).unwrap();
            host.activate(name, version, &serde_json::json!({}))
                .unwrap();
            let topic = host.topic(name).unwrap();
            let folder = host.folder().join("results").join(topic);
            wait("the first alert comes out", LIMIT, || {
                Ok(folder.is_dir().then_some(()))
            })
            .unwrap();
            took.push(begun.elapsed());
        }
        stop.now();
    });
    println!("from the start of the upload to the first alert of {USER}'s filters: {took:?}");
    assert!(took.iter().min().unwrap() < &FIRST_ALERT, "{took:?}");
}

//! A Kafka host that is killed and stopped at random moments while alerts keep coming.
//!
//! In: numbered alerts in a topic, a host that dies forty times. Out: every alert once, byte for byte,
//! as multisets of (filter, source position); counts that agree. Never: a wait for the host to be
//! quiet before it dies.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, wait, wasm};
use skysieve_tests::topic::{Record, read_all};
use skysieve_tests::{Broker, Stop, numbered};

/// How often the host dies: 20 times by kill -9, 20 times by SIGTERM.
const DEATHS: u64 = 40;
/// Alerts a second: some of every transaction.
const PACE: Duration = Duration::from_millis(4);
const PARTITIONS: u32 = 4;
const LIMIT: Duration = Duration::from_secs(180);

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Moments(u64);

impl Moments {
    fn next_ms(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

/// The configuration; a short session, so that partitions come back soon after a kill.
fn streams(folder: &std::path::Path, broker: &str, source: &str) -> String {
    let text = numbered::kafka_stream(folder, 2, broker, source).unwrap();
    text.replace(
        "kind = \"kafka\"\nbrokers",
        "kind = \"kafka\"\nsession_timeout_ms = 2000\nbrokers",
    )
}

#[test]
fn every_alert_comes_out_once_through_forty_deaths() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let source = format!("deaths-{}", std::process::id());
    let settings = Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    };
    let publisher = Publisher::new(&settings, &source, PARTITIONS).unwrap();
    let mut host = Host::start(|folder| streams(folder, broker.address(), &source)).unwrap();
    let module = std::fs::read(wasm("pass-all")).unwrap();
    let setting = host
        .publish("everything", numbered::STREAM, &module)
        .unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    let (stop, sent) = (Stop::default(), AtomicI64::new(0));
    std::thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        scope.spawn(|| publish(publisher, &stop, &sent));
        let mut moments = Moments(20_181_029);
        for death in 0..DEATHS {
            // Not a wait for a condition: the very point is that nobody knows what the host is at.
            // By turns soon after its start, and when it is certain to be in the middle of it.
            let at_least = if death % 4 < 2 { 0 } else { 2_500 };
            std::thread::sleep(Duration::from_millis(at_least + moments.next_ms(1_500)));
            if death % 2 == 0 {
                host.kill().unwrap();
            } else {
                let status = host.stop().unwrap();
                assert!(status.success(), "{status}\n{}", host.words());
            }
            host.restart()
                .unwrap_or_else(|error| panic!("{error}\n{}", host.words()));
        }
        stop.now();
    });
    let total = sent.load(Ordering::Relaxed).unsigned_abs();
    wait("every alert is counted", LIMIT, || {
        Ok((host.count("everything", "passed")? >= total).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", host.words()));
    let topic = host.topic("everything").unwrap();
    assert_eq!(host.count("everything", "passed").unwrap(), total);
    assert!(host.stop().unwrap().success());
    println!("{total} alerts, {DEATHS} deaths");
    check(broker, &source, &topic, total);
}

/// Numbered alerts at a steady pace until told to stop.
fn publish(mut publisher: Publisher, stop: &Stop, sent: &AtomicI64) {
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
        std::thread::sleep(PACE);
    }
    publisher.finish().unwrap();
}

fn check(broker: &Broker, source: &str, topic: &str, total: u64) {
    let sent = read_all(broker.address(), source, LIMIT).unwrap();
    assert_eq!(sent.len() as u64, total);
    let came = read_all(broker.address(), topic, LIMIT).unwrap();
    let mut positions: Vec<_> = came.iter().map(origin).collect();
    positions.sort_unstable();
    let mut expected: Vec<_> = sent
        .iter()
        .map(|record| (record.partition, record.offset))
        .collect();
    expected.sort_unstable();
    assert!(
        positions == expected,
        "{} came out of {}",
        positions.len(),
        expected.len()
    );
    let bytes: HashMap<_, _> = sent
        .iter()
        .map(|record| ((record.partition, record.offset), &record.value))
        .collect();
    for record in &came {
        assert!(
            &record.value == bytes[&origin(record)],
            "bytes of {:?}",
            origin(record)
        );
        assert_eq!(record.headers["skysieve-topic"], source);
    }
}

/// Where a record says that it came from.
fn origin(record: &Record) -> (i32, i64) {
    let number = |name: &str| record.headers[name].parse::<i64>().unwrap();
    (
        i32::try_from(number("skysieve-partition")).unwrap(),
        number("skysieve-offset"),
    )
}

//! A Kafka host that is killed and stopped at random moments while alerts keep coming.
//!
//! In: numbered alerts in a topic, a host that dies forty times. Out: every alert once, byte for byte,
//! as multisets of (filter, source position); counts that agree. Never: a wait for the host to be
//! quiet before it dies.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, wait, wasm};
use skysieve_tests::topic::ensure_all_came;
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
    ensure_all_came(broker.address(), &source, &topic, total, LIMIT).unwrap();
}

/// Numbered alerts at a steady pace until told to stop.
fn publish(mut publisher: Publisher, stop: &Stop, sent: &AtomicI64) {
    numbered::send_until(stop, PACE, sent, |key, bytes| {
        Ok(publisher.publish(&Publication {
            key,
            bytes: bytes.into(),
            timestamp_ms: None,
        })?)
    })
    .unwrap();
    publisher.finish().unwrap();
}

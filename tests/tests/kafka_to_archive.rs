//! A laptop on a public stream: alerts from a broker that is only read, results in a folder.
//!
//! In: numbered alerts in a topic, a host of several workers that dies again and again. Out: every alert
//! once in the folder, byte for byte; counts that agree. Never: anything written to the broker.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, wait, wasm};
use skysieve_tests::topic::read_all;
use skysieve_tests::{Broker, Stop, numbered, results};

const LIMIT: Duration = Duration::from_secs(120);
const PACE: Duration = Duration::from_millis(4);
const PARTITIONS: u32 = 5;
/// How often the host dies: half of them by kill -9, half by SIGTERM.
const DEATHS: u64 = 12;

fn stream(folder: &std::path::Path, broker: &str, source: &str) -> String {
    let text = numbered::kafka_stream(folder, 3, broker, source).unwrap();
    let results = folder.join("results");
    let sink = format!("kind = \"archive\"\npath = {results:?}");
    let (source, _) = text.split_once("[streams.sink]").unwrap();
    let source = source.replace("prefix =", "session_timeout_ms = 2000\nprefix =");
    format!("{source}[streams.sink]\n{sink}\n").replacen(
        "[[streams]]",
        "[[streams]]\ncommit_interval_ms = 50",
        1,
    )
}

#[test]
fn every_alert_lies_there_once_through_many_deaths() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let source = format!("laptop-{}", std::process::id());
    let settings = Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    };
    let mut publisher = Publisher::new(&settings, &source, PARTITIONS).unwrap();
    let mut host = Host::start(|folder| stream(folder, broker.address(), &source)).unwrap();
    let module = std::fs::read(wasm("pass-all")).unwrap();
    let setting = host
        .publish("everything", numbered::STREAM, &module)
        .unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    let (stop, sent) = (Stop::default(), AtomicI64::new(0));
    thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        scope.spawn(|| {
            numbered::send_until(&stop, PACE, &sent, |key, bytes| {
                Ok(publisher.publish(&Publication {
                    key,
                    bytes: bytes.into(),
                    timestamp_ms: None,
                })?)
            })
            .unwrap();
            publisher.finish().unwrap();
        });
        for death in 0..DEATHS {
            let before = host.count("everything", "passed").unwrap();
            wait("alerts come out", LIMIT, || {
                Ok((host.count("everything", "passed")? > before + 20 * (death % 4)).then_some(()))
            })
            .unwrap();
            if death % 2 == 0 {
                host.kill().unwrap();
            } else {
                assert!(host.stop().unwrap().success());
            }
            host.restart().unwrap();
        }
        stop.now();
    });
    let total = sent.load(Ordering::Relaxed).unsigned_abs();
    wait("every alert is counted", LIMIT, || {
        Ok((host.count("everything", "passed")? >= total).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", host.words()));
    assert_eq!(host.count("everything", "delivered").unwrap(), total);
    let topic = host.topic("everything").unwrap();
    assert!(host.stop().unwrap().success());

    let sent: BTreeMap<(i64, i64), Vec<u8>> = read_all(broker.address(), &source, LIMIT)
        .unwrap()
        .into_iter()
        .map(|record| ((i64::from(record.partition), record.offset), record.value))
        .collect();
    let mut came = BTreeMap::new();
    for alert in results::passing(&host.folder().join("results"), &topic).unwrap() {
        let place =
            ["partition", "offset"].map(|name| alert.line["source"][name].as_i64().unwrap());
        let twice = came.insert(place.into(), alert.bytes);
        assert!(twice.is_none(), "{place:?} came twice");
    }
    assert!(came == sent, "{} came of {}", came.len(), sent.len());
    println!("{total} alerts, {DEATHS} deaths");

    let topics = broker.topics().unwrap();
    let own = topics
        .iter()
        .filter(|topic| topic.starts_with(&format!("{source}.")));
    assert_eq!(own.count(), 0, "{topics:?}");
}

//! Two hosts that share a broker and a database.
//!
//! In: a stream that both serve, changes made on either, a death by turns. Out: each change is live on both
//! soon; every alert comes out once, byte for byte, and is counted once. Never: a change that was confirmed
//! and is gone.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::topic::ensure_all_came;
use skysieve_tests::{Broker, Postgres, Stop, numbered};

const LIMIT: Duration = Duration::from_secs(120);
/// The promise.
const LIVE: Duration = Duration::from_secs(2);
const PARTITIONS: u32 = 4;
const PACE: Duration = Duration::from_millis(4);
const FILTER: &str = "everything";
/// How often one of the hosts is killed.
const DEATHS: i64 = 6;

fn start(name: &str, broker: &Broker, database: &Postgres, source: &str) -> Host {
    Host::start(|folder| {
        let stream = numbered::kafka_stream(folder, 2, broker.address(), source).unwrap();
        let own =
            format!("kind = \"kafka\"\ninstance = {name:?}\nsession_timeout_ms = 2000\nbrokers");
        let stream = stream.replace("kind = \"kafka\"\nbrokers", &own);
        format!("[registry]\nurl = {:?}\n\n{stream}", database.url())
    })
    .unwrap()
}

/// Two versions that pass everything; their settings.
fn two_settings(host: &Host) -> [i64; 2] {
    let mut module = std::fs::read(wasm("pass-all")).unwrap();
    host.create(FILTER, numbered::STREAM).unwrap();
    let first = host.upload(FILTER, &module).unwrap();
    // Another version of the same program: a custom section more.
    module.extend(b"\x00\x06\x05other");
    let second = host.upload(FILTER, &module).unwrap();
    [first, second].map(|version| {
        let path = format!("/v1/filters/{USER}/{FILTER}/settings");
        let made = host.post(&path, &json!({ "version": version })).unwrap();
        made.created().unwrap()["setting"].as_i64().unwrap()
    })
}

fn change(host: &Host, word: &str, body: &Value) {
    let path = format!("/v1/filters/{USER}/{FILTER}/{word}");
    host.post(&path, body).unwrap().created().unwrap();
}

/// Whether a host's workers judge by `setting`.
fn is_live(host: &Host, setting: i64) -> bool {
    let streams = host.get("/v1/streams").unwrap().created().unwrap();
    let live = streams["items"][0]["live"].as_array().unwrap();
    live.contains(&json!(setting))
}

#[test]
fn a_change_on_one_is_live_on_both() {
    let (Some(broker), Some(database)) = (Broker::shared(), Postgres::start_or_skip().unwrap())
    else {
        return;
    };
    let source = format!("changes-{}", std::process::id());
    let hosts = ["one", "other"].map(|name| start(name, broker, &database, &source));
    let [first, second] = two_settings(&hosts[0]);
    let activate = |setting: i64| ("activate", json!({ "setting": setting }));
    let nothing = json!({});
    // What is changed, which setting it is about, and whether that is live afterwards.
    let changes = [
        (activate(first), first, true),
        (activate(second), second, true),
        (("rollback", nothing.clone()), first, true),
        (("pause", nothing.clone()), first, false),
        (("resume", nothing.clone()), first, true),
        (activate(second), second, true),
        (("retire", nothing), second, false),
    ];
    let mut took = Vec::new();
    for (number, ((word, body), setting, live)) in changes.iter().enumerate() {
        change(&hosts[number % 2], word, body);
        let begun = Instant::now();
        wait("the change is live on both", LIMIT, || {
            Ok(hosts
                .iter()
                .all(|host| is_live(host, *setting) == *live)
                .then_some(()))
        })
        .unwrap_or_else(|error| panic!("{word}: {error}"));
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    println!("from the answer to both hosts: {took:?}");
    // A busy machine may be late once.
    assert!(took[changes.len() / 2] < LIVE, "{took:?}");
}

#[test]
fn killing_either_loses_no_setting_and_no_count() {
    let (Some(broker), Some(database)) = (Broker::shared(), Postgres::start_or_skip().unwrap())
    else {
        return;
    };
    let source = format!("two-hosts-{}", std::process::id());
    let settings = Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    };
    let mut publisher = Publisher::new(&settings, &source, PARTITIONS).unwrap();
    let mut hosts = ["one", "other"].map(|name| start(name, broker, &database, &source));
    let both = two_settings(&hosts[0]);
    change(&hosts[0], "activate", &json!({ "setting": both[0] }));
    for host in &hosts {
        host.wait_until_live(numbered::STREAM, both[0]).unwrap();
    }
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
            let (killed, alive) = if death % 2 == 0 { (0, 1) } else { (1, 0) };
            let setting = both[usize::try_from((death + 1) % 2).unwrap()];
            change(&hosts[killed], "activate", &json!({ "setting": setting }));
            hosts[killed].kill().unwrap();
            hosts[alive]
                .wait_until_live(numbered::STREAM, setting)
                .unwrap();
            // The survivor judges alone, alerts of the dead one's partitions as well.
            let before = hosts[alive].count(FILTER, "passed").unwrap();
            wait("the survivor goes on", LIMIT, || {
                Ok((hosts[alive].count(FILTER, "passed")? > before + 200).then_some(()))
            })
            .unwrap();
            hosts[killed].restart().unwrap();
            hosts[killed]
                .wait_until_live(numbered::STREAM, setting)
                .unwrap();
        }
        stop.now();
    });
    let total = sent.load(Ordering::Relaxed).unsigned_abs();
    for host in &hosts {
        wait("every alert is counted", LIMIT, || {
            Ok((host.count(FILTER, "passed")? >= total).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", host.words()));
        assert_eq!(host.count(FILTER, "passed").unwrap(), total);
        assert_eq!(host.count(FILTER, "delivered").unwrap(), total);
    }
    let topic = hosts[0].topic(FILTER).unwrap();
    ensure_all_came(broker.address(), &source, &topic, total, LIMIT).unwrap();
    let used: Vec<_> = hosts[0].counts(FILTER).unwrap();
    assert_eq!(used.len(), 2, "both settings judged: {used:?}");
    println!("{total} alerts, {DEATHS} deaths");
}

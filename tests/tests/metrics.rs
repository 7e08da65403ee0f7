//! What a host tells a monitoring system, against what the registry and the topics say.
//!
//! In: numbered alerts on a broker, some of them damaged. Out: figures that are the counts, a lag that ends
//! at zero. Never: a figure of a filter that no longer judges.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::person::Person;
use skysieve_tests::topic::read_all;
use skysieve_tests::{Broker, numbered};

const LIMIT: Duration = Duration::from_secs(60);
const ALERTS: i64 = 500;
const DAMAGED: i64 = 3;

/// The value of a series; 0 where it is not there.
fn value(text: &str, series: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[test]
fn figures_are_what_was_counted() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let source = format!("metrics-{}", std::process::id());
    let settings = Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    };
    let mut publisher = Publisher::new(&settings, &source, 2).unwrap();
    let mut host =
        Host::start(|folder| numbered::kafka_stream(folder, 2, broker.address(), &source).unwrap())
            .unwrap();
    let root = Person::root(&host);
    let token = root.types("admin tokens create root --read-only").ok();
    let token = token.trim().to_owned();
    let scrape = |host: &Host| host.get_as(&token, "/metrics").unwrap();
    assert_eq!(
        host.get("/metrics").unwrap().status,
        403,
        "for administrators"
    );

    let module = std::fs::read(wasm("pass-all")).unwrap();
    let setting = host
        .publish("everything", numbered::STREAM, &module)
        .unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    let mut sent = 0;
    for number in 0..ALERTS + DAMAGED {
        let mut bytes = numbered::packet(number).unwrap();
        if number >= ALERTS {
            bytes.truncate(100);
        }
        sent += bytes.len();
        let publication = Publication {
            key: format!("{number}"),
            bytes: bytes.into(),
            timestamp_ms: None,
        };
        publisher.publish(&publication).unwrap();
    }
    publisher.finish().unwrap();
    let of = format!("{{stream=\"{}\",lane=\"main\"}}", numbered::STREAM);
    wait("every packet is committed", LIMIT, || {
        let packets = value(&scrape(&host), &format!("skysieve_packets_total{of}"));
        Ok((packets >= (ALERTS + DAMAGED) as f64).then_some(()))
    })
    .unwrap();
    wait("nothing waits", LIMIT, || {
        let text = scrape(&host);
        Ok((value(&text, &format!("skysieve_lag_alerts{of}")) == 0.0).then_some(()))
    })
    .unwrap();
    let text = scrape(&host);
    let filter = format!(
        "stream=\"{}\",filter=\"{USER}/everything\"",
        numbered::STREAM
    );
    let topic = read_all(broker.address(), &host.topic("everything").unwrap(), LIMIT).unwrap();
    let bytes: usize = topic.iter().map(|record| record.value.len()).sum();
    for (series, expected) in [
        (format!("skysieve_packets_total{of}"), ALERTS + DAMAGED),
        (
            format!("skysieve_packets_bytes_total{of}"),
            i64::try_from(sent).unwrap(),
        ),
        (format!("skysieve_alerts_total{of}"), ALERTS),
        (format!("skysieve_dead_letters_total{of}"), DAMAGED),
        (
            format!("skysieve_outputs_total{of}"),
            i64::try_from(topic.len()).unwrap(),
        ),
        (
            format!("skysieve_outputs_bytes_total{of}"),
            i64::try_from(bytes).unwrap(),
        ),
        (
            format!("skysieve_latency_seconds_count{of}"),
            ALERTS + DAMAGED,
        ),
        (
            format!("skysieve_filter_verdicts_total{{{filter},verdict=\"passed\"}}"),
            ALERTS,
        ),
        (format!("skysieve_active_filters{of}"), 1),
        (format!("skysieve_workers{of}"), 2),
    ] {
        assert_eq!(
            value(&text, &series),
            expected as f64,
            "{series} in\n{text}"
        );
    }

    // A filter that is paused tells nothing any more.
    host.post(
        &format!("/v1/filters/{USER}/everything/pause"),
        &serde_json::json!({}),
    )
    .unwrap()
    .created()
    .unwrap();
    let mut number = ALERTS;
    wait("its series end", LIMIT, || {
        // A worker changes filters with the next alert.
        number += 1;
        let mut publisher = Publisher::new(&settings, &source, 2).unwrap();
        for key in ["a", "b", "c", "d"] {
            let publication = Publication {
                key: format!("{key}{number}"),
                bytes: numbered::packet(number).unwrap().into(),
                timestamp_ms: None,
            };
            publisher.publish(&publication).unwrap();
        }
        publisher.finish().unwrap();
        Ok((!scrape(&host).contains("everything")).then_some(()))
    })
    .unwrap();
    assert!(host.stop().unwrap().success());
}

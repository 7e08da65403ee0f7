//! In: what a worker met. Out: figures. Never: a scrape over HTTP; `tests/tests/metrics.rs` has that.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::delivery::{CountKey, Counts, Delivery};
use crate::source::{Packet, Partition, Position};

fn packet(bytes: usize, timestamp_ms: i64) -> Packet {
    let partition = Partition {
        topic: "sky".into(),
        index: 0,
    };
    Packet {
        bytes: Arc::from(vec![0; bytes]),
        position: Position {
            partition,
            offset: 0,
        },
        timestamp_ms: Some(timestamp_ms),
        damage: None,
    }
}

fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map(|value| value.trim().parse().unwrap())
}

#[test]
fn what_was_committed_is_counted_and_what_was_not_is_not() {
    let metrics = Metrics::new();
    let mut meter = metrics.worker("ztf", "main", 0);
    let delivery = |packets| Delivery {
        packets,
        alerts: packets,
        ..Delivery::default()
    };
    meter.judged(&[packet(100, 0), packet(50, 0)], Duration::from_millis(3));
    let weighed = meter.weigh(&delivery(2));
    meter.committed(&weighed, Duration::from_millis(20));
    meter.judged(&[packet(7, 0)], Duration::from_millis(3));
    drop(meter.weigh(&delivery(1)));
    meter.aborted(Duration::from_millis(20));
    let text = metrics.text();
    let of = "{stream=\"ztf\",lane=\"main\"}";
    for (series, expected) in [
        ("skysieve_packets_total", 2.0),
        ("skysieve_packets_bytes_total", 150.0),
        ("skysieve_alerts_total", 2.0),
        ("skysieve_batch_alerts_count", 2.0),
        ("skysieve_latency_seconds_count", 2.0),
        ("skysieve_commit_seconds_count", 2.0),
        ("skysieve_workers", 1.0),
    ] {
        assert_eq!(
            value(&text, &format!("{series}{of}")),
            Some(expected),
            "{series} in\n{text}"
        );
    }
    for result in ["committed", "aborted"] {
        let series =
            format!("skysieve_commits_total{{stream=\"ztf\",lane=\"main\",result=\"{result}\"}}");
        assert_eq!(value(&text, &series), Some(1.0), "{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn counts_of_a_setting_that_is_not_known_are_left_out() {
    let metrics = Metrics::new();
    let mut meter = metrics.worker("ztf", "main", 0);
    let mut delivery = Delivery::default();
    let key = CountKey {
        setting: 7,
        night: "2026-04-01".to_owned(),
    };
    delivery.counts.insert(key, Counts::default());
    let weighed = meter.weigh(&delivery);
    meter.committed(&weighed, Duration::ZERO);
    assert!(!metrics.text().contains("skysieve_filter_verdicts_total"));
}

#[test]
fn lag_is_the_sum_of_the_workers_and_ends_with_them() {
    let metrics = Metrics::new();
    let mut meters = [0, 1].map(|number| metrics.worker("ztf", "main", number));
    for meter in &mut meters {
        meter.judged(&[packet(1, 0)], Duration::ZERO);
        meter.turn(Some(5));
    }
    let of = "{stream=\"ztf\",lane=\"main\"}";
    let lag = |text: &str| value(text, &format!("skysieve_lag_alerts{of}"));
    let text = metrics.text();
    assert_eq!(lag(&text), Some(10.0));
    // The packet is of 1970.
    assert!(value(&text, &format!("skysieve_lag_seconds{of}")).unwrap() > 1e9);
    drop(meters);
    let text = metrics.text();
    assert_eq!(
        (lag(&text), value(&text, &format!("skysieve_workers{of}"))),
        (Some(0.0), Some(0.0))
    );
}

#[test]
fn a_worker_that_ended_neither_hangs_nor_is_troubled() {
    let metrics = Metrics::new();
    let meter = metrics.worker("ztf", "main", 0);
    meter.troubled();
    let far = |is: fn(&Pulse, u64) -> bool| metrics.first(is);
    assert_eq!(
        far(|pulse, _| pulse.troubled_since_ms().is_some()),
        Some("ztf-0".to_owned())
    );
    meter.well();
    assert_eq!(far(|pulse, _| pulse.troubled_since_ms().is_some()), None);
    assert_eq!((metrics.hanging(), metrics.troubled()), (None, None));
    drop(meter);
    assert_eq!(far(|pulse, _| pulse.is_running()), None);
}

#[test]
fn every_series_is_documented() {
    let document = include_str!("../../../docs/operations.md");
    let metrics = Metrics::new();
    let _meter = metrics.worker("ztf", "main", 0);
    metrics.series.of_filter("ztf", "anna/nearby");
    let text = metrics.text();
    let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names: Vec<&str> = families.filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() > 15, "{text}");
    for name in names {
        assert!(
            document.contains(&format!("`{name}")),
            "{name} is not in docs/operations.md"
        );
    }
}

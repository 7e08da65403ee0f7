//! Quotas per night, the gate, and what several hosts and workers make of them.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::delivery::Judged;
use crate::source::{Partition, Position};

const NIGHT: &str = "2018-10-29";

fn filter(name: &str, setting: i64, limits: OutputLimits) -> Arc<Destination> {
    Arc::new(Destination {
        setting,
        owner: "anna".to_owned(),
        filter: name.to_owned(),
        version: 1,
        topic: format!("skysieve.ztf.anna.{name}"),
        payload: crate::payload::Payload::Packet,
        reasons: Vec::new(),
        limits,
    })
}

fn limited(alerts: u64, bytes: u64) -> OutputLimits {
    OutputLimits {
        alerts_per_night: alerts,
        bytes_per_night: bytes,
        ..OutputLimits::NONE
    }
}

/// A batch of `evaluated` alerts, of which the first `passing` pass; each is 10 bytes.
fn batch(filter: &Arc<Destination>, night: &str, evaluated: u64, passing: u64) -> Delivery {
    let mut delivery = Delivery::default();
    let night: Arc<str> = night.into();
    let output = |offset| Output {
        destination: filter.clone(),
        payload: vec![0; 10].into(),
        holds: "packet",
        programme: None,
        position: Position {
            partition: Partition {
                topic: "ztf".into(),
                index: 0,
            },
            offset,
        },
        record: 0,
        timestamp_ms: None,
        object_id: "o".to_owned(),
        alert_id: offset.to_string(),
        night: night.clone(),
        annotations: Vec::new(),
    };
    let passing = i64::try_from(passing).unwrap();
    delivery.outputs = (0..passing).map(output).collect();
    delivery.judged.push(Judged {
        destination: filter.clone(),
        night: night.clone(),
        alerts: evaluated,
        elapsed_ns: evaluated * 1_000_000,
    });
    let counts = delivery.counts.entry(filter.key(&night)).or_default();
    counts.evaluated = evaluated;
    counts.passed = passing.unsigned_abs();
    delivery
}

/// Delivered and withheld of a batch, after it was checked that the counts say the same.
fn admit(outflow: &Outflow, mut delivery: Delivery) -> (u64, u64) {
    outflow.admit(&mut delivery);
    let counts: Vec<&Counts> = delivery.counts.values().collect();
    let delivered: u64 = counts.iter().map(|one| one.delivered()).sum();
    let withheld: u64 = counts.iter().flat_map(|one| one.withheld.values()).sum();
    let bytes: u64 = counts.iter().map(|one| one.bytes_out).sum();
    assert_eq!(delivered, delivery.outputs.len() as u64);
    assert_eq!(withheld, delivery.withheld.len() as u64);
    assert_eq!(bytes, 10 * delivered);
    (delivered, withheld)
}

#[test]
fn a_night_holds_so_many_alerts_and_the_next_begins_afresh() {
    let outflow = Outflow::default();
    let one = filter("one", 1, limited(5, u64::MAX));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 3)), (3, 0));
    assert!(outflow.met().is_empty());
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 3)), (2, 1));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 3)), (0, 3));
    assert_eq!(admit(&outflow, batch(&one, "2018-10-30", 10, 3)), (3, 0));
    let met = outflow.met();
    assert_eq!(
        (met.len(), met[0].limit, &*met[0].night),
        (1, Withheld::Alerts, NIGHT)
    );
    assert!(outflow.met().is_empty(), "told once");
}

#[test]
fn a_new_setting_has_what_the_old_one_left() {
    let outflow = Outflow::default();
    let limits = limited(5, u64::MAX);
    assert_eq!(
        admit(&outflow, batch(&filter("one", 1, limits), NIGHT, 10, 4)),
        (4, 0)
    );
    assert_eq!(
        admit(&outflow, batch(&filter("one", 2, limits), NIGHT, 10, 4)),
        (1, 3)
    );
}

#[test]
fn bytes_are_counted_before_they_go_out() {
    let outflow = Outflow::default();
    let one = filter("one", 1, limited(u64::MAX, 25));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 4)), (2, 2));
}

#[test]
fn nobody_feels_anothers_limit() {
    let outflow = Outflow::default();
    let (small, free) = (
        filter("small", 1, limited(1, u64::MAX)),
        filter("free", 2, OutputLimits::NONE),
    );
    assert_eq!(admit(&outflow, batch(&small, NIGHT, 10, 9)), (1, 8));
    assert_eq!(admit(&outflow, batch(&free, NIGHT, 10, 9)), (9, 0));
}

#[test]
fn what_was_not_committed_comes_again() {
    let outflow = Outflow::default();
    let one = filter("one", 1, limited(5, u64::MAX));
    let mut aborted = batch(&one, NIGHT, 10, 5);
    let admitted = outflow.admit(&mut aborted);
    outflow.take_back(&admitted);
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 5)), (5, 0));
}

#[test]
fn what_other_hosts_sent_counts_too() {
    let outflow = Outflow::default();
    let one = filter("one", 1, limited(10, u64::MAX));
    let used = |alerts| Used {
        alerts,
        ..Used::default()
    };
    outflow.begin(&one.topic, NIGHT, used(4));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 3)), (3, 0));
    // The registry has not heard of the three yet.
    outflow.tell(&one.topic, NIGHT, used(4));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 1)), (1, 0));
    // Another host has sent one.
    outflow.tell(&one.topic, NIGHT, used(9));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 0)), (0, 0));
    outflow.tell(&one.topic, NIGHT, used(10));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 1)), (0, 1));
}

#[test]
fn a_night_that_began_without_a_word_goes_on_from_what_is_told() {
    let outflow = Outflow::default();
    let one = filter("one", 1, limited(10, u64::MAX));
    let used = |alerts| Used {
        alerts,
        ..Used::default()
    };
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 2)), (2, 0));
    // Seven before this host came, and one of its own is counted by now.
    outflow.tell(&one.topic, NIGHT, used(8));
    assert_eq!(admit(&outflow, batch(&one, NIGHT, 10, 3)), (2, 1));
    // Nobody has alerts of what is told here.
    outflow.tell("another", NIGHT, used(8));
    outflow.tell(&one.topic, "2018-10-30", used(8));
    assert_eq!(admit(&outflow, batch(&one, "2018-10-30", 10, 9)), (9, 0));
}

#[test]
fn the_registry_is_asked_about_nights_that_had_alerts_since() {
    let outflow = Outflow::default();
    let one = filter("one", 1, limited(10, u64::MAX));
    let free = filter("free", 2, OutputLimits::NONE);
    outflow.begin(&one.topic, "2018-10-28", Used::default());
    assert!(outflow.nights().is_empty());
    admit(&outflow, batch(&one, NIGHT, 10, 1));
    admit(&outflow, batch(&free, "2018-10-27", 10, 1));
    assert_eq!(outflow.nights(), [NIGHT.into()]);
    outflow.tell(&one.topic, NIGHT, Used::default());
    assert!(outflow.nights().is_empty());
    // So many at a time, and the others next time.
    for number in 0..20 {
        let one = filter(&format!("of-{number}"), number, limited(10, u64::MAX));
        admit(
            &outflow,
            batch(&one, &format!("2018-11-{number:02}"), 10, 1),
        );
    }
    let (first, then) = (outflow.nights(), outflow.nights());
    assert_eq!((first.len(), then.len()), (16, 4));
    assert!(first.iter().all(|night| !then.contains(night)));
}

#[test]
fn the_gate_lets_so_many_of_the_last_alerts_through() {
    let outflow = Outflow::default();
    let limits = OutputLimits {
        gate_alerts: 1_000,
        gate_passing: 50,
        ..OutputLimits::NONE
    };
    let one = filter("one", 1, limits);
    let (mut delivered, mut withheld) = (0, 0);
    for _ in 0..100 {
        let (out, kept) = admit(&outflow, batch(&one, NIGHT, 100, 50));
        delivered += out;
        withheld += kept;
    }
    assert_eq!(delivered + withheld, 5_000);
    // 5 % of 10,000, and at most a window's worth more.
    assert!((450..=550).contains(&delivered), "{delivered}");
    assert_eq!(outflow.met()[0].limit, Withheld::Gate);
    // Below the gate everything goes out again, after one window.
    for _ in 0..11 {
        admit(&outflow, batch(&one, NIGHT, 100, 0));
    }
    for _ in 0..50 {
        assert_eq!(admit(&outflow, batch(&one, NIGHT, 100, 4)), (4, 0));
    }
    // Another setting is not blamed for what the one before did.
    admit(&outflow, batch(&one, NIGHT, 100, 100));
    assert_eq!(
        admit(&outflow, batch(&filter("one", 2, limits), NIGHT, 100, 40)),
        (40, 0)
    );
}

#[test]
fn the_gate_does_not_count_an_alert_twice_after_an_abort() {
    let limits = OutputLimits {
        gate_alerts: 1_000,
        gate_passing: 50,
        ..OutputLimits::NONE
    };
    let one = filter("one", 1, limits);
    let (plain, aborting) = (Outflow::default(), Outflow::default());
    for passing in [40, 3, 0, 9, 100, 0, 0, 12, 1, 0, 30, 0, 0, 0, 8] {
        let expected = admit(&plain, batch(&one, NIGHT, 100, passing));
        for _ in 0..3 {
            let mut first = batch(&one, NIGHT, 60, passing.min(60));
            let mut admitted = aborting.admit(&mut first);
            admitted.append(aborting.admit(&mut batch(&one, NIGHT, 40, passing / 2)));
            aborting.take_back(&admitted);
        }
        let found = admit(&aborting, batch(&one, NIGHT, 100, passing));
        assert_eq!(found, expected, "{passing}");
    }
}

#[test]
fn time_that_is_used_up_stops_the_night() {
    let outflow = Outflow::default();
    let limits = OutputLimits {
        cpu_ms_per_night: 15,
        ..OutputLimits::NONE
    };
    let (one, night) = (filter("one", 1, limits), Arc::from(NIGHT));
    assert!(!outflow.is_out_of_time(&one, &night));
    admit(&outflow, batch(&one, NIGHT, 10, 0));
    assert!(!outflow.is_out_of_time(&one, &night));
    admit(&outflow, batch(&one, NIGHT, 10, 0));
    assert!(outflow.is_out_of_time(&one, &night));
    assert!(!outflow.is_out_of_time(&one, &Arc::from("2018-10-30")));
    assert_eq!(outflow.met()[0].limit, Withheld::Cpu);
}

#[test]
fn workers_share_one_ledger_to_the_alert() {
    let outflow = Arc::new(Outflow::default());
    let one = filter("one", 1, limited(100, u64::MAX));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (outflow, one) = (outflow.clone(), one.clone());
            std::thread::spawn(move || {
                (0..50)
                    .map(|_| admit(&outflow, batch(&one, NIGHT, 10, 3)).0)
                    .sum::<u64>()
            })
        })
        .collect();
    let delivered: u64 = threads.into_iter().map(|one| one.join().unwrap()).sum();
    assert_eq!(delivered, 100);
}

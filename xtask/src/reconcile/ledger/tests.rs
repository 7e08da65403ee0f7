//! Cases of the ledger: a sound one, and each way in which results may not follow from packets.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use serde_json::json;

use super::*;
use crate::reconcile::results::{Count, DeadLetter, Failure, Journals, Passing};

fn position(number: i64) -> Position {
    ("night.tar".to_owned(), number)
}

fn packets() -> Packets {
    (0..4)
        .map(|n| {
            (
                position(n),
                Packet {
                    sha256: n.to_string(),
                    records: 1,
                },
            )
        })
        .collect()
}

fn passing(number: i64) -> Passing {
    let night = "2026-04-01".to_owned();
    Passing {
        setting: 1,
        night,
        position: position(number),
        record: 0,
        sha256: number.to_string(),
    }
}

/// Four packets: one passes, one is rejected, one fails, one is damaged.
fn results() -> Results {
    let count = Count {
        evaluated: 3,
        passed: 1,
        rejected: [("faint".to_owned(), 1)].into(),
        failed: [("trap".to_owned(), 1)].into(),
        lacking: 0,
    };
    let counts = [((1, "2026-04-01".to_owned()), count)].into();
    Results {
        journals: Journals {
            counts,
            packets: 4,
            alerts: 3,
        },
        passing: vec![passing(0)],
        dead_letters: vec![DeadLetter {
            position: position(3),
            record: 0,
            sha256: "3".into(),
        }],
        failures: vec![Failure {
            setting: 1,
            night: "2026-04-01".to_owned(),
        }],
        names: HashMap::new(),
        misfits: Vec::new(),
    }
}

fn check(change: impl FnOnce(&mut Results), expected: &[&str]) {
    let mut results = results();
    change(&mut results);
    let packets = packets();
    let ledger = Ledger {
        packets: &packets,
        results: &results,
        shown: None,
    };
    let found = ledger.differences();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.contains(expected),
            "{found:?} does not say {expected:?}"
        );
    }
}

fn counts(results: &mut Results) -> &mut Count {
    results.journals.counts.values_mut().next().unwrap()
}

#[test]
fn a_sound_night_has_no_difference() {
    check(|_| {}, &[]);
}

#[test]
fn a_lost_alert_shows() {
    check(
        |results| results.passing.clear(),
        &["1 passed counted, 0 lie there"],
    );
}

#[test]
fn an_alert_that_came_out_twice_shows() {
    let twice = ["came out twice", "1 passed counted, 2 lie there"];
    check(|results| results.passing.push(passing(0)), &twice);
}

#[test]
fn a_changed_packet_shows() {
    check(
        |results| results.passing[0].sha256 = "else".into(),
        &["is not as it came in"],
    );
}

#[test]
fn a_packet_from_nowhere_shows() {
    check(
        |results| results.passing[0].position.1 = 9,
        &["never went in"],
    );
}

#[test]
fn a_verdict_that_is_missing_shows() {
    let both = [
        "2 alerts evaluated or withheld",
        "2 evaluated, but 1 passed",
    ];
    check(|results| counts(results).evaluated = 2, &both);
}

#[test]
fn a_failure_that_nobody_recorded_shows() {
    check(
        |results| results.failures.clear(),
        &["1 failed counted, 0 lie there"],
    );
}

#[test]
fn a_packet_that_was_never_read_shows() {
    let both = [
        "3 were read",
        "4 alerts went in: 2 decoded",
        "2 alerts evaluated",
    ];
    let unread = |results: &mut Results| {
        results.journals.packets = 3;
        results.journals.alerts = 2;
        counts(results).evaluated = 2;
        counts(results).rejected.clear();
    };
    check(unread, &both);
}

#[test]
fn a_table_that_tells_something_else_shows() {
    let (packets, results) = (packets(), results());
    let shown = json!({"bright": [{"setting": 1, "night": "2026-04-01", "evaluated": 3, "passed": 2,
        "rejected": [{"reason": "faint", "alerts": 1}], "failed": {"trap": 1}, "lacking": 0}]});
    let shown = shown.as_object();
    let ledger = Ledger {
        packets: &packets,
        results: &results,
        shown,
    };
    assert_eq!(
        ledger.differences(),
        ["bright (1) 2026-04-01: 2 passed shown, 1 in the journals"]
    );
}

//! What stays on a page, and what does not.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::delivery::{Destination, OutputLimits};
use crate::payload::Payload;
use crate::source::{Partition, Position};

fn packet(offset: i64, bytes: usize) -> Packet {
    let partition = Partition {
        topic: "night.tar".into(),
        index: 0,
    };
    Packet {
        bytes: vec![0; bytes].into(),
        position: Position { partition, offset },
        timestamp_ms: None,
        damage: None,
    }
}

fn failure(setting: i64, offset: i64, message: &str) -> Failure {
    let destination = Destination {
        setting,
        owner: "anna".to_owned(),
        filter: "nearby".to_owned(),
        version: 2,
        topic: "skysieve.ztf.anna.nearby".to_owned(),
        reasons: Vec::new(),
        payload: Payload::Packet,
        limits: OutputLimits::NONE,
    };
    Failure {
        destination: Arc::new(destination),
        position: packet(offset, 0).position,
        record: 0,
        alert_id: offset.to_string(),
        object_id: "a".to_owned(),
        night: "2026-11-23".into(),
        programme: None,
        kind: "trap",
        message: message.to_owned(),
    }
}

fn book() -> (Arc<Logbook>, Page) {
    let book = Logbook::new(&Settings::default(), 0);
    let page = book.page();
    (book, page)
}

/// Causes of one setting, by place: alerts, and whether there is an example.
fn causes(notes: &[Notes], setting: i64) -> Vec<(String, u64, bool)> {
    let notes = &notes[0][&setting];
    let mut causes: Vec<_> = notes
        .causes
        .iter()
        .map(|(cause, failed)| {
            let alerts = failed.nights.values().sum();
            let kept = failed.example.packet.is_some();
            (cause.place.clone(), alerts, kept)
        })
        .collect();
    causes.sort();
    causes
}

#[test]
fn failures_of_one_place_are_one_cause_with_the_first_as_example() {
    let (book, mut page) = book();
    let packets = [packet(1, 10), packet(2, 10)];
    let failures = [
        failure(7, 1, "src/lib.rs:4:9: the index is 3"),
        failure(7, 2, "src/lib.rs:4:9: the index is 17"),
        failure(7, 2, "src/lib.rs:8:9: no band"),
        failure(8, 2, "src/lib.rs:8:9: no band"),
    ];
    page.failed(&packets, &failures);
    let notes = book.take(false);
    let first = ("src/lib.rs:4:9: the index is #".to_owned(), 2, true);
    let second = ("src/lib.rs:8:9: no band".to_owned(), 1, true);
    assert_eq!(causes(&notes, 7), [first, second.clone()]);
    assert_eq!(causes(&notes, 8), [second]);
    assert_eq!(notes[0][&7].version, 2);
    assert!(book.take(false).is_empty());
    // The example of a known cause is not carried about again.
    page.failed(&packets, &failures[..1]);
    let again = ("src/lib.rs:4:9: the index is #".to_owned(), 1, false);
    assert_eq!(causes(&book.take(true), 7), [again]);
}

#[test]
fn causes_and_examples_are_bounded() {
    let (book, mut page) = book();
    let large = [packet(1, 12 << 20), packet(2, 12 << 20)];
    let two = [failure(7, 1, "one"), failure(7, 2, "two")];
    page.failed(&large, &two);
    let found = causes(&book.take(false), 7);
    let kept = found.iter().filter(|(_, _, kept)| *kept).count();
    assert_eq!((found.len(), kept), (2, 1));
    let letters = |index: usize| {
        let digits = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
        format!("{}{}", digits[index / 10 % 10], digits[index % 10])
    };
    for index in 0..100 {
        page.failed(&[packet(1, 1)], &[failure(7, 1, &letters(index))]);
    }
    let found = causes(&book.take(false), 7);
    assert!(found.len() <= 34, "{}", found.len());
    assert_eq!(found.iter().map(|(_, alerts, _)| alerts).sum::<u64>(), 100);
    assert!(
        found
            .iter()
            .any(|(place, alerts, _)| place == "(others)" && *alerts > 60)
    );
}

#[test]
fn what_can_wait_waits_for_all_to_be_taken() {
    let (book, mut page) = book();
    page.failed(&[packet(1, 1)], &[failure(7, 1, "one")]);
    let urgent = book.take(false);
    assert!(!urgent[0][&7].is_quiet());
    // The setting itself stays on the page, quiet.
    assert!(book.take(false).is_empty());
    let other = book.page();
    drop(other);
    assert_eq!(book.take(true).len(), 1);
}

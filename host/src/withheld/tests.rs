//! What a reading gives, where it stops, and what it adds.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use super::*;
use crate::results::{Cursor, Look, Looked, Origin, Place, Reader};
use crate::rights::Rights;

/// Records of one partition; the ids say what becomes of them.
struct Records(Vec<&'static str>, i64);

fn place(number: i64) -> Place {
    Place { number, within: 0 }
}

fn cursor(number: i64) -> Cursor {
    let mut cursor = Cursor::default();
    cursor.put("0", place(number));
    cursor
}

impl Reader for Records {
    fn look(&mut self, look: &Look) -> Result<Looked, ResultsError> {
        let mut looked = Looked::default();
        for id in self.0.iter().skip(usize::try_from(self.1).unwrap()) {
            if look.is_over(looked.found.len(), 0) {
                looked.more = true;
                break;
            }
            self.1 += 1;
            looked.found.push(Found {
                partition: "0".into(),
                after: place(self.1),
                object_id: String::new(),
                alert_id: (*id).to_owned(),
                night: "unknown".to_owned(),
                version: 1,
                setting: 1,
                programme: None,
                holds: "reference".to_owned(),
                source: Origin::default(),
                annotations: serde_json::Map::new(),
                payload: Vec::new(),
                withheld: Some("gate".to_owned()),
                missing: None,
            });
        }
        Ok(looked)
    }

    fn cursor(&self) -> Cursor {
        cursor(self.1)
    }
}

/// Alerts of 10 bytes.
struct Ten;

impl Restore for Ten {
    fn restore(&mut self, records: Vec<Found>, _: &Bound) -> Result<Vec<Again>, ResultsError> {
        let again = |one: Found| match one.alert_id.as_str() {
            "hidden" => Again::Hidden,
            "unread" => Again::Unread,
            "gone" => Again::Found(Box::new(Found {
                missing: Some("gone".to_owned()),
                ..one
            })),
            _ => Again::Found(Box::new(Found {
                payload: vec![0; 10],
                ..one
            })),
        };
        Ok(records.into_iter().map(again).collect())
    }
}

fn look(alerts: usize) -> Look {
    Look {
        alerts,
        bytes: usize::MAX,
        night: None,
        rights: Rights::all(),
        wait: Duration::ZERO,
        deadline: Instant::now() + Duration::from_secs(60),
    }
}

/// Ids, whether there is more, where it goes on, the quota that stopped it, and what all of it adds.
type Read = (Vec<String>, bool, Cursor, Option<&'static str>, (u64, u64));

fn read(records: &[&'static str], from: i64, reached: i64, alerts: u64, bytes: u64) -> Read {
    let allowance = Allowance {
        reached: cursor(reached),
        alerts,
        bytes,
    };
    let records = Records(records.to_vec(), from);
    let mut later = Later::new(Box::new(records), Box::new(Ten), allowance);
    let looked = later.look(&look(100)).unwrap();
    let charge = later.charge(looked.found.len());
    let ids = looked.found.into_iter().map(|one| one.alert_id).collect();
    let charge = (charge.alerts, charge.bytes);
    (ids, looked.more, later.cursor(), later.stopped(), charge)
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_reading_stops_at_the_first_alert_beyond_a_quota() {
    let all = ["a", "b", "c"];
    let whole = (ids(&all), false, cursor(3), None, (3, 30));
    assert_eq!(read(&all, 0, 0, 3, 30), whole);
    let two = |quota, more| (ids(&all[..2]), true, cursor(2), Some(quota), more);
    assert_eq!(read(&all, 0, 0, 2, 30), two("alerts_per_night", (2, 20)));
    assert_eq!(read(&all, 0, 0, 3, 29), two("bytes_per_night", (2, 20)));
    // What was read before counts for nothing.
    assert_eq!(read(&all, 0, 2, 0, 0), two("alerts_per_night", (0, 0)));
    assert_eq!(
        read(&all, 0, 3, 0, 0),
        (ids(&all), false, cursor(3), None, (0, 0))
    );
    let none = (
        Vec::new(),
        true,
        cursor(2),
        Some("alerts_per_night"),
        (0, 0),
    );
    assert_eq!(read(&all, 2, 2, 0, 0), none);
}

#[test]
fn what_cannot_be_given_is_told_or_awaited() {
    let told = (ids(&["gone", "a"]), false, cursor(3), None, (1, 10));
    assert_eq!(read(&["gone", "hidden", "a"], 0, 0, 1, 10), told);
    let awaited = (ids(&["a"]), true, cursor(1), None, (1, 10));
    assert_eq!(read(&["a", "unread", "b"], 0, 0, 9, 90), awaited);
    let records = Box::new(Records(vec!["unread"], 0));
    let mut later = Later::new(records, Box::new(Ten), Allowance::default());
    assert!(matches!(
        later.look(&look(100)),
        Err(ResultsError::Unavailable(_))
    ));
    assert_eq!(later.cursor(), cursor(0));
}

#[test]
fn only_what_a_page_had_room_for_is_counted() {
    let records = Box::new(Records(vec!["gone", "a", "b"], 0));
    let allowance = Allowance {
        alerts: 9,
        bytes: 90,
        ..Allowance::default()
    };
    let mut later = Later::new(records, Box::new(Ten), allowance);
    later.look(&look(100)).unwrap();
    let charges = [0, 1, 2, 3].map(|alerts| later.charge(alerts).alerts);
    assert_eq!(charges, [0, 0, 1, 2]);
}

//! Every type that a field may have, read from columns as the contract lays them out.
//!
//! What comes in: hand-made columns with nulls at every level. What goes out: that an author's
//! struct holds what they say. Never: a decoder (see `native.rs`).
#![allow(clippy::unwrap_used)]

use skysieve_sdk::prelude::*;
use skysieve_sdk::{Column, ElementType, Level, Outcome, Values, Varying};

#[derive(Alert)]
struct Everything<'a> {
    #[alert(path = "flag")]
    flag: bool,
    #[alert(path = "count")]
    count: Option<i32>,
    #[alert(paths = ["diaSourceId", "alertId"])]
    id: i64,
    #[alert(path = "mag")]
    mag: Option<f32>,
    #[alert(path = "jd")]
    jd: f64,
    #[alert(path = "name")]
    name: Option<&'a str>,
    #[alert(path = "cutout.\"stamp data\"")]
    cutout: &'a [u8],
    #[alert(path = "history[].mag")]
    history: Series<'a, Option<f32>>,
    #[alert(path = "prior[].flux")]
    prior: Option<Series<'a, f64>>,
    #[alert(path = "fits[].residuals[]")]
    residuals: Series<'a, Series<'a, i32>>,
}

#[filter(title = "Writes down what it reads")]
fn read(alert: Everything) -> Verdict {
    could_not_judge!(
        "{} {:?} {} {:?} {} {:?} {:?} {:?} {:?} {:?}",
        alert.flag,
        alert.count,
        alert.id,
        alert.mag,
        alert.jd,
        alert.name,
        alert.cutout,
        alert.history,
        alert.prior,
        alert.residuals
    )
}

fn plain<'a>(values: Values<'a>, validity: Option<&'a [u8]>) -> Column<'a> {
    Column {
        levels: Vec::new(),
        values,
        validity,
    }
}

fn columns() -> Vec<Column<'static>> {
    let text = Varying {
        offsets: &[0, 3, 3, 3],
        bytes: b"M31",
    };
    let level = |offsets, validity| Level { offsets, validity };
    vec![
        plain(Values::Boolean(&[0b101]), None),
        plain(Values::Int32(&[7, 8, 9]), Some(&[0b110])),
        plain(Values::Int64(&[i64::MAX, -1, 0]), None),
        plain(Values::Float32(&[18.5, f32::NAN, 0.0]), Some(&[0b011])),
        plain(Values::Float64(&[0.5, 1.5, 2.5]), None),
        plain(Values::Utf8(text), Some(&[0b011])),
        plain(
            Values::Binary(Varying {
                offsets: &[0, 0, 1, 3],
                bytes: &[1, 2, 3],
            }),
            None,
        ),
        Column {
            levels: vec![level(&[0, 2, 2, 3], Some(&[0b101]))],
            values: Values::Float32(&[1.0, 2.0, 3.0]),
            validity: Some(&[0b101]),
        },
        Column {
            levels: vec![level(&[0, 0, 0, 1], Some(&[0b110]))],
            values: Values::Float64(&[4.0]),
            validity: None,
        },
        Column {
            levels: vec![level(&[0, 2, 2, 3], None), level(&[0, 1, 1, 3], None)],
            values: Values::Int32(&[1, 2, 3]),
            validity: None,
        },
    ]
}

fn lines(outcome: Outcome) -> Vec<String> {
    outcome
        .failures
        .into_iter()
        .map(|failure| failure.message)
        .collect()
}

#[test]
fn every_type_is_read_with_its_nulls() {
    let expected = [
        "true None 9223372036854775807 Some(18.5) 0.5 Some(\"M31\") [] [Some(1.0), None] None [[1], []]",
        "false Some(8) -1 Some(NaN) 1.5 Some(\"\") [1] [] Some([]) []",
        "true Some(9) 0 None 2.5 None [2, 3] [Some(3.0)] Some([4.0]) [[2, 3]]",
    ];
    assert_eq!(lines(read::judge(&columns(), 0..3, &[])), expected);
    assert_eq!(lines(read::judge(&columns(), 1..2, &[])), expected[1..2]);
}

#[test]
fn the_description_says_what_is_read() {
    let fields = read::describe().fields;
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.paths[0])
        .collect();
    assert_eq!(
        required,
        ["flag", "diaSourceId", "jd", "cutout.\"stamp data\""]
    );
    assert_eq!(fields[2].paths, ["diaSourceId", "alertId"]);
    assert_eq!(fields[9].element, ElementType::Int32);
}

#[derive(Alert)]
struct Strict<'a> {
    #[alert(path = "history[].mag")]
    history: Series<'a, f32>,
}

#[filter(title = "Cannot take a null item")]
fn strict(alert: Strict) -> Verdict {
    reject_unless!(alert.history.len() < 2, "too long");
    pass!()
}

#[test]
fn an_unexpected_null_is_a_failure_that_says_what_to_change() {
    let column = Column {
        levels: vec![Level {
            offsets: &[0, 1, 2, 4],
            validity: None,
        }],
        values: Values::Float32(&[1.0, 2.0, 3.0, 4.0]),
        validity: Some(&[0b1101]),
    };
    let outcome = strict::judge(&[column], 0..3, &[]);
    assert_eq!(outcome.verdicts, [0, 255, 1]);
    assert_eq!(outcome.failures[0].row, 1);
    assert!(
        outcome.failures[0].message.contains("history[].mag"),
        "{outcome:?}"
    );
}

#[test]
#[should_panic(expected = "columns that describe() declared")]
fn other_columns_than_declared_are_refused() {
    strict::judge(&[plain(Values::Float64(&[1.0]), None)], 0..1, &[]);
}

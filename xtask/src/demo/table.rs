//! What each filter made of the night, for people.
//!
//! In: counts by filter, setting and night. Out: a table on standard output. Never: a check.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde_json::{Map, Value};

use super::folder::Folder;
use super::scientist::sum;

/// Print the table and where the passing alerts lie.
pub fn print(counts: &Map<String, Value>, folder: &Folder) {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "filter",
        "evaluated",
        "passed",
        "rejected",
        "failed",
        "µs/alert",
    ]);
    for (filter, records) in counts {
        table.add_row([
            filter.clone(),
            sum(records, &["evaluated"]).to_string(),
            sum(records, &["passed"]).to_string(),
            reasons(records),
            failed(records).values().sum::<u64>().to_string(),
            microseconds(records),
        ]);
    }
    println!("{table}");
    println!(
        "the passing alerts lie in {}",
        folder.root().join("results").display()
    );
}

/// `count reason`, one a line, most first.
fn reasons(records: &Value) -> String {
    let mut reasons: Vec<_> = rejected(records).into_iter().collect();
    let lacking = sum(records, &["lacking"]);
    if lacking > 0 {
        reasons.push((
            "(not handed over: lacks a required field)".to_owned(),
            lacking,
        ));
    }
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let lines = reasons
        .into_iter()
        .map(|(name, count)| format!("{count:>8} {name}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Alerts by reason.
fn rejected(records: &Value) -> BTreeMap<String, u64> {
    let mut total = BTreeMap::new();
    for record in records.as_array().into_iter().flatten() {
        for cut in record["rejected"].as_array().into_iter().flatten() {
            if let (Some(reason), Some(alerts @ 1..)) =
                (cut["reason"].as_str(), cut["alerts"].as_u64())
            {
                *total.entry(reason.to_owned()).or_default() += alerts;
            }
        }
    }
    total
}

/// Alerts by kind of failure.
fn failed(records: &Value) -> BTreeMap<String, u64> {
    let mut total = BTreeMap::new();
    for record in records.as_array().into_iter().flatten() {
        for (kind, alerts) in record["failed"].as_object().into_iter().flatten() {
            *total.entry(kind.clone()).or_default() += alerts.as_u64().unwrap_or(0);
        }
    }
    total
}

/// Mean over the nights, weighted by their alerts.
#[allow(clippy::cast_precision_loss)] // for people, three digits
fn microseconds(records: &Value) -> String {
    let (mut alerts, mut elapsed_ns) = (0, 0);
    for record in records.as_array().into_iter().flatten() {
        let evaluated = record["evaluated"].as_u64().unwrap_or(0);
        alerts += evaluated;
        elapsed_ns += evaluated * record["ns_per_alert"].as_u64().unwrap_or(0);
    }
    if alerts == 0 {
        "-".to_owned()
    } else {
        format!("{:.2}", elapsed_ns as f64 / alerts as f64 / 1000.0)
    }
}

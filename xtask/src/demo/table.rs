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
            by_name(records, "failed").values().sum::<u64>().to_string(),
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
    let mut reasons: Vec<_> = by_name(records, "rejected").into_iter().collect();
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

/// Add up `{name: count}` over the records.
fn by_name(records: &Value, key: &str) -> BTreeMap<String, u64> {
    let mut total = BTreeMap::new();
    for record in records.as_array().map(Vec::as_slice).unwrap_or_default() {
        for (name, count) in record[key].as_object().into_iter().flatten() {
            *total.entry(name.clone()).or_default() += count.as_u64().unwrap_or(0);
        }
    }
    total
}

#[allow(clippy::cast_precision_loss)] // for people, three digits
fn microseconds(records: &Value) -> String {
    let evaluated = sum(records, &["evaluated"]);
    let elapsed_ns = sum(records, &["elapsed_ns"]);
    if evaluated == 0 {
        return "-".to_owned();
    }
    format!("{:.2}", elapsed_ns as f64 / evaluated as f64 / 1000.0)
}

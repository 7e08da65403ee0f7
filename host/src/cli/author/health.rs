//! `skysieve health`: how a filter is doing, and why it failed.
//!
//! In: a filter. Out: its state, what it did tonight, what its alerts cost, and the causes of its
//! failures. Never: a sum over more than the night.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::session::{Common, Session, items, minute, number, out, text};
use super::table::{Column, Show, listing, titled, trimmed};

/// Arguments of `skysieve health`.
#[derive(Debug, clap::Args)]
pub struct HealthArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// At most so many causes of failure, the latest.
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    #[command(flatten)]
    pub common: Common,
}

const CAUSES: [Column<'static>; 7] = [
    ("cause", "/id", Show::Text),
    ("version", "/version", Show::Number),
    ("kind", "/kind", Show::Text),
    ("alerts", "/alerts", Show::Number),
    ("last", "/last_seen", Show::Time),
    ("example", "/example/alert_id", Show::Text),
    ("message", "/example/message", Show::Text),
];

pub fn run(arguments: &HealthArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let health = session.api.get(&filter.path("/health"), &[])?;
    let failures = session.list(&filter.path("/failures"), &[], arguments.limit)?;
    if session.json {
        let document = json!({ "health": health, "failures": failures });
        out(&document.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut blocks = vec![head(&filter.to_string(), &health)];
    if health["tonight"].is_object() {
        blocks.push(tonight(&health["tonight"]));
    }
    if !items(&failures, "/items").is_empty() {
        blocks.push(format!(
            "failures, by cause\n{}",
            listing(&failures, &CAUSES, "")
        ));
    }
    out(&blocks.join("\n\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn head(filter: &str, health: &Value) -> String {
    let part = |pointer| text(health, pointer);
    let mut head = format!("{filter} is {}", part("/state"));
    if !part("/reason").is_empty() {
        head.push_str(&format!(" ({})", part("/reason")));
    }
    if !part("/since").is_empty() {
        head.push_str(&format!(" since {} UTC", minute(&part("/since"))));
    }
    if !part("/setting").is_empty() {
        head.push_str(&format!(
            ", version {}, setting {}",
            part("/version"),
            part("/setting")
        ));
    }
    if health["last_alert"].is_object() {
        let (id, time) = (
            part("/last_alert/alert_id"),
            minute(&part("/last_alert/time")),
        );
        head.push_str(&format!("\nlast alert {id}, {time} UTC"));
    }
    head
}

fn tonight(night: &Value) -> String {
    let part = |pointer| text(night, pointer);
    let mut lines = vec![format!(
        "night {}: {} evaluated, {} passed, {} rejected, {} failed",
        part("/night"),
        part("/evaluated"),
        part("/passed"),
        part("/rejected"),
        part("/failed")
    )];
    let mut table = titled(["an alert costs", "median", "90 %", "99 %", "most", "budget"]);
    let mut row = |name: &str, cost: &str, divisor: u64| {
        let figure =
            |field: &str| (number(night, &format!("/{cost}/{field}")) / divisor).to_string();
        let mut row = vec![name.to_owned()];
        row.extend(["p50", "p90", "p99", "max", "budget"].map(figure));
        table.add_row(row);
    };
    row("fuel", "fuel", 1);
    row("time [µs]", "time_ns", 1_000);
    lines.push(trimmed(&table));
    lines.push(format!(
        "logs: {} lines, {} of {} bytes, {} lines dropped",
        part("/logs/lines"),
        part("/logs/bytes"),
        part("/logs/budget_bytes"),
        part("/logs/dropped")
    ));
    for limit in items(night, "/held_back") {
        let (name, last) = (text(limit, "/limit"), minute(&text(limit, "/last_seen")));
        lines.push(format!("{name} held alerts back, last at {last} UTC"));
    }
    lines.join("\n")
}

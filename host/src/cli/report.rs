//! What a replay says in the end: a table for people, one JSON object for programs.
//!
//! In: counts by filter. Out: text. Never: judging.

use std::fmt::Write;

use comfy_table::{Table, presets};
use indicatif::ProgressStyle;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::evaluate::Verdict;
use crate::judge::{Judgement, Verdicts};

/// The figures of a replay.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub packets: u64,
    pub bytes: u64,
    pub alerts: u64,
    pub damaged: u64,
    /// Why, and how many packets: the first reasons.
    pub damages: Vec<Damages>,
    pub elapsed_s: f64,
    pub filters: Vec<FilterLine>,
}

/// Packets that are damaged in one way.
#[derive(Debug, Serialize)]
pub(super) struct Damages {
    pub reason: String,
    pub packets: u64,
}

/// The figures of one filter.
#[derive(Debug, Serialize)]
pub(super) struct FilterLine {
    pub filter: String,
    pub title: String,
    pub sha256: String,
    pub evaluated: u64,
    pub passed: u64,
    /// In the order of the cuts.
    pub rejected: Vec<Cut>,
    /// By kind of failure.
    pub failed: Map<String, Value>,
    /// Not handed over: a required field is missing.
    pub lacking: u64,
    /// Mean over the batches.
    pub fuel_per_alert: f64,
    pub us_per_alert: f64,
    /// What seems wrong with its fields, against the schemas of the packets.
    pub notes: Vec<String>,
    #[serde(flatten)]
    pub examples: Examples,
}

/// What an author wants to see of single alerts: the first failures and log lines.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Examples {
    pub failures: Vec<Value>,
    pub logs: Vec<Value>,
}

/// How many of each are kept.
const EXAMPLES: usize = 20;

impl Examples {
    /// Keep what `said` has of them.
    pub(super) fn add(&mut self, judgement: &Judgement, said: &Verdicts) {
        let alert_of = |row: u32| judgement.alerts[row as usize].identity.alert_id.clone();
        for (row, verdict) in said.rows.iter().zip(&said.evaluation.verdicts) {
            if let (Verdict::Fail(fault), true) = (verdict, self.failures.len() < EXAMPLES) {
                let (alert_id, kind) = (alert_of(*row), fault.kind.as_str());
                let message = &fault.message;
                self.failures
                    .push(json!({"alert_id": alert_id, "kind": kind, "message": message}));
            }
        }
        for line in said
            .evaluation
            .logs
            .iter()
            .take(EXAMPLES - self.logs.len().min(EXAMPLES))
        {
            let alert_id = line.row.map(alert_of);
            let (level, message) = (line.level, &line.message);
            self.logs
                .push(json!({"alert_id": alert_id, "level": level, "message": message}));
        }
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        for (title, lines) in [
            ("first failures", &self.failures),
            ("first log lines", &self.logs),
        ] {
            if !lines.is_empty() {
                _ = writeln!(text, "{title}:");
            }
            for line in lines {
                let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
                let kind = if line["kind"].is_string() {
                    word("kind")
                } else {
                    word("level")
                };
                _ = writeln!(text, "  {} {kind}: {}", word("alert_id"), word("message"));
            }
        }
        text
    }
}

/// One row of the cut-flow.
#[derive(Debug, Serialize)]
pub(super) struct Cut {
    pub reason: String,
    pub summary: String,
    pub rejected: u64,
    pub remaining: u64,
}

impl Report {
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("figures and texts have a JSON form")
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{} packets ({:.1} MB), {} alerts, {} damaged, {:.2} s\n",
            self.packets,
            self.bytes as f64 / 1e6,
            self.alerts,
            self.damaged,
            self.elapsed_s
        );
        for damages in &self.damages {
            _ = writeln!(text, "  {} damaged: {}", damages.packets, damages.reason);
        }
        for line in &self.filters {
            for note in &line.notes {
                _ = writeln!(text, "note on {}: {note}", line.filter);
            }
        }
        let mut totals = Table::new();
        totals.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        totals.set_header([
            "filter",
            "evaluated",
            "passed",
            "rejected",
            "failed",
            "lacking",
            "fuel/alert",
            "µs/alert",
        ]);
        for line in &self.filters {
            totals.add_row(line.cells());
        }
        _ = writeln!(text, "{totals}");
        for line in &self.filters {
            _ = writeln!(
                text,
                "\n{}: {}\n{}\n{}",
                line.filter,
                line.title,
                line.cut_flow(),
                line.examples.lines()
            );
        }
        text
    }
}

impl FilterLine {
    fn cells(&self) -> [String; 8] {
        let rejected: u64 = self.rejected.iter().map(|cut| cut.rejected).sum();
        let failed: u64 = self.failed.values().filter_map(Value::as_u64).sum();
        [
            self.filter.clone(),
            self.evaluated.to_string(),
            self.passed.to_string(),
            rejected.to_string(),
            failed.to_string(),
            self.lacking.to_string(),
            format!("{:.0}", self.fuel_per_alert),
            format!("{:.2}", self.us_per_alert),
        ]
    }

    fn cut_flow(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
        table.set_header(["cut", "rejected", "remaining"]);
        for (kind, count) in &self.failed {
            table.add_row([
                format!("(failed: {kind})"),
                count.to_string(),
                String::new(),
            ]);
        }
        for cut in &self.rejected {
            table.add_row([
                cut.summary.clone(),
                cut.rejected.to_string(),
                cut.remaining.to_string(),
            ]);
        }
        table.add_row(["passed".to_owned(), String::new(), self.passed.to_string()]);
        table
    }
}

pub(super) fn progress_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} [{elapsed}]").expect("the template is constant")
}

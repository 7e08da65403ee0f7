//! What a replay says in the end: a table for people, one JSON object for programs.
//!
//! In: counts by filter. Out: text. Never: judging.

use std::fmt::Write;

use comfy_table::{Table, presets};
use indicatif::ProgressStyle;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::delivery::AnnotationValue;
use crate::evaluate::Verdict;
use crate::judge::{Judgement, Verdicts};
use crate::source::Packet;

/// The reason of an alert that lacks a field which the filter requires (code 200 of the contract).
const LACKING: &str = "lacks_a_required_field";

/// The figures of a replay.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub packets: u64,
    pub bytes: u64,
    pub alerts: u64,
    pub damaged: u64,
    pub elapsed_s: f64,
    pub filters: Vec<FilterLine>,
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
                "\n{}: {}\n{}",
                line.filter,
                line.title,
                line.cut_flow()
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

/// One line for each damaged packet and for each alert and filter.
pub(super) fn verdict_lines(packets: &[Packet], judgement: &Judgement) -> Vec<Value> {
    let damages = judgement.damages.iter().map(|damage| {
        let mut line = place(
            &packets[damage.origin.packet as usize],
            damage.origin.record,
        );
        line.insert("error".to_owned(), damage.error.to_string().into());
        Value::Object(line)
    });
    let verdicts = judgement.verdicts.iter();
    damages
        .chain(verdicts.flat_map(|said| filter_lines(packets, judgement, said)))
        .collect()
}

fn filter_lines(packets: &[Packet], judgement: &Judgement, said: &Verdicts) -> Vec<Value> {
    let fuels = said.fuels.iter();
    let mut judged = said
        .rows
        .iter()
        .zip(&said.evaluation.verdicts)
        .zip(fuels)
        .peekable();
    let line = |(row, alert): (u32, &crate::judge::Alert)| {
        let mut line = place(&packets[alert.packet], alert.record);
        line.insert(
            "alert_id".to_owned(),
            alert.identity.alert_id.clone().into(),
        );
        line.insert(
            "object_id".to_owned(),
            alert.identity.object_id.clone().into(),
        );
        line.insert(
            "filter".to_owned(),
            said.filter.destination.filter.clone().into(),
        );
        let verdict = judged.next_if(|((judged, _), _)| **judged == row);
        add_verdict(
            &mut line,
            said,
            verdict.map(|((_, verdict), fuel)| (verdict, *fuel)),
        );
        Value::Object(line)
    };
    (0_u32..).zip(&judgement.alerts).map(line).collect()
}

fn place(packet: &Packet, record: u32) -> Map<String, Value> {
    let position = &packet.position;
    Map::from_iter([
        (
            "file".to_owned(),
            position.partition.topic.to_string().into(),
        ),
        ("packet".to_owned(), position.offset.into()),
        ("record".to_owned(), record.into()),
    ])
}

fn add_verdict(line: &mut Map<String, Value>, said: &Verdicts, verdict: Option<(&Verdict, u64)>) {
    let filter = &said.filter;
    let named = |annotations: &[(u32, AnnotationValue)]| -> Value {
        let named = filter.name_annotations(annotations.to_vec());
        named
            .into_iter()
            .map(|(name, value)| (name.to_string(), json!(value)))
            .collect::<Map<_, _>>()
            .into()
    };
    let (word, reason, annotations) = match verdict {
        None => ("reject", LACKING.into(), json!({})),
        Some((Verdict::Pass(annotations), _)) => ("pass", Value::Null, named(annotations)),
        Some((Verdict::Reject { code, annotations }, _)) => (
            "reject",
            filter.destination.reason(*code).into(),
            named(annotations),
        ),
        Some((Verdict::Fail(fault), _)) => {
            line.insert("message".to_owned(), fault.message.clone().into());
            ("fail", fault.kind.as_str().into(), json!({}))
        }
    };
    line.insert("verdict".to_owned(), word.into());
    line.insert("reason".to_owned(), reason);
    line.insert("annotations".to_owned(), annotations);
    line.insert(
        "fuel".to_owned(),
        verdict.map_or(0, |(_, fuel)| fuel).into(),
    );
}

pub(super) fn progress_style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} [{elapsed}]").expect("the template is constant")
}

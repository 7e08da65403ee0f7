//! What evaluating gives: one verdict per alert, and what it cost.
//!
//! In: nothing; these are the words. Out: the words. Never: how they came about.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An annotation's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AnnotationValue {
    /// Truth value.
    Boolean(bool),
    /// Integer.
    Int64(i64),
    /// Finite number.
    Float64(f64),
    /// Text.
    Utf8(String),
}

/// Index into `Description::annotations`, and the value.
pub type Annotation = (u32, AnnotationValue);

/// What a filter says of one alert.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// The alert passes.
    Pass(Vec<Annotation>),
    /// The alert is rejected.
    Reject {
        /// From 1; the reason is `Description::reasons[code - 1]`.
        code: u8,
        /// What the filter attached all the same.
        annotations: Vec<Annotation>,
    },
    /// The filter failed on this alert.
    Fail(Fault),
}

/// Why there is no verdict on an alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The kind, under which failures are counted.
    pub kind: FaultKind,
    /// For the owner; at most 1 KiB on one line.
    pub message: String,
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The program broke off: a panic, an access out of bounds, too deep a recursion.
    Trap,
    /// More than the fuel of one alert.
    Fuel,
    /// More than the wall-clock guard; twice, the second time alone.
    Deadline,
    /// It broke off after it was refused memory.
    Memory,
    /// The answer breaks the rules of the world.
    Malformed,
    /// The filter itself said that it could not judge (code 255).
    NotJudged,
}

impl FaultKind {
    /// Every kind, in the order of reports.
    pub const ALL: [FaultKind; 6] = [
        FaultKind::Trap,
        FaultKind::Fuel,
        FaultKind::Deadline,
        FaultKind::Memory,
        FaultKind::Malformed,
        FaultKind::NotJudged,
    ];

    /// As it is counted and written: `trap`, `fuel`, `deadline`, `memory`, `malformed`, `not_judged`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::Trap => "trap",
            FaultKind::Fuel => "fuel",
            FaultKind::Deadline => "deadline",
            FaultKind::Memory => "memory",
            FaultKind::Malformed => "malformed",
            FaultKind::NotJudged => "not_judged",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How much a log line matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// For the author at work.
    Debug,
    /// For the record.
    Info,
    /// Something is odd.
    Warning,
    /// Something is wrong.
    Error,
}

/// One line that a filter wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// The row of the caller's columns that it is about.
    pub row: Option<u32>,
    /// At most 1 KiB on one line.
    pub message: String,
}

/// The answer to `Program::evaluate`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evaluation {
    /// One per chosen row, in their order.
    pub verdicts: Vec<Verdict>,
    /// Fuel spent, repetitions included; of a batch of one that needed none, the alert's own.
    pub fuel: u64,
    /// Time spent [ns].
    pub elapsed_ns: u64,
    /// Calls into the filter: 1, or more where the batch was cut or halved.
    pub runs: u32,
    /// Lines of the runs whose verdicts count.
    pub logs: Vec<LogLine>,
    /// Lines beyond the bound.
    pub dropped_logs: u64,
}

impl Evaluation {
    /// Append what other rows of the same alerts gave.
    pub fn append(&mut self, other: Evaluation) {
        self.verdicts.extend(other.verdicts);
        self.fuel += other.fuel;
        self.elapsed_ns += other.elapsed_ns;
        self.runs += other.runs;
        self.logs.extend(other.logs);
        self.dropped_logs += other.dropped_logs;
    }
}

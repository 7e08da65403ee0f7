//! What is to be kept of the alerts that were judged: the words.
//!
//! In: nothing; these are the words. Out: the words. Never: how they came about.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::evaluate::LogLevel;
use crate::histogram::Histogram;
use crate::source::Position;

/// What there is to keep of one setting.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettingNotes {
    /// Number of its version.
    pub version: i64,
    /// The last alert that it judged.
    pub last: Option<LastAlert>,
    /// What its alerts cost, by night.
    pub costs: BTreeMap<Arc<str>, Costs>,
    /// What it logged, in order.
    pub lines: Vec<Line>,
    /// Lines that were not kept, by night.
    pub dropped_lines: BTreeMap<Arc<str>, u64>,
    /// Alerts that it failed on, by cause.
    pub causes: HashMap<Cause, Failed>,
}

impl SettingNotes {
    /// Whether it neither logged nor failed.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.lines.is_empty() && self.dropped_lines.is_empty() && self.causes.is_empty()
    }
}

/// By the number of the setting.
pub type Notes = BTreeMap<i64, SettingNotes>;

/// The last alert that a filter judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastAlert {
    /// When [ms since the Unix epoch].
    pub at_ms: i64,
    /// The alert's own id.
    pub alert_id: String,
    /// Object of the alert.
    pub object_id: String,
    /// Observing night.
    pub night: String,
}

/// What alerts cost: each counts with the mean of the batch that it was judged in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Costs {
    /// Fuel.
    pub fuel: Histogram,
    /// Time in the sandbox [ns].
    pub time_ns: Histogram,
}

/// A line that a filter logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When [ms since the Unix epoch].
    pub at_ms: i64,
    /// Observing night of the alert that it is about; of its batch, where it names none.
    pub night: Arc<str>,
    /// How much it matters.
    pub level: LogLevel,
    /// The alert that it is about; empty where it names none.
    pub alert_id: String,
    /// At most 1 KiB on one line.
    pub message: String,
}

/// What failures have in common, beside the version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// `trap`, `fuel`, `deadline`, `memory`, `malformed` or `not_judged`.
    pub kind: &'static str,
    /// The message without what differs from alert to alert.
    pub place: String,
}

impl Cause {
    /// All those of a kind that there was no room to tell apart.
    #[must_use]
    pub fn others(kind: &'static str) -> Self {
        Self {
            kind,
            place: "(others)".to_owned(),
        }
    }
}

/// Alerts that a filter failed on for one cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// How many, by night.
    pub nights: BTreeMap<Arc<str>, u64>,
    /// When the first of them was judged [ms since the Unix epoch].
    pub first_ms: i64,
    /// When the last of them was.
    pub last_ms: i64,
    /// The first of them.
    pub example: Example,
}

/// An alert that a filter failed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// What was said.
    pub message: String,
    /// The alert's own id.
    pub alert_id: String,
    /// Object of the alert.
    pub object_id: String,
    /// Observing night.
    pub night: Arc<str>,
    /// Where its packet stands.
    pub position: Position,
    /// Index of the record within it.
    pub record: u32,
    /// The packet; none where the cause is known already.
    pub packet: Option<Arc<[u8]>>,
}

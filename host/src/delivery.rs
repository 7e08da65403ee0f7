//! What a worker hands to its sink, as one value: the [`Delivery`].
//!
//! In: what [`crate::route`] made of verdicts. Out: the same, added up over several batches.
//! Never: IO, time, the registry.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::evaluate::AnnotationValue;
use crate::payload::Payload;
use crate::source::{Packet, Partition, Position};

/// Identity and destination of one active setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Number of the setting: (filter version, parameters, payload), immutable.
    pub setting: i64,
    /// Owner's name.
    pub owner: String,
    /// Filter's name, unique per owner.
    pub filter: String,
    /// Number of the filter version.
    pub version: i64,
    /// Output topic (archive: folder) of the filter.
    pub topic: String,
    /// What goes out of a passing alert.
    pub payload: Payload,
    /// Names of the declared reasons, in order; reason of code n is `reasons[n - 1]`.
    pub reasons: Vec<String>,
    /// What may go out.
    pub limits: OutputLimits,
}

/// What a filter may send out. `u64::MAX`: as much as it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// Alerts per night.
    pub alerts_per_night: u64,
    /// Bytes of payload per night.
    pub bytes_per_night: u64,
    /// Time in the sandbox per night [ms]; what comes later that night is not evaluated.
    pub cpu_ms_per_night: u64,
    /// Of so many alerts ...
    pub gate_alerts: u64,
    /// ... at most so many may go out.
    pub gate_passing: u64,
}

impl OutputLimits {
    /// No limits at all: a replay, a back-test.
    pub const NONE: Self = Self {
        alerts_per_night: u64::MAX,
        bytes_per_night: u64::MAX,
        cpu_ms_per_night: u64::MAX,
        gate_alerts: 0,
        gate_passing: u64::MAX,
    };

    /// Whether less than everything may pass.
    #[must_use]
    pub const fn has_gate(&self) -> bool {
        self.gate_passing < self.gate_alerts
    }
}

/// One passing alert of one filter.
#[derive(Debug, Clone)]
pub struct Output {
    /// Which filter, which setting.
    pub destination: Arc<Destination>,
    /// The bytes that go out: the packet as it came; of a container of several records, a container
    /// of the same header with this record alone; or less, where the setting says so.
    pub payload: Arc<[u8]>,
    /// What the payload is: `packet`, `without_cutouts`, `fields` or `reference`.
    pub holds: &'static str,
    /// Where it came from.
    pub position: Position,
    /// Index of the record within its packet.
    pub record: u32,
    /// The packet's broker timestamp [ms since the Unix epoch].
    pub timestamp_ms: Option<i64>,
    /// Kafka key and archive member name part.
    pub object_id: String,
    /// The alert's own id.
    pub alert_id: String,
    /// Observing night, `YYYY-MM-DD`: the local date of the evening; `unknown` without a time.
    pub night: Arc<str>,
    /// The programme that it belongs to, where the stream has programmes.
    pub programme: Option<i64>,
    /// Declared name and value, in the order of declaration.
    pub annotations: Vec<(Arc<str>, AnnotationValue)>,
}

/// A packet that could not be decoded.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// As it came.
    pub packet: Packet,
    /// First record that could not be read.
    pub record: u32,
    /// What is wrong and where.
    pub reason: String,
}

/// An alert that a filter failed on, or that passed and was withheld.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which filter, which setting.
    pub destination: Arc<Destination>,
    /// Where the alert stands.
    pub position: Position,
    /// Index of the record within its packet.
    pub record: u32,
    /// The alert's own id.
    pub alert_id: String,
    /// Object of the alert.
    pub object_id: String,
    /// Observing night.
    pub night: Arc<str>,
    /// The programme that it belongs to, where the stream has programmes.
    pub programme: Option<i64>,
    /// `trap`, `fuel`, `deadline`, `memory`, `malformed` or `not_judged`; where it was withheld, the
    /// limit.
    pub kind: &'static str,
    /// For the owner.
    pub message: String,
}

/// What one setting did to the alerts of one night: the cut-flow. Adds up.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counts {
    /// Alerts handed to the filter: passed + rejected + failed.
    pub evaluated: u64,
    /// Alerts that passed: those that went out and those that were withheld.
    pub passed: u64,
    /// Of those that passed, what was withheld, by the limit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub withheld: BTreeMap<String, u64>,
    /// Bytes of payload that went out.
    #[serde(default)]
    pub bytes_out: u64,
    /// Not handed over, although nothing is missing: the night's time in the sandbox is used up.
    #[serde(default)]
    pub skipped: u64,
    /// By the name of the reason.
    pub rejected: BTreeMap<String, u64>,
    /// By the kind of failure.
    pub failed: BTreeMap<String, u64>,
    /// Not handed over, a required field is missing (code 200).
    pub lacking: u64,
    /// Fuel spent.
    pub fuel: u64,
    /// Time spent in the sandbox [ns].
    pub elapsed_ns: u64,
}

/// Counts are kept by setting and night.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct CountKey {
    /// Number of the setting.
    pub setting: i64,
    /// Observing night.
    pub night: String,
}

/// How many alerts of a night a filter judged, and in what time.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Which filter, which setting.
    pub destination: Arc<Destination>,
    /// Observing night.
    pub night: Arc<str>,
    /// Alerts of its owner's rights, those that lack a required field included.
    pub alerts: u64,
    /// Time in the sandbox [ns].
    pub elapsed_ns: u64,
}

/// What a worker hands to its sink: everything that follows from a run of packets, as one value.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Passing alerts.
    pub outputs: Vec<Output>,
    /// Packets that could not be decoded.
    pub dead_letters: Vec<DeadLetter>,
    /// Alerts that a filter failed on.
    pub failures: Vec<Failure>,
    /// Alerts that passed and may not go out.
    pub withheld: Vec<Failure>,
    /// What each filter judged, for its limits; used up before the delivery is committed.
    pub judged: Vec<Judged>,
    /// Per setting and night.
    pub counts: BTreeMap<CountKey, Counts>,
    /// Packets per partition: first offset and the next one to read.
    pub positions: BTreeMap<Partition, (i64, i64)>,
    /// Packets, whatever became of them.
    pub packets: u64,
    /// Records that were decoded.
    pub alerts: u64,
    /// Generation of the active set that judged last.
    pub generation: i64,
}

impl Delivery {
    /// Append what followed from later packets.
    pub fn append(&mut self, later: Self) {
        self.outputs.extend(later.outputs);
        self.dead_letters.extend(later.dead_letters);
        self.failures.extend(later.failures);
        self.withheld.extend(later.withheld);
        for (key, counts) in later.counts {
            self.counts.entry(key).or_default().add(&counts);
        }
        for (partition, (first, next)) in later.positions {
            self.positions.entry(partition).or_insert((first, next)).1 = next;
        }
        self.packets += later.packets;
        self.alerts += later.alerts;
        self.generation = later.generation;
    }

    /// Bytes that it holds on to.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        let outputs: usize = self.outputs.iter().map(|output| output.payload.len()).sum();
        let letters: usize = self
            .dead_letters
            .iter()
            .map(|dead| dead.packet.bytes.len())
            .sum();
        outputs + letters
    }
}

impl Counts {
    /// Add what another run counted under the same key.
    pub fn add(&mut self, other: &Self) {
        // A damaged log must not stop the folding.
        for (into, from) in [
            (&mut self.evaluated, other.evaluated),
            (&mut self.passed, other.passed),
            (&mut self.bytes_out, other.bytes_out),
            (&mut self.skipped, other.skipped),
            (&mut self.lacking, other.lacking),
            (&mut self.fuel, other.fuel),
            (&mut self.elapsed_ns, other.elapsed_ns),
        ] {
            *into = into.saturating_add(from);
        }
        for (into, from) in [
            (&mut self.rejected, &other.rejected),
            (&mut self.failed, &other.failed),
            (&mut self.withheld, &other.withheld),
        ] {
            for (name, count) in from {
                let sum = into.entry(name.clone()).or_default();
                *sum = sum.saturating_add(*count);
            }
        }
    }

    /// Alerts within the owner's rights that have every required field.
    #[must_use]
    pub fn eligible(&self) -> u64 {
        self.evaluated + self.skipped
    }

    /// Passing alerts that went out.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.passed.saturating_sub(self.withheld.values().sum())
    }
}

impl Destination {
    /// Where a night of it is counted.
    #[must_use]
    pub fn key(&self, night: &str) -> CountKey {
        CountKey {
            setting: self.setting,
            night: night.to_owned(),
        }
    }

    /// The name of the reason behind a code from 1 to 199.
    #[must_use]
    pub fn reason(&self, code: u8) -> &str {
        let index = usize::from(code).wrapping_sub(1);
        self.reasons.get(index).map_or("undeclared", String::as_str)
    }
}

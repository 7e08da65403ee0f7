//! What a back-test has found so far: bounded, and good to be saved and gone on with.
//!
//! In: deliveries, as the live stream would make them. Out: a [`Report`] at the end. Never: a figure
//! that depends on when it was saved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::nights::ChosenNights;
use super::report::{
    AlertName, Cut, DifferenceReport, FailedAlert, FailureReport, NightReport, PassingAlert, Report,
};
use crate::delivery::{AnnotationValue, Counts, Delivery, Failure, Output};
use crate::evaluate::{Reason, for_people};
use crate::gate::Tested;
use crate::histogram::Histogram;
use crate::judge::Alert;
use crate::source::{Packet, Position};

/// Passing alerts that are listed.
const PASSING: usize = 100;
/// Failures of one kind that are listed.
const EXAMPLES: usize = 5;
/// Nights that are counted apart, and the name of the rest.
const NIGHTS: usize = 400;
const OTHER_NIGHTS: &str = "others";
/// Texts of alerts and of annotations that are kept [bytes].
const TEXT_BYTES: usize = 200;

/// Sums and examples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    packets: u64,
    damaged: u64,
    nights: BTreeMap<String, Counts>,
    pub(super) fuel: Histogram,
    pub(super) time_ns: Histogram,
    failures: BTreeMap<String, FailureReport>,
    passing: Vec<PassingAlert>,
    pub(super) difference: Option<DifferenceReport>,
}

impl Tally {
    /// Of a setting that is compared with `against`.
    pub(super) fn new(against: Option<i64>) -> Self {
        Self {
            difference: against.map(|setting| DifferenceReport {
                setting,
                ..DifferenceReport::default()
            }),
            ..Self::default()
        }
    }

    /// Add what `setting` did, in the chosen nights alone.
    pub(super) fn add(&mut self, delivery: Delivery, setting: i64, nights: Option<&ChosenNights>) {
        let chosen = |night: &str| nights.is_none_or(|nights| nights.holds(night));
        self.packets += delivery.packets;
        self.damaged += delivery.dead_letters.len() as u64;
        for (key, counts) in delivery.counts {
            if key.setting == setting && chosen(&key.night) {
                self.night(key.night).add(&counts);
            }
        }
        for output in delivery.outputs {
            if self.passing.len() >= PASSING {
                break;
            }
            if output.destination.setting == setting && chosen(&output.night) {
                self.passing.push(PassingAlert::of(&output));
            }
        }
        for failure in delivery.failures {
            if failure.destination.setting == setting && chosen(&failure.night) {
                let of_kind = self.failures.entry(failure.kind.to_owned()).or_default();
                of_kind.alerts += 1;
                if of_kind.examples.len() < EXAMPLES {
                    of_kind.examples.push(FailedAlert::of(&failure));
                }
            }
        }
    }

    fn night(&mut self, night: String) -> &mut Counts {
        let known = self.nights.contains_key(&night) || self.nights.len() < NIGHTS;
        let name = if known {
            night
        } else {
            OTHER_NIGHTS.to_owned()
        };
        self.nights.entry(name).or_default()
    }

    /// Alerts judged and passed.
    pub(super) fn tested(&self) -> Tested {
        let sum = |of: fn(&Counts) -> u64| self.nights.values().map(of).sum();
        Tested {
            alerts: sum(|counts| counts.evaluated + counts.lacking),
            passed: sum(|counts| counts.passed),
        }
    }

    /// As its owner reads it; `reasons` are the declared ones.
    pub(super) fn report(&self, reasons: &[Reason]) -> Report {
        let tested = self.tested();
        let night = |(name, counts): (&String, &Counts)| NightReport::of(name, counts, reasons);
        Report {
            packets: self.packets,
            damaged: self.damaged,
            alerts: tested.alerts,
            passed: tested.passed,
            pass_percent: tested.percent(),
            nights: self.nights.iter().map(night).collect(),
            fuel: self.fuel.distribution(),
            time_ns: self.time_ns.distribution(),
            failures: self.failures.clone(),
            passing: self.passing.clone(),
            difference: self.difference.clone(),
        }
    }
}

impl NightReport {
    fn of(name: &str, counts: &Counts, reasons: &[Reason]) -> Self {
        let failed: u64 = counts.failed.values().sum();
        let mut remaining = counts.evaluated.saturating_sub(failed);
        let cut = |reason: &Reason| {
            let alerts = counts.rejected.get(&reason.name).copied().unwrap_or(0);
            remaining = remaining.saturating_sub(alerts);
            Cut {
                reason: reason.name.clone(),
                summary: reason.summary.clone(),
                alerts,
                remaining,
            }
        };
        Self {
            night: name.to_owned(),
            lacking: counts.lacking,
            evaluated: counts.evaluated,
            failed: counts.failed.clone(),
            rejected: reasons.iter().map(cut).collect(),
            passed: counts.passed,
            fuel_per_alert: counts.fuel.checked_div(counts.evaluated).unwrap_or(0),
            ns_per_alert: counts.elapsed_ns.checked_div(counts.evaluated).unwrap_or(0),
        }
    }
}

impl AlertName {
    fn new(position: &Position, record: u32, [object_id, alert_id, night]: [&str; 3]) -> Self {
        Self {
            object_id: for_people(object_id, TEXT_BYTES),
            alert_id: for_people(alert_id, TEXT_BYTES),
            night: night.to_owned(),
            topic: position.partition.topic.to_string(),
            partition: position.partition.index,
            offset: position.offset,
            record,
        }
    }

    pub(super) fn of(packets: &[Packet], alert: &Alert) -> Self {
        let names = &alert.identity;
        let names = [&*names.object_id, &*names.alert_id, &*names.night];
        Self::new(&packets[alert.packet].position, alert.record, names)
    }
}

impl PassingAlert {
    fn of(output: &Output) -> Self {
        let names = [&*output.object_id, &*output.alert_id, &*output.night];
        let value = |value: &AnnotationValue| match value {
            AnnotationValue::Utf8(text) => json!(for_people(text, TEXT_BYTES)),
            other => json!(other),
        };
        let annotations = output.annotations.iter();
        let annotations: Map<_, _> = annotations
            .map(|(name, shown)| (name.to_string(), value(shown)))
            .collect();
        Self {
            alert: AlertName::new(&output.position, output.record, names),
            annotations,
        }
    }
}

impl FailedAlert {
    fn of(failure: &Failure) -> Self {
        let names = [&*failure.object_id, &*failure.alert_id, &*failure.night];
        Self {
            alert: AlertName::new(&failure.position, failure.record, names),
            message: failure.message.clone(),
        }
    }
}

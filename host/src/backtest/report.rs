//! What a back-test found, as its owner reads it.
//!
//! In: nothing; these are the words. Out: the words. Never: a list without a bound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::histogram::Distribution;

/// What a back-test found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Report {
    /// Packets that were read and chosen.
    pub packets: u64,
    /// Packets of them that could not be decoded.
    pub damaged: u64,
    /// Alerts of the stream within its owner's rights: `evaluated` and `lacking` of all nights.
    pub alerts: u64,
    /// Alerts that passed.
    pub passed: u64,
    /// Part of `alerts` that passed [%]: what the gate asks for.
    pub pass_percent: f64,
    /// By night, the earliest first.
    pub nights: Vec<NightReport>,
    /// Fuel of one alert, of a sample of about one in 32.
    pub fuel: Distribution,
    /// Time of one alert, its sandbox included [ns], of the same sample.
    pub time_ns: Distribution,
    /// Failures by kind.
    pub failures: BTreeMap<String, FailureReport>,
    /// The first alerts that passed, at most a hundred.
    pub passing: Vec<PassingAlert>,
    /// What differs from the active setting, where there is another.
    pub difference: Option<DifferenceReport>,
}

/// The cut-flow of one night.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NightReport {
    /// The local date of its evening; `unknown`; `others` sums up the nights beyond the 400th.
    pub night: String,
    /// Alerts that lack a required field.
    pub lacking: u64,
    /// Alerts handed to the filter.
    pub evaluated: u64,
    /// Alerts that the filter failed on, by kind.
    pub failed: BTreeMap<String, u64>,
    /// The cuts in their order, those that removed nothing included.
    pub rejected: Vec<Cut>,
    /// Alerts that passed.
    pub passed: u64,
    /// Mean fuel of an alert among its batch mates.
    pub fuel_per_alert: u64,
    /// Mean time of an alert among its batch mates [ns].
    pub ns_per_alert: u64,
}

/// One cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Cut {
    /// Name of the declared reason.
    pub reason: String,
    /// What it means.
    pub summary: String,
    /// Alerts that it removed.
    pub alerts: u64,
    /// Alerts that were left behind it.
    pub remaining: u64,
}

/// An alert by its names and its place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertName {
    /// Of the object on the sky.
    pub object_id: String,
    /// Of the alert.
    pub alert_id: String,
    /// Observing night.
    pub night: String,
    /// Topic, or file of the archive.
    pub topic: String,
    /// Partition of the topic; 0 in an archive.
    pub partition: i32,
    /// Offset, or number of the packet within its file.
    pub offset: i64,
    /// Index of the alert within its packet.
    pub record: u32,
}

/// An alert that passed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PassingAlert {
    /// Which one.
    #[serde(flatten)]
    pub alert: AlertName,
    /// What the filter attached; texts are cut.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    pub annotations: Map<String, Value>,
}

/// Failures of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FailureReport {
    /// How many alerts.
    pub alerts: u64,
    /// The first ones.
    pub examples: Vec<FailedAlert>,
}

/// An alert that the filter failed on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FailedAlert {
    /// Which one.
    #[serde(flatten)]
    pub alert: AlertName,
    /// What happened.
    pub message: String,
}

/// What would change if the tested setting took the place of the active one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DifferenceReport {
    /// The setting it is compared with.
    pub setting: i64,
    /// Alerts that pass both.
    pub both: u64,
    /// Alerts that pass the tested setting alone.
    pub gained: u64,
    /// Alerts that pass the other setting alone.
    pub lost: u64,
    /// The first ones gained, at most a hundred, with what the other setting says of each.
    pub gained_alerts: Vec<ChangedAlert>,
    /// The first ones lost, at most a hundred, with what the tested setting says of each.
    pub lost_alerts: Vec<ChangedAlert>,
}

/// An alert that passes one setting and not the other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChangedAlert {
    /// Which one.
    #[serde(flatten)]
    pub alert: AlertName,
    /// What the setting that does not pass it says: `rejected: <reason>`, `failed: <kind>`, or
    /// `lacking`.
    pub because: String,
}

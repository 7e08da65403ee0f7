//! How a filter is doing, as clients see it.
//!
//! In: figures. Out: a document. Never: a look at the registry.

use serde::Serialize;
use utoipa::ToSchema;

use crate::histogram::Histogram;
use crate::registry::LoggedNight;

/// How a filter is doing.
#[derive(Serialize, ToSchema)]
pub struct Health {
    pub state: HealthState,
    /// Why it is suspended.
    pub reason: Option<String>,
    /// Since when it is so.
    #[schema(format = DateTime)]
    pub since: Option<String>,
    pub setting: Option<i64>,
    pub version: Option<i64>,
    /// Whether this host judges the next alert by it.
    pub live: bool,
    pub last_alert: Option<LastAlert>,
    /// The night of the last alert.
    pub tonight: Option<Tonight>,
}

/// How a filter is.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// No version yet.
    Empty,
    /// Nothing is active.
    Ready,
    /// Active, but this host has not compiled or loaded it yet.
    Compiling,
    /// It judges alerts.
    Active,
    /// The gate holds passing alerts back.
    Throttled,
    /// Its owner paused it.
    Paused,
    /// The host or an administrator stopped it, for a reason.
    Suspended,
    /// Its owner ended it.
    Retired,
    /// Its history can be read.
    Deleted,
}

/// The last alert that a filter judged.
#[derive(Serialize, ToSchema)]
pub struct LastAlert {
    #[schema(format = DateTime)]
    pub time: String,
    pub alert_id: String,
    pub object_id: String,
    pub night: String,
}

/// What a filter did in a night, under all its settings.
#[derive(Serialize, ToSchema)]
pub struct Tonight {
    pub night: String,
    pub lacking: u64,
    pub evaluated: u64,
    pub passed: u64,
    pub rejected: u64,
    pub failed: u64,
    /// Share of the evaluated alerts that it failed on; null before the first is counted.
    pub failure_rate: Option<f64>,
    pub fuel: Cost,
    pub time_ns: Cost,
    pub logs: Logs,
    /// Limits that held back passing alerts, or left alerts out.
    pub held_back: Vec<HeldBack>,
}

/// A limit that a filter met.
#[derive(Serialize, ToSchema)]
pub struct HeldBack {
    /// The quota, or `gate`.
    pub limit: String,
    #[schema(format = DateTime)]
    pub first_seen: String,
    #[schema(format = DateTime)]
    pub last_seen: String,
}

/// What alerts cost; each counts with the mean of the batch that it was judged in.
#[derive(Serialize, ToSchema)]
pub struct Cost {
    /// Of one alert; of a whole batch on the clock.
    pub budget: u64,
    pub alerts: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    pub max: u64,
}

/// What a filter logged.
#[derive(Serialize, ToSchema)]
#[schema(as = LoggedNight)]
pub struct Logs {
    pub budget_bytes: i64,
    pub bytes: u64,
    pub lines: u64,
    /// Lines beyond the budget, or too many at once.
    pub dropped: u64,
}

/// Percentiles against a budget.
#[must_use]
pub fn cost(histogram: &Histogram, budget: u64) -> Cost {
    let found = histogram.distribution();
    Cost {
        budget,
        alerts: found.alerts,
        p50: found.p50,
        p90: found.p90,
        p99: found.p99,
        max: found.max,
    }
}

/// A night's lines against its budget.
#[must_use]
pub fn logs(logged: &LoggedNight, budget_bytes: i64) -> Logs {
    Logs {
        budget_bytes,
        bytes: logged.bytes,
        lines: logged.lines,
        dropped: logged.dropped,
    }
}

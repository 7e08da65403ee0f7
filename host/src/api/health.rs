//! `/v1/filters/{owner}/{name}/health`: how a filter is doing.
//!
//! In: a filter. Out: its state, the last alert it judged, the counts of that night, what its alerts
//! cost against the budget, what it logged. Never: a figure of this host alone, but for `live`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::auth::Held;
use super::error::Problem;
use super::health_view::{Health, HealthState, HeldBack, LastAlert, Tonight, cost, logs};
use super::{Host, time};
use crate::delivery::Counts;
use crate::evaluate;
use crate::registry::{CountsQuery, Filter, Quota, State as Running};

/// Settings of a filter whose counts of one night are added up.
const SETTINGS: i64 = 200;
/// Limits met in the latest nights that are looked at.
const HELD_BACK: i64 = 50;
/// A filter counts as throttled for so long after the gate held something back [ms].
const THROTTLED_MS: i64 = 60_000;

/// Limits that the figures are seen against.
#[derive(Debug, Clone, Copy)]
pub struct Budgets {
    /// Fuel of one alert.
    pub fuel: u64,
    /// Wall-clock guard of one call [ns].
    pub time_ns: u64,
}

impl Budgets {
    /// Those of a host.
    #[must_use]
    pub fn new(sandbox: &evaluate::Settings) -> Self {
        Self {
            fuel: sandbox.fuel_per_alert,
            time_ns: sandbox.deadline_ms.saturating_mul(1_000_000),
        }
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self::new(&evaluate::Settings::default())
    }
}

/// How a filter is doing.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/health", tag = "health", responses((status = OK, body = Health), Held))]
pub async fn health(State(host): State<Arc<Host>>, held: Held) -> Result<Json<Health>, Problem> {
    let filter = &held.filter;
    let active = filter.active.as_ref();
    let live = active.is_some_and(|active| host.is_live(&filter.stream, active.setting));
    let last = host.registry.last_alert(filter.id).await?;
    let tonight = match &last {
        Some(last) => Some(tonight(&host, filter, &last.night).await?),
        None => None,
    };
    Ok(Json(Health {
        state: state(&host, filter, live).await?,
        reason: active
            .map(|active| active.reason.clone())
            .filter(|reason| !reason.is_empty()),
        since: active.map(|active| time(active.since_ms)),
        setting: active.map(|active| active.setting),
        version: active.map(|active| active.version),
        live,
        last_alert: last.map(|last| LastAlert {
            time: time(last.at_ms),
            alert_id: last.alert_id,
            object_id: last.object_id,
            night: last.night,
        }),
        tonight,
    }))
}

/// A filter that is switched on is compiled, or loaded, before it is live.
async fn state(host: &Host, filter: &Filter, live: bool) -> Result<HealthState, Problem> {
    Ok(match &filter.active {
        _ if filter.deleted_ms.is_some() => HealthState::Deleted,
        None if filter.versions > 0 => HealthState::Ready,
        None => HealthState::Empty,
        Some(active) => match active.state {
            Running::Paused => HealthState::Paused,
            Running::Suspended => HealthState::Suspended,
            Running::Retired => HealthState::Retired,
            Running::Active if !live => HealthState::Compiling,
            Running::Active if is_throttled(host, filter).await? => HealthState::Throttled,
            Running::Active => HealthState::Active,
        },
    })
}

/// Whether the gate has held something back just now.
async fn is_throttled(host: &Host, filter: &Filter) -> Result<bool, Problem> {
    let since_ms = jiff::Timestamp::now().as_millisecond() - THROTTLED_MS;
    let met = host.registry.withholdings(filter.id, HELD_BACK).await?;
    Ok(met
        .iter()
        .any(|one| one.quota == "gate" && one.last_ms >= since_ms))
}

async fn held_back(host: &Host, filter: &Filter, night: &str) -> Result<Vec<HeldBack>, Problem> {
    let met = host.registry.withholdings(filter.id, HELD_BACK).await?;
    let of_night = met.into_iter().filter(|one| one.night == night);
    Ok(of_night
        .map(|one| HeldBack {
            limit: one.quota,
            first_seen: time(one.first_ms),
            last_seen: time(one.last_ms),
        })
        .collect())
}

async fn tonight(host: &Host, filter: &Filter, night: &str) -> Result<Tonight, Problem> {
    let query = CountsQuery {
        night: Some(night.to_owned()),
        limit: SETTINGS,
        ..CountsQuery::default()
    };
    let mut counts = Counts::default();
    for one in host.registry.counts(filter.id, &query).await? {
        counts.add(&one.counts);
    }
    let costs = host.registry.costs(filter.id, night).await?;
    let logged = host.registry.logged(filter.id, night).await?;
    let budget_bytes = host
        .registry
        .quota(filter.owner_id, Quota::LogBytesPerNight)
        .await?;
    let fuel = host
        .registry
        .quota(filter.owner_id, Quota::FuelPerAlert)
        .await?;
    let fuel = u64::try_from(fuel).unwrap_or(0);
    let failed: u64 = counts.failed.values().sum();
    let rate = failed as f64 / counts.evaluated as f64;
    Ok(Tonight {
        night: night.to_owned(),
        lacking: counts.lacking,
        evaluated: counts.evaluated,
        passed: counts.passed,
        rejected: counts.rejected.values().sum(),
        failed,
        failure_rate: (counts.evaluated > 0).then_some(rate),
        fuel: cost(&costs.fuel, host.budgets.fuel.min(fuel)),
        time_ns: cost(&costs.time_ns, host.budgets.time_ns),
        logs: logs(&logged, budget_bytes),
        held_back: held_back(host, filter, night).await?,
    })
}

//! `/v1/filters/{owner}/{name}/counts`: the cut-flow per night and setting.
//!
//! In: a night, a setting, or neither. Out: how many alerts each cut removed and how many remained.
//! Never: a count of what was not committed with its outputs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::auth::Held;
use super::error::{Kind, Problem};
use super::extract::Params;
use super::page::Listed;
use super::{Host, page};
use crate::night;
use crate::registry::{CountsQuery, NightCounts};

/// Which counts to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Only this night: the local date of its evening, or `unknown`.
    #[param(example = "2026-11-23")]
    night: Option<String>,
    /// Only this setting.
    setting: Option<i64>,
    /// At most so many items; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// What one setting did to the alerts of one night: `evaluated` = `passed` + all `rejected` + all
/// `failed`.
#[derive(Serialize, ToSchema)]
#[schema(as = NightCounts)]
pub struct NightView {
    /// The local date of its evening, or `unknown`.
    night: String,
    setting: i64,
    version: i64,
    /// Alerts that were never handed to the filter: a field that it requires is missing.
    lacking: u64,
    /// Alerts within the owner's rights that have every required field: evaluated and skipped ones.
    eligible: u64,
    /// Alerts that were not evaluated, for the night's time in the sandbox was used up.
    skipped: u64,
    /// Alerts that the filter was asked about: passed, rejected and failed ones.
    evaluated: u64,
    /// Alerts that it could not judge, by the kind of failure.
    failed: BTreeMap<String, u64>,
    /// In the order in which the filter declared its cuts.
    rejected: Vec<Cut>,
    /// Alerts that passed: delivered and withheld ones.
    passed: u64,
    /// Alerts that went out.
    delivered: u64,
    /// Alerts that passed and did not go out, by the quota, or `gate`.
    withheld: BTreeMap<String, u64>,
    /// Bytes of payload that went out.
    bytes_out: u64,
    /// Mean of the live stream [fuel].
    fuel_per_alert: Option<u64>,
    /// Mean of the live stream [ns].
    ns_per_alert: Option<u64>,
}

/// What one cut did.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct Cut {
    reason: String,
    summary: String,
    /// Alerts that it removed.
    alerts: u64,
    /// Alerts that were left after it.
    remaining: u64,
}

/// Name and summary of a declared reason, in the order of the cuts.
type Reasons = Vec<(String, String)>;

/// The cut-flow per night and setting, latest night first.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/counts", tag = "counts", params(Listing), responses((status = OK, body = Listed<NightView>), Held, Params<Listing>))]
pub async fn list(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Listing>,
) -> Result<Json<Listed<NightView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let query = CountsQuery {
        night: night_of(asked.night)?,
        setting: asked.setting,
        after: after(asked.cursor.as_deref())?,
        limit,
    };
    let nights = host.registry.counts(held.filter.id, &query).await?;
    let versions = nights.iter().map(|night| night.version).collect();
    let descriptions = host
        .registry
        .descriptions(held.filter.id, &versions)
        .await?;
    let declared = |(version, description)| (version, declared(&description));
    let reasons: HashMap<i64, Reasons> = descriptions.into_iter().map(declared).collect();
    let none = Reasons::new();
    let view = |night: &NightCounts| view(night, reasons.get(&night.version).unwrap_or(&none));
    let place = |night: &NightCounts| format!("{} {}", night.night, night.setting);
    Ok(Json(Listed::page(&nights, limit, view, place)))
}

/// A night that a query asks for.
///
/// # Errors
/// Where it is no name of a night.
pub fn night_of(asked: Option<String>) -> Result<Option<String>, Problem> {
    match asked {
        Some(night) if !night::is_name(&night) => {
            let detail = format!("`night` is {night:?}, which is no night");
            Err(Problem::new(Kind::BadRequest, detail)
                .advise("write the local date of its evening, as in 2026-04-01, or `unknown`"))
        }
        asked => Ok(asked),
    }
}

fn after(cursor: Option<&str>) -> Result<Option<(String, i64)>, Problem> {
    let Some(place) = page::place(cursor)? else {
        return Ok(None);
    };
    let parts = place
        .rsplit_once(' ')
        .and_then(|(night, setting)| Some((night.to_owned(), setting.parse().ok()?)));
    parts.map(Some).ok_or_else(page::wrong_cursor)
}

fn declared(description: &Value) -> Reasons {
    let text = |reason: &Value, key: &str| reason[key].as_str().unwrap_or_default().to_owned();
    let reasons = description["reasons"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    reasons
        .iter()
        .map(|reason| (text(reason, "name"), text(reason, "summary")))
        .collect()
}

fn view(night: &NightCounts, reasons: &Reasons) -> NightView {
    let counts = &night.counts;
    let failed: u64 = counts.failed.values().sum();
    let mean = |total: u64| total.checked_div(counts.evaluated);
    let judged = counts.evaluated.saturating_sub(failed);
    NightView {
        night: night.night.clone(),
        setting: night.setting,
        version: night.version,
        lacking: counts.lacking,
        eligible: counts.eligible(),
        skipped: counts.skipped,
        evaluated: counts.evaluated,
        failed: counts.failed.clone(),
        rejected: cut_flow(judged, &counts.rejected, reasons),
        passed: counts.passed,
        delivered: counts.delivered(),
        withheld: counts.withheld.clone(),
        bytes_out: counts.bytes_out,
        fuel_per_alert: mean(counts.fuel),
        ns_per_alert: mean(counts.elapsed_ns),
    }
}

/// Every declared cut in order, those that removed nothing included.
fn cut_flow(judged: u64, rejected: &BTreeMap<String, u64>, reasons: &Reasons) -> Vec<Cut> {
    let mut remaining = judged;
    let undeclared = rejected
        .keys()
        .filter(|name| reasons.iter().all(|(reason, _)| reason != *name))
        .map(|name| (name.clone(), String::new()));
    let rows = reasons.iter().cloned().chain(undeclared);
    rows.map(|(name, summary)| {
        let alerts = rejected.get(&name).copied().unwrap_or_default();
        remaining = remaining.saturating_sub(alerts);
        Cut {
            reason: name,
            summary,
            alerts,
            remaining,
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_cut_flow_stands_in_the_order_of_the_cuts() {
        let reasons = [("z", "first"), ("m", "second"), ("a", "third")];
        let reasons = reasons.map(|(name, summary)| (name.to_owned(), summary.to_owned()));
        let rejected = BTreeMap::from([
            ("a".to_owned(), 3),
            ("z".to_owned(), 5),
            ("old".to_owned(), 1),
        ]);
        let expected = json!([
            {"reason": "z", "summary": "first", "alerts": 5, "remaining": 15},
            {"reason": "m", "summary": "second", "alerts": 0, "remaining": 15},
            {"reason": "a", "summary": "third", "alerts": 3, "remaining": 12},
            {"reason": "old", "summary": "", "alerts": 1, "remaining": 11},
        ]);
        assert_eq!(json!(cut_flow(20, &rejected, &reasons.to_vec())), expected);
    }
}

//! `/v1/filters/{owner}/{name}/gate`: what a setting has to show before it goes live, and where an
//! administrator lifted that.
//!
//! In: a setting; a reason. Out: the gate as it stands for this filter. Never: a lift without a
//! reason, or by somebody else than an administrator.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::nothing;
use super::auth::Held;
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params, check_reason};
use super::{Host, time};
use crate::gate::{Closed, Tested};
use crate::registry::{Evidence, Filter, GateLift};

/// Which setting to look at.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// The setting whose tests to show.
    setting: Option<i64>,
}

/// What lifts a gate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GateLifting)]
pub struct Lifting {
    /// Why; kept for good.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// The gate of one filter.
#[derive(Serialize, ToSchema)]
#[schema(as = Gate)]
pub struct GateView {
    /// Greatest part of the stream's alerts that a setting may pass [%].
    percent: f64,
    /// A test counts from so many alerts on.
    alerts: u64,
    /// The lift in force.
    lifted: Option<LiftView>,
    /// All lifts, newest first, at most 50.
    lifts: Vec<LiftView>,
    /// What is known of the setting that was asked for.
    setting: Option<SettingView>,
}

#[derive(Serialize, ToSchema, Clone)]
#[schema(as = GateLift)]
struct LiftView {
    reason: String,
    /// Name of the administrator.
    by: Option<String>,
    #[schema(format = DateTime)]
    since: String,
    ended_by: Option<String>,
    #[schema(format = DateTime)]
    ended: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GateOfSetting)]
struct SettingView {
    setting: i64,
    may_go_live: bool,
    /// Why not.
    reason: Option<String>,
    backtest: Option<TestView>,
    trial: Option<TestView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GateTest)]
struct TestView {
    /// Of the back-test.
    id: Option<i64>,
    alerts: u64,
    passed: u64,
    pass_percent: f64,
}

/// The gate of a filter: what a setting has to show before it goes live.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/gate", tag = "gate", params(Asked), responses((status = OK, body = GateView), Held, Params<Asked>, is::UnknownStream))]
pub async fn show(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Asked>,
) -> Result<Json<GateView>, Problem> {
    let setting = match asked.setting {
        None => None,
        Some(setting) => {
            let evidence = evidence(&host, &held.filter, setting).await?;
            Some(setting_view(&host, &held.filter, setting, evidence)?)
        }
    };
    view(&host, &held.filter, setting).await
}

/// Lift the gate for this filter, for a reason that is kept. Administrators alone.
#[utoipa::path(put, path = "/v1/filters/{owner}/{name}/gate", tag = "gate", request_body = Lifting, responses((status = OK, body = GateView), Held, Body<Lifting>, is::FilterDeleted, is::UnknownStream))]
pub async fn lift(
    State(host): State<Arc<Host>>,
    held: Held,
    Body(asked): Body<Lifting>,
) -> Result<Json<GateView>, Problem> {
    refuse_others(&held)?;
    let reason = asked.reason.trim();
    check_reason(reason)?;
    let by = held.by();
    host.registry.lift_gate(held.filter.id, &by, reason).await?;
    view(&host, &held.filter, None).await
}

/// End the lift of the gate. What is live stays live. Administrators alone.
#[utoipa::path(delete, path = "/v1/filters/{owner}/{name}/gate", tag = "gate", responses((status = NO_CONTENT, description = "The gate holds again"), Held))]
pub async fn end_lift(State(host): State<Arc<Host>>, held: Held) -> Result<Response, Problem> {
    refuse_others(&held)?;
    let by = held.by();
    host.registry.end_gate_lift(held.filter.id, &by).await?;
    Ok(nothing())
}

/// Lets a setting through that may go live.
///
/// # Errors
/// `gate`: what was tested, and what to do.
pub async fn pass(host: &Host, filter: &Filter, setting: i64) -> Result<(), Problem> {
    let gate = host.stream_info(&filter.stream)?.settings.gate();
    if gate.is_open() {
        return Ok(());
    }
    let evidence = evidence(host, filter, setting).await?;
    if evidence.lift.is_some() {
        return Ok(());
    }
    gate.decide(evidence.backtest, evidence.trial)
        .map_err(|closed| refusal(filter, setting, &closed))
}

async fn evidence(host: &Host, filter: &Filter, setting: i64) -> Result<Evidence, Problem> {
    let least = host.stream_info(&filter.stream)?.settings.gate().alerts;
    Ok(host.registry.evidence(filter.id, setting, least).await?)
}

fn refusal(filter: &Filter, setting: i64, closed: &Closed) -> Problem {
    let backtests = format!("/v1/filters/{}/{}/backtests", filter.owner, filter.name);
    let advice = match closed {
        Closed::Untested { .. } => format!(
            "POST {{\"setting\": {setting}}} to {backtests} and activate it when that is done, or ask an \
             administrator to lift the gate for this filter"
        ),
        Closed::PassesTooMuch { .. } => format!(
            "make its cuts tighter, and see in {backtests} what they remove; or ask an administrator to \
             lift the gate for this filter"
        ),
    };
    Problem::new(Kind::Gate, closed.to_string()).advise(advice)
}

fn refuse_others(held: &Held) -> Result<(), Problem> {
    if held.actor.is_administrator() {
        return Ok(());
    }
    Err(
        Problem::new(Kind::Forbidden, "only an administrator lifts a gate")
            .advise("ask one, and say why this filter has to pass so much"),
    )
}

async fn view(
    host: &Host,
    filter: &Filter,
    setting: Option<SettingView>,
) -> Result<Json<GateView>, Problem> {
    let gate = host.stream_info(&filter.stream)?.settings.gate();
    let lifts = host.registry.gate_lifts(filter.id).await?;
    let lifts: Vec<LiftView> = lifts.iter().map(LiftView::of).collect();
    Ok(Json(GateView {
        percent: gate.percent,
        alerts: gate.alerts,
        lifted: lifts.first().filter(|lift| lift.ended.is_none()).cloned(),
        lifts,
        setting,
    }))
}

fn setting_view(
    host: &Host,
    filter: &Filter,
    setting: i64,
    evidence: Evidence,
) -> Result<SettingView, Problem> {
    let gate = host.stream_info(&filter.stream)?.settings.gate();
    let closed = match evidence.lift {
        Some(_) => None,
        None => gate.decide(evidence.backtest, evidence.trial).err(),
    };
    let backtest = evidence.backtest;
    Ok(SettingView {
        setting,
        may_go_live: closed.is_none(),
        reason: closed.map(|closed| closed.to_string()),
        backtest: backtest.map(|(id, tested)| TestView::of(Some(id), tested)),
        trial: evidence.trial.map(|tested| TestView::of(None, tested)),
    })
}

impl TestView {
    fn of(id: Option<i64>, tested: Tested) -> Self {
        Self {
            id,
            alerts: tested.alerts,
            passed: tested.passed,
            pass_percent: tested.percent(),
        }
    }
}

impl LiftView {
    fn of(lift: &GateLift) -> Self {
        Self {
            reason: lift.reason.clone(),
            by: lift.lifted_by.clone(),
            since: time(lift.lifted_ms),
            ended_by: lift.ended_by.clone(),
            ended: lift.ended_ms.map(time),
        }
    }
}

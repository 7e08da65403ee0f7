//! `/v1/filters/{owner}/{name}/rollback`, `/retire`, `/suspend`, `/schedule`, `/history`:
//! what else is done about what runs, and what came of it.
//!
//! In: what the owner wants. Out: the filter as it is from now; lines of its history. Never: a setting
//! that runs without its topic.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::activation::{ensure_topic, show};
use super::answer::nothing;
use super::auth::{Administrator, Held, Seen};
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params, check_reason};
use super::filters::FilterView;
use super::gate;
use super::page::{self, Listed, Page};
use super::tags::Tagged;
use super::{Host, time};
use crate::registry::{HistoryLine, RegistryError, Schedule};

/// Why a filter is suspended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Suspension)]
pub struct Reason {
    /// Its owner reads it.
    #[schema(max_length = 500)]
    reason: String,
}

/// An activation at a time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSchedule)]
pub struct Planned {
    /// Number of a setting of this filter.
    setting: i64,
    /// When: a time with its zone, as in `2026-12-01T20:00:00Z`.
    #[schema(format = DateTime)]
    at: String,
}

/// What is scheduled for a filter.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
pub struct ScheduleView {
    setting: i64,
    #[schema(format = DateTime)]
    at: String,
    by: String,
}

/// A line of a filter's history.
#[derive(Serialize, ToSchema)]
#[schema(as = HistoryLine)]
pub struct LineView {
    number: i64,
    /// `activate`, `rollback`, `pause`, `resume`, `suspend` or `retire`.
    action: String,
    setting: i64,
    reason: String,
    /// Who did it; null for the host.
    by: Option<String>,
    #[schema(format = DateTime)]
    at: String,
}

/// Go back to the setting that ran before the present one; again, to the one before that. It has to pass
/// the gate as it stands now.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/rollback", tag = "activation",
    responses((status = OK, body = FilterView), Held, is::FilterDeleted, is::Gate, is::NothingBefore, is::Quota, is::TopicUnavailable)
)]
pub async fn rollback(
    State(host): State<Arc<Host>>,
    held: Held,
) -> Result<Tagged<FilterView>, Problem> {
    let before = host.registry.setting_before(held.filter.id).await?;
    gate::pass(&host, &held.filter, before).await?;
    ensure_topic(&host, &held.filter).await?;
    let by = held.by();
    host.registry
        .roll_back_to(held.filter.id, before, &by)
        .await?;
    show(&host, &held.filter).await
}

/// Switch a filter off until it is activated again; it no longer counts as active.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/retire", tag = "activation",
    responses((status = OK, body = FilterView), Held, is::FilterDeleted, is::NotActive)
)]
pub async fn retire(
    State(host): State<Arc<Host>>,
    held: Held,
) -> Result<Tagged<FilterView>, Problem> {
    let by = held.by();
    host.registry.retire(held.filter.id, &by).await?;
    show(&host, &held.filter).await
}

/// Stop what is active, for a reason that its owner reads. For administrators.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/suspend", tag = "activation", request_body = Reason,
    responses((status = OK, body = FilterView), Administrator, Held, Body<Reason>, is::NotActive, is::InvalidField)
)]
pub async fn suspend(
    State(host): State<Arc<Host>>,
    _: Administrator,
    held: Held,
    Body(asked): Body<Reason>,
) -> Result<Tagged<FilterView>, Problem> {
    check_reason(&asked.reason)?;
    let active = held
        .filter
        .active
        .as_ref()
        .ok_or(RegistryError::NotActive)?;
    host.registry
        .suspend(active.setting, &asked.reason, &held.by())
        .await?;
    show(&host, &held.filter).await
}

/// Have a setting activated at a time, in place of what was scheduled before.
#[utoipa::path(
    put, path = "/v1/filters/{owner}/{name}/schedule", tag = "activation", request_body = Planned,
    responses((status = OK, body = ScheduleView), Held, Body<Planned>, is::FilterDeleted, is::Gate, is::InvalidField, is::TopicUnavailable)
)]
pub async fn schedule(
    State(host): State<Arc<Host>>,
    held: Held,
    Body(asked): Body<Planned>,
) -> Result<Json<ScheduleView>, Problem> {
    let at: jiff::Timestamp = asked.at.parse().map_err(|_| {
        Problem::new(Kind::InvalidField, "`at` is no time")
            .advise("write it with its zone, as in 2026-12-01T20:00:00Z")
    })?;
    // Now, so that whoever plans it hears of it; what is planned has shown that it may go live.
    gate::pass(&host, &held.filter, asked.setting).await?;
    ensure_topic(&host, &held.filter).await?;
    let (at_ms, by) = (at.as_millisecond(), held.by());
    host.registry
        .schedule(held.filter.id, asked.setting, at_ms, &by)
        .await?;
    scheduled(State(host), held).await
}

/// What is scheduled for a filter.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}/schedule", tag = "activation",
    responses((status = OK, body = ScheduleView), Held)
)]
pub async fn scheduled(
    State(host): State<Arc<Host>>,
    held: Held,
) -> Result<Json<ScheduleView>, Problem> {
    let scheduled = host.registry.scheduled(held.filter.id).await?;
    let Schedule { setting, at_ms, by } = scheduled
        .ok_or_else(|| Problem::new(Kind::NotFound, "nothing is scheduled for the filter"))?;
    Ok(Json(ScheduleView {
        setting,
        at: time(at_ms),
        by,
    }))
}

/// Forget what was scheduled.
#[utoipa::path(
    delete, path = "/v1/filters/{owner}/{name}/schedule", tag = "activation",
    responses((status = NO_CONTENT, description = "Nothing is scheduled"), Held)
)]
pub async fn unschedule(State(host): State<Arc<Host>>, held: Held) -> Result<Response, Problem> {
    let by = held.by();
    host.registry.unschedule(held.filter.id, &by).await?;
    Ok(nothing())
}

/// What ran when, and who changed it, newest first.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}/history", tag = "activation", params(Page),
    responses((status = OK, body = Listed<LineView>), Seen, Params<Page>)
)]
pub async fn history(
    State(host): State<Arc<Host>>,
    seen: Seen,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<LineView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::number_place(asked.cursor.as_deref())?;
    let lines = host.registry.history(seen.filter.id, before, limit).await?;
    Ok(Json(Listed::page(&lines, limit, line_view, |line| {
        line.number.to_string()
    })))
}

fn line_view(line: &HistoryLine) -> LineView {
    LineView {
        number: line.number,
        action: line.action.clone(),
        setting: line.setting,
        reason: line.reason.clone(),
        by: line.by.clone(),
        at: time(line.at_ms),
    }
}

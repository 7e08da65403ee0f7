//! `/v1/filters/{owner}/{name}/backtests`: ask for one, list, read, cancel.
//!
//! In: a setting or version, which alerts of the past. Out: back-tests with progress and result.
//! Never: the work itself; a host's own threads take it from the registry.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::activation::chosen_setting;
use super::answer::created;
use super::auth::Held;
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params};
use super::page::{self, Listed, Page};
use super::{Host, time};
use crate::backtest::{Choice, Origin, Report, WrongChoice};
use crate::registry::{Backtest, BacktestId, BacktestState, NewBacktest};

/// What asks for a back-test.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBacktest)]
pub struct Creation {
    /// The setting to test, or a `version`.
    setting: Option<i64>,
    /// The version to test, with its default parameters.
    version: Option<i64>,
    /// Which alerts; all that the stream has where it is missing.
    source: Option<AskedSource>,
    /// At most so many alerts.
    #[schema(minimum = 1)]
    alerts: Option<i64>,
}

/// Which alerts of the past.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBacktestSource)]
struct AskedSource {
    /// The stream's topics where it has some, else its archive, where it is missing.
    from: Option<Origin>,
    /// Observing nights, by the alerts' own time.
    #[serde(default)]
    nights: Vec<String>,
    /// First instant of the broker's time, as in 2026-11-23T00:00:00Z.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// First instant that no longer belongs to it.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// A back-test as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Backtest)]
pub struct BacktestView {
    id: i64,
    /// The setting that is tested.
    setting: i64,
    version: i64,
    /// The setting that it is compared with: the active one, where that is another.
    against: Option<i64>,
    source: SourceView,
    /// At most so many alerts.
    alerts: i64,
    state: BacktestState,
    /// Why it failed.
    reason: Option<String>,
    /// Whether it was asked to end.
    cancelling: bool,
    progress: Progress,
    /// What was found; null before the end, in lists, and where newer ones have taken its room.
    result: Option<Report>,
    /// Name of who asked for it.
    created_by: Option<String>,
    #[schema(format = DateTime)]
    created: String,
    #[schema(format = DateTime)]
    started: Option<String>,
    #[schema(format = DateTime)]
    ended: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BacktestSource)]
struct SourceView {
    from: Origin,
    nights: Vec<String>,
    #[schema(format = DateTime)]
    since: Option<String>,
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// How far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = BacktestProgress)]
struct Progress {
    /// Alerts judged.
    judged: i64,
    /// Alerts passed.
    passed: i64,
    /// The part of the source that is read, 0 to 1.
    fraction: f64,
    /// Estimate of the time left [s].
    seconds_left: Option<f64>,
}

/// Back-test a setting: it judges alerts of the past as they were sent, beside the live stream.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/backtests", tag = "backtests", request_body = Creation,
    responses(
        (status = CREATED, body = BacktestView), Held, Body<Creation>, is::FilterDeleted, is::Quota,
        is::Full, is::UnknownStream
    )
)]
pub async fn create(
    State(host): State<Arc<Host>>,
    held: Held,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let stream = host.stream_info(&held.filter.stream)?;
    let choice = match asked.source {
        Some(source) => source.choice(Choice::everything(&stream.settings).from)?,
        None => Choice::everything(&stream.settings),
    };
    choice.check(&stream.settings)?;
    if asked.alerts.is_some_and(|alerts| alerts < 1) {
        return Err(Problem::new(
            Kind::InvalidField,
            "`alerts` must be at least 1",
        ));
    }
    let setting = chosen_setting(&host, &held, asked.setting, asked.version).await?;
    let active = held.filter.active.as_ref().map(|active| active.setting);
    let new = NewBacktest {
        filter: held.filter.id,
        owner: held.filter.owner_id,
        stream: held.filter.stream.clone(),
        setting,
        against: active.filter(|active| *active != setting),
        source: serde_json::to_value(choice).map_err(Problem::internal)?,
        alerts: asked.alerts.unwrap_or(host.backtests.alerts),
        fewer: asked.alerts.is_none(),
        waiting: host.backtests.waiting_per_owner,
        by: held.by(),
    };
    let made = host.registry.create_backtest(&new).await?;
    let (owner, name) = (&held.filter.owner, &held.filter.name);
    let path = format!("/v1/filters/{owner}/{name}/backtests/{}", made.id.0);
    Ok(created(&path, &view(&made)?))
}

/// Back-tests, newest first, without their results.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/backtests", tag = "backtests", params(Page), responses((status = OK, body = Listed<BacktestView>), Held, Params<Page>))]
pub async fn list(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<BacktestView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::number_place(asked.cursor.as_deref())?.map(BacktestId);
    let found = host
        .registry
        .backtests(held.filter.id, before, limit)
        .await?;
    let listed = found
        .iter()
        .map(|one| Ok((one, choice(one)?)))
        .collect::<Result<Vec<_>, Problem>>()?;
    let show = |(one, choice): &(&Backtest, Choice)| brief(one, choice.clone());
    Ok(Json(Listed::page(&listed, limit, show, |(one, _)| {
        one.id.0.to_string()
    })))
}

/// One back-test: its progress, and at the end what was found.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/backtests/{number}", tag = "backtests", responses((status = OK, body = BacktestView), Held))]
pub async fn one(State(host): State<Arc<Host>>, held: Held) -> Result<Json<BacktestView>, Problem> {
    let id = BacktestId(held.number("back-test")?);
    let found = host.registry.backtest(held.filter.id, id).await?;
    Ok(Json(view(&found)?))
}

/// End a back-test; what it has found so far stays readable. Nothing happens where it has ended.
#[utoipa::path(post, path = "/v1/filters/{owner}/{name}/backtests/{number}/cancel", tag = "backtests", responses((status = OK, body = BacktestView), Held))]
pub async fn cancel(
    State(host): State<Arc<Host>>,
    held: Held,
) -> Result<Json<BacktestView>, Problem> {
    let id = BacktestId(held.number("back-test")?);
    let found = host
        .registry
        .cancel_backtest(held.filter.id, id, &held.by())
        .await?;
    Ok(Json(view(&found)?))
}

impl AskedSource {
    fn choice(self, usual: Origin) -> Result<Choice, Problem> {
        Ok(Choice {
            from: self.from.unwrap_or(usual),
            nights: self.nights,
            since_ms: instant("since", self.since.as_deref())?,
            until_ms: instant("until", self.until.as_deref())?,
        })
    }
}

fn instant(field: &str, text: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(|time| Some(time.as_millisecond())).map_err(|_| {
        let shown: String = text.chars().take(80).collect();
        Problem::new(
            Kind::InvalidField,
            format!("`source.{field}` is {shown:?}, which is no time"),
        )
        .advise("write it as in 2026-11-23T00:00:00Z")
    })
}

impl From<WrongChoice> for Problem {
    fn from(wrong: WrongChoice) -> Self {
        Self::new(Kind::InvalidField, format!("`source`: {wrong}"))
    }
}

fn choice(backtest: &Backtest) -> Result<Choice, Problem> {
    serde_json::from_value(backtest.source.clone()).map_err(Problem::internal)
}

fn view(backtest: &Backtest) -> Result<BacktestView, Problem> {
    let result = serde_json::from_value(backtest.result.clone()).map_err(Problem::internal)?;
    Ok(BacktestView {
        result,
        ..brief(backtest, choice(backtest)?)
    })
}

/// Without its result.
fn brief(backtest: &Backtest, choice: Choice) -> BacktestView {
    BacktestView {
        id: backtest.id.0,
        setting: backtest.setting,
        version: backtest.version,
        against: backtest.against,
        source: SourceView {
            from: choice.from,
            nights: choice.nights,
            since: choice.since_ms.map(time),
            until: choice.until_ms.map(time),
        },
        alerts: backtest.alerts,
        state: backtest.state,
        reason: (!backtest.reason.is_empty()).then(|| backtest.reason.clone()),
        cancelling: backtest.cancel && backtest.state == BacktestState::Running,
        progress: Progress {
            judged: backtest.judged,
            passed: backtest.passed,
            fraction: backtest.fraction,
            seconds_left: backtest.seconds_left,
        },
        result: None,
        created_by: backtest.created_by.clone(),
        created: time(backtest.created_ms),
        started: backtest.started_ms.map(time),
        ended: backtest.ended_ms.map(time),
    }
}

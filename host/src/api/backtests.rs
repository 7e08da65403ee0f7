//! `/v1/filters/{owner}/{name}/backtests`: ask for one, list, read, cancel.
//!
//! In: a setting or version, which alerts of the past. Out: back-tests with progress and result.
//! Never: the work itself; a host's own threads take it from the registry.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::activation::chosen_setting;
use super::answer::created;
use super::auth::Held;
use super::error::{Kind, Problem};
use super::extract::{Body, Params};
use super::page::{self, Page};
use super::{Host, time};
use crate::backtest::{Choice, Origin, Report, WrongChoice};
use crate::registry::{Backtest, BacktestId, BacktestState, NewBacktest};

/// What asks for a back-test.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Creation {
    /// The setting to test; or
    setting: Option<i64>,
    /// the version, which is tested with its default parameters.
    version: Option<i64>,
    /// Which alerts; all that the stream has where it is missing.
    source: Option<AskedSource>,
    /// At most so many alerts.
    alerts: Option<i64>,
}

/// Which alerts of the past.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedSource {
    /// `archive` or `topics`; topics where nights are not named and the stream has them.
    from: Option<Origin>,
    /// Observing nights, by the alerts' own time.
    #[serde(default)]
    nights: Vec<String>,
    /// First instant of the broker's time, as in 2026-11-23T00:00:00Z.
    since: Option<String>,
    /// First instant that no longer belongs to it.
    until: Option<String>,
}

/// A back-test as clients see it.
#[derive(Serialize)]
struct BacktestView {
    id: i64,
    setting: i64,
    version: i64,
    against: Option<i64>,
    source: SourceView,
    alerts: i64,
    state: BacktestState,
    reason: Option<String>,
    cancelling: bool,
    progress: Progress,
    result: Option<Report>,
    created_by: String,
    created: String,
    started: Option<String>,
    ended: Option<String>,
}

#[derive(Serialize)]
struct SourceView {
    from: Origin,
    nights: Vec<String>,
    since: Option<String>,
    until: Option<String>,
}

/// How far it is.
#[derive(Serialize)]
struct Progress {
    judged: i64,
    passed: i64,
    fraction: f64,
    seconds_left: Option<f64>,
}

/// `POST /v1/filters/{owner}/{name}/backtests`.
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
        stream: held.filter.stream.clone(),
        setting,
        against: active.filter(|active| *active != setting),
        source: serde_json::to_value(choice).map_err(Problem::internal)?,
        alerts: asked.alerts.unwrap_or(host.backtests.alerts),
        fewer: asked.alerts.is_none(),
        quota: host.backtests.alerts_per_day,
        waiting: host.backtests.waiting_per_user,
        by: held.actor.0.user,
    };
    let made = host.registry.create_backtest(&new).await?;
    let (owner, name) = (&held.filter.owner, &held.filter.name);
    let path = format!("/v1/filters/{owner}/{name}/backtests/{}", made.id.0);
    Ok(created(&path, &view(&made)?))
}

/// `GET /v1/filters/{owner}/{name}/backtests`: without their results.
pub async fn list(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Page>,
) -> Result<Json<Value>, Problem> {
    let limit = page::limit(asked.limit)?;
    let before = page::number_place(asked.cursor.as_deref())?.map(BacktestId);
    let found = host
        .registry
        .backtests(held.filter.id, before, limit)
        .await?;
    let views = found.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    let show = |view: &BacktestView| serde_json::json!(view);
    Ok(Json(page::page(&views, limit, show, |view| {
        view.id.to_string()
    })))
}

/// `GET /v1/filters/{owner}/{name}/backtests/{number}`.
pub async fn one(State(host): State<Arc<Host>>, held: Held) -> Result<Response, Problem> {
    let id = BacktestId(held.number("back-test")?);
    let found = host.registry.backtest(held.filter.id, id).await?;
    Ok(answer(&view(&found)?))
}

/// `POST /v1/filters/{owner}/{name}/backtests/{number}/cancel`.
pub async fn cancel(State(host): State<Arc<Host>>, held: Held) -> Result<Response, Problem> {
    let id = BacktestId(held.number("back-test")?);
    let found = host.registry.cancel_backtest(held.filter.id, id).await?;
    Ok(answer(&view(&found)?))
}

fn answer(view: &BacktestView) -> Response {
    axum::response::IntoResponse::into_response(Json(view))
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

fn view(backtest: &Backtest) -> Result<BacktestView, Problem> {
    let choice: Choice =
        serde_json::from_value(backtest.source.clone()).map_err(Problem::internal)?;
    let result = backtest.result.clone();
    Ok(BacktestView {
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
        result: serde_json::from_value(result).map_err(Problem::internal)?,
        created_by: backtest.created_by.clone(),
        created: time(backtest.created_ms),
        started: backtest.started_ms.map(time),
        ended: backtest.ended_ms.map(time),
    })
}

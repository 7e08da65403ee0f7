//! `/v1/filters/{owner}/{name}/withheld`, `/withheld/{night}/alerts`: nights in which a limit held
//! something back, and the alerts that it held back, delivered later.
//!
//! In: a night, where to begin, what to show, how much. Out: the same pages as of passing alerts. Never:
//! more of a night than its quotas allow, by whichever door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::alerts::{AvroFile, answer, begin, format, limit, longest_read, night_of, split};
use super::auth::Held;
use super::error::{Kind, Problem, is};
use super::extract::Params;
use super::page::Listed;
use super::reading::{StreamResults, unread};
use super::{Host, time};
use crate::payload::{Payload, PayloadKind};
use crate::refresh::bound;
use crate::registry::{Filter, OwnerId, Quota, RegistryError, WithheldRead, Withholding};
use crate::results::{Begin, Cursor, Format, Line, Look, Page, ResultsError, read_page};
use crate::withheld::{Allowance, Charge, Later};

/// Most nights of limits that are listed.
const NIGHTS: i64 = 200;

/// A night in which a limit held something back.
#[derive(Serialize, ToSchema)]
#[schema(as = Withholding)]
pub struct WithholdingView {
    night: String,
    /// The quota, or `gate`.
    quota: String,
    #[schema(format = DateTime)]
    first: String,
    #[schema(format = DateTime)]
    last: String,
}

/// What to read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Begin behind this cursor: a line's `cursor` or the `Skysieve-Next` of a page.
    after: Option<String>,
    /// At most so many alerts; 100 where it is missing.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `jsonl` or `avro`; without it the `Accept` header chooses, and JSON lines where it does not.
    #[param(pattern = "^(jsonl|avro)$")]
    format: Option<String>,
    /// What to show of each alert; `reference` says which they are, and counts against no quota.
    #[param(inline)]
    payload: Option<PayloadKind>,
    /// Paths, separated by commas: these parts alone.
    #[param(example = "FIELD,RECORD.FIELD,ARRAY[].FIELD")]
    fields: Option<String>,
}

/// The nights in which a quota or the gate held something back, latest first; at most 200.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}/withheld", tag = "quotas", operation_id = "withheld",
    responses((status = OK, body = Listed<WithholdingView>), Held)
)]
pub async fn nights(
    State(host): State<Arc<Host>>,
    held: Held,
) -> Result<Json<Listed<WithholdingView>>, Problem> {
    let nights = host.registry.withholdings(held.filter.id, NIGHTS).await?;
    let view = |one: &Withholding| WithholdingView {
        night: one.night.clone(),
        quota: one.quota.clone(),
        first: time(one.first_ms),
        last: time(one.last_ms),
    };
    Ok(Json(Listed::whole(nights.iter().map(view).collect())))
}

/// The alerts of a night that passed and were withheld, a page at a time: as they would have gone out.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}/withheld/{night}/alerts", tag = "alerts", params(Asked),
    operation_id = "withheld",
    responses(
        (
            status = OK, description = "A page; it may be empty although there is more",
            content((Line = "application/x-ndjson"), (AvroFile = "application/avro")),
            headers(
                ("Skysieve-Next" = String, description = "The cursor of the next page."),
                ("Skysieve-More" = bool, description = "There is more to read now."),
                ("Skysieve-Lost" = i64, description = "So many of the records asked for are not kept any more, at most.")
            )
        ),
        Held, Params<Asked>, is::InvalidField, is::Quota, is::TooManyWaiting, is::Busy, is::ResultsUnavailable
    )
)]
pub async fn page(
    State(host): State<Arc<Host>>,
    held: Held,
    Path((_, _, night)): Path<(String, String, String)>,
    headers: HeaderMap,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    let filter = held.filter;
    let stream = host.reading.stream(&filter.stream)?.clone();
    let choice = Payload::choose(asked.payload, asked.fields.as_deref().map(split))?;
    stream.check(&choice)?;
    let reading = Reading {
        begin: begin(-filter.id.0, asked.after.as_deref(), None)?,
        format: format(asked.format.as_deref(), &headers)?,
        alerts: limit(asked.limit)?,
        bytes: host.settings.results_bytes,
        longest: longest_read(&host.settings),
        night: night_of(Some(night))?.unwrap_or_default(),
        choice,
        stream,
        filter,
    };
    let (number, format) = (-reading.filter.id.0, reading.format);
    let page = match reading.choice {
        Payload::Reference => references(&host, reading).await?,
        _ => whole(&host, held.actor.0.user, reading).await?,
    };
    Ok(answer(page, number, format))
}

/// A page that is asked for.
#[derive(Clone)]
struct Reading {
    filter: Filter,
    stream: StreamResults,
    night: String,
    begin: Option<Begin>,
    choice: Payload,
    format: Format,
    alerts: usize,
    bytes: usize,
    longest: Duration,
}

/// Which alerts they are.
async fn references(host: &Host, reading: Reading) -> Result<Page, Problem> {
    let look = reading.look(host).await?;
    let filter = reading.filter.clone();
    let read = move || {
        let begin = reading.begin.clone().unwrap_or(Begin::Oldest);
        let mut records = reading.stream.open_withheld(&reading.filter, &begin)?;
        reading.read(&mut *records, &look())
    };
    let page = host.reading.turn(read).await?;
    page.map_err(|error| unread(&filter, &error))
}

/// The alerts themselves, and what they add to what was read of the night.
async fn whole(host: &Host, user: OwnerId, reading: Reading) -> Result<Page, Problem> {
    let look = reading.look(host).await?;
    let (filter, night) = (reading.filter.clone(), reading.night.clone());
    let before = host.registry.withheld_read(filter.id, &night).await?;
    let allowance = allowance(host, &filter, &night, &before).await?;
    let reached = allowance.reached.clone();
    let place = host.explanations.enter(user)?;
    let read = move || -> Result<_, ResultsError> {
        // What was not counted yet is not passed over, wherever the client would begin.
        let begin = match &reading.begin {
            Some(Begin::After(cursor)) => Begin::After(cursor.earlier(&allowance.reached)),
            _ => Begin::Oldest,
        };
        let records = reading.stream.open_withheld(&reading.filter, &begin)?;
        let restore = (reading.stream.restore)(reading.filter.id);
        let mut later = Later::new(records, restore, allowance);
        let page = reading.read(&mut later, &look())?;
        Ok((later.charge(page.alerts), later.stopped(), page))
    };
    let read = host.explanations.work(place, read).await?;
    let (charge, stopped, page) = read.map_err(|error| unread(&filter, &error))?;
    let after = WithheldRead {
        reached: reached.clone().later(&page.next).to_text(-filter.id.0),
        ..added(&before, charge)
    };
    if after.reached != before.reached {
        let noted = host
            .registry
            .note_withheld_read((filter.id, &night), &before, &after);
        noted.await.map_err(not_noted)?;
    }
    match stopped {
        Some(quota) if page.alerts == 0 => Err(used_up(&filter, &night, quota)),
        _ => Ok(page),
    }
}

impl Reading {
    /// Makes the bounds of the page, once its turn has come.
    async fn look(&self, host: &Host) -> Result<impl FnOnce() -> Look + use<>, Problem> {
        let rights = self.stream.rights(&host.registry, &self.filter).await?;
        let (alerts, bytes, longest) = (self.alerts, self.bytes, self.longest);
        let night = Some(self.night.clone());
        Ok(move || Look {
            alerts,
            bytes,
            night,
            rights,
            wait: Duration::ZERO,
            deadline: Instant::now() + longest,
        })
    }

    fn read(
        &self,
        reader: &mut dyn crate::results::Reader,
        look: &Look,
    ) -> Result<Page, ResultsError> {
        let renderer = self.stream.renderer(self.choice.clone());
        read_page(reader, renderer, -self.filter.id.0, look, self.format)
    }
}

/// What the quotas, as they are now, leave of the night.
async fn allowance(
    host: &Host,
    filter: &Filter,
    night: &str,
    before: &WithheldRead,
) -> Result<Allowance, Problem> {
    let used = host.registry.night_use_of(filter.id, night).await?;
    let quota = async |quota| host.registry.quota(filter.owner_id, quota).await.map(bound);
    Ok(Allowance {
        reached: Cursor::from_text(&before.reached, -filter.id.0).unwrap_or_default(),
        alerts: quota(Quota::AlertsPerNight)
            .await?
            .saturating_sub(used.alerts),
        bytes: quota(Quota::BytesPerNight)
            .await?
            .saturating_sub(used.bytes),
    })
}

fn added(before: &WithheldRead, charge: Charge) -> WithheldRead {
    let sum = |before: i64, more: u64| before.saturating_add_unsigned(more);
    WithheldRead {
        reached: String::new(),
        alerts: sum(before.alerts, charge.alerts),
        bytes: sum(before.bytes, charge.bytes),
    }
}

fn not_noted(error: RegistryError) -> Problem {
    match error {
        RegistryError::Changed => {
            Problem::new(Kind::Busy, "another request reads the same night").advise("try again")
        }
        other => other.into(),
    }
}

fn used_up(filter: &Filter, night: &str, quota: &str) -> Problem {
    Problem::new(
        Kind::Quota,
        format!("the filter has had as much of the night {night} as `{quota}` allows"),
    )
    .advise(format!(
        "ask an administrator to raise `{quota}` of {}; `payload=reference` says which alerts were withheld",
        filter.owner
    ))
}

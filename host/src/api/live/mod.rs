//! `/v1/filters/{owner}/{name}/alerts/live`: passing alerts as they come, as server-sent events
//! (WHATWG HTML, section 9.2).
//!
//! In: where to begin. Out: events `alert`, whose id is the cursor behind the alert, so that a reader
//! who was cut off goes on with `Last-Event-ID`; `gap` where something is missing or the reader was
//! too slow; `end` when the host stops. Never: a buffer without a bound, or an alert left out in
//! silence.

mod pipe;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::Host;
use super::alerts::{begin, split};
use super::auth::Held;
use super::error::{Kind, Problem, is};
use super::extract::Params;
use super::reading::{LivePlace, unread};
use crate::payload::{Payload, PayloadKind};
use crate::registry::Filter;
use crate::results::{Begin, Look, Looked, Outlet, Reader, ResultsError};
use crate::rights::Rights;
use pipe::{Pipe, Pushed};

/// What one look may take; small, so that a change of plans is seen soon.
const LOOK_ALERTS: usize = 64;
const LOOK_BYTES: usize = 1 << 20;
const LOOK_WAIT: Duration = Duration::from_millis(250);
const LOOK_LONGEST: Duration = Duration::from_secs(2);
/// A line at least so often, so that nobody on the way takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Stack of a reader's thread [bytes]: decoding a nested alert takes the most.
const STACK_BYTES: usize = 4 << 20;

/// What to read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Begin behind this cursor; without it and `since`, with what passes from now on.
    after: Option<String>,
    /// Begin with what was delivered at this instant or later.
    #[param(format = DateTime, example = "2026-11-24T03:00:00Z")]
    since: Option<String>,
    /// What to show of each alert.
    #[param(inline)]
    payload: Option<PayloadKind>,
    /// Paths, separated by commas: these parts alone.
    #[param(example = "FIELD,RECORD.FIELD,ARRAY[].FIELD")]
    fields: Option<String>,
}

/// Passing alerts as they come, as server-sent events: `alert` (its data are an `Alert`, its id the
/// cursor behind it), `gap` and `end`.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}/alerts/live", tag = "alerts",
    params(
        Asked,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was read: go on behind it.")
    ),
    responses(
        (status = OK, description = "Events, until the client leaves or `end` or `gap` says why", body = String, content_type = "text/event-stream"),
        Held, Params<Asked>, is::InvalidField, is::TooManyReaders, is::ResultsUnavailable
    )
)]
pub async fn live(
    State(host): State<Arc<Host>>,
    held: Held,
    headers: HeaderMap,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    let filter = held.filter;
    let stream = host.reading.stream(&filter.stream)?.clone();
    let choice = Payload::choose(asked.payload, asked.fields.as_deref().map(split))?;
    stream.check(&choice)?;
    let last = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok());
    let begin = match last.filter(|id| !id.is_empty()) {
        // Sent by a client that comes again with the same address.
        Some(id) => begin(filter.id.0, Some(id), None)?,
        None => begin(filter.id.0, asked.after.as_deref(), asked.since.as_deref())?,
    };
    let begin = begin.unwrap_or(Begin::Now);
    let rights = stream.rights(&host.registry, &filter).await?;
    let place = host.reading.live_place(held.actor.0.user)?;
    let (of, renderer) = (filter.clone(), stream.renderer(choice));
    let reader = host.reading.turn(move || stream.open(&of, &begin)).await?;
    let reader = reader.map_err(|error| unread(&filter, &error))?;
    let settings = &host.settings;
    let patience = Duration::from_millis(settings.live_slow_ms);
    let ending = host.reading.ending.subscribe();
    let pipe = Pipe::new(settings.live_buffer_bytes, patience, ending);
    let outlet = Outlet::new(renderer, reader.cursor(), filter.id.0);
    let body = Body::new(pipe.body());
    let teller = Teller {
        reader,
        outlet,
        pipe,
        filter,
        rights,
        until: Instant::now() + Duration::from_millis(settings.live_renew_ms),
        told: Instant::now(),
        _place: place,
    };
    std::thread::Builder::new()
        .name("live-reader".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || teller.run())
        .map_err(|error| Problem::new(Kind::TooManyReaders, error.to_string()))?;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Reads for one connection, on a thread of its own.
struct Teller {
    reader: Box<dyn Reader>,
    outlet: Outlet,
    pipe: Pipe,
    filter: Filter,
    rights: Rights,
    /// When the client has to come again, with what it may see then.
    until: Instant,
    /// When something was last sent.
    told: Instant,
    _place: LivePlace,
}

/// Why and where alerts are missing.
#[derive(Serialize)]
struct Gap<'a> {
    /// `slow`: the connection ends here, come again with the cursor; `not_kept`: the alerts are gone.
    reason: &'a str,
    /// Behind the last alert that was sent.
    cursor: &'a str,
    /// `slow`: alerts that were read and not taken; `not_kept`: at most so many are gone.
    alerts: u64,
}

impl Teller {
    fn run(mut self) {
        let greeting = format!("retry: 2000\nid: {}\n\n", self.outlet.cursor());
        let mut on = self.tell(greeting, 0);
        while on {
            on = match self.look() {
                Ok(looked) => self.pass_on(looked),
                Err(error) => {
                    tracing::warn!(topic = self.filter.topic, %error, "a live reader is let go");
                    let cursor = self.outlet.cursor();
                    self.pipe
                        .end(event("end", &cursor, "{\"reason\":\"unavailable\"}"));
                    false
                }
            };
        }
    }

    fn look(&mut self) -> Result<Looked, ResultsError> {
        self.reader.look(&Look {
            alerts: LOOK_ALERTS,
            bytes: LOOK_BYTES,
            night: None,
            rights: self.rights.clone(),
            wait: LOOK_WAIT,
            deadline: Instant::now() + LOOK_LONGEST,
        })
    }

    /// False where the connection is at its end.
    fn pass_on(&mut self, looked: Looked) -> bool {
        if looked.lost > 0 {
            let cursor = self.outlet.cursor();
            let gap = gap("not_kept", &cursor, looked.lost);
            if !self.tell(gap, 0) {
                return false;
            }
        }
        for found in &looked.found {
            let Some(line) = self.outlet.line(found, |_| true) else {
                continue;
            };
            let event = event("alert", &self.outlet.cursor(), &line);
            if !self.tell(event, 1) {
                return false;
            }
        }
        self.outlet.reached(self.reader.cursor());
        if Instant::now() >= self.until {
            return self.say_end("renew");
        }
        let silent = self.told.elapsed() >= HEARTBEAT;
        // An event without data is none; its id counts all the same.
        let beat = || format!(": still here\nid: {}\n\n", self.outlet.cursor());
        if silent {
            self.tell(beat(), 0)
        } else {
            self.pipe.is_open() || self.say_end("stopping")
        }
    }

    fn tell(&mut self, text: String, alerts: u64) -> bool {
        self.told = Instant::now();
        match self.pipe.push(text, &self.outlet.cursor(), alerts) {
            Pushed::Taken => true,
            Pushed::Gone => false,
            Pushed::Ending => self.say_end("stopping"),
            Pushed::Slow { cursor, alerts } => {
                tracing::info!(
                    topic = self.filter.topic,
                    "a live reader is too slow and let go"
                );
                self.pipe.cut(gap("slow", &cursor, alerts));
                false
            }
        }
    }

    /// What waits is still sent.
    fn say_end(&self, reason: &str) -> bool {
        let cursor = self.pipe.last();
        let data = format!("{{\"reason\":\"{reason}\"}}");
        self.pipe.end(event("end", &cursor, &data));
        false
    }
}

/// Data has no line ends: JSON escapes them.
fn event(kind: &str, id: &str, data: &str) -> String {
    format!("id: {id}\nevent: {kind}\ndata: {data}\n\n")
}

fn gap(reason: &str, cursor: &str, alerts: u64) -> String {
    let gap = Gap {
        reason,
        cursor,
        alerts,
    };
    let data = serde_json::to_string(&gap).expect("a gap is made of texts and a number");
    event("gap", cursor, &data)
}

//! `/v1/filters/{owner}/{name}/alerts`: passing alerts, a page at a time.
//!
//! In: where to begin, what to show, how much. Out: JSON lines or an Avro container file, and the
//! cursor of the next page. Never: another filter's alert, whatever cursor is sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::auth::Held;
use super::error::{Kind, Problem, is};
use super::extract::Params;
use super::reading::unread;
use super::{Host, Settings};
use crate::night;
use crate::payload::{Payload, PayloadKind};
use crate::results::{Begin, Cursor, Format, Line, Look, Page, read_page};

/// The cursor of the next page.
const NEXT: HeaderName = HeaderName::from_static("skysieve-next");
/// Whether there was more to read: `true` or `false`.
const MORE: HeaderName = HeaderName::from_static("skysieve-more");
/// How many alerts that were asked for are not kept any more.
const LOST: HeaderName = HeaderName::from_static("skysieve-lost");

/// An Avro object container file; its metadata hold `skysieve.alerts`, a JSON array with what the
/// records themselves do not say of each, and `skysieve.damaged`.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct AvroFile(#[expect(dead_code, reason = "it goes out as it is")] Vec<u8>);

/// Alerts of a page where the client does not say, and at most.
const DEFAULT_LIMIT: usize = 100;
const MOST_LIMIT: usize = 1_000;
/// Longest time for the reading of one page.
const LONGEST_READ: Duration = Duration::from_secs(5);

/// What to read.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Begin behind this cursor: a line's `cursor` or the `Skysieve-Next` of a page.
    after: Option<String>,
    /// Begin with what was delivered at this instant or later.
    #[param(format = DateTime, example = "2026-11-24T03:00:00Z")]
    since: Option<String>,
    /// Only this night: the local date of its evening, or `unknown`.
    #[param(example = "2026-11-23")]
    night: Option<String>,
    /// At most so many alerts; 100 where it is missing.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `jsonl` or `avro`; without it the `Accept` header chooses, and JSON lines where it does not.
    #[param(pattern = "^(jsonl|avro)$")]
    format: Option<String>,
    /// What to show of each alert.
    #[param(inline)]
    payload: Option<PayloadKind>,
    /// Paths, separated by commas: these parts alone.
    #[param(example = "FIELD,RECORD.FIELD,ARRAY[].FIELD")]
    fields: Option<String>,
}

/// Passing alerts, oldest first, a page at a time: JSON lines (a line is an `Alert`) or an Avro object
/// container file.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}/alerts", tag = "alerts", params(Asked),
    responses(
        (
            status = OK, description = "A page; it may be empty although there is more",
            content((Line = "application/x-ndjson"), (AvroFile = "application/avro")),
            headers(
                ("Skysieve-Next" = String, description = "The cursor of the next page."),
                ("Skysieve-More" = bool, description = "There is more to read now."),
                ("Skysieve-Lost" = i64, description = "So many of the alerts asked for are not kept any more, at most.")
            )
        ),
        Held, Params<Asked>, is::InvalidField, is::ResultsUnavailable
    )
)]
pub async fn page(
    State(host): State<Arc<Host>>,
    held: Held,
    headers: HeaderMap,
    Params(asked): Params<Asked>,
) -> Result<Response, Problem> {
    let filter = held.filter;
    let stream = host.reading.stream(&filter.stream)?.clone();
    let choice = Payload::choose(asked.payload, asked.fields.as_deref().map(split))?;
    stream.check(&choice)?;
    let begin = begin(filter.id.0, asked.after.as_deref(), asked.since.as_deref())?;
    let begin = begin.unwrap_or(Begin::Oldest);
    let format = format(asked.format.as_deref(), &headers)?;
    let alerts = limit(asked.limit)?;
    let night = night_of(asked.night)?;
    let (bytes, longest) = (host.settings.results_bytes, longest_read(&host.settings));
    let (number, of) = (filter.id.0, filter.clone());
    let rights = stream.rights(&host.registry, &filter).await?;
    let read = move || {
        let look = Look {
            alerts,
            bytes,
            night,
            rights,
            wait: Duration::ZERO,
            deadline: Instant::now() + longest,
        };
        let mut reader = stream.open(&of, &begin)?;
        read_page(&mut *reader, stream.renderer(choice), number, &look, format)
    };
    let page = host.reading.turn(read).await?;
    let page = page.map_err(|error| unread(&filter, &error))?;
    Ok(answer(page, number, format))
}

pub(super) fn answer(page: Page, filter: i64, format: Format) -> Response {
    let kind = match format {
        Format::JsonLines => "application/x-ndjson",
        Format::Avro => "application/avro",
    };
    let mut response = page.body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        MORE,
        HeaderValue::from_static(if page.more { "true" } else { "false" }),
    );
    if page.lost > 0 {
        headers.insert(LOST, HeaderValue::from(page.lost));
    }
    // Lower-case hexadecimal digits.
    if let Ok(next) = HeaderValue::from_str(&page.next.to_text(filter)) {
        headers.insert(NEXT, next);
    }
    response
}

pub(super) fn longest_read(settings: &Settings) -> Duration {
    LONGEST_READ.min(Duration::from_millis(settings.request_ms / 3))
}

pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MOST_LIMIT => Ok(limit),
        other => Err(Problem::new(
            Kind::BadRequest,
            format!("`limit` must be from 1 to {MOST_LIMIT}, not {other}"),
        )),
    }
}

pub(super) fn night_of(asked: Option<String>) -> Result<Option<String>, Problem> {
    match asked {
        Some(name) if !night::is_name(&name) => Err(Problem::new(
            Kind::BadRequest,
            format!("`night` is {name:?}, which is no night"),
        )
        .advise("write the local date of its evening, as in 2026-04-01, or `unknown`")),
        night => Ok(night),
    }
}

pub(super) fn format(asked: Option<&str>, headers: &HeaderMap) -> Result<Format, Problem> {
    let accepts = |kind: &str| {
        let accepted = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok());
        accepted.flat_map(|value| value.split(',')).any(|one| {
            let one = one.split(';').next().unwrap_or_default();
            one.trim().eq_ignore_ascii_case(kind)
        })
    };
    match asked {
        Some("jsonl") => Ok(Format::JsonLines),
        Some("avro") => Ok(Format::Avro),
        Some(other) => Err(Problem::new(
            Kind::BadRequest,
            format!("there is no `format` {other:?}"),
        )
        .advise("ask for `jsonl` or `avro`")),
        None if accepts("application/avro") => Ok(Format::Avro),
        None => Ok(Format::JsonLines),
    }
}

/// Paths, at the commas that are not part of a quoted name.
pub(super) fn split(fields: &str) -> Vec<String> {
    let mut quoted = false;
    let at_comma = |character: char| {
        quoted ^= character == '"';
        character == ',' && !quoted
    };
    fields
        .split(at_comma)
        .map(|field| field.trim().to_owned())
        .collect()
}

/// Where to begin, where the client says.
///
/// # Errors
/// When it says two things, or what nobody can read.
pub(super) fn begin(
    filter: i64,
    after: Option<&str>,
    since: Option<&str>,
) -> Result<Option<Begin>, Problem> {
    let wrong = |detail: String| Problem::new(Kind::BadRequest, detail);
    match (after, since) {
        (Some(_), Some(_)) => Err(wrong("`after` and `since` do not go together".to_owned())),
        (Some(text), None) => match Cursor::from_text(text, filter) {
            Ok(cursor) => Ok(Some(Begin::After(cursor))),
            Err(error) => Err(wrong(format!("the cursor in `after`: {error}"))
                .advise("send a `cursor` or `Skysieve-Next` of this filter's alerts, as it is")),
        },
        (None, Some(text)) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Some(Begin::Since(time.as_millisecond()))),
            Err(_) => Err(wrong(format!("`since` is {text:?}, which is no instant"))
                .advise("write it as 2026-04-01T03:00:00Z")),
        },
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fields_are_split_at_commas_outside_of_quotes() {
        assert_eq!(split("a.b, c[].d"), ["a.b", "c[].d"]);
        assert_eq!(split("a.\"x,\"\"y\",b"), ["a.\"x,\"\"y\"", "b"]);
    }

    #[test]
    fn the_format_is_chosen_by_parameter_or_header() {
        let mut headers = HeaderMap::new();
        assert_eq!(format(None, &headers).unwrap(), Format::JsonLines);
        headers.append(
            ACCEPT,
            HeaderValue::from_static("text/html, Application/Avro;q=0.9"),
        );
        assert_eq!(format(None, &headers).unwrap(), Format::Avro);
        assert_eq!(format(Some("jsonl"), &headers).unwrap(), Format::JsonLines);
        assert!(format(Some("csv"), &headers).is_err());
    }

    #[test]
    fn beginnings_are_read() {
        assert_eq!(begin(1, None, None).unwrap(), None);
        let since = begin(1, None, Some("1970-01-01T00:00:01Z")).unwrap();
        assert_eq!(since, Some(Begin::Since(1000)));
        let cursor = Cursor::default().to_text(1);
        let after = begin(1, Some(&cursor), None).unwrap();
        assert_eq!(after, Some(Begin::After(Cursor::default())));
        assert!(begin(2, Some(&cursor), None).is_err());
        assert!(begin(1, Some(&cursor), Some("1970-01-01T00:00:01Z")).is_err());
        assert!(begin(1, None, Some("yesterday")).is_err());
    }
}

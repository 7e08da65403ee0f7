//! Bodies and queries, read strictly.
//!
//! In: requests. Out: typed values. Never: a field that nobody declared passed over in silence.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::HeaderName;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::{Kind, Problem, is};
use super::kind::{Answers, answers_of};

/// Greatest size of a JSON body [bytes]: the largest are parameters, 256 of 1 KiB at most.
pub const JSON_BYTES: usize = 512 * 1024;

/// A JSON body. Its type refuses unknown fields.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(&request) {
            return Err(
                Problem::new(Kind::NotJson, "the body is not marked as JSON")
                    .advise("send the header `Content-Type: application/json`"),
            );
        }
        let bytes = read_body(request, JSON_BYTES).await?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Problem::new(Kind::BadRequest, format!("the JSON body: {error}")))
    }
}

/// The answers of every handler that takes a [`Body`].
impl<T> utoipa::IntoResponses for Body<T> {
    fn responses() -> Answers {
        let mut answers = answers_of::<is::BadRequest>();
        answers.extend(answers_of::<is::TooLarge>());
        answers.extend(answers_of::<is::NotJson>());
        answers
    }
}

/// Whether the body is marked as JSON.
pub fn is_json(request: &Request) -> bool {
    let header = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    header.is_some_and(|value| {
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/json")
    })
}

/// A client that is still sending hears no answer, so what is too large is taken and dropped up to
/// so many times the limit.
const HEARD_OUT: usize = 16;

/// A body of at most `limit` bytes.
///
/// # Errors
/// Too large, or cut off on the way.
pub async fn read_body(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            Kind::TooLarge,
            format!("the body is larger than {limit} bytes"),
        )
        .advise("send less; a filter shrinks with `opt-level = \"s\"` and `strip = true`")
    };
    let announced = number(&request, CONTENT_LENGTH).unwrap_or(0);
    let waits = request.headers().contains_key(EXPECT);
    if announced > limit && (waits || announced / HEARD_OUT > limit) {
        return Err(too_large());
    }
    let (mut body, mut bytes, mut taken) = (request.into_body(), Vec::new(), 0_usize);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame =
            frame.map_err(|_| Problem::new(Kind::BadRequest, "the body was cut off on the way"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        taken += data.len();
        if taken <= limit {
            bytes.extend_from_slice(&data);
        } else if taken / HEARD_OUT > limit {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    if taken > limit {
        return Err(too_large());
    }
    Ok(bytes.into())
}

/// The problem of a request whose body nobody wants: taken and dropped, unless the client waits to be
/// asked for it.
pub async fn heard_out(request: Request, limit: usize, problem: Problem) -> Problem {
    if request.headers().contains_key(EXPECT) {
        return problem;
    }
    let (mut body, mut taken) = (request.into_body(), 0_usize);
    // A body that is cut off leaves nobody who could hear.
    while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        taken += frame.into_data().map_or(0, |data| data.len());
        if taken / HEARD_OUT > limit {
            break;
        }
    }
    problem
}

fn number(request: &Request, header: HeaderName) -> Option<usize> {
    request.headers().get(header)?.to_str().ok()?.parse().ok()
}

/// Text that a person reads: lines and tabs, no other control characters (PostgreSQL takes no NUL).
///
/// # Errors
/// Where there is one.
pub fn refuse_control(name: &str, text: &str) -> Result<(), Problem> {
    let is_wrong = |character: char| character.is_control() && !"\n\r\t".contains(character);
    if !text.contains(is_wrong) {
        return Ok(());
    }
    let detail = format!("`{name}` holds a control character");
    Err(Problem::new(Kind::InvalidField, detail).advise("send plain text"))
}

/// Longest reason [characters].
const REASON_LENGTH: usize = 500;

/// Why somebody does a thing, for others to read.
///
/// # Errors
/// Where it says nothing, too much, or holds a control character.
pub fn check_reason(reason: &str) -> Result<(), Problem> {
    refuse_control("reason", reason)?;
    if reason.trim().is_empty() || reason.chars().count() > REASON_LENGTH {
        let detail = format!("`reason` must have 1 to {REASON_LENGTH} characters");
        return Err(Problem::new(Kind::InvalidField, detail));
    }
    Ok(())
}

/// A query string. Its type refuses unknown fields.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(value)| Self(value))
            .map_err(|error| {
                let text = error.to_string();
                let cause = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                Problem::new(Kind::BadRequest, format!("the query: {cause}"))
            })
    }
}

/// The answers of every handler that takes [`Params`].
impl<T> utoipa::IntoResponses for Params<T> {
    fn responses() -> Answers {
        answers_of::<is::BadRequest>()
    }
}

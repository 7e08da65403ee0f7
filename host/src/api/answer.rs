//! Answers that are no problems.
//!
//! In: what a handler has to show. Out: its status and headers. Never: an error.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Something was made, and stands at `path` from now on.
pub fn created(path: &str, body: &impl Serialize) -> Response {
    at(StatusCode::CREATED, path, body)
}

/// The same, of something whose secret nobody keeps on the way.
pub fn created_secret(path: &str, body: &impl Serialize) -> Response {
    let mut response = created(path, body);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What was asked for stands at `path` already.
pub fn existing(path: &str, body: &impl Serialize) -> Response {
    at(StatusCode::OK, path, body)
}

/// Done; there is nothing to show.
#[must_use]
pub fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn at(status: StatusCode, path: &str, body: &impl Serialize) -> Response {
    (status, [(LOCATION, path)], Json(body)).into_response()
}

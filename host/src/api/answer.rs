//! Answers that are no problems.
//!
//! In: what a handler has to show. Out: its status and headers. Never: an error.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Something was made, and stands at `path` from now on.
pub fn created(path: &str, body: &impl Serialize) -> Response {
    at(StatusCode::CREATED, path, body)
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

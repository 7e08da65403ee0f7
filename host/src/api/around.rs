//! What goes around every request: an id, a time limit, a line in the log.
//!
//! In: requests. Out: their answers, each with `X-Request-Id`. Never: a token in the log, or a
//! request without an end.

use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::{Kind, Problem};

/// The header with the id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that a client may give a request [bytes].
const ID_LENGTH: usize = 64;

/// Gives each request an id (the client's own, where it is a plain word) and notes its answer.
pub async fn identify(request: Request, next: Next) -> Response {
    let id = given_id(&request).unwrap_or_else(random_id);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let since = Instant::now();
    let mut response = next.run(request).await;
    let (status, ms) = (response.status().as_u16(), since.elapsed().as_millis());
    tracing::info!(%method, path, status, ms, request_id = id, "request");
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Ends a request that takes longer than `limit`.
pub async fn within(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request))
        .await
        .unwrap_or_else(|_| {
            Problem::new(
                Kind::Slow,
                format!("no answer within {} ms", limit.as_millis()),
            )
            .into_response()
        })
}

fn given_id(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && (1..=ID_LENGTH).contains(&id.len())).then(|| id.to_owned())
}

/// Ids only tell requests apart, so a source of chance that fails may give the same one twice.
fn random_id() -> String {
    let mut bytes = [0; 8];
    _ = getrandom::fill(&mut bytes);
    base16ct::lower::encode_string(&bytes)
}

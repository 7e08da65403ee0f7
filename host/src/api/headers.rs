//! What every answer tells browsers: nothing of it is a program, and other sites may read it only where
//! an administrator says so.
//!
//! In: answers; the origins that may read them. Out: the same with headers. Never: a cookie.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_MATCH,
    IF_NONE_MATCH, LOCATION, REFERRER_POLICY, RETRY_AFTER, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{Any, CorsLayer};

use super::around::REQUEST_ID;
use super::once::IDEMPOTENCY_KEY;

/// For how long a browser may remember what another site may do.
const PREFLIGHT: Duration = Duration::from_hours(1);

/// No script, picture or frame; the page's own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Sets the headers that a handler did not; `over_tls` where this host itself speaks TLS.
pub async fn harden(State(over_tls): State<bool>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let mut set = |name: HeaderName, value: &'static str| {
        let entry = response.headers_mut().entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    };
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(X_FRAME_OPTIONS, "DENY");
    set(REFERRER_POLICY, "no-referrer");
    set(CONTENT_SECURITY_POLICY, POLICY);
    // A browser may keep it, nobody in between, and asks whether it still holds.
    set(CACHE_CONTROL, "private, no-cache");
    if over_tls {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// Lets pages of these origins read answers. Without any, browsers refuse it to all of them.
pub fn cross_origin(origins: &[String]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            IDEMPOTENCY_KEY,
            REQUEST_ID,
        ])
        .expose_headers([ETAG, LOCATION, RETRY_AFTER, REQUEST_ID])
        .max_age(PREFLIGHT);
    if origins.iter().any(|origin| origin == "*") {
        return layer.allow_origin(Any);
    }
    let origins = origins
        .iter()
        .filter_map(|origin| HeaderValue::from_str(origin).ok());
    layer.allow_origin(origins.collect::<Vec<_>>())
}

/// Whether `origin` is one as browsers send it: `https://example.org`, without a path.
#[must_use]
pub fn is_origin(origin: &str) -> bool {
    let rest = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    let host = |rest: &str| {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte)
        };
        !rest.is_empty() && rest.bytes().all(allowed)
    };
    origin == "*" || rest.is_some_and(host)
}

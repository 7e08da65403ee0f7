//! Entity tags: which state of a thing an answer shows, and a request stands on.
//!
//! In: revisions; `If-Match` and `If-None-Match`. Out: `ETag`, 304, or a refusal. Never: a tag without
//! a thing that changes with it.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::{Kind, Problem};
use super::kind::Answers;

/// JSON of a thing at a revision.
pub struct Tagged<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        set_tag(&mut response, self.0);
        response
    }
}

/// Marks an answer with the revision of what it shows.
pub fn set_tag(response: &mut Response, revision: i64) {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
}

/// The revision that a change stands on, where the request names one; the thing is at `now`.
///
/// # Errors
/// `Changed` where it is another.
pub fn seen(headers: &HeaderMap, now: i64) -> Result<Option<i64>, Problem> {
    if !headers.contains_key(IF_MATCH) {
        return Ok(None);
    }
    let mut tags = tags(headers, &IF_MATCH);
    let tag = format!("\"{now}\"");
    if tags.any(|one| one == "*" || one == tag) {
        return Ok(Some(now));
    }
    Err(Problem::new(
        Kind::Changed,
        format!("it is at {tag} now, which `If-Match` does not name"),
    )
    .advise("read it again, look at what changed, and send the change with its `ETag`"))
}

/// The answer to whoever has it already: of a handler whose answer has a tag.
pub struct Same;

impl utoipa::IntoResponses for Same {
    fn responses() -> Answers {
        let same = utoipa::openapi::Response::new("It is as `If-None-Match` says");
        Answers::from([("304".to_owned(), same.into())])
    }
}

/// Leaves out what the client has already.
pub async fn not_modified(request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let has: Vec<String> = if reads {
        tags(request.headers(), &IF_NONE_MATCH)
            .map(|tag| tag.trim_start_matches("W/").to_owned())
            .collect()
    } else {
        Vec::new()
    };
    let mut response = next.run(request).await;
    let tag = response
        .headers()
        .get(ETAG)
        .and_then(|tag| tag.to_str().ok());
    let is_known = tag.is_some_and(|tag| has.iter().any(|one| one == "*" || one == tag));
    if is_known && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = axum::body::Body::empty();
        for header in [CONTENT_TYPE, CONTENT_LENGTH] {
            response.headers_mut().remove(header);
        }
    }
    response
}

/// The tags of all lines of a header. A tag of ours holds no comma.
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts.flat_map(|text| text.split(',').map(str::trim))
}

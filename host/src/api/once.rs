//! `Idempotency-Key`: the same creating request, sent again, gets the same answer and makes nothing.
//!
//! In: POST requests with a key. Out: their answers, kept for a while. Never: a secret kept, or a
//! request that stops half way because its client left.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Host;
use super::auth::Actor;
use super::error::{Kind, Problem};
use super::extract::{JSON_BYTES, read_body};
use crate::registry::{KeptAnswer, KeyedRequest, Known};

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key [bytes].
const KEY_LENGTH: usize = 255;

/// Greatest answer that is kept [bytes].
const KEPT_BYTES: usize = 256 << 10;

/// Answers a POST request with a key once; passes everything else on.
pub async fn once(State(host): State<Arc<Host>>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.run(request).await;
    }
    // On a task of its own: a client that leaves will come back with the same key, for this answer.
    let task = tokio::spawn(async move { keyed(&host, request, next).await });
    let answer = task.await.map_err(Problem::internal);
    answer
        .and_then(|answer| answer)
        .unwrap_or_else(IntoResponse::into_response)
}

async fn keyed(host: &Arc<Host>, request: Request, next: Next) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let actor = Actor::from_request_parts(&mut parts, host).await?;
    let limit = Duration::from_millis(host.settings.request_ms);
    let whole = read_body(Request::from_parts(parts.clone(), body), JSON_BYTES);
    let bytes = tokio::time::timeout(limit, whole)
        .await
        .map_err(|_| Problem::new(Kind::Slow, "the body did not come in time"))??;
    let keyed = KeyedRequest {
        user: actor.0.user,
        key: key(&parts.headers)?,
        digest: digest(&parts, &bytes),
    };
    let keep_ms = i64::from(host.settings.idempotency_hours) * 3_600_000;
    match host.registry.take_key(&keyed, keep_ms).await? {
        Known::Nothing => {}
        Known::UnderWay => {
            return Err(Problem::new(
                Kind::KeyInUse,
                "the first request with this key is under way",
            )
            .advise("ask again for its answer in a second"));
        }
        Known::Another => {
            let detail = "this key came with another request: other path, query or body";
            return Err(
                Problem::new(Kind::KeyReused, detail).advise("take a new key for a new request")
            );
        }
        Known::Answered(answer) => return replay(answer),
    }
    // Known from now on to the handler, which need not ask who this is again.
    parts.extensions.insert(actor);
    let response = next
        .run(Request::from_parts(parts, Body::from(bytes)))
        .await;
    kept(host, &keyed, response).await
}

fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut all = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = all
        .next()
        .and_then(|key| key.to_str().ok())
        .unwrap_or_default();
    if all.next().is_none() && (1..=KEY_LENGTH).contains(&key.len()) {
        return Ok(key.to_owned());
    }
    let detail =
        format!("`Idempotency-Key` must be one text of 1 to {KEY_LENGTH} ASCII characters");
    Err(Problem::new(Kind::BadRequest, detail).advise("a random UUID is a good key"))
}

fn digest(parts: &Parts, body: &[u8]) -> String {
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let hash = Sha256::new()
        .chain_update(format!("{} {target}\n", parts.method))
        .chain_update(body);
    base16ct::lower::encode_string(&hash.finalize())
}

/// Keeps what was made. Where nothing was, the key is free: the request may be mended and sent again.
async fn kept(host: &Host, keyed: &KeyedRequest, response: Response) -> Result<Response, Problem> {
    if !response.status().is_success() {
        host.registry.release_key(keyed).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, KEPT_BYTES)
        .await
        .map_err(Problem::internal)?;
    let text = |name: HeaderName| {
        let value = parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let is_secret = text(CACHE_CONTROL).contains("no-store");
    let answer = KeptAnswer {
        status: parts.status.as_u16(),
        location: text(LOCATION),
        etag: text(ETAG),
        body: (!is_secret).then(|| String::from_utf8_lossy(&body).into_owned()),
    };
    if let Err(error) = host.registry.keep_answer(keyed, &answer).await {
        // It was made, and this client shall know; only a second request finds the key in use.
        tracing::warn!(%error, "the answer to a keyed request was not kept");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(answer: KeptAnswer) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(answer.status).map_err(Problem::internal)?;
    let Some(body) = answer.body else {
        if status == StatusCode::NO_CONTENT {
            return Ok(marked(status.into_response()));
        }
        let detail = "this was made before; its answer held a secret that is shown once";
        return Err(Problem::new(Kind::KeyReused, detail)
            .advise("revoke what was made, and make another with a new key"));
    };
    let mut response = (status, body).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, text) in [(LOCATION, answer.location), (ETAG, answer.etag)] {
        if let Some(value) = HeaderValue::from_str(&text)
            .ok()
            .filter(|value| !value.is_empty())
        {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(marked(response))
}

fn marked(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

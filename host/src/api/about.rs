//! Small answers: who am I, which streams are there, is the host alive and ready.
//!
//! In: nothing but a token, and not even that for the health of the host. Out: JSON. Never: a secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::auth::Actor;
use super::error::Problem;
use super::{Host, time};

/// `GET /v1/me`.
pub async fn me(Actor(bearer): Actor) -> Json<Value> {
    Json(json!({
        "user": bearer.name,
        "role": bearer.role,
        "token": { "name": bearer.token_name, "expires": bearer.expires_ms.map(time) },
    }))
}

/// `GET /v1/streams`: with the settings that are live, so that an owner sees when a change is.
pub async fn streams(State(host): State<Arc<Host>>, _: Actor) -> Json<Value> {
    let streams: Vec<Value> = host
        .streams
        .iter()
        .map(|stream| {
            json!({
                "name": stream.name.as_str(),
                "lane": stream.lane,
                "live": (stream.live)(),
            })
        })
        .collect();
    Json(json!({ "items": streams, "next": null }))
}

/// `GET /livez`: the process answers.
pub async fn alive() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// `GET /readyz`: the registry answers, too.
pub async fn ready(State(host): State<Arc<Host>>) -> Result<Json<Value>, Problem> {
    let generation = host.registry.generation().await?;
    Ok(Json(json!({ "status": "ready", "generation": generation })))
}

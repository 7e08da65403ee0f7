//! Small answers: who am I, which streams are there, is the host alive and ready.
//!
//! In: nothing but a token, and not even that for the health of the host. Out: JSON. Never: a secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::Actor;
use super::error::{Problem, is};
use super::page::Listed;
use super::{Host, time};
use crate::registry::{Role, Scope};

/// Who asks, with which token.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub struct Me {
    /// Name of the user.
    user: String,
    role: Role,
    /// The groups that they are a member of.
    groups: Vec<String>,
    token: TokenView,
}

/// The token of this request.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
struct TokenView {
    /// What its owner calls it.
    name: String,
    scope: Scope,
    /// When it ends; null for never.
    #[schema(format = DateTime)]
    expires: Option<String>,
}

/// A stream that filters may be made for.
#[derive(Serialize, ToSchema)]
#[schema(as = Stream)]
pub struct StreamView {
    name: String,
    /// The lane that its filters run in.
    lane: String,
    /// The settings that this host judges the next alert by.
    live: Vec<i64>,
}

/// The process answers.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    #[schema(pattern = "^alive$")]
    status: &'static str,
}

/// The registry answers, too.
#[derive(Serialize, ToSchema)]
pub struct Ready {
    #[schema(pattern = "^ready$")]
    status: &'static str,
    /// Rises with every change of what is active.
    generation: i64,
}

/// Who the token is.
#[utoipa::path(get, path = "/v1/me", tag = "about", responses((status = OK, body = Me), Actor))]
pub async fn me(Actor(bearer): Actor) -> Json<Me> {
    Json(Me {
        user: bearer.name,
        role: bearer.role,
        groups: bearer.groups.into_iter().map(|one| one.name).collect(),
        token: TokenView {
            name: bearer.token_name,
            scope: bearer.scope,
            expires: bearer.expires_ms.map(time),
        },
    })
}

/// The streams that filters may be made for, with the settings that are live, so that an owner sees when
/// a change is.
#[utoipa::path(get, path = "/v1/streams", tag = "about", responses((status = OK, body = Listed<StreamView>), Actor))]
pub async fn streams(State(host): State<Arc<Host>>, _: Actor) -> Json<Listed<StreamView>> {
    let streams = host.streams.iter().map(|stream| StreamView {
        name: stream.name.to_string(),
        lane: stream.lane.clone(),
        live: (stream.live)(),
    });
    Json(Listed::whole(streams.collect()))
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "about", responses((status = OK, body = Alive)))]
pub async fn alive() -> Json<Alive> {
    Json(Alive { status: "alive" })
}

/// The registry answers, too.
#[utoipa::path(get, path = "/readyz", tag = "about", responses((status = OK, body = Ready), is::Unavailable))]
pub async fn ready(State(host): State<Arc<Host>>) -> Result<Json<Ready>, Problem> {
    let generation = host.registry.generation().await?;
    Ok(Json(Ready {
        status: "ready",
        generation,
    }))
}

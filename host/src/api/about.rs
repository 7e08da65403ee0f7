//! Small answers: who am I, which streams are there, is the host alive and ready, its
//! figures.
//!
//! In: nothing but a token, and not even that for the health of the host. Out: JSON; figures as text. Never: a secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::auth::{Actor, Administrator};
use super::error::{Kind, Problem, is};
use super::page::Listed;
use super::{Host, time};
use crate::metrics::MEDIA_TYPE;
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

/// The process answers, and every worker comes round: where this fails, start the process anew.
#[utoipa::path(get, path = "/livez", tag = "about", responses((status = OK, body = Alive), is::Unwell))]
pub async fn alive(State(host): State<Arc<Host>>) -> Result<Json<Alive>, Problem> {
    match host.metrics.hanging() {
        Some(worker) => Err(unwell(format!(
            "worker {worker} has not come round for minutes"
        ))),
        None => Ok(Json(Alive { status: "alive" })),
    }
}

/// The registry, and the source and the sink of every worker answer, too.
#[utoipa::path(get, path = "/readyz", tag = "about", responses((status = OK, body = Ready), is::Unavailable, is::Unwell))]
pub async fn ready(State(host): State<Arc<Host>>) -> Result<Json<Ready>, Problem> {
    if let Some(worker) = host.metrics.troubled() {
        let text =
            format!("the source or the sink of worker {worker} has not answered for a while");
        return Err(unwell(text));
    }
    let generation = host.registry.generation().await?;
    Ok(Json(Ready {
        status: "ready",
        generation,
    }))
}

fn unwell(detail: String) -> Problem {
    Problem::new(Kind::Unwell, detail).advise("look into the host's log; nothing is lost meanwhile")
}

/// Figures for a monitoring system, in the OpenMetrics text format.
#[utoipa::path(
    get, path = "/metrics", tag = "about",
    responses((status = OK, description = "The figures", body = String, content_type = "application/openmetrics-text"), Administrator)
)]
pub async fn metrics(State(host): State<Arc<Host>>, _: Administrator) -> Response {
    ([(CONTENT_TYPE, MEDIA_TYPE)], host.metrics.text()).into_response()
}

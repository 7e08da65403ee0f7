//! `/v1/filters`: create, list, read, delete.
//!
//! In: names, streams, summaries. Out: filters as JSON. Never: somebody else's filter.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{created, nothing};
use super::auth::{Actor, Held};
use super::error::{Kind, Problem};
use super::extract::{Body, Params, refuse_control};
use super::{Host, page, time};
use crate::registry::{Active, Filter, FilterId, FilterQuery, Name, NewFilter, Visibility};

/// Longest summary [characters].
const SUMMARY_LENGTH: usize = 200;

/// What creates a filter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Creation {
    name: String,
    stream: String,
    #[serde(default)]
    summary: String,
}

/// Which filters to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    owner: Option<String>,
    stream: Option<String>,
    #[serde(default)]
    deleted: bool,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// A filter as clients see it.
pub fn view(filter: &Filter) -> Value {
    json!({
        "owner": filter.owner,
        "name": filter.name,
        "stream": filter.stream,
        "topic": filter.topic,
        "summary": filter.summary,
        "title": filter.title,
        "state": state(filter),
        "versions": filter.versions,
        "active": filter.active.as_ref().map(active_view),
        "created": time(filter.created_ms),
        "updated": time(filter.updated_ms),
        "deleted": filter.deleted_ms.map(time),
    })
}

fn active_view(active: &Active) -> Value {
    json!({
        "setting": active.setting,
        "version": active.version,
        "state": active.state,
        "reason": active.reason,
        "since": time(active.since_ms),
    })
}

/// `empty`, `ready`, `active`, `paused`, `suspended` or `deleted`.
fn state(filter: &Filter) -> &'static str {
    match &filter.active {
        _ if filter.deleted_ms.is_some() => "deleted",
        Some(active) => active.state.as_str(),
        None if filter.versions > 0 => "ready",
        None => "empty",
    }
}

/// `POST /v1/filters`.
pub async fn create(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let name = Name::parse(&asked.name)
        .map_err(|error| Problem::new(Kind::InvalidName, error.to_string()))?;
    refuse_control("summary", &asked.summary)?;
    if asked.summary.chars().count() > SUMMARY_LENGTH {
        let detail = format!("`summary` is longer than {SUMMARY_LENGTH} characters");
        return Err(Problem::new(Kind::InvalidField, detail));
    }
    let new = NewFilter {
        owner: actor.0.user,
        owner_name: Name::parse(&actor.0.name).map_err(Problem::internal)?,
        name,
        stream: host.stream(&asked.stream)?,
        summary: asked.summary,
        visibility: Visibility::default(),
    };
    let filter = host.registry.create_filter(&new, &actor.by()).await?;
    let path = format!("/v1/filters/{}/{}", filter.owner, filter.name);
    Ok(created(&path, &view(&filter)))
}

/// `GET /v1/filters`: an administrator sees everybody's, anybody else their own.
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Params(asked): Params<Listing>,
) -> Result<Json<Value>, Problem> {
    let limit = page::limit(asked.limit)?;
    let own = !actor.is_administrator();
    if own
        && asked
            .owner
            .as_ref()
            .is_some_and(|owner| *owner != actor.0.name)
    {
        return Ok(Json(page::page(&[], limit, view, place)));
    }
    let query = FilterQuery {
        owner: if own { Some(actor.0.name) } else { asked.owner },
        seen_by: None,
        stream: asked.stream,
        deleted: asked.deleted,
        before: page::number_place(asked.cursor.as_deref())?.map(FilterId),
        limit,
    };
    let filters = host.registry.filters(&query).await?;
    Ok(Json(page::page(&filters, limit, view, place)))
}

fn place(filter: &Filter) -> String {
    filter.id.0.to_string()
}

/// `GET /v1/filters/{owner}/{name}`.
pub async fn one(held: Held) -> Json<Value> {
    Json(view(&held.filter))
}

/// `DELETE /v1/filters/{owner}/{name}`.
pub async fn delete(State(host): State<Arc<Host>>, held: Held) -> Result<Response, Problem> {
    host.registry
        .delete_filter(held.filter.id, &held.actor.by())
        .await?;
    Ok(nothing())
}

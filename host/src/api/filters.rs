//! `/v1/filters`: create, list, read, delete.
//!
//! In: names, streams, summaries. Out: filters as JSON. Never: somebody else's filter.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{created, nothing};
use super::auth::{Actor, Held, Seen};
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params, refuse_control};
use super::page::{self, Listed};
use super::tags::{self, Tagged};
use super::{Host, groups, time};
use crate::registry::{
    Active, Filter, FilterId, FilterQuery, Name, NewFilter, State as Running, Visibility,
};

/// Longest summary [characters].
const SUMMARY_LENGTH: usize = 200;

/// What creates a filter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFilter)]
pub struct Creation {
    /// Lower-case letters, digits and hyphens: it becomes part of a topic.
    name: String,
    /// The stream that it reads.
    stream: String,
    /// One line about it.
    #[serde(default)]
    #[schema(max_length = 200)]
    summary: String,
    /// A group of yours that is to own it; you, where it is missing.
    owner: Option<String>,
    /// Who may read what it is.
    #[serde(default)]
    visibility: Visibility,
}

/// Which filters to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// Only this owner's.
    owner: Option<String>,
    /// Only those of this stream.
    stream: Option<String>,
    /// Deleted ones instead of the others.
    #[serde(default)]
    deleted: bool,
    /// At most so many items; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// A filter as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Filter)]
pub struct FilterView {
    owner: String,
    name: String,
    /// The stream that it reads.
    stream: String,
    /// Where its passing alerts go.
    topic: String,
    /// One line, by its owner.
    summary: String,
    /// Title of the last version.
    title: Option<String>,
    state: FilterState,
    visibility: Visibility,
    /// Whether the bytes of a public filter are public, too.
    open_bytes: bool,
    /// Rises with every change.
    revision: i64,
    /// Number of the last version; 0 before the first.
    versions: i64,
    /// What is switched on.
    active: Option<ActiveView>,
    #[schema(format = DateTime)]
    created: String,
    #[schema(format = DateTime)]
    updated: String,
    #[schema(format = DateTime)]
    deleted: Option<String>,
}

/// What is switched on of a filter.
#[derive(Serialize, ToSchema)]
#[schema(as = Active)]
struct ActiveView {
    setting: i64,
    version: i64,
    state: Running,
    /// Why it is suspended.
    reason: String,
    #[schema(format = DateTime)]
    since: String,
}

/// How a filter is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FilterState {
    /// No version yet.
    Empty,
    /// Nothing is active.
    Ready,
    /// It judges alerts.
    Active,
    /// Its owner paused it.
    Paused,
    /// The host stopped it.
    Suspended,
    /// Its owner ended it.
    Retired,
    /// Its history can be read.
    Deleted,
}

/// The same with its entity tag.
pub fn tagged(filter: &Filter) -> Tagged<FilterView> {
    Tagged(filter.revision, view(filter))
}

/// A filter as clients see it.
pub fn view(filter: &Filter) -> FilterView {
    FilterView {
        owner: filter.owner.clone(),
        name: filter.name.clone(),
        stream: filter.stream.clone(),
        topic: filter.topic.clone(),
        summary: filter.summary.clone(),
        title: filter.title.clone(),
        state: state(filter),
        visibility: filter.visibility,
        open_bytes: filter.open_bytes,
        revision: filter.revision,
        versions: filter.versions,
        active: filter.active.as_ref().map(active_view),
        created: time(filter.created_ms),
        updated: time(filter.updated_ms),
        deleted: filter.deleted_ms.map(time),
    }
}

fn active_view(active: &Active) -> ActiveView {
    ActiveView {
        setting: active.setting,
        version: active.version,
        state: active.state,
        reason: active.reason.clone(),
        since: time(active.since_ms),
    }
}

fn state(filter: &Filter) -> FilterState {
    match &filter.active {
        _ if filter.deleted_ms.is_some() => FilterState::Deleted,
        Some(active) => match active.state {
            Running::Active => FilterState::Active,
            Running::Paused => FilterState::Paused,
            Running::Suspended => FilterState::Suspended,
            Running::Retired => FilterState::Retired,
        },
        None if filter.versions > 0 => FilterState::Ready,
        None => FilterState::Empty,
    }
}

/// Make a filter, bound to a stream.
#[utoipa::path(
    post, path = "/v1/filters", tag = "filters", request_body = Creation,
    responses((status = CREATED, body = FilterView), Actor, Body<Creation>, is::NotFound, is::NameTaken, is::Quota, is::InvalidName, is::UnknownStream, is::InvalidField)
)]
pub async fn create(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let name = Name::parse(&asked.name)?;
    check_summary(&asked.summary)?;
    let owner_name = asked.owner.as_ref().unwrap_or(&actor.0.name);
    let owner = if *owner_name == actor.0.name {
        actor.0.user
    } else {
        groups::visible(&host, &actor, owner_name).await?.id
    };
    let new = NewFilter {
        owner,
        owner_name: Name::parse(owner_name).map_err(Problem::internal)?,
        name,
        stream: host.stream(&asked.stream)?,
        summary: asked.summary,
        visibility: asked.visibility,
    };
    let filter = host.registry.create_filter(&new, &actor.by()).await?;
    let path = format!("/v1/filters/{}/{}", filter.owner, filter.name);
    let mut answer = created(&path, &view(&filter));
    tags::set_tag(&mut answer, filter.revision);
    Ok(answer)
}

/// One line, not too long.
///
/// # Errors
/// Where it is something else.
pub fn check_summary(summary: &str) -> Result<(), Problem> {
    refuse_control("summary", summary)?;
    if summary.chars().count() > SUMMARY_LENGTH {
        let detail = format!("`summary` is longer than {SUMMARY_LENGTH} characters");
        return Err(Problem::new(Kind::InvalidField, detail));
    }
    Ok(())
}

/// Filters that you may see, newest first: your own, your groups', public ones; an administrator sees
/// everybody's.
#[utoipa::path(get, path = "/v1/filters", tag = "filters", params(Listing), responses((status = OK, body = Listed<FilterView>), Actor, Params<Listing>))]
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Params(asked): Params<Listing>,
) -> Result<Json<Listed<FilterView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let query = FilterQuery {
        seen_by: (!actor.is_administrator()).then_some(actor.0.user),
        owner: asked.owner,
        stream: asked.stream,
        deleted: asked.deleted,
        before: page::number_place(asked.cursor.as_deref())?.map(FilterId),
        limit,
    };
    let filters = host.registry.filters(&query).await?;
    Ok(Json(Listed::page(&filters, limit, view, place)))
}

fn place(filter: &Filter) -> String {
    filter.id.0.to_string()
}

/// One filter, and what is active of it.
#[utoipa::path(
    get, path = "/v1/filters/{owner}/{name}", tag = "filters",
    responses((status = OK, body = FilterView, headers(("ETag" = String, description = "For `If-Match` and `If-None-Match`"))), tags::Same, Seen)
)]
pub async fn one(seen: Seen) -> Tagged<FilterView> {
    tagged(&seen.filter)
}

/// Delete a filter: it is switched off for good; its history can still be read.
#[utoipa::path(delete, path = "/v1/filters/{owner}/{name}", tag = "filters", responses((status = NO_CONTENT, description = "It is deleted"), Held))]
pub async fn delete(State(host): State<Arc<Host>>, held: Held) -> Result<Response, Problem> {
    host.registry
        .delete_filter(held.filter.id, &held.by())
        .await?;
    Ok(nothing())
}

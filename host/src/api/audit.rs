//! `/v1/audit`, `/v1/filters/{owner}/{name}/audit`: what was done, by whom, to what.
//!
//! In: whose things. Out: entries of the log, newest first. Never: a change of it, or an entry about
//! somebody else's things.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::auth::{Actor, Held};
use super::error::{Problem, is};
use super::extract::Params;
use super::page::{self, Listed, Page};
use super::{Host, quotas, time};
use crate::registry::{AuditEntry, AuditQuery};

/// Which entries to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// A user or a group; you, where it is missing. An administrator sees everybody's then.
    owner: Option<String>,
    /// Only this, as in `filter.activate`.
    action: Option<String>,
    /// At most so many items; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// An entry of the log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct EntryView {
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    /// Who did it; `(host)` for the host itself, `(command line)` for whoever has it.
    actor: String,
    /// Id of the token that they used.
    token: Option<i64>,
    /// What was done.
    action: String,
    /// To what.
    subject: String,
    /// What there is to know.
    #[schema(value_type = Object)]
    detail: Value,
}

/// What was done to an owner's things, newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(Listing), responses((status = OK, body = Listed<EntryView>), Actor, Params<Listing>, is::NotFound))]
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Params(asked): Params<Listing>,
) -> Result<Json<Listed<EntryView>>, Problem> {
    let owner = match &asked.owner {
        Some(name) => Some(quotas::seen(&host, &actor, name).await?),
        None => (!actor.is_administrator()).then_some(actor.0.user),
    };
    let query = AuditQuery {
        owner,
        action: asked.action,
        ..AuditQuery::default()
    };
    answer(&host, query, asked.limit, asked.cursor.as_deref()).await
}

/// What was done to a filter, newest first.
#[utoipa::path(get, path = "/v1/filters/{owner}/{name}/audit", tag = "audit", params(Page), responses((status = OK, body = Listed<EntryView>), Held, Params<Page>))]
pub async fn of_filter(
    State(host): State<Arc<Host>>,
    held: Held,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<EntryView>>, Problem> {
    let query = AuditQuery {
        filter: Some(held.filter.id),
        ..AuditQuery::default()
    };
    answer(&host, query, asked.limit, asked.cursor.as_deref()).await
}

async fn answer(
    host: &Host,
    query: AuditQuery,
    limit: Option<i64>,
    cursor: Option<&str>,
) -> Result<Json<Listed<EntryView>>, Problem> {
    let limit = page::limit(limit)?;
    let query = AuditQuery {
        before: page::number_place(cursor)?,
        limit,
        ..query
    };
    let entries = host.registry.audit(&query).await?;
    Ok(Json(Listed::page(&entries, limit, view, |entry| {
        entry.id.to_string()
    })))
}

fn view(entry: &AuditEntry) -> EntryView {
    EntryView {
        id: entry.id,
        at: time(entry.at_ms),
        actor: entry.actor.clone(),
        token: entry.token,
        action: entry.action.clone(),
        subject: entry.subject.clone(),
        detail: entry.detail.clone(),
    }
}

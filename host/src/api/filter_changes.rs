//! `PATCH /v1/filters/{owner}/{name}`: its summary, and who may see it.
//!
//! In: what its owner wants. Out: the filter as it is from now. Never: results made public.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Host;
use super::activation::show;
use super::auth::Held;
use super::error::{Problem, is};
use super::extract::Body;
use super::filters::{FilterView, check_summary};
use super::tags::Tagged;
use crate::registry::{FilterChange, Visibility};

/// What to change; what is missing stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FilterChange)]
pub struct Change {
    /// One line about it.
    #[schema(max_length = 200)]
    summary: Option<String>,
    /// Who may read what it is: its owner, or everybody with a token. Results stay the owner's.
    visibility: Option<Visibility>,
    /// Whether everybody who may see a public filter may also fetch its versions' bytes.
    open_bytes: Option<bool>,
}

/// Change a filter's summary, or who may see it.
#[utoipa::path(
    patch, path = "/v1/filters/{owner}/{name}", tag = "filters", request_body = Change,
    responses((status = OK, body = FilterView), Held, Body<Change>, is::FilterDeleted, is::InvalidField)
)]
pub async fn change(
    State(host): State<Arc<Host>>,
    held: Held,
    Body(asked): Body<Change>,
) -> Result<Tagged<FilterView>, Problem> {
    if let Some(summary) = &asked.summary {
        check_summary(summary)?;
    }
    let change = FilterChange {
        summary: asked.summary,
        visibility: asked.visibility,
        open_bytes: asked.open_bytes,
    };
    host.registry
        .change_filter(held.filter.id, &change, None, &held.by())
        .await?;
    show(&host, &held.filter).await
}

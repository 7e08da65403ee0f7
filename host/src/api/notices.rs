//! `/v1/notices`: what owners were told, and what became of each notice.
//!
//! In: a page. Out: notices, newest first. Never: another owner's, or a code that went by mail.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::auth::Actor;
use super::error::{Problem, is};
use super::extract::Params;
use super::notice_targets::whose;
use super::page::{self, Listed};
use super::{Host, time};
use crate::registry::{Delivery, Medium, Notice, NoticeId, NoticeKind, NoticeQuery};

/// Which notices to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// A user or a group; you, where it is missing.
    owner: Option<String>,
    /// At most so many items; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// A notice as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = Notice)]
pub struct NoticeView {
    id: i64,
    kind: NoticeKind,
    /// `owner/name`, where it is about one filter.
    filter: Option<String>,
    /// For people.
    text: String,
    /// For programs.
    #[schema(value_type = Object)]
    details: Value,
    #[schema(format = DateTime)]
    created: String,
    deliveries: Vec<DeliveryView>,
}

/// One notice on its way to one target.
#[derive(Serialize, ToSchema)]
#[schema(as = NoticeDelivery)]
pub struct DeliveryView {
    target: i64,
    /// None where the target is gone.
    medium: Option<Medium>,
    /// `waiting`, `delivered` or `given_up`.
    state: String,
    tries: i64,
    /// Why the last attempt failed.
    reason: Option<String>,
    /// When it is tried again.
    #[schema(format = DateTime)]
    next: Option<String>,
    /// When it arrived or was given up.
    #[schema(format = DateTime)]
    ended: Option<String>,
}

/// What an owner was told, newest first, and what became of each notice.
#[utoipa::path(get, path = "/v1/notices", tag = "notices", params(Listing), responses((status = OK, body = Listed<NoticeView>), Actor, Params<Listing>, is::NotFound))]
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Params(asked): Params<Listing>,
) -> Result<Json<Listed<NoticeView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let query = NoticeQuery {
        owner: whose(&host, &actor, asked.owner.as_deref()).await?,
        before: page::number_place(asked.cursor.as_deref())?.map(NoticeId),
        limit,
    };
    let notices = host.registry.notices(&query).await?;
    let place = |notice: &Notice| notice.id.0.to_string();
    Ok(Json(Listed::page(&notices, limit, NoticeView::new, place)))
}

impl NoticeView {
    fn new(notice: &Notice) -> Self {
        Self {
            id: notice.id.0,
            kind: notice.kind,
            filter: notice.filter.clone(),
            text: notice.text.clone(),
            details: notice.document.clone(),
            created: time(notice.created_ms),
            deliveries: notice.deliveries.iter().map(DeliveryView::new).collect(),
        }
    }
}

impl DeliveryView {
    fn new(delivery: &Delivery) -> Self {
        Self {
            target: delivery.target.0,
            medium: delivery.medium,
            state: delivery.state.clone(),
            tries: delivery.tries,
            reason: Some(delivery.reason.clone()).filter(|reason| !reason.is_empty()),
            next: delivery.next_ms.map(time),
            ended: delivery.ended_ms.map(time),
        }
    }
}

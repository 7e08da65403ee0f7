//! `/v1/filters/{owner}/{name}/activate`, `/pause`, `/resume`.
//!
//! In: which setting runs. Out: the filter as it is from now. Never: an active setting whose output
//! topic is missing, or that the gate does not let through.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Host;
use super::auth::Held;
use super::error::{Kind, Problem, is};
use super::extract::Body;
use super::filters::{FilterView, tagged};
use super::gate;
use super::tags::Tagged;
use crate::registry::{Filter, NewSetting, Payload};

/// What to activate: a setting, or a version with its default parameters.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    /// Number of a setting of this filter.
    setting: Option<i64>,
    /// Number of a version, which then runs with its default parameters.
    version: Option<i64>,
}

/// Activate a setting, or a version with its default parameters.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/activate", tag = "activation", request_body = Activation,
    responses((status = OK, body = FilterView), Held, Body<Activation>, is::FilterDeleted, is::Gate, is::InvalidField, is::InvalidParameter, is::Quota, is::TopicUnavailable)
)]
pub async fn activate(
    State(host): State<Arc<Host>>,
    held: Held,
    Body(asked): Body<Activation>,
) -> Result<Tagged<FilterView>, Problem> {
    let setting = chosen_setting(&host, &held, asked.setting, asked.version).await?;
    gate::pass(&host, &held.filter, setting).await?;
    ensure_topic(&host, &held.filter).await?;
    host.registry
        .activate(held.filter.id, setting, &held.by())
        .await?;
    show(&host, &held.filter).await
}

/// Pause what is active.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/pause", tag = "activation",
    responses((status = OK, body = FilterView), Held, is::FilterDeleted, is::NotActive, is::Suspended)
)]
pub async fn pause(
    State(host): State<Arc<Host>>,
    held: Held,
) -> Result<Tagged<FilterView>, Problem> {
    host.registry.pause(held.filter.id, &held.by()).await?;
    show(&host, &held.filter).await
}

/// Resume what was paused.
#[utoipa::path(
    post, path = "/v1/filters/{owner}/{name}/resume", tag = "activation",
    responses((status = OK, body = FilterView), Held, is::FilterDeleted, is::NotActive, is::Suspended, is::TopicUnavailable)
)]
pub async fn resume(
    State(host): State<Arc<Host>>,
    held: Held,
) -> Result<Tagged<FilterView>, Problem> {
    ensure_topic(&host, &held.filter).await?;
    host.registry.resume(held.filter.id, &held.by()).await?;
    show(&host, &held.filter).await
}

/// The setting that is named, or that of a version with its default parameters.
pub(super) async fn chosen_setting(
    host: &Host,
    held: &Held,
    setting: Option<i64>,
    version: Option<i64>,
) -> Result<i64, Problem> {
    match (setting, version) {
        (Some(setting), None) => Ok(host.registry.setting(held.filter.id, setting).await?.number),
        (None, Some(version)) => default_setting(host, held, version).await,
        _ => Err(Problem::new(
            Kind::InvalidField,
            "name either a `setting` or a `version`, which then has its default parameters",
        )),
    }
}

async fn default_setting(host: &Host, held: &Held, version: i64) -> Result<i64, Problem> {
    let new = NewSetting {
        filter: held.filter.id,
        by: held.actor.0.user,
        version,
        parameters: BTreeMap::new(),
        payload: Payload::Packet,
    };
    Ok(host.registry.add_setting(&new).await?.0.number)
}

/// On a thread of its own: brokers may be slow, and others are to be answered meanwhile.
pub(super) async fn ensure_topic(host: &Host, filter: &Filter) -> Result<(), Problem> {
    let ensure = host.ensure_topic.clone();
    let (stream, topic) = (filter.stream.clone(), filter.topic.clone());
    let made = tokio::task::spawn_blocking(move || ensure(&stream, &topic)).await;
    made.map_err(Problem::internal)?.map_err(|reason| {
        tracing::warn!(
            reason,
            topic = filter.topic,
            "an output topic cannot be made"
        );
        Problem::new(
            Kind::TopicUnavailable,
            format!("the topic {} cannot be made now", filter.topic),
        )
        .advise("try again in a few seconds; nothing was changed")
    })
}

/// The filter as it is now.
pub(super) async fn show(host: &Host, filter: &Filter) -> Result<Tagged<FilterView>, Problem> {
    let filter = host.registry.filter(&filter.owner, &filter.name).await?;
    Ok(tagged(&filter))
}

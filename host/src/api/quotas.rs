//! `/v1/quotas`: how much an owner may have and use, and what is left of it.
//!
//! In: an owner; for administrators, a value and a reason. Out: every quota with its value, what was
//! used and what is left. Never: another owner's, to somebody who is not of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Host;
use super::answer::nothing;
use super::auth::{Actor, Administrator};
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params, check_reason};
use super::page::Listed;
use crate::registry::{OwnerId, Quota};

/// Whose quotas.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// A user or a group; you, where it is missing.
    owner: Option<String>,
}

/// What an administrator sets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewQuota)]
pub struct Setting {
    #[schema(minimum = 0)]
    value: i64,
    /// Why; the owner reads it.
    #[schema(max_length = 500)]
    reason: String,
}

/// A quota of an owner.
#[derive(Serialize, ToSchema)]
#[schema(as = Quota)]
pub struct QuotaView {
    quota: Quota,
    /// How much: per owner, upload, alert, day or night, as its name says. Quotas per night are those of
    /// each filter. Null: as much as the host itself allows.
    value: Option<i64>,
    /// Whether it is the default.
    is_default: bool,
    /// Why it is another.
    reason: Option<String>,
    /// What was used, where the quota is of a sum. Of a quota per night: the most that one filter has
    /// used of the last night it has alerts of.
    used: Option<i64>,
    /// What is left.
    left: Option<i64>,
}

/// Every quota of an owner: how much, what was used, what is left.
#[utoipa::path(get, path = "/v1/quotas", tag = "quotas", params(Listing), responses((status = OK, body = Listed<QuotaView>), Actor, Params<Listing>, is::NotFound))]
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Params(asked): Params<Listing>,
) -> Result<Json<Listed<QuotaView>>, Problem> {
    let owner = match &asked.owner {
        None => actor.0.user,
        Some(name) => seen(&host, &actor, name).await?,
    };
    let set = host.registry.set_quotas_of(owner).await?;
    let defaults = host.registry.quota_defaults();
    let mut quotas = Vec::with_capacity(Quota::ALL.len());
    for quota in Quota::ALL {
        let own = set.get(&quota);
        let value = own.map_or_else(|| defaults.default_of(quota), |own| own.value);
        let used = host.registry.used(owner, quota).await?;
        quotas.push(QuotaView {
            quota,
            value: (value < i64::MAX).then_some(value),
            is_default: own.is_none(),
            reason: own.map(|own| own.reason.clone()),
            used,
            left: used.map(|used| value.saturating_sub(used).max(0)),
        });
    }
    Ok(Json(Listed::whole(quotas)))
}

/// Set a quota of a user or a group. For administrators.
#[utoipa::path(
    put, path = "/v1/quotas/{owner}/{quota}", tag = "quotas", request_body = Setting,
    responses((status = NO_CONTENT, description = "It holds"), Administrator, Body<Setting>, is::NotFound, is::InvalidField)
)]
pub async fn set(
    State(host): State<Arc<Host>>,
    Administrator(actor): Administrator,
    Path((owner, quota)): Path<(String, String)>,
    Body(asked): Body<Setting>,
) -> Result<Response, Problem> {
    check_reason(&asked.reason)?;
    if asked.value < 0 {
        let detail = "`value` must not be negative";
        return Err(Problem::new(Kind::InvalidField, detail));
    }
    put(
        &host,
        &actor,
        (&owner, &quota),
        Some(asked.value),
        &asked.reason,
    )
    .await
}

/// Let the default of a quota hold again. For administrators.
#[utoipa::path(
    delete, path = "/v1/quotas/{owner}/{quota}", tag = "quotas",
    responses((status = NO_CONTENT, description = "The default holds"), Administrator, is::NotFound)
)]
pub async fn unset(
    State(host): State<Arc<Host>>,
    Administrator(actor): Administrator,
    Path((owner, quota)): Path<(String, String)>,
) -> Result<Response, Problem> {
    put(&host, &actor, (&owner, &quota), None, "").await
}

async fn put(
    host: &Host,
    actor: &Actor,
    (owner, quota): (&str, &str),
    value: Option<i64>,
    reason: &str,
) -> Result<Response, Problem> {
    let id = seen(host, actor, owner).await?;
    let quota = Quota::named(quota).ok_or_else(|| {
        let known = Quota::ALL.map(Quota::as_str).join(", ");
        Problem::missing("quota", quota).advise(format!("there are: {known}"))
    })?;
    host.registry
        .set_quota((id, owner), quota, value, reason, &actor.by())
        .await?;
    Ok(nothing())
}

/// The owner of this name, for those who are of it and administrators.
///
/// # Errors
/// Not found, for everybody else.
pub async fn seen(host: &Host, actor: &Actor, name: &str) -> Result<OwnerId, Problem> {
    let missing = || Problem::missing("owner", name);
    let owner = host.registry.owner(name).await?.ok_or_else(missing)?;
    if actor.is_administrator() || actor.is(owner) {
        return Ok(owner);
    }
    Err(missing())
}

//! `/v1/notice-targets`: where owners want to be told of their filters.
//!
//! In: addresses of webhooks, e-mail addresses. Out: targets; a webhook's key, once. Never: a call to
//! an address (the courier does that), or another owner's target.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{created, nothing};
use super::auth::Actor;
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params};
use super::page::Listed;
use super::{Host, quotas, time};
use crate::notices;
use crate::registry::{Medium, NewTarget, NoticeKind, OwnerId, Target, TargetId, TargetState};

/// Chance in the code that confirms an e-mail address [bytes]: too many to guess.
const CODE_BYTES: usize = 8;

/// What makes a target.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNoticeTarget)]
pub struct Creation {
    /// A group of the asker's that is told; the asker where it is missing.
    owner: Option<String>,
    /// How it is reached.
    medium: Medium,
    /// `https://…`, or an e-mail address.
    address: String,
    /// Which kinds of notices; all where it is empty or missing.
    #[serde(default)]
    #[schema(value_type = Vec<NoticeKind>)]
    kinds: Vec<String>,
}

/// The code of a mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NoticeTargetCode)]
pub struct Confirmation {
    code: String,
}

/// Whose targets or notices to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// A user or a group; you, where it is missing.
    owner: Option<String>,
}

/// A target as clients see it.
#[derive(Serialize, ToSchema)]
#[schema(as = NoticeTarget)]
pub struct TargetView {
    id: i64,
    owner: String,
    medium: Medium,
    address: String,
    kinds: Vec<NoticeKind>,
    state: TargetState,
    /// Why the last delivery failed, or the target did.
    reason: Option<String>,
    #[schema(format = DateTime)]
    created: String,
}

/// A new target.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedNoticeTarget)]
pub struct Made {
    #[serde(flatten)]
    target: TargetView,
    /// What a webhook's notices are signed with; it is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

/// What was sent to try a target.
#[derive(Serialize, ToSchema)]
#[schema(as = NoticeTargetTest)]
pub struct Tested {
    /// Its number among the owner's notices.
    notice: i64,
}

impl TargetView {
    fn new(target: Target) -> Self {
        Self {
            id: target.id.0,
            owner: target.owner,
            medium: target.medium,
            address: target.address,
            kinds: target.kinds,
            state: target.state,
            reason: Some(target.reason).filter(|reason| !reason.is_empty()),
            created: time(target.created_ms),
        }
    }
}

/// Name a webhook or an e-mail address that is to be told.
#[utoipa::path(
    post, path = "/v1/notice-targets", tag = "notices", request_body = Creation,
    responses((status = CREATED, body = Made), Actor, Body<Creation>, is::NotFound, is::InvalidField, is::TargetExists, is::Full)
)]
pub async fn create(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let owner = whose(&host, &actor, asked.owner.as_deref()).await?;
    check_address(&host, &asked)?;
    let kinds = kinds(&asked.kinds)?;
    let secret = match asked.medium {
        Medium::Webhook => notices::new_key(),
        Medium::Email => new_code(),
    }
    .map_err(Problem::internal)?;
    let new = NewTarget {
        owner,
        medium: asked.medium,
        address: asked.address,
        kinds,
        secret: secret.clone(),
    };
    let target = host.registry.create_target(&new, &actor.by()).await?;
    let path = format!("/v1/notice-targets/{}", target.id.0);
    let view = Made {
        secret: (new.medium == Medium::Webhook).then_some(secret),
        target: TargetView::new(target),
    };
    Ok(created(&path, &view))
}

fn check_address(host: &Host, asked: &Creation) -> Result<(), Problem> {
    let wrong = |detail: String| Problem::new(Kind::InvalidField, format!("`address`: {detail}"));
    match asked.medium {
        Medium::Webhook => {
            let rules = host.notices.rules();
            rules
                .check(&asked.address)
                .map_err(|error| wrong(error.to_string()))
        }
        Medium::Email if host.notices.smtp.is_none() => {
            Err(wrong("this host sends no e-mail".to_owned()).advise("name a webhook instead"))
        }
        Medium::Email if !notices::is_address(&asked.address) => {
            let detail = "not an e-mail address of plain letters, digits and signs";
            Err(wrong(detail.to_owned()).advise("write it as in anna@example.org"))
        }
        Medium::Email => Ok(()),
    }
}

fn kinds(words: &[String]) -> Result<Vec<NoticeKind>, Problem> {
    let mut kinds = Vec::with_capacity(NoticeKind::CHOICES.len());
    for word in words {
        let kind = NoticeKind::chosen(word).ok_or_else(|| {
            let shown: String = word.chars().take(40).collect();
            let known = NoticeKind::CHOICES.map(NoticeKind::as_str).join(", ");
            Problem::new(
                Kind::InvalidField,
                format!("`kinds`: there is no `{shown}`"),
            )
            .advise(format!("the kinds are {known}"))
        })?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn new_code() -> Result<String, getrandom::Error> {
    let mut bytes = [0; CODE_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(base16ct::lower::encode_string(&bytes))
}

/// The targets of an owner; there are at most ten.
#[utoipa::path(get, path = "/v1/notice-targets", tag = "notices", operation_id = "targets", params(Listing), responses((status = OK, body = Listed<TargetView>), Actor, Params<Listing>, is::NotFound))]
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Params(asked): Params<Listing>,
) -> Result<Json<Listed<TargetView>>, Problem> {
    let owner = whose(&host, &actor, asked.owner.as_deref()).await?;
    let targets = host.registry.targets(owner).await?;
    let views = targets.into_iter().map(TargetView::new);
    Ok(Json(Listed::whole(views.collect())))
}

/// The owner that is meant: the asker, where nobody is named.
pub async fn whose(host: &Host, actor: &Actor, owner: Option<&str>) -> Result<OwnerId, Problem> {
    match owner {
        None => Ok(actor.0.user),
        Some(name) => quotas::seen(host, actor, name).await,
    }
}

/// One target.
#[utoipa::path(get, path = "/v1/notice-targets/{number}", tag = "notices", responses((status = OK, body = TargetView), Actor, is::NotFound, is::BadRequest))]
pub async fn one(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<TargetView>, Problem> {
    Ok(Json(TargetView::new(held(&host, &actor, &id).await?)))
}

/// Remove a target, with what waits for it.
#[utoipa::path(delete, path = "/v1/notice-targets/{number}", tag = "notices", responses((status = NO_CONTENT, description = "It is gone"), Actor, is::NotFound, is::BadRequest))]
pub async fn delete(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let target = held(&host, &actor, &id).await?;
    host.registry.delete_target(target.id, &actor.by()).await?;
    Ok(nothing())
}

/// Send a target a notice that says nothing else; what becomes of it shows among the notices.
#[utoipa::path(
    post, path = "/v1/notice-targets/{number}/test", tag = "notices",
    responses((status = ACCEPTED, description = "It is on its way", body = Tested), Actor, is::NotFound, is::BadRequest, is::TooSoon, is::Full)
)]
pub async fn test(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let target = held(&host, &actor, &id).await?;
    let notice = host.registry.test_target(target.id).await?;
    let tested = Tested { notice: notice.0 };
    Ok((StatusCode::ACCEPTED, Json(tested)).into_response())
}

/// Confirm an e-mail address by the code that was sent to it.
#[utoipa::path(
    post, path = "/v1/notice-targets/{number}/confirm", tag = "notices", request_body = Confirmation,
    responses((status = OK, body = TargetView), Actor, Body<Confirmation>, is::NotFound, is::WrongCode)
)]
pub async fn confirm(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path(id): Path<String>,
    Body(asked): Body<Confirmation>,
) -> Result<Json<TargetView>, Problem> {
    let target = held(&host, &actor, &id).await?;
    let target = host
        .registry
        .confirm_target(target.id, asked.code.trim())
        .await?;
    Ok(Json(TargetView::new(target)))
}

/// The target, in the hands of its owner or an administrator; for anybody else it does not exist.
async fn held(host: &Host, actor: &Actor, id: &str) -> Result<Target, Problem> {
    let missing = || Problem::missing("target", &id.chars().take(80).collect::<String>());
    let number = id.parse().map_err(|_| missing())?;
    let target = host.registry.target(TargetId(number)).await?;
    if actor.is(target.owner_id) || actor.is_administrator() {
        Ok(target)
    } else {
        Err(missing())
    }
}

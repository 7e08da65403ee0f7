//! `/v1/tokens`: make, list and end one's own bearer tokens.
//!
//! In: a name, a scope, an end. Out: a token's text, once; lists. Never: the text again, or a token of
//! somebody else.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{created_secret, nothing};
use super::auth::Actor;
use super::error::{Kind, Problem, is};
use super::extract::{Body, refuse_control};
use super::page::Listed;
use super::{Host, time};
use crate::registry::{NewToken, Scope, Token, TokenId, User};

/// Longest name [characters].
const NAME_LENGTH: usize = 100;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// What makes a token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub struct Creation {
    /// What to call it.
    #[schema(max_length = 100)]
    name: String,
    /// What it is for: everything, or only reading.
    #[serde(default)]
    scope: Scope,
    /// Days until it ends; without it, it does not end by itself.
    #[schema(minimum = 1, maximum = 36500)]
    days: Option<i64>,
}

/// A token as lists show it.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedToken)]
pub struct TokenView {
    id: i64,
    /// What its owner calls it.
    name: String,
    scope: Scope,
    #[schema(format = DateTime)]
    created: String,
    /// When it ends; null for never.
    #[schema(format = DateTime)]
    expires: Option<String>,
    #[schema(format = DateTime)]
    revoked: Option<String>,
    /// To the minute.
    #[schema(format = DateTime)]
    last_used: Option<String>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedToken)]
pub struct Created {
    #[serde(flatten)]
    token: TokenView,
    /// The token itself; it is shown this once.
    secret: String,
}

/// Make a token for yourself; it is shown this once.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", request_body = Creation,
    responses((status = CREATED, body = Created), Actor, Body<Creation>, is::InvalidField, is::Full)
)]
pub async fn create(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let user = actor.user(&host).await?;
    make(&host, &actor, &user, &asked).await
}

/// Makes a token of `user`, as `actor` asks.
pub async fn make(
    host: &Host,
    actor: &Actor,
    user: &User,
    asked: &Creation,
) -> Result<Response, Problem> {
    refuse_control("name", &asked.name)?;
    if !(1..=NAME_LENGTH).contains(&asked.name.chars().count()) {
        let detail = format!("`name` must have from 1 to {NAME_LENGTH} characters");
        return Err(Problem::new(Kind::InvalidField, detail));
    }
    if asked.days.is_some_and(|days| !(1..=36_500).contains(&days)) {
        return Err(Problem::new(
            Kind::InvalidField,
            "`days` must be from 1 to 36500",
        ));
    }
    let now = jiff::Timestamp::now().as_millisecond();
    let new = NewToken {
        name: &asked.name,
        scope: asked.scope,
        expires_ms: asked.days.map(|days| now + days * DAY_MS),
    };
    let (token, secret) = host.registry.create_token(user, new, &actor.by()).await?;
    let body = Created {
        token: view(&token),
        secret: secret.reveal().to_owned(),
    };
    Ok(created_secret(&format!("/v1/tokens/{}", token.id.0), &body))
}

/// Your tokens, newest first; at most 1,000.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", responses((status = OK, body = Listed<TokenView>), Actor))]
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
) -> Result<Json<Listed<TokenView>>, Problem> {
    let tokens = host.registry.tokens(Some(&actor.0.name)).await?;
    Ok(Json(Listed::whole(tokens.iter().map(view).collect())))
}

/// End a token now: one of yours; an administrator ends anybody's.
#[utoipa::path(delete, path = "/v1/tokens/{number}", tag = "tokens", responses((status = NO_CONTENT, description = "It is ended"), Actor, is::NotFound, is::BadRequest))]
pub async fn revoke(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let number = id.parse().map_err(|_| Problem::missing("token", &id))?;
    let of = (!actor.is_administrator()).then_some(actor.0.user);
    host.registry
        .revoke_token(TokenId(number), of, &actor.by())
        .await?;
    Ok(nothing())
}

/// As lists show it.
fn view(token: &Token) -> TokenView {
    TokenView {
        id: token.id.0,
        name: token.name.clone(),
        scope: token.scope,
        created: time(token.created_ms),
        expires: token.expires_ms.map(time),
        revoked: token.revoked_ms.map(time),
        last_used: token.last_used_ms.map(time),
    }
}

//! `/v1/users`: who may sign in, and as what. For administrators.
//!
//! In: names, roles. Out: users as JSON. Never: a deleted user, for history names them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::created;
use super::auth::Administrator;
use super::error::{Problem, is};
use super::extract::{Body, Params};
use super::page::{self, Listed, Page};
use super::tokens;
use super::{Host, time};
use crate::registry::{Name, Role, User};

/// What adds a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewUser)]
pub struct Creation {
    /// Lower-case letters, digits and hyphens: it becomes part of topics.
    name: String,
    /// What they may do.
    #[serde(default = "scientist")]
    role: Role,
}

fn scientist() -> Role {
    Role::Scientist
}

/// What to change of a user; what is missing stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
pub struct Change {
    role: Option<Role>,
    /// Whether they may no longer sign in. Their filters go on.
    disabled: Option<bool>,
}

/// A person.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    name: String,
    role: Role,
    #[schema(format = DateTime)]
    created: String,
    /// Since when they may no longer sign in.
    #[schema(format = DateTime)]
    disabled: Option<String>,
}

/// Add a user.
#[utoipa::path(
    post, path = "/v1/users", tag = "users", request_body = Creation,
    responses((status = CREATED, body = UserView), Administrator, Body<Creation>, is::NameTaken, is::InvalidName)
)]
pub async fn create(
    State(host): State<Arc<Host>>,
    Administrator(actor): Administrator,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let name = Name::parse(&asked.name)?;
    let user = host
        .registry
        .create_user(&name, asked.role, &actor.by())
        .await?;
    Ok(created(&format!("/v1/users/{name}"), &view(&user)))
}

/// Users, by name.
#[utoipa::path(get, path = "/v1/users", tag = "users", params(Page), responses((status = OK, body = Listed<UserView>), Administrator, Params<Page>))]
pub async fn list(
    State(host): State<Arc<Host>>,
    _: Administrator,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<UserView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::place(asked.cursor.as_deref())?.unwrap_or_default();
    let users = host.registry.users(&after, limit).await?;
    Ok(Json(Listed::page(&users, limit, view, |user| {
        user.name.clone()
    })))
}

/// One user.
#[utoipa::path(get, path = "/v1/users/{user}", tag = "users", responses((status = OK, body = UserView), Administrator, is::NotFound))]
pub async fn one(
    State(host): State<Arc<Host>>,
    _: Administrator,
    Path(name): Path<String>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(view(&find(&host, &name).await?)))
}

/// Change a user's role, or whether they may sign in.
#[utoipa::path(
    patch, path = "/v1/users/{user}", tag = "users", request_body = Change,
    responses((status = OK, body = UserView), Administrator, Body<Change>, is::NotFound, is::LastAdministrator)
)]
pub async fn change(
    State(host): State<Arc<Host>>,
    Administrator(actor): Administrator,
    Path(name): Path<String>,
    Body(asked): Body<Change>,
) -> Result<Json<UserView>, Problem> {
    let user = find(&host, &name).await?;
    if let Some(role) = asked.role {
        host.registry.set_role(&user, role, &actor.by()).await?;
    }
    let user = find(&host, &name).await?;
    if let Some(disabled) = asked.disabled {
        host.registry
            .set_disabled(&user, disabled, &actor.by())
            .await?;
    }
    Ok(Json(view(&find(&host, &name).await?)))
}

/// Make a token for a user; it is shown this once.
#[utoipa::path(
    post, path = "/v1/users/{user}/tokens", tag = "users", request_body = tokens::Creation,
    responses((status = CREATED, body = tokens::Created), Administrator, Body<tokens::Creation>, is::NotFound, is::InvalidField, is::Full)
)]
pub async fn create_token(
    State(host): State<Arc<Host>>,
    Administrator(actor): Administrator,
    Path(name): Path<String>,
    Body(asked): Body<tokens::Creation>,
) -> Result<Response, Problem> {
    let user = find(&host, &name).await?;
    tokens::make(&host, &actor, &user, &asked).await
}

/// The user of this name.
///
/// # Errors
/// Not found, where there is none.
pub async fn find(host: &Host, name: &str) -> Result<User, Problem> {
    let user = host.registry.user(name).await?;
    user.ok_or_else(|| Problem::missing("user", name))
}

fn view(user: &User) -> UserView {
    UserView {
        name: user.name.clone(),
        role: user.role,
        created: time(user.created_ms),
        disabled: user.disabled_ms.map(time),
    }
}

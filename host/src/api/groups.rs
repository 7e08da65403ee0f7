//! `/v1/groups`: collaborations, their members, and the programmes that they may see.
//!
//! In: names, members, programme numbers. Out: groups as JSON, to their members and administrators.
//! Never: whether a group exists, to somebody who is no member.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{created, nothing};
use super::auth::{Actor, Administrator};
use super::error::{Kind, Problem, is};
use super::extract::{Body, Params};
use super::filters::check_summary;
use super::page::{self, Listed, Page};
use super::{Host, time, users};
use crate::registry::{Group, Member, MemberRole, Name};

/// What makes a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup)]
pub struct Creation {
    /// Lower-case letters, digits and hyphens: it becomes part of topics.
    name: String,
    /// One line about it.
    #[serde(default)]
    #[schema(max_length = 200)]
    summary: String,
}

/// What a member is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Membership)]
pub struct Joining {
    /// Managers also say who is a member.
    #[serde(default = "member")]
    role: MemberRole,
}

fn member() -> MemberRole {
    MemberRole::Member
}

/// The programmes of a stream that a group may see besides the public ones.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GrantedProgrammes)]
pub struct Programmes {
    #[schema(max_items = 256)]
    programmes: Vec<i64>,
}

/// A collaboration.
#[derive(Serialize, ToSchema)]
#[schema(as = Group)]
pub struct GroupView {
    name: String,
    summary: String,
    #[schema(format = DateTime)]
    created: String,
}

/// A collaboration with its members and what it may see.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeGroup)]
pub struct Whole {
    #[serde(flatten)]
    group: GroupView,
    members: Vec<MemberView>,
    /// By stream: programmes that it may see besides the public ones.
    programmes: BTreeMap<String, Vec<i64>>,
}

/// One of a group.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
struct MemberView {
    user: String,
    role: MemberRole,
    #[schema(format = DateTime)]
    since: String,
}

/// Make a group.
#[utoipa::path(
    post, path = "/v1/groups", tag = "groups", request_body = Creation,
    responses((status = CREATED, body = GroupView), Administrator, Body<Creation>, is::NameTaken, is::InvalidName, is::InvalidField)
)]
pub async fn create(
    State(host): State<Arc<Host>>,
    Administrator(actor): Administrator,
    Body(asked): Body<Creation>,
) -> Result<Response, Problem> {
    let name = Name::parse(&asked.name)?;
    check_summary(&asked.summary)?;
    let group = host
        .registry
        .create_group(&name, &asked.summary, &actor.by())
        .await?;
    Ok(created(&format!("/v1/groups/{name}"), &view(&group)))
}

/// Your groups, by name; an administrator sees all.
#[utoipa::path(get, path = "/v1/groups", tag = "groups", params(Page), responses((status = OK, body = Listed<GroupView>), Actor, Params<Page>))]
pub async fn list(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Params(asked): Params<Page>,
) -> Result<Json<Listed<GroupView>>, Problem> {
    let limit = page::limit(asked.limit)?;
    let after = page::place(asked.cursor.as_deref())?.unwrap_or_default();
    let member = (!actor.is_administrator()).then_some(actor.0.user);
    let groups = host.registry.groups(member, &after, limit).await?;
    Ok(Json(Listed::page(&groups, limit, view, |group| {
        group.name.clone()
    })))
}

/// One group, with its members and what it may see.
#[utoipa::path(get, path = "/v1/groups/{group}", tag = "groups", responses((status = OK, body = Whole), Actor, is::NotFound))]
pub async fn one(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path(name): Path<String>,
) -> Result<Json<Whole>, Problem> {
    let group = visible(&host, &actor, &name).await?;
    Ok(Json(Whole {
        members: (host.registry.members(group.id).await?.iter())
            .map(member_view)
            .collect(),
        programmes: host.registry.granted(group.id).await?,
        group: view(&group),
    }))
}

/// Take somebody into a group, or give a member another role. For its managers.
#[utoipa::path(
    put, path = "/v1/groups/{group}/members/{user}", tag = "groups", request_body = Joining,
    responses((status = NO_CONTENT, description = "They are a member"), Actor, Body<Joining>, is::NotFound, is::Forbidden, is::Full)
)]
pub async fn put_member(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path((group, user)): Path<(String, String)>,
    Body(asked): Body<Joining>,
) -> Result<Response, Problem> {
    let group = managed(&host, &actor, &group).await?;
    let user = users::find(&host, &user).await?;
    host.registry
        .put_member(&group, &user, asked.role, &actor.by())
        .await?;
    Ok(nothing())
}

/// Take somebody out of a group: for its managers; anybody may leave.
#[utoipa::path(
    delete, path = "/v1/groups/{group}/members/{user}", tag = "groups",
    responses((status = NO_CONTENT, description = "They are no member"), Actor, is::NotFound, is::Forbidden)
)]
pub async fn remove_member(
    State(host): State<Arc<Host>>,
    actor: Actor,
    Path((group, user)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let group = if user == actor.0.name {
        visible(&host, &actor, &group).await?
    } else {
        managed(&host, &actor, &group).await?
    };
    let user = users::find(&host, &user).await?;
    host.registry
        .remove_member(&group, &user, &actor.by())
        .await?;
    Ok(nothing())
}

/// Set the programmes of a stream that a group may see besides the public ones. For administrators.
#[utoipa::path(
    put, path = "/v1/groups/{group}/programmes/{stream}", tag = "groups", request_body = Programmes,
    responses((status = NO_CONTENT, description = "They hold"), Administrator, Body<Programmes>, is::NotFound, is::UnknownStream, is::Full)
)]
pub async fn set_programmes(
    State(host): State<Arc<Host>>,
    Administrator(actor): Administrator,
    Path((group, stream)): Path<(String, String)>,
    Body(asked): Body<Programmes>,
) -> Result<Response, Problem> {
    let stream = host.stream(&stream)?;
    let group = host.registry.group(&group).await?;
    host.registry
        .set_programmes(&group, stream.as_str(), &asked.programmes, &actor.by())
        .await?;
    Ok(nothing())
}

/// The group, for its members and administrators.
pub async fn visible(host: &Host, actor: &Actor, name: &str) -> Result<Group, Problem> {
    let group = host.registry.group(name).await?;
    if actor.is_administrator() || actor.is(group.id) {
        return Ok(group);
    }
    Err(Problem::missing("group", name))
}

/// The group, for its managers and administrators.
async fn managed(host: &Host, actor: &Actor, name: &str) -> Result<Group, Problem> {
    let group = visible(host, actor, name).await?;
    let manages = |one: &crate::registry::Membership| {
        one.group == group.id && one.role == MemberRole::Manager
    };
    if actor.is_administrator() || actor.0.groups.iter().any(manages) {
        return Ok(group);
    }
    Err(Problem::new(
        Kind::Forbidden,
        format!("you do not manage the group `{name}`"),
    )
    .advise("ask one of its managers"))
}

fn view(group: &Group) -> GroupView {
    GroupView {
        name: group.name.clone(),
        summary: group.summary.clone(),
        created: time(group.created_ms),
    }
}

fn member_view(member: &Member) -> MemberView {
    MemberView {
        user: member.user.clone(),
        role: member.role,
        since: time(member.since_ms),
    }
}

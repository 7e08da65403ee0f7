//! Memberships that an OpenID Connect issuer speaks of: they come and go with what it says.
//!
//! In: the groups that a user is in, by the issuer. Out: memberships in those that the registry has.
//! Never: the end of a membership that a person of this host gave, or a group that nobody made here.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::AnyConnection;

use super::audit::By;
use super::error::RegistryError;
use super::groups::{self, Group};
use super::members::{self, GROUP_MEMBERS};
use super::numbers::OwnerId;
use super::users::User;
use super::{activation, now_ms};

/// What has changed since the user came last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    joined: Vec<String>,
    left: Vec<String>,
}

impl Change {
    pub(super) fn is_nothing(&self) -> bool {
        self.joined.is_empty() && self.left.is_empty()
    }
}

/// Compares what the issuer says with what there is. Names that are no groups of this host are
/// passed over.
pub(super) async fn change(
    connection: &mut AnyConnection,
    user: OwnerId,
    named: &[String],
) -> Result<Change, RegistryError> {
    let member_of = members::of_user(connection, user).await?;
    let by_issuer: Vec<String> = sqlx::query_scalar(
        "select o.name from members m join owners o on o.id = m.group_id
         where m.user_id = $1 and m.by_issuer = 1",
    )
    .bind(user.0)
    .fetch_all(&mut *connection)
    .await?;
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    let mut joined = Vec::new();
    for name in &named {
        let is_new = member_of.iter().all(|one| one.name != *name);
        if is_new && has_room(connection, name).await? {
            joined.push((*name).to_owned());
        }
    }
    let left = by_issuer
        .into_iter()
        .filter(|name| !named.contains(name.as_str()));
    Ok(Change {
        joined,
        left: left.collect(),
    })
}

/// Whether there is such a group, and it is not full.
async fn has_room(connection: &mut AnyConnection, group: &str) -> Result<bool, RegistryError> {
    let room: Option<i64> = sqlx::query_scalar(
        "select g.id from user_groups g join owners o on o.id = g.id
         where o.name = $1 and (select count(*) from members m where m.group_id = g.id) < $2",
    )
    .bind(group)
    .bind(GROUP_MEMBERS)
    .fetch_optional(connection)
    .await?;
    Ok(room.is_some())
}

/// Follows the issuer.
pub(super) async fn follow(
    connection: &mut AnyConnection,
    user: &User,
    change: &Change,
) -> Result<(), RegistryError> {
    for name in &change.joined {
        let group = groups::find(connection, name).await?;
        join(connection, &group, user).await?;
    }
    for name in &change.left {
        let group = groups::find(connection, name).await?;
        sqlx::query("delete from members where group_id = $1 and user_id = $2 and by_issuer = 1")
            .bind(group.id.0)
            .bind(user.id.0)
            .execute(&mut *connection)
            .await?;
        let detail = json!({"user": user.name});
        groups::log(connection, &By::issuer(), "group.leave", &group, detail).await?;
    }
    activation::raise_generation(connection).await
}

async fn join(
    connection: &mut AnyConnection,
    group: &Group,
    user: &User,
) -> Result<(), RegistryError> {
    let rows = sqlx::query(
        "insert into members (group_id, user_id, role, since_ms, by_issuer)
         select $1, $2, 'member', $3, 1
         where (select count(*) from members where group_id = $1) < $4
         on conflict (group_id, user_id) do nothing",
    )
    .bind(group.id.0)
    .bind(user.id.0)
    .bind(now_ms())
    .bind(GROUP_MEMBERS)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if rows == 1 {
        let detail = json!({"user": user.name, "role": "member"});
        groups::log(connection, &By::issuer(), "group.member", group, detail).await?;
    }
    Ok(())
}

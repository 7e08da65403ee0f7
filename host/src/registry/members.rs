//! Members: who belongs to which group, and may so use its filters and see what it may see.
//!
//! In: groups, users, roles. Out: [`Member`]s of a group, [`Membership`]s of a user. Never: a group
//! with more members than bounded.

use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::By;
use super::error::RegistryError;
use super::groups::{self, Group};
use super::numbers::OwnerId;
use super::users::User;
use super::{Registry, activation, now_ms};

/// Greatest number of members of a group: a page of them is bounded.
pub const GROUP_MEMBERS: i64 = 1_000;

/// What a member may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MemberRole {
    /// Uses the group's filters as their own.
    Member,
    /// Also says who is a member.
    Manager,
}

impl MemberRole {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Manager => "manager",
        }
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "member" => Ok(Self::Member),
            "manager" => Ok(Self::Manager),
            other => Err(RegistryError::Database(format!(
                "unknown role `{other}` of a member"
            ))),
        }
    }
}

/// One of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Name of the user.
    pub user: String,
    /// What they may do.
    pub role: MemberRole,
    /// Since when [ms since the Unix epoch].
    pub since_ms: i64,
}

/// A group that a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: OwnerId,
    /// Its name.
    pub name: String,
    /// What the user may do in it.
    pub role: MemberRole,
}

impl Registry {
    /// Who belongs to a group, by name.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn members(&self, group: OwnerId) -> Result<Vec<Member>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows = sqlx::query(
                    "select o.name, m.role, m.since_ms
                     from members m join owners o on o.id = m.user_id
                     where m.group_id = $1 order by o.name limit $2",
                )
                .bind(group.0)
                .bind(GROUP_MEMBERS)
                .fetch_all(&mut *connection)
                .await?;
                let member = |row: &AnyRow| {
                    Ok(Member {
                        user: row.try_get("name")?,
                        role: MemberRole::from_stored(row.try_get("role")?)?,
                        since_ms: row.try_get("since_ms")?,
                    })
                };
                rows.iter().map(member).collect()
            })
            .await
    }

    /// Takes somebody into a group, or gives a member another role. What the group may see, its
    /// members' own filters may see from now on.
    ///
    /// # Errors
    /// `Full` where the group has as many members as it may have.
    pub async fn put_member(
        &self,
        group: &Group,
        user: &User,
        role: MemberRole,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query(
                    "insert into members (group_id, user_id, role, since_ms)
                     values ($1, $2, $3, $4)
                     on conflict (group_id, user_id) do update set role = excluded.role",
                )
                .bind(group.id.0)
                .bind(user.id.0)
                .bind(role.as_str())
                .bind(now_ms())
                .execute(&mut *transaction)
                .await?;
                let members: i64 =
                    sqlx::query_scalar("select count(*) from members where group_id = $1")
                        .bind(group.id.0)
                        .fetch_one(&mut *transaction)
                        .await?;
                if members > GROUP_MEMBERS {
                    return Err(RegistryError::Full {
                        what: "members of a group",
                        most: GROUP_MEMBERS,
                    });
                }
                let detail = json!({"user": user.name, "role": role});
                groups::log(&mut transaction, by, "group.member", group, detail).await?;
                activation::raise_generation(&mut transaction).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Takes somebody out of a group; nothing happens where they are no member.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn remove_member(
        &self,
        group: &Group,
        user: &User,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query("delete from members where group_id = $1 and user_id = $2")
                    .bind(group.id.0)
                    .bind(user.id.0)
                    .execute(&mut *transaction)
                    .await?;
                let detail = json!({"user": user.name});
                groups::log(&mut transaction, by, "group.leave", group, detail).await?;
                activation::raise_generation(&mut transaction).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// The groups that a user belongs to.
pub(super) async fn of_user(
    connection: &mut AnyConnection,
    user: OwnerId,
) -> Result<Vec<Membership>, RegistryError> {
    let rows = sqlx::query(
        "select m.group_id, o.name, m.role
         from members m join owners o on o.id = m.group_id
         where m.user_id = $1 order by o.name",
    )
    .bind(user.0)
    .fetch_all(connection)
    .await?;
    let membership = |row: &AnyRow| {
        Ok(Membership {
            group: OwnerId(row.try_get("group_id")?),
            name: row.try_get("name")?,
            role: MemberRole::from_stored(row.try_get("role")?)?,
        })
    };
    rows.iter().map(membership).collect()
}

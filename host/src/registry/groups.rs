//! Groups: collaborations that own filters together.
//!
//! In: names. Out: [`Group`]s. Never: a deleted group, for its filters' topics carry its name.

use serde_json::json;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By, Deed};
use super::error::RegistryError;
use super::names::Name;
use super::numbers::{self, Numbered, OwnerId};
use super::users;
use super::{Registry, now_ms};

/// A collaboration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Identity.
    pub id: OwnerId,
    /// Unique among people and groups.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// When it was made [ms since the Unix epoch].
    pub created_ms: i64,
}

impl Registry {
    /// Makes a group without members.
    ///
    /// # Errors
    /// `NameTaken` where a person or group has the name.
    pub async fn create_group(
        &self,
        name: &Name,
        summary: &str,
        by: &By,
    ) -> Result<Group, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let group = insert(&mut transaction, name, summary).await?;
                let detail = json!({"summary": summary});
                log(&mut transaction, by, "group.create", &group, detail).await?;
                transaction.commit().await?;
                Ok(group)
            })
            .await
    }

    /// The group of this name.
    ///
    /// # Errors
    /// `Missing` where there is none.
    pub async fn group(&self, name: &str) -> Result<Group, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find(&mut connection, name).await
            })
            .await
    }

    /// Groups by name after `after`; only those of `member`, where one is given.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn groups(
        &self,
        member: Option<OwnerId>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Group>, RegistryError> {
        let query = sqlx::query(
            "select o.id, o.name, g.summary, o.created_ms
                     from user_groups g join owners o on o.id = g.id
                     where o.name > $1
                       and ($2 = 0 or exists (
                           select 1 from members m where m.group_id = g.id and m.user_id = $2))
                     order by o.name limit $3",
        )
        .bind(after)
        .bind(member.map_or(0, |user| user.0))
        .bind(limit);
        self.database.rows(query, read).await
    }
}

pub(super) async fn log(
    connection: &mut AnyConnection,
    by: &By,
    action: &'static str,
    group: &Group,
    detail: serde_json::Value,
) -> Result<(), RegistryError> {
    let deed = Deed {
        action,
        owner: Some(group.id),
        filter: None,
        subject: &group.name,
        detail,
    };
    audit::record(connection, by, deed).await
}

async fn insert(
    connection: &mut AnyConnection,
    name: &Name,
    summary: &str,
) -> Result<Group, RegistryError> {
    let id = numbers::next(connection, Numbered::Owner).await?;
    let created_ms = now_ms();
    users::insert_owner(connection, id, name, "group", created_ms).await?;
    sqlx::query("insert into user_groups (id, summary) values ($1, $2)")
        .bind(id)
        .bind(summary)
        .execute(connection)
        .await?;
    Ok(Group {
        id: OwnerId(id),
        name: name.to_string(),
        summary: summary.to_owned(),
        created_ms,
    })
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Group, RegistryError> {
    sqlx::query(
        "select o.id, o.name, g.summary, o.created_ms
         from user_groups g join owners o on o.id = g.id where o.name = $1",
    )
    .bind(name)
    .fetch_optional(connection)
    .await?
    .as_ref()
    .map(read)
    .transpose()?
    .ok_or_else(|| RegistryError::Missing {
        what: "group",
        name: name.to_owned(),
    })
}

fn read(row: &sqlx::any::AnyRow) -> Result<Group, RegistryError> {
    Ok(Group {
        id: OwnerId(row.try_get("id")?),
        name: row.try_get("name")?,
        summary: row.try_get("summary")?,
        created_ms: row.try_get("created_ms")?,
    })
}

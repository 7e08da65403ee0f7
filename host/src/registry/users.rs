//! Users: the people who own filters, and what they may do.
//!
//! In: names and roles. Out: [`User`]s. Never: a deleted user, for history names them.

use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::error::ErrorKind;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By, Deed};
use super::error::{OnViolation, RegistryError};
use super::names::Name;
use super::numbers::{self, Numbered, OwnerId};
use super::role::Role;
use super::{Registry, now_ms};

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Identity.
    pub id: OwnerId,
    /// Unique among people and groups.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// When they were added [ms since the Unix epoch].
    pub created_ms: i64,
    /// Since when they may no longer sign in [ms since the Unix epoch].
    pub disabled_ms: Option<i64>,
}

/// Everything a [`User`] shows. Callers add the rest.
macro_rules! select_user {
    ($rest:literal) => {
        concat!(
            "select o.id, o.name, u.role, o.created_ms, u.disabled_ms
             from owners o join users u on u.id = o.id ",
            $rest
        )
    };
}

impl Registry {
    /// Adds a user.
    ///
    /// # Errors
    /// `NameTaken` where a person or group has the name.
    pub async fn create_user(
        &self,
        name: &Name,
        role: Role,
        by: &By,
    ) -> Result<User, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let user = insert(&mut transaction, name, role).await?;
                log(
                    &mut transaction,
                    by,
                    "user.create",
                    &user,
                    json!({"role": role}),
                )
                .await?;
                transaction.commit().await?;
                Ok(user)
            })
            .await
    }

    /// The user of this name.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn user(&self, name: &str) -> Result<Option<User>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find(&mut connection, name).await
            })
            .await
    }

    /// The person or group of this name.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn owner(&self, name: &str) -> Result<Option<OwnerId>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let id: Option<i64> = sqlx::query_scalar("select id from owners where name = $1")
                    .bind(name)
                    .fetch_optional(&mut *connection)
                    .await?;
                Ok(id.map(OwnerId))
            })
            .await
    }

    /// Users by name after `after`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn users(&self, after: &str, limit: i64) -> Result<Vec<User>, RegistryError> {
        let query = sqlx::query(select_user!("where o.name > $1 order by o.name limit $2"))
            .bind(after)
            .bind(limit);
        self.database.rows(query, read).await
    }

    /// Gives a user another role.
    ///
    /// # Errors
    /// `LastAdministrator` where nobody else could administrate then.
    pub async fn set_role(&self, user: &User, role: Role, by: &By) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query("update users set role = $1 where id = $2")
                    .bind(role.as_str())
                    .bind(user.id.0)
                    .execute(&mut *transaction)
                    .await?;
                if user.role == Role::Administrator {
                    refuse_no_administrator(&mut transaction).await?;
                }
                let detail = json!({"role": role, "before": user.role});
                log(&mut transaction, by, "user.role", user, detail).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Lets a user sign in no longer, or again. Their filters go on.
    ///
    /// # Errors
    /// `LastAdministrator` where nobody else could administrate then.
    pub async fn set_disabled(
        &self,
        user: &User,
        disabled: bool,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query("update users set disabled_ms = $1 where id = $2")
                    .bind(disabled.then(now_ms))
                    .bind(user.id.0)
                    .execute(&mut *transaction)
                    .await?;
                if user.role == Role::Administrator {
                    refuse_no_administrator(&mut transaction).await?;
                }
                let action = if disabled {
                    "user.disable"
                } else {
                    "user.enable"
                };
                log(&mut transaction, by, action, user, json!({})).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Whether anybody can administrate.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn has_administrator(&self) -> Result<bool, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                Ok(administrators(&mut connection).await? > 0)
            })
            .await
    }
}

/// How many may administrate and sign in.
async fn administrators(connection: &mut AnyConnection) -> Result<i64, RegistryError> {
    Ok(sqlx::query_scalar(
        "select count(*) from users where role = 'administrator' and disabled_ms is null",
    )
    .fetch_one(connection)
    .await?)
}

async fn refuse_no_administrator(connection: &mut AnyConnection) -> Result<(), RegistryError> {
    match administrators(connection).await? {
        0 => Err(RegistryError::LastAdministrator),
        _ => Ok(()),
    }
}

pub(super) async fn log(
    connection: &mut AnyConnection,
    by: &By,
    action: &'static str,
    user: &User,
    detail: serde_json::Value,
) -> Result<(), RegistryError> {
    let deed = Deed {
        action,
        owner: Some(user.id),
        filter: None,
        subject: &user.name,
        detail,
    };
    audit::record(connection, by, deed).await
}

/// A row of `owners`: people and groups share their names.
pub(super) async fn insert_owner(
    connection: &mut AnyConnection,
    id: i64,
    name: &Name,
    kind: &str,
    created_ms: i64,
) -> Result<(), RegistryError> {
    sqlx::query("insert into owners (id, name, kind, created_ms) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(name.as_str())
        .bind(kind)
        .bind(created_ms)
        .execute(connection)
        .await
        .on_violation(ErrorKind::UniqueViolation, || RegistryError::NameTaken {
            name: name.to_string(),
            deleted: false,
        })?;
    Ok(())
}

pub(super) async fn insert(
    connection: &mut AnyConnection,
    name: &Name,
    role: Role,
) -> Result<User, RegistryError> {
    let id = numbers::next(connection, Numbered::Owner).await?;
    let created_ms = now_ms();
    insert_owner(connection, id, name, "user", created_ms).await?;
    sqlx::query("insert into users (id, role) values ($1, $2)")
        .bind(id)
        .bind(role.as_str())
        .execute(connection)
        .await?;
    Ok(User {
        id: OwnerId(id),
        name: name.to_string(),
        role,
        created_ms,
        disabled_ms: None,
    })
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    name: &str,
) -> Result<Option<User>, RegistryError> {
    sqlx::query(select_user!("where o.name = $1"))
        .bind(name)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

fn read(row: &AnyRow) -> Result<User, RegistryError> {
    Ok(User {
        id: OwnerId(row.try_get("id")?),
        name: row.try_get("name")?,
        role: Role::from_stored(row.try_get("role")?)?,
        created_ms: row.try_get("created_ms")?,
        disabled_ms: row.try_get("disabled_ms")?,
    })
}

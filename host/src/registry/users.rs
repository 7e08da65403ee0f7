//! Users: the people who own filters, and what they may do.
//!
//! In: names and roles. Out: [`User`]s. Never: a deleted user, for history names them.

use sqlx::any::AnyRow;
use sqlx::error::ErrorKind;
use sqlx::{AnyConnection, Row};

use super::error::{OnViolation, RegistryError};
use super::names::Name;
use super::numbers::{self, Numbered, OwnerId};
use super::{Registry, now_ms};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uploads, changes and reads their own filters.
    Scientist,
    /// Reads and changes everybody's.
    Administrator,
}

impl Role {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scientist => "scientist",
            Self::Administrator => "administrator",
        }
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "scientist" => Ok(Self::Scientist),
            "administrator" => Ok(Self::Administrator),
            other => Err(RegistryError::Database(format!("unknown role `{other}`"))),
        }
    }
}

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
}

impl Registry {
    /// Adds a user.
    ///
    /// # Errors
    /// `NameTaken` where a person or group has the name.
    pub async fn create_user(&self, name: &Name, role: Role) -> Result<User, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let user = insert(&mut transaction, name, role).await?;
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

    /// Gives a user another role.
    ///
    /// # Errors
    /// `Missing` where there is no such user.
    pub async fn set_role(&self, user: &User, role: Role) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let changed = sqlx::query("update users set role = $1 where id = $2")
                    .bind(role.as_str())
                    .bind(user.id.0)
                    .execute(&mut *transaction)
                    .await?
                    .rows_affected();
                if changed == 0 {
                    return Err(RegistryError::Missing {
                        what: "user",
                        name: user.name.clone(),
                    });
                }
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

async fn insert(
    connection: &mut AnyConnection,
    name: &Name,
    role: Role,
) -> Result<User, RegistryError> {
    let id = numbers::next(connection, Numbered::Owner).await?;
    let created_ms = now_ms();
    sqlx::query("insert into owners (id, name, kind, created_ms) values ($1, $2, 'user', $3)")
        .bind(id)
        .bind(name.as_str())
        .bind(created_ms)
        .execute(&mut *connection)
        .await
        .on_violation(ErrorKind::UniqueViolation, || RegistryError::NameTaken {
            name: name.to_string(),
            deleted: false,
        })?;
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
    })
}

async fn find(connection: &mut AnyConnection, name: &str) -> Result<Option<User>, RegistryError> {
    sqlx::query(
        "select o.id, o.name, u.role, o.created_ms
         from owners o join users u on u.id = o.id
         where o.name = $1",
    )
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
    })
}

//! People who sign in at an OpenID Connect issuer.
//!
//! In: who the issuer says they are. Out: the [`Bearer`] behind it. Never: a user who was another
//! subject's before, or an administrator whom nobody meant.

use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By, Deed};
use super::bearer::Bearer;
use super::error::RegistryError;
use super::names::Name;
use super::numbers::OwnerId;
use super::quota::Quota;
use super::role::Role;
use super::scope::Scope;
use super::users::{self, User};
use super::{Registry, issuer_groups, members, now_ms, quotas};

/// Who comes from an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The issuer.
    pub issuer: String,
    /// Its own name of them: never another's.
    pub subject: String,
    /// The user that they want to be.
    pub name: Name,
    /// The groups that they are in, where the issuer says so.
    pub groups: Option<Vec<String>>,
    /// When this ends [ms since the Unix epoch].
    pub expires_ms: i64,
}

/// Who may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Admission {
    /// Whoever has no user is made one, a scientist.
    pub create_users: bool,
    /// Whoever comes first with an administrator's name is that administrator.
    pub link_administrators: bool,
}

impl Registry {
    /// The user behind somebody whom an issuer vouches for.
    ///
    /// # Errors
    /// `NotAdmitted` where there is no such user, or it is somebody else's.
    pub async fn sign_in(
        &self,
        who: &SignIn,
        admission: Admission,
    ) -> Result<Bearer, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let known = find(&mut connection, who).await?;
                drop(connection);
                let user = match known {
                    Some(user) => user,
                    None => self.link(who, admission).await?,
                };
                if user.disabled_ms.is_some() {
                    return Err(refuse(format!("the user `{}` may not sign in", user.name)));
                }
                self.bearer_of(who, user).await
            })
            .await
    }

    async fn bearer_of(&self, who: &SignIn, user: User) -> Result<Bearer, RegistryError> {
        let mut connection = self.database.read().await?;
        let mut groups = members::of_user(&mut connection, user.id).await?;
        let quota = Quota::RequestsPerMinute;
        let requests_per_minute =
            quotas::value(&mut connection, user.id, quota, &self.quotas).await?;
        if let Some(named) = &who.groups {
            let change = issuer_groups::change(&mut connection, user.id, named).await?;
            drop(connection);
            if !change.is_nothing() {
                let mut transaction = self.database.write().await?;
                issuer_groups::follow(&mut transaction, &user, &change).await?;
                groups = members::of_user(&mut transaction, user.id).await?;
                transaction.commit().await?;
            }
        }
        Ok(Bearer {
            user: user.id,
            name: user.name,
            role: user.role,
            groups,
            token: None,
            token_name: "OpenID Connect".to_owned(),
            scope: Scope::Full,
            expires_ms: Some(who.expires_ms),
            requests_per_minute,
        })
    }

    /// Binds a subject who comes for the first time to a user.
    async fn link(&self, who: &SignIn, admission: Admission) -> Result<User, RegistryError> {
        let mut transaction = self.database.write().await?;
        // One first sign-in at a time: a page of theirs may send several requests at once.
        sqlx::query("update numbers set last = last where name = 'owner'")
            .execute(&mut *transaction)
            .await?;
        if let Some(user) = find(&mut transaction, who).await? {
            return Ok(user);
        }
        let user = match users::find(&mut transaction, who.name.as_str()).await? {
            Some(user) => linkable(&mut transaction, who, admission, user).await?,
            None => create(&mut transaction, who, admission).await?,
        };
        sqlx::query(
            "insert into identities (issuer, subject, user_id, since_ms) values ($1, $2, $3, $4)",
        )
        .bind(who.issuer.as_str())
        .bind(who.subject.as_str())
        .bind(user.id.0)
        .bind(now_ms())
        .execute(&mut *transaction)
        .await?;
        let deed = Deed {
            action: "user.link",
            owner: Some(user.id),
            filter: None,
            subject: &user.name,
            detail: json!({"issuer": who.issuer, "subject": who.subject}),
        };
        audit::record(&mut transaction, &By::issuer(), deed).await?;
        transaction.commit().await?;
        Ok(user)
    }
}

fn refuse(why: String) -> RegistryError {
    RegistryError::NotAdmitted(why)
}

/// The user, where this subject may become them.
async fn linkable(
    connection: &mut AnyConnection,
    who: &SignIn,
    admission: Admission,
    user: User,
) -> Result<User, RegistryError> {
    let other: Option<i64> =
        sqlx::query_scalar("select user_id from identities where user_id = $1 and issuer = $2")
            .bind(user.id.0)
            .bind(who.issuer.as_str())
            .fetch_optional(connection)
            .await?;
    if other.is_some() {
        let why = "is another person of this issuer";
        return Err(refuse(format!("the user `{}` {why}", user.name)));
    }
    if user.role == Role::Administrator && !admission.link_administrators {
        let why = "is an administrator, and api.oidc.link_administrators is off";
        return Err(refuse(format!("the user `{}` {why}", user.name)));
    }
    Ok(user)
}

async fn create(
    connection: &mut AnyConnection,
    who: &SignIn,
    admission: Admission,
) -> Result<User, RegistryError> {
    if !admission.create_users {
        return Err(refuse(format!("there is no user `{}`", who.name)));
    }
    let made = users::insert(connection, &who.name, Role::Scientist).await;
    let user = made.map_err(|error| match error {
        RegistryError::NameTaken { name, .. } => refuse(format!("`{name}` is a group's name")),
        other => other,
    })?;
    let detail = json!({"role": user.role, "issuer": who.issuer});
    users::log(connection, &By::issuer(), "user.create", &user, detail).await?;
    Ok(user)
}

async fn find(connection: &mut AnyConnection, who: &SignIn) -> Result<Option<User>, RegistryError> {
    let read = |row: &AnyRow| {
        Ok(User {
            id: OwnerId(row.try_get("id")?),
            name: row.try_get("name")?,
            role: Role::from_stored(row.try_get("role")?)?,
            created_ms: row.try_get("created_ms")?,
            disabled_ms: row.try_get("disabled_ms")?,
        })
    };
    sqlx::query(
        "select o.id, o.name, u.role, o.created_ms, u.disabled_ms
         from identities i join users u on u.id = i.user_id join owners o on o.id = i.user_id
         where i.issuer = $1 and i.subject = $2",
    )
    .bind(who.issuer.as_str())
    .bind(who.subject.as_str())
    .fetch_optional(connection)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

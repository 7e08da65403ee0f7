//! Who presents a token: the user behind it, their role and their groups.
//!
//! In: tokens as people present them. Out: the [`Bearer`] behind one. Never: anybody behind a token
//! that ended, or of a user who may not sign in.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::error::RegistryError;
use super::members::{self, Membership};
use super::numbers::{OwnerId, TokenId};
use super::quota::Quota;
use super::quotas;
use super::role::Role;
use super::scope::Scope;
use super::tokens::{TOKEN_PREFIX, hash};
use super::{Registry, now_ms};

/// How stale the last use may be [ms]: one write a minute and token, not one a request.
const LAST_USED_GRAIN_MS: i64 = 60_000;

/// Who presents a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The user.
    pub user: OwnerId,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The groups that they are a member of.
    pub groups: Vec<Membership>,
    /// With which token; none where they come from an OpenID provider.
    pub token: Option<TokenId>,
    /// What its owner calls it.
    pub token_name: String,
    /// What it lets them do.
    pub scope: Scope,
    /// When it ends [ms since the Unix epoch].
    pub expires_ms: Option<i64>,
    /// How many requests they may send a minute.
    pub requests_per_minute: i64,
}

impl Registry {
    /// Who presents `presented`; nobody where it is unknown, expired or revoked.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn authenticate(&self, presented: &str) -> Result<Option<Bearer>, RegistryError> {
        if !presented.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        self.database
            .bounded(async {
                let now = now_ms();
                let mut connection = self.database.read().await?;
                let Some(row) = find(&mut connection, &hash(presented), now).await? else {
                    return Ok(None);
                };
                let user = OwnerId(row.try_get("user_id")?);
                let groups = members::of_user(&mut connection, user).await?;
                let pace = Quota::RequestsPerMinute;
                let pace = quotas::value(&mut connection, user, pace, &self.quotas).await?;
                drop(connection);
                let last_used_ms: Option<i64> = row.try_get("last_used_ms")?;
                if last_used_ms.is_none_or(|last| last < now - LAST_USED_GRAIN_MS) {
                    self.touch(TokenId(row.try_get("id")?), now).await;
                }
                bearer(&row, groups, pace).map(Some)
            })
            .await
    }

    /// Notes the use of a token. A failure is not the bearer's trouble, so it ends here.
    async fn touch(&self, id: TokenId, now: i64) {
        let noted = async {
            let mut transaction = self.database.write().await?;
            sqlx::query("update tokens set last_used_ms = $1 where id = $2")
                .bind(now)
                .bind(id.0)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok::<_, RegistryError>(())
        };
        if let Err(error) = noted.await {
            tracing::warn!(token = id.0, %error, "the use of a token was not noted");
        }
    }
}

async fn find(
    connection: &mut AnyConnection,
    hash: &str,
    now: i64,
) -> Result<Option<AnyRow>, RegistryError> {
    Ok(sqlx::query(
        "select t.id, t.name, t.scope, t.user_id, o.name as user_name, u.role, t.expires_ms,
                t.last_used_ms
         from tokens t
         join users u on u.id = t.user_id
         join owners o on o.id = t.user_id
         where t.hash = $1 and t.revoked_ms is null and u.disabled_ms is null
           and (t.expires_ms is null or t.expires_ms > $2)",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(connection)
    .await?)
}

fn bearer(row: &AnyRow, groups: Vec<Membership>, pace: i64) -> Result<Bearer, RegistryError> {
    Ok(Bearer {
        user: OwnerId(row.try_get("user_id")?),
        name: row.try_get("user_name")?,
        role: Role::from_stored(row.try_get("role")?)?,
        groups,
        token: Some(TokenId(row.try_get("id")?)),
        token_name: row.try_get("name")?,
        scope: Scope::from_stored(row.try_get("scope")?)?,
        expires_ms: row.try_get("expires_ms")?,
        requests_per_minute: pace,
    })
}

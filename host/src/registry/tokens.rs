//! Bearer tokens: who may act in whose name, and until when.
//!
//! In: users; tokens as people present them. Out: a new token's text, once; the [`Bearer`] behind a
//! token. Never: the text of a token in the database, in a log or in an error.

use std::fmt;

use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::error::RegistryError;
use super::numbers::{self, Numbered, OwnerId, TokenId};
use super::users::{Role, User};
use super::{Registry, now_ms};

/// How a token begins, so that people and secret scanners recognize one.
pub const TOKEN_PREFIX: &str = "sksv_";

/// Bits of chance in a token: 32 bytes, too many to guess, so a plain hash is safe.
const TOKEN_BYTES: usize = 32;

/// How stale the last use may be [ms]: one write a minute and token, not one a request.
const LAST_USED_GRAIN_MS: i64 = 60_000;

/// The text of a new token. Shown once, never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    fn new() -> Result<Self, RegistryError> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| RegistryError::Unavailable(format!("no randomness: {error}")))?;
        Ok(Self(format!(
            "{TOKEN_PREFIX}{}",
            base16ct::lower::encode_string(&bytes)
        )))
    }

    /// The text, to be shown to its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}

/// A token as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Identity.
    pub id: TokenId,
    /// Whose.
    pub user: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was made [ms since the Unix epoch].
    pub created_ms: i64,
    /// When it ends [ms since the Unix epoch].
    pub expires_ms: Option<i64>,
    /// When it was revoked [ms since the Unix epoch].
    pub revoked_ms: Option<i64>,
    /// When it was last used, to the minute [ms since the Unix epoch].
    pub last_used_ms: Option<i64>,
}

/// Who presents a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The user.
    pub user: OwnerId,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// With which token.
    pub token: TokenId,
    /// What its owner calls it.
    pub token_name: String,
    /// When it ends [ms since the Unix epoch].
    pub expires_ms: Option<i64>,
}

impl Registry {
    /// Makes a token for a user.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn create_token(
        &self,
        user: &User,
        name: &str,
        expires_ms: Option<i64>,
    ) -> Result<(Token, Secret), RegistryError> {
        let secret = Secret::new()?;
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let id = numbers::next(&mut transaction, Numbered::Token).await?;
                let token = Token {
                    id: TokenId(id),
                    user: user.name.clone(),
                    name: name.to_owned(),
                    created_ms: now_ms(),
                    expires_ms,
                    revoked_ms: None,
                    last_used_ms: None,
                };
                insert(&mut transaction, user.id, &token, &hash(secret.reveal())).await?;
                transaction.commit().await?;
                Ok((token, secret))
            })
            .await
    }

    /// All tokens, or those of one user, newest first; at most 1,000.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn tokens(&self, user: Option<&str>) -> Result<Vec<Token>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                sqlx::query(
                    "select t.id, o.name as user_name, t.name, t.created_ms, t.expires_ms,
                            t.revoked_ms, t.last_used_ms
                     from tokens t join owners o on o.id = t.user_id
                     where $1 = '' or o.name = $1
                     order by t.id desc
                     limit 1000",
                )
                .bind(user.unwrap_or_default())
                .fetch_all(&mut *connection)
                .await?
                .iter()
                .map(read)
                .collect()
            })
            .await
    }

    /// Ends a token now. Revoking it again changes nothing.
    ///
    /// # Errors
    /// `Missing` where there is no such token.
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let changed = sqlx::query(
                    "update tokens set revoked_ms = coalesce(revoked_ms, $1) where id = $2",
                )
                .bind(now_ms())
                .bind(id.0)
                .execute(&mut *transaction)
                .await?
                .rows_affected();
                if changed == 0 {
                    return Err(RegistryError::Missing {
                        what: "token",
                        name: id.0.to_string(),
                    });
                }
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

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
                drop(connection);
                let bearer = bearer(&row)?;
                let last_used_ms: Option<i64> = row.try_get("last_used_ms")?;
                if last_used_ms.is_none_or(|last| last < now - LAST_USED_GRAIN_MS) {
                    self.touch(bearer.token, now).await;
                }
                Ok(Some(bearer))
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

/// SHA-256 in hexadecimal digits.
fn hash(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}

async fn insert(
    connection: &mut AnyConnection,
    user: OwnerId,
    token: &Token,
    hash: &str,
) -> Result<(), RegistryError> {
    // A hash that exists would be 256 bits of chance come twice: no client error.
    sqlx::query(
        "insert into tokens (id, user_id, name, hash, created_ms, expires_ms)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(token.id.0)
    .bind(user.0)
    .bind(token.name.as_str())
    .bind(hash)
    .bind(token.created_ms)
    .bind(token.expires_ms)
    .execute(connection)
    .await?;
    Ok(())
}

async fn find(
    connection: &mut AnyConnection,
    hash: &str,
    now: i64,
) -> Result<Option<AnyRow>, RegistryError> {
    Ok(sqlx::query(
        "select t.id, t.name, t.user_id, o.name as user_name, u.role, t.expires_ms, t.last_used_ms
         from tokens t
         join users u on u.id = t.user_id
         join owners o on o.id = t.user_id
         where t.hash = $1 and t.revoked_ms is null and (t.expires_ms is null or t.expires_ms > $2)",
    )
    .bind(hash)
    .bind(now)
    .fetch_optional(connection)
    .await?)
}

fn bearer(row: &AnyRow) -> Result<Bearer, RegistryError> {
    Ok(Bearer {
        user: OwnerId(row.try_get("user_id")?),
        name: row.try_get("user_name")?,
        role: Role::from_stored(row.try_get("role")?)?,
        token: TokenId(row.try_get("id")?),
        token_name: row.try_get("name")?,
        expires_ms: row.try_get("expires_ms")?,
    })
}

fn read(row: &AnyRow) -> Result<Token, RegistryError> {
    Ok(Token {
        id: TokenId(row.try_get("id")?),
        user: row.try_get("user_name")?,
        name: row.try_get("name")?,
        created_ms: row.try_get("created_ms")?,
        expires_ms: row.try_get("expires_ms")?,
        revoked_ms: row.try_get("revoked_ms")?,
        last_used_ms: row.try_get("last_used_ms")?,
    })
}

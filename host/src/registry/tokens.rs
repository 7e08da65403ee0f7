//! Bearer tokens: who may act in whose name, and until when.
//!
//! In: users. Out: a new token's text, once; lists. Never: the text of a token in the database, in a
//! log or in an error.

use std::fmt;

use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By, Deed};
use super::error::RegistryError;
use super::numbers::{self, Numbered, OwnerId, TokenId};
use super::scope::Scope;
use super::users::User;
use super::{Registry, now_ms};

/// How a token begins, so that people and secret scanners recognize one.
pub const TOKEN_PREFIX: &str = "sksv_";

/// Bits of chance in a token: 32 bytes, too many to guess, so a plain hash is safe.
const TOKEN_BYTES: usize = 32;

/// Greatest number of valid tokens of a user.
const TOKENS_OF_A_USER: i64 = 100;

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

/// A token to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// What it is for.
    pub scope: Scope,
    /// When it ends [ms since the Unix epoch].
    pub expires_ms: Option<i64>,
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
    /// What it is for.
    pub scope: Scope,
    /// When it was made [ms since the Unix epoch].
    pub created_ms: i64,
    /// When it ends [ms since the Unix epoch].
    pub expires_ms: Option<i64>,
    /// When it was revoked [ms since the Unix epoch].
    pub revoked_ms: Option<i64>,
    /// When it was last used, to the minute [ms since the Unix epoch].
    pub last_used_ms: Option<i64>,
}

impl Registry {
    /// Makes a token for a user.
    ///
    /// # Errors
    /// `Full` where the user has as many as they may have.
    pub async fn create_token(
        &self,
        user: &User,
        new: NewToken<'_>,
        by: &By,
    ) -> Result<(Token, Secret), RegistryError> {
        let secret = Secret::new()?;
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let id = numbers::next(&mut transaction, Numbered::Token).await?;
                let token = Token {
                    id: TokenId(id),
                    user: user.name.clone(),
                    name: new.name.to_owned(),
                    scope: new.scope,
                    created_ms: now_ms(),
                    expires_ms: new.expires_ms,
                    revoked_ms: None,
                    last_used_ms: None,
                };
                insert(&mut transaction, user.id, &token, &hash(secret.reveal())).await?;
                refuse_too_many(&mut transaction, user.id).await?;
                let detail = json!({"id": id, "name": new.name, "scope": new.scope});
                log(
                    &mut transaction,
                    by,
                    "token.create",
                    (user.id, &user.name),
                    detail,
                )
                .await?;
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
        let query = sqlx::query(
            "select t.id, o.name as user_name, t.name, t.scope, t.created_ms, t.expires_ms,
                            t.revoked_ms, t.last_used_ms
                     from tokens t join owners o on o.id = t.user_id
                     where $1 = '' or o.name = $1
                     order by t.id desc
                     limit 1000",
        )
        .bind(user.unwrap_or_default());
        self.database.rows(query, read).await
    }

    /// Ends a token now: anybody's, or one of `of` alone. Revoking it again changes nothing.
    ///
    /// # Errors
    /// `Missing` where there is no such token.
    pub async fn revoke_token(
        &self,
        id: TokenId,
        of: Option<OwnerId>,
        by: &By,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let user: Option<i64> = sqlx::query_scalar(
                    "update tokens set revoked_ms = coalesce(revoked_ms, $1)
                     where id = $2 and ($3 = 0 or user_id = $3) returning user_id",
                )
                .bind(now_ms())
                .bind(id.0)
                .bind(of.map_or(0, |user| user.0))
                .fetch_optional(&mut *transaction)
                .await?;
                let Some(user) = user.map(OwnerId) else {
                    return Err(RegistryError::Missing {
                        what: "token",
                        name: id.0.to_string(),
                    });
                };
                let subject = id.0.to_string();
                log(
                    &mut transaction,
                    by,
                    "token.revoke",
                    (user, &subject),
                    json!({}),
                )
                .await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hash(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}

/// Revoked and ended tokens do not count.
async fn refuse_too_many(
    connection: &mut AnyConnection,
    user: OwnerId,
) -> Result<(), RegistryError> {
    let tokens: i64 = sqlx::query_scalar(
        "select count(*) from tokens
         where user_id = $1 and revoked_ms is null and (expires_ms is null or expires_ms > $2)",
    )
    .bind(user.0)
    .bind(now_ms())
    .fetch_one(connection)
    .await?;
    if tokens > TOKENS_OF_A_USER {
        return Err(RegistryError::Full {
            what: "valid tokens of a user",
            most: TOKENS_OF_A_USER,
        });
    }
    Ok(())
}

async fn log(
    connection: &mut AnyConnection,
    by: &By,
    action: &'static str,
    (owner, subject): (OwnerId, &str),
    detail: serde_json::Value,
) -> Result<(), RegistryError> {
    let deed = Deed {
        action,
        owner: Some(owner),
        filter: None,
        subject,
        detail,
    };
    audit::record(connection, by, deed).await
}

async fn insert(
    connection: &mut AnyConnection,
    user: OwnerId,
    token: &Token,
    hash: &str,
) -> Result<(), RegistryError> {
    // A hash that exists would be 256 bits of chance come twice: no client error.
    sqlx::query(
        "insert into tokens (id, user_id, name, hash, created_ms, expires_ms, scope)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(token.id.0)
    .bind(user.0)
    .bind(token.name.as_str())
    .bind(hash)
    .bind(token.created_ms)
    .bind(token.expires_ms)
    .bind(token.scope.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Token, RegistryError> {
    Ok(Token {
        id: TokenId(row.try_get("id")?),
        user: row.try_get("user_name")?,
        name: row.try_get("name")?,
        scope: Scope::from_stored(row.try_get("scope")?)?,
        created_ms: row.try_get("created_ms")?,
        expires_ms: row.try_get("expires_ms")?,
        revoked_ms: row.try_get("revoked_ms")?,
        last_used_ms: row.try_get("last_used_ms")?,
    })
}

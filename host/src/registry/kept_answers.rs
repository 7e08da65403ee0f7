//! Answers to creating requests, kept for a while under a key that the client chose.
//!
//! In: a user, a key, the digest of a request; the answer to it. Out: whether the request is new, is
//! under way, or what was answered. Never: a secret, or more than so many rows of one user.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::error::RegistryError;
use super::numbers::OwnerId;
use super::{Registry, now_ms};

/// Answers of one user that are kept; the oldest give way.
const PER_USER: i64 = 1_000;

/// Rows past their time that one request clears away.
const CLEARED_AT_ONCE: i64 = 100;

/// After so long nobody works on a request any more: its host died [ms]. More than any request may take.
const UNDER_WAY_MS: i64 = 600_000;

/// A request that named a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Who asks.
    pub user: OwnerId,
    /// The key.
    pub key: String,
    /// SHA-256 of method, path and body, in hexadecimal digits.
    pub digest: String,
}

/// An answer as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its status.
    pub status: u16,
    /// Where the thing stands that was made; empty where the answer did not say.
    pub location: String,
    /// Its entity tag, or empty.
    pub etag: String,
    /// Its JSON; none where it held a secret.
    pub body: Option<String>,
}

/// What is known of a keyed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is this caller's to answer, who then keeps the answer or lets the key go.
    Nothing,
    /// Somebody is at it.
    UnderWay,
    /// The key stood for another request.
    Another,
    /// It was answered.
    Answered(KeptAnswer),
}

impl Registry {
    /// Takes the key for a request, where it is free. Keys older than `keep_ms` are.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn take_key(
        &self,
        request: &KeyedRequest,
        keep_ms: i64,
    ) -> Result<Known, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let now = now_ms();
                clear(&mut transaction, request, now, keep_ms).await?;
                let is_new = insert(&mut transaction, request, now).await?;
                let known = if is_new {
                    Known::Nothing
                } else {
                    find(&mut transaction, request).await?
                };
                transaction.commit().await?;
                Ok(known)
            })
            .await
    }

    /// Keeps the answer to a request whose key was taken.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn keep_answer(
        &self,
        request: &KeyedRequest,
        answer: &KeptAnswer,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query(
                    "update kept_answers set status = $1, location = $2, etag = $3, body = $4
                     where user_id = $5 and request_key = $6 and digest = $7",
                )
                .bind(i64::from(answer.status))
                .bind(answer.location.as_str())
                .bind(answer.etag.as_str())
                .bind(answer.body.as_deref().unwrap_or_default())
                .bind(request.user.0)
                .bind(request.key.as_str())
                .bind(request.digest.as_str())
                .execute(&mut *transaction)
                .await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// Lets a key go: the request made nothing, and may be sent again.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn release_key(&self, request: &KeyedRequest) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                sqlx::query(
                    "delete from kept_answers
                     where user_id = $1 and request_key = $2 and digest = $3 and status is null",
                )
                .bind(request.user.0)
                .bind(request.key.as_str())
                .bind(request.digest.as_str())
                .execute(&mut *transaction)
                .await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// Removes what is past its time: this key, where it is, some others, and what is too much of the user.
async fn clear(
    connection: &mut AnyConnection,
    request: &KeyedRequest,
    now: i64,
    keep_ms: i64,
) -> Result<(), RegistryError> {
    sqlx::query(
        "delete from kept_answers
         where user_id = $1 and request_key = $2
           and (created_ms < $3 or (status is null and created_ms < $4))",
    )
    .bind(request.user.0)
    .bind(request.key.as_str())
    .bind(now - keep_ms)
    .bind(now - UNDER_WAY_MS)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "delete from kept_answers where (user_id, request_key) in
             (select user_id, request_key from kept_answers
              where created_ms < $1 order by created_ms limit $2)",
    )
    .bind(now - keep_ms)
    .bind(CLEARED_AT_ONCE)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "delete from kept_answers where user_id = $1 and created_ms <
             (select created_ms from kept_answers where user_id = $1
              order by created_ms desc limit 1 offset $2)",
    )
    .bind(request.user.0)
    .bind(PER_USER - 1)
    .execute(connection)
    .await?;
    Ok(())
}

/// True where nobody had the key.
async fn insert(
    connection: &mut AnyConnection,
    request: &KeyedRequest,
    now: i64,
) -> Result<bool, RegistryError> {
    let rows = sqlx::query(
        "insert into kept_answers
             (user_id, request_key, digest, created_ms, status, location, etag, body)
         values ($1, $2, $3, $4, null, '', '', '')
         on conflict do nothing",
    )
    .bind(request.user.0)
    .bind(request.key.as_str())
    .bind(request.digest.as_str())
    .bind(now)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(rows == 1)
}

async fn find(
    connection: &mut AnyConnection,
    request: &KeyedRequest,
) -> Result<Known, RegistryError> {
    let row = sqlx::query(
        "select digest, status, location, etag, body from kept_answers
         where user_id = $1 and request_key = $2",
    )
    .bind(request.user.0)
    .bind(request.key.as_str())
    .fetch_optional(connection)
    .await?;
    // Gone between two statements: whoever had it let it go just now, and will have it again.
    row.as_ref()
        .map_or(Ok(Known::UnderWay), |row| read(row, &request.digest))
}

fn read(row: &AnyRow, digest: &str) -> Result<Known, RegistryError> {
    if row.try_get::<&str, _>("digest")? != digest {
        return Ok(Known::Another);
    }
    let Some(status) = row.try_get::<Option<i64>, _>("status")? else {
        return Ok(Known::UnderWay);
    };
    let body: String = row.try_get("body")?;
    Ok(Known::Answered(KeptAnswer {
        status: u16::try_from(status)
            .map_err(|_| RegistryError::Database(format!("kept status {status}")))?,
        location: row.try_get("location")?,
        etag: row.try_get("etag")?,
        body: Some(body).filter(|body| !body.is_empty()),
    }))
}

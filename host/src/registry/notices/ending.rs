//! How attempts end, and what follows for their targets.
//!
//! In: a delivery that was due and how it went. Out: a delivery that is over or waits for its next
//! attempt; a target that is verified, or failed. Never: the word of a host whose lease ran out.

use sqlx::AnyConnection;

use super::TargetId;
use super::outbox::Due;
use crate::registry::{Registry, RegistryError, now_ms};

/// A target is given up after so many deliveries in a row were.
const GIVEN_UP_BEFORE_FAILED: i64 = 5;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The target took it.
    Delivered,
    /// It did not; to be tried again at `at_ms` [ms since the Unix epoch].
    Later {
        /// When.
        at_ms: i64,
        /// Why.
        reason: String,
    },
    /// It did not, and is not tried again.
    GivenUp {
        /// Why.
        reason: String,
    },
    /// The target says that it is gone for good.
    Gone {
        /// Its words.
        reason: String,
    },
}

impl Registry {
    /// Says how an attempt ended. Nothing happens where its lease ran out and another was begun.
    ///
    /// # Errors
    /// `Unavailable` without a database; the delivery is then due again when its lease ends.
    pub async fn end_attempt(&self, due: &Due, attempt: &Attempt) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                if end(&mut transaction, due, attempt).await? {
                    judge_target(&mut transaction, due, attempt).await?;
                }
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

/// False where another attempt was begun since, or the delivery is gone.
async fn end(
    connection: &mut AnyConnection,
    due: &Due,
    attempt: &Attempt,
) -> Result<bool, RegistryError> {
    let (state, next_ms, reason) = match attempt {
        Attempt::Delivered => ("delivered", 0, ""),
        Attempt::Later { at_ms, reason } => ("waiting", *at_ms, reason.as_str()),
        Attempt::GivenUp { reason } | Attempt::Gone { reason } => ("given_up", 0, reason.as_str()),
    };
    let ended_ms = (state != "waiting").then(now_ms);
    let changed = sqlx::query(
        "update notice_deliveries
         set state = $4, next_ms = $5, leased_until_ms = 0, reason = $6, ended_ms = $7
         where notice_id = $1 and target_id = $2 and tries = $3 and state = 'waiting'",
    )
    .bind(due.notice.0)
    .bind(due.target.0)
    .bind(i64::from(due.tries))
    .bind(state)
    .bind(next_ms)
    .bind(reason.replace('\0', " "))
    .bind(ended_ms)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(changed == 1)
}

/// What follows for the target.
async fn judge_target(
    connection: &mut AnyConnection,
    due: &Due,
    attempt: &Attempt,
) -> Result<(), RegistryError> {
    let now = now_ms();
    match attempt {
        Attempt::Delivered => {
            // An e-mail address is confirmed by its reader, not by a server that takes mail for it.
            sqlx::query(
                "update notice_targets set given_up = 0, failed_ms = null, reason = '',
                     confirmed_ms = case when medium = 'webhook' then coalesce(confirmed_ms, $2)
                                         else confirmed_ms end
                 where id = $1",
            )
            .bind(due.target.0)
            .bind(now)
            .execute(connection)
            .await?;
            Ok(())
        }
        Attempt::Later { reason, .. } => note(connection, due.target, reason, 0).await,
        Attempt::GivenUp { reason } => {
            note(connection, due.target, reason, 1).await?;
            fail(connection, due.target, GIVEN_UP_BEFORE_FAILED, now).await
        }
        Attempt::Gone { reason } => {
            note(connection, due.target, reason, 1).await?;
            fail(connection, due.target, 0, now).await
        }
    }
}

async fn note(
    connection: &mut AnyConnection,
    target: TargetId,
    reason: &str,
    given_up: i64,
) -> Result<(), RegistryError> {
    sqlx::query("update notice_targets set reason = $2, given_up = given_up + $3 where id = $1")
        .bind(target.0)
        .bind(reason.replace('\0', " "))
        .bind(given_up)
        .execute(connection)
        .await?;
    Ok(())
}

/// Stops trying a target that has given up so often, with what waits for it.
async fn fail(
    connection: &mut AnyConnection,
    target: TargetId,
    given_up: i64,
    now: i64,
) -> Result<(), RegistryError> {
    let failed = sqlx::query(
        "update notice_targets set failed_ms = $3
         where id = $1 and given_up >= $2 and failed_ms is null",
    )
    .bind(target.0)
    .bind(given_up)
    .bind(now)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if failed > 0 {
        sqlx::query(
            "update notice_deliveries
             set state = 'given_up', ended_ms = $2, reason = 'the target has failed'
             where target_id = $1 and state = 'waiting'",
        )
        .bind(target.0)
        .bind(now)
        .execute(connection)
        .await?;
    }
    Ok(())
}

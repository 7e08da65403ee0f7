//! How many alerts a user may back-test in a day (UTC), and how many back-tests may wait.
//!
//! In: a back-test to be made. Out: how many alerts it gets. Never: a count kept twice; what was used
//! follows from the back-tests themselves, those that have not ended counting in full.

use sqlx::AnyConnection;

use super::backtests::NewBacktest;
use super::error::RegistryError;
use super::numbers::OwnerId;
use super::{Registry, now_ms};

const DAY_MS: i64 = 24 * 3600 * 1000;

impl Registry {
    /// Alerts that a user has back-tested today (UTC), those of unfinished back-tests in full.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn backtested_today(&self, user: OwnerId) -> Result<i64, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                used(&mut connection, user).await
            })
            .await
    }
}

/// How many alerts the back-test gets.
pub(super) async fn grant(
    connection: &mut AnyConnection,
    new: &NewBacktest,
) -> Result<i64, RegistryError> {
    let waiting: i64 = sqlx::query_scalar(
        "select count(*) from backtests where created_by = $1 and state in ('queued', 'running')",
    )
    .bind(new.by.0)
    .fetch_one(&mut *connection)
    .await?;
    if waiting >= new.waiting {
        return Err(RegistryError::Quota(format!(
            "{waiting} of your back-tests wait or run already; cancel one or wait for its end"
        )));
    }
    let left = new.quota - used(connection, new.by).await?;
    let granted = if new.fewer {
        new.alerts.min(left)
    } else {
        new.alerts
    };
    if granted > left || granted < 1 {
        return Err(RegistryError::Quota(format!(
            "{} of today's {} back-test alerts are left (the day is UTC's)",
            left.max(0),
            new.quota
        )));
    }
    Ok(granted)
}

async fn used(connection: &mut AnyConnection, user: OwnerId) -> Result<i64, RegistryError> {
    let now = now_ms();
    let used = sqlx::query_scalar(
        "select cast(coalesce(sum(case when state in ('queued', 'running') then alerts
                                       else judged end), 0) as bigint)
         from backtests where created_by = $1 and created_ms >= $2",
    )
    .bind(user.0)
    .bind(now - now.rem_euclid(DAY_MS))
    .fetch_one(connection)
    .await?;
    Ok(used)
}

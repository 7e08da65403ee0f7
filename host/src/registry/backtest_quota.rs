//! How many alerts an owner may back-test in a day (UTC), and how many back-tests may wait.
//!
//! In: a back-test to be made. Out: how many alerts it gets. Never: a count kept twice; what was used
//! follows from the back-tests themselves, those that have not ended counting in full.

use sqlx::AnyConnection;

use super::backtests::NewBacktest;
use super::error::RegistryError;
use super::now_ms;
use super::numbers::OwnerId;
use super::quota::{Quota, Quotas};
use super::quotas;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// How many alerts the back-test gets.
pub(super) async fn grant(
    connection: &mut AnyConnection,
    new: &NewBacktest,
    defaults: &Quotas,
) -> Result<i64, RegistryError> {
    let waiting: i64 = sqlx::query_scalar(
        "select count(*) from backtests where owner_id = $1 and state in ('queued', 'running')",
    )
    .bind(new.owner.0)
    .fetch_one(&mut *connection)
    .await?;
    if waiting >= new.waiting {
        return Err(RegistryError::Full {
            what: "back-tests of an owner that wait or run",
            most: new.waiting,
        });
    }
    let quota = Quota::BacktestAlertsPerDay;
    let most = quotas::value(connection, new.owner, quota, defaults).await?;
    let left = most - used(connection, new.owner).await?;
    let granted = if new.fewer {
        new.alerts.min(left)
    } else {
        new.alerts
    };
    if granted > left || granted < 1 {
        return Err(RegistryError::Quota {
            quota: quota.as_str(),
            most,
        });
    }
    Ok(granted)
}

/// Alerts that an owner has back-tested today.
pub(super) async fn used(
    connection: &mut AnyConnection,
    owner: OwnerId,
) -> Result<i64, RegistryError> {
    let now = now_ms();
    let used = sqlx::query_scalar(
        "select cast(coalesce(sum(case when state in ('queued', 'running') then alerts
                                       else judged end), 0) as bigint)
         from backtests where owner_id = $1 and created_ms >= $2",
    )
    .bind(owner.0)
    .bind(now - now.rem_euclid(DAY_MS))
    .fetch_one(connection)
    .await?;
    Ok(used)
}

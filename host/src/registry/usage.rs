//! What owners have used of their quotas.
//!
//! In: charges per day. Out: sums. Never: a limit; `quotas.rs` has these.

use sqlx::AnyConnection;

use super::error::RegistryError;
use super::numbers::{FilterId, OwnerId};
use super::quota::Quota;
use super::quotas;
use super::{Registry, backtest_quota, night_use, notices, now_ms};

/// A night in which a limit held something back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withholding {
    /// The night.
    pub night: String,
    /// The quota, or `gate`.
    pub quota: String,
    /// When it began [ms since the Unix epoch].
    pub first_ms: i64,
    /// When it was last seen [ms since the Unix epoch].
    pub last_ms: i64,
}

impl Registry {
    /// Charges an owner for today, UTC; what they have used today then.
    ///
    /// # Errors
    /// `Quota` where it would be more than they may use; nothing is charged then.
    pub async fn charge(
        &self,
        owner: OwnerId,
        quota: Quota,
        amount: i64,
    ) -> Result<i64, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let used = add(&mut transaction, owner, quota, amount).await?;
                quotas::refuse_more(&mut transaction, owner, quota, &self.quotas, used).await?;
                transaction.commit().await?;
                Ok(used)
            })
            .await
    }

    /// Adds to what an owner has used today, UTC, be it more than they may.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn note_use(
        &self,
        owner: OwnerId,
        quota: Quota,
        amount: i64,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                add(&mut transaction, owner, quota, amount).await?;
                transaction.commit().await?;
                Ok(())
            })
            .await
    }

    /// What an owner has used of a quota: today, or now, as the quota counts; of one per night the most
    /// that one filter has of its last night; none where it limits single things (an upload, an alert).
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn used(&self, owner: OwnerId, quota: Quota) -> Result<Option<i64>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let used = match quota {
                    Quota::Filters => filters(&mut connection, owner).await?,
                    Quota::ActiveFilters => active_filters(&mut connection, owner).await?,
                    Quota::CompileSPerDay => of_today(&mut connection, owner, quota).await?,
                    Quota::BacktestAlertsPerDay => {
                        backtest_quota::used(&mut connection, owner).await?
                    }
                    _ => return night_use::most_of_a_night(&mut connection, owner, quota).await,
                };
                Ok(Some(used))
            })
            .await
    }

    /// Notes that a limit held back alerts of a setting's filter; true where it is the first time
    /// that night.
    ///
    /// # Errors
    /// `Missing` where there is no such setting.
    pub async fn note_withholding(
        &self,
        setting: i64,
        night: &str,
        quota: &str,
    ) -> Result<bool, RegistryError> {
        let filter = self.filter_of_setting(setting).await?;
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let now = now_ms();
                let first: i64 = sqlx::query_scalar(
                    "insert into withholdings (filter_id, night, quota, first_ms, last_ms)
                     values ($1, $2, $3, $4, $4)
                     on conflict (filter_id, night, quota) do update set last_ms = excluded.last_ms
                     returning first_ms",
                )
                .bind(filter.0)
                .bind(night)
                .bind(quota)
                .bind(now)
                .fetch_one(&mut *transaction)
                .await?;
                notices::withheld(&mut transaction, filter, (setting, night), quota).await?;
                transaction.commit().await?;
                Ok(first == now)
            })
            .await
    }

    /// Nights in which a limit held back alerts of a filter, latest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn withholdings(
        &self,
        filter: FilterId,
        limit: i64,
    ) -> Result<Vec<Withholding>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
                    "select night, quota, first_ms, last_ms from withholdings
                     where filter_id = $1 order by night desc, quota limit $2",
                )
                .bind(filter.0)
                .bind(limit)
                .fetch_all(&mut *connection)
                .await?;
                let read = |(night, quota, first_ms, last_ms)| Withholding {
                    night,
                    quota,
                    first_ms,
                    last_ms,
                };
                Ok(rows.into_iter().map(read).collect())
            })
            .await
    }
}

async fn add(
    connection: &mut AnyConnection,
    owner: OwnerId,
    quota: Quota,
    amount: i64,
) -> Result<i64, RegistryError> {
    Ok(sqlx::query_scalar(
        "insert into usage (owner_id, name, period, used) values ($1, $2, $3, $4)
         on conflict (owner_id, name, period) do update set used = usage.used + excluded.used
         returning used",
    )
    .bind(owner.0)
    .bind(quota.as_str())
    .bind(today())
    .bind(amount)
    .fetch_one(connection)
    .await?)
}

/// Filters of an owner, but for deleted ones.
pub(super) async fn filters(
    connection: &mut AnyConnection,
    owner: OwnerId,
) -> Result<i64, RegistryError> {
    Ok(sqlx::query_scalar(
        "select count(*) from filters where owner_id = $1 and deleted_ms is null",
    )
    .bind(owner.0)
    .fetch_one(connection)
    .await?)
}

/// Filters of an owner that are switched on, paused and suspended ones included.
pub(super) async fn active_filters(
    connection: &mut AnyConnection,
    owner: OwnerId,
) -> Result<i64, RegistryError> {
    Ok(sqlx::query_scalar(
        "select count(*) from activations a join filters f on f.id = a.filter_id
         where f.owner_id = $1 and a.lane = 'main' and a.state <> 'retired'",
    )
    .bind(owner.0)
    .fetch_one(connection)
    .await?)
}

async fn of_today(
    connection: &mut AnyConnection,
    owner: OwnerId,
    quota: Quota,
) -> Result<i64, RegistryError> {
    let used: Option<i64> = sqlx::query_scalar(
        "select used from usage where owner_id = $1 and name = $2 and period = $3",
    )
    .bind(owner.0)
    .bind(quota.as_str())
    .bind(today())
    .fetch_optional(connection)
    .await?;
    Ok(used.unwrap_or(0))
}

/// The date, UTC.
fn today() -> String {
    let now = jiff::Timestamp::from_millisecond(now_ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    now.to_string().chars().take(10).collect()
}

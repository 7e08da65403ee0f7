//! What owners have used of their quotas.
//!
//! In: charges per day; the counts of nights. Out: sums. Never: a limit; `quotas.rs` has these.

use sqlx::{AnyConnection, Row};

use super::error::RegistryError;
use super::numbers::{FilterId, OwnerId};
use super::quota::Quota;
use super::quotas;
use super::{Registry, backtest_quota, notices, now_ms};
use crate::outflow::Used;

/// What a filter has sent out of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightUse {
    /// Its topic.
    pub topic: String,
    /// The night.
    pub night: String,
    /// Alerts that went out.
    pub alerts: i64,
    /// Their bytes of payload.
    pub bytes: i64,
    /// Time in the sandbox [ns].
    pub elapsed_ns: i64,
}

impl NightUse {
    /// As the ledger of what goes out takes it.
    #[must_use]
    pub fn used(&self) -> Used {
        Used {
            alerts: self.alerts.unsigned_abs(),
            bytes: self.bytes.unsigned_abs(),
            elapsed_ns: self.elapsed_ns.unsigned_abs(),
        }
    }
}

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

    /// What an owner has used of a quota: today, tonight, or now, as the quota counts; none where it
    /// limits single things (an upload, an alert).
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
                    _ => return Ok(None),
                };
                Ok(Some(used))
            })
            .await
    }

    /// What the filters of a stream that are on have sent out of the nights since this one, earliest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn night_use(
        &self,
        stream: &str,
        since_night: &str,
    ) -> Result<Vec<NightUse>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows = sqlx::query(
                    "select f.topic, c.night,
                            cast(sum(c.passed) - coalesce((
                                select sum(x.alerts) from night_outcomes x
                                join settings y on y.number = x.setting
                                where y.filter_id = f.id and x.night = c.night
                                  and x.outcome = 'withheld'), 0) as bigint) as alerts,
                            cast(sum(c.bytes_out) as bigint) as bytes,
                            cast(sum(c.elapsed_ns) as bigint) as elapsed_ns
                     from activations a
                     join filters f on f.id = a.filter_id
                     join settings s on s.filter_id = f.id
                     join night_counts c on c.setting = s.number
                     where f.stream = $1 and a.lane = 'main' and a.state = 'active'
                       and c.night >= $2
                     group by f.id, f.topic, c.night
                     order by c.night",
                )
                .bind(stream)
                .bind(since_night)
                .fetch_all(&mut *connection)
                .await?;
                let read = |row: &sqlx::any::AnyRow| {
                    Ok(NightUse {
                        topic: row.try_get("topic")?,
                        night: row.try_get("night")?,
                        alerts: row.try_get("alerts")?,
                        bytes: row.try_get("bytes")?,
                        elapsed_ns: row.try_get("elapsed_ns")?,
                    })
                };
                rows.iter().map(read).collect()
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

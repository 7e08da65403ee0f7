//! Back-tests as their owners see them: asked for, listed, read, cancelled.
//!
//! In: a setting, what to read. Out: [`Backtest`]s with their progress and result. Never: the work
//! itself, whose claims and saves are `backtest_jobs.rs`.

use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::audit::{self, By};
use super::backtest_state::BacktestState;
use super::error::RegistryError;
use super::numbers::{self, BacktestId, FilterId, Numbered, OwnerId};
use super::{Registry, backtest_quota, filters, now_ms, versions};

/// A back-test to be made.
#[derive(Debug, Clone)]
pub struct NewBacktest {
    /// Of which filter.
    pub filter: FilterId,
    /// Its owner, whose quota it counts against.
    pub owner: OwnerId,
    /// Its stream.
    pub stream: String,
    /// The setting to test.
    pub setting: i64,
    /// The setting to compare it with.
    pub against: Option<i64>,
    /// What to read.
    pub source: Value,
    /// At most so many alerts.
    pub alerts: i64,
    /// Whether fewer will do, where the quota of the day leaves fewer.
    pub fewer: bool,
    /// Back-tests of this owner that may wait or run at once.
    pub waiting: i64,
    /// Who asks.
    pub by: By,
}

/// A back-test.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// Unique in the whole registry.
    pub id: BacktestId,
    /// The setting that is tested.
    pub setting: i64,
    /// Its version.
    pub version: i64,
    /// The setting it is compared with.
    pub against: Option<i64>,
    /// What is read.
    pub source: Value,
    /// At most so many alerts.
    pub alerts: i64,
    /// How far it is.
    pub state: BacktestState,
    /// Why it failed.
    pub reason: String,
    /// Whether its end was asked for.
    pub cancel: bool,
    /// Alerts judged so far.
    pub judged: i64,
    /// Alerts passed so far.
    pub passed: i64,
    /// The part of the source that is read, 0 to 1.
    pub fraction: f64,
    /// Estimate of the time left [s].
    pub seconds_left: Option<f64>,
    /// What was found; null before the end, and where newer ones have taken its room.
    pub result: Value,
    /// Name of who asked for it; none where it was asked for on a host's command line.
    pub created_by: Option<String>,
    /// When [ms since the Unix epoch].
    pub created_ms: i64,
    /// When a host first took it [ms since the Unix epoch].
    pub started_ms: Option<i64>,
    /// When it ended [ms since the Unix epoch].
    pub ended_ms: Option<i64>,
}

/// Everything a [`Backtest`] shows but its result. Callers add that and the rest of the `where`.
macro_rules! select_backtest {
    ($result:literal, $rest:literal) => {
        concat!(
            "select b.id, b.setting, s.version, b.against, b.source, b.alerts, b.state, b.reason,
                    b.cancel, b.judged, b.passed, b.fraction, b.seconds_left, b.created_ms,
                    b.started_ms, b.ended_ms, o.name as created_by, ",
            $result,
            " as result
             from backtests b
             join settings s on s.number = b.setting
             left join owners o on o.id = b.created_by
             where b.filter_id = $1 ",
            $rest
        )
    };
}

impl Registry {
    /// Puts a back-test into the queue.
    ///
    /// # Errors
    /// `Deleted` where the filter was deleted, `Quota` where the day's alerts do not suffice, `Full`
    /// where too many wait already.
    pub async fn create_backtest(&self, new: &NewBacktest) -> Result<Backtest, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                filters::lock(&mut transaction, new.filter).await?;
                // Locks the counter: creations come one after the other, so the quota holds.
                let id = numbers::next(&mut transaction, Numbered::Backtest).await?;
                let alerts = backtest_quota::grant(&mut transaction, new, &self.quotas).await?;
                insert(&mut transaction, new, id, alerts).await?;
                let detail = json!({"backtest": id, "setting": new.setting, "alerts": alerts});
                let (by, filter) = (&new.by, new.filter);
                audit::record_for_filter(&mut transaction, by, filter, "backtest.create", detail)
                    .await?;
                let made = find(&mut transaction, new.filter, BacktestId(id)).await?;
                transaction.commit().await?;
                Ok(made)
            })
            .await
    }

    /// One back-test of a filter, with its result.
    ///
    /// # Errors
    /// `Missing` where the filter has none of that id.
    pub async fn backtest(
        &self,
        filter: FilterId,
        id: BacktestId,
    ) -> Result<Backtest, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                find(&mut connection, filter, id).await
            })
            .await
    }

    /// Back-tests below `before` without their results, newest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn backtests(
        &self,
        filter: FilterId,
        before: Option<BacktestId>,
        limit: i64,
    ) -> Result<Vec<Backtest>, RegistryError> {
        let query = sqlx::query(select_backtest!(
            "''",
            "and b.id < $2 order by b.id desc limit $3"
        ))
        .bind(filter.0)
        .bind(before.map_or(i64::MAX, |before| before.0))
        .bind(limit);
        self.database.rows(query, read).await
    }

    /// Asks for the end of a back-test: at once where it waits, at its next save where it runs.
    /// Nothing happens where it has ended.
    ///
    /// # Errors
    /// `Missing` where the filter has none of that id.
    pub async fn cancel_backtest(
        &self,
        filter: FilterId,
        id: BacktestId,
        by: &By,
    ) -> Result<Backtest, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let asked = sqlx::query(
                    "update backtests set
                         cancel = 1,
                         ended_ms = case when state = 'queued' then $3 else ended_ms end,
                         state = case when state = 'queued' then 'cancelled' else state end
                     where filter_id = $1 and id = $2 and state in ('queued', 'running')",
                )
                .bind(filter.0)
                .bind(id.0)
                .bind(now_ms())
                .execute(&mut *transaction)
                .await?;
                if asked.rows_affected() > 0 {
                    let detail = json!({"backtest": id.0});
                    audit::record_for_filter(
                        &mut transaction,
                        by,
                        filter,
                        "backtest.cancel",
                        detail,
                    )
                    .await?;
                }
                let backtest = find(&mut transaction, filter, id).await?;
                transaction.commit().await?;
                Ok(backtest)
            })
            .await
    }
}

async fn insert(
    connection: &mut AnyConnection,
    new: &NewBacktest,
    id: i64,
    alerts: i64,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into backtests
             (id, filter_id, owner_id, stream, setting, against, source, alerts, state, reason, cancel, host,
              lease_ms, claims, judged, passed, fraction, checkpoint, result, created_by, created_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', '', 0, '', 0, 0, 0, 0, 0.0, '', '', $9,
                 $10)",
    )
    .bind(id)
    .bind(new.filter.0)
    .bind(new.owner.0)
    .bind(new.stream.as_str())
    .bind(new.setting)
    .bind(new.against)
    .bind(new.source.to_string())
    .bind(alerts)
    .bind(new.by.id())
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(())
}

async fn find(
    connection: &mut AnyConnection,
    filter: FilterId,
    id: BacktestId,
) -> Result<Backtest, RegistryError> {
    sqlx::query(select_backtest!("b.result", "and b.id = $2"))
        .bind(filter.0)
        .bind(id.0)
        .fetch_optional(connection)
        .await?
        .as_ref()
        .map(read)
        .transpose()?
        .ok_or_else(|| RegistryError::Missing {
            what: "back-test",
            name: id.0.to_string(),
        })
}

fn read(row: &AnyRow) -> Result<Backtest, RegistryError> {
    Ok(Backtest {
        id: BacktestId(row.try_get("id")?),
        setting: row.try_get("setting")?,
        version: row.try_get("version")?,
        against: row.try_get("against")?,
        source: versions::document(row, "source")?,
        alerts: row.try_get("alerts")?,
        state: BacktestState::from_stored(row.try_get("state")?)?,
        reason: row.try_get("reason")?,
        cancel: row.try_get::<i64, _>("cancel")? != 0,
        judged: row.try_get("judged")?,
        passed: row.try_get("passed")?,
        fraction: row.try_get("fraction")?,
        seconds_left: row.try_get("seconds_left")?,
        result: optional_document(row, "result")?,
        created_by: row.try_get("created_by")?,
        created_ms: row.try_get("created_ms")?,
        started_ms: row.try_get("started_ms")?,
        ended_ms: row.try_get("ended_ms")?,
    })
}

/// A column that holds JSON, or nothing.
pub(super) fn optional_document(row: &AnyRow, column: &str) -> Result<Value, RegistryError> {
    match row.try_get::<&str, _>(column)? {
        "" => Ok(Value::Null),
        _ => versions::document(row, column),
    }
}

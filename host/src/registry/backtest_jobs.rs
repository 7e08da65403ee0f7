//! Back-tests as hosts see them: claimed, kept, saved, ended.
//!
//! In: a host's name and how long its word holds. Out: a [`BacktestJob`], and at each save how it
//! stands. Never: a save or an end by a host whose lease another one took over.

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::backtests::optional_document;
use super::error::RegistryError;
use super::numbers::{BacktestId, FilterId};
use super::{Registry, backtest_ends, now_ms, versions};

/// A back-test in the hands of one host.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestJob {
    /// Which one.
    pub id: BacktestId,
    /// Of which filter.
    pub filter: FilterId,
    /// The setting to test.
    pub setting: i64,
    /// The setting to compare it with.
    pub against: Option<i64>,
    /// What to read.
    pub source: Value,
    /// At most so many alerts.
    pub alerts: i64,
    /// What was saved last; null where nothing was.
    pub checkpoint: Value,
}

/// What a host saves of a job that goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Alerts judged so far.
    pub judged: i64,
    /// Alerts passed so far.
    pub passed: i64,
    /// The part of the source that is read, 0 to 1.
    pub fraction: f64,
    /// Estimate of the time left [s].
    pub seconds_left: Option<f64>,
    /// Where to go on, and what was found so far.
    pub checkpoint: Value,
}

/// Stands for an estimate that is not there: sqlx 0.9's `Any` binds a missing f64 as one of 4 bytes, and
/// PostgreSQL then refuses the 8 bytes of the next one.
const NOT_KNOWN_S: f64 = -1.0;

/// What a host has to do with a job after it has spoken of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Go on.
    Mine,
    /// End it: somebody asked for that.
    Cancelled,
    /// Let go of it: another host has it, or it has ended.
    Lost,
}

impl Registry {
    /// The next job of a stream for `host`, which keeps it for `lease_ms` [ms]: one that waits, or
    /// one whose host was silent for too long. Of several owners those come first who have fewer
    /// running.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn claim_backtest(
        &self,
        stream: &str,
        host: &str,
        lease_ms: i64,
    ) -> Result<Option<BacktestJob>, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                backtest_ends::give_up(&mut transaction, stream).await?;
                let claimed = claim(&mut transaction, stream, host, lease_ms).await?;
                transaction.commit().await?;
                Ok(claimed)
            })
            .await
    }

    /// Keeps a job for `lease_ms` more [ms].
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn keep_backtest(
        &self,
        id: BacktestId,
        host: &str,
        lease_ms: i64,
    ) -> Result<Standing, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let row = sqlx::query(
                    "update backtests set lease_ms = $3
                     where id = $1 and host = $2 and state = 'running' returning cancel",
                )
                .bind(id.0)
                .bind(host)
                .bind(now_ms().saturating_add(lease_ms))
                .fetch_optional(&mut *transaction)
                .await?;
                transaction.commit().await?;
                standing(row.as_ref())
            })
            .await
    }

    /// Saves how far a job is, and keeps it for `lease_ms` more [ms]; 0 gives it back, to be gone on
    /// with by whoever claims it.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn save_backtest(
        &self,
        id: BacktestId,
        host: &str,
        saved: &Saved,
        lease_ms: i64,
    ) -> Result<Standing, RegistryError> {
        let until = if lease_ms == 0 {
            0
        } else {
            now_ms().saturating_add(lease_ms)
        };
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let row = sqlx::query(
                    "update backtests set judged = $3, passed = $4, fraction = $5,
                         seconds_left = nullif($6, -1.0), checkpoint = $7, lease_ms = $8, claims = 0
                     where id = $1 and host = $2 and state = 'running' returning cancel",
                )
                .bind(id.0)
                .bind(host)
                .bind(saved.judged)
                .bind(saved.passed)
                .bind(saved.fraction)
                .bind(saved.seconds_left.unwrap_or(NOT_KNOWN_S))
                .bind(saved.checkpoint.to_string())
                .bind(until)
                .fetch_optional(&mut *transaction)
                .await?;
                transaction.commit().await?;
                standing(row.as_ref())
            })
            .await
    }
}

/// The condition stands twice: of two hosts that choose the same job, the second waits for the first
/// and then finds that the job is no longer free.
async fn claim(
    connection: &mut AnyConnection,
    stream: &str,
    host: &str,
    lease_ms: i64,
) -> Result<Option<BacktestJob>, RegistryError> {
    let now = now_ms();
    sqlx::query(
        "update backtests set state = 'running', host = $1, lease_ms = $2, claims = claims + 1,
             started_ms = coalesce(started_ms, $3)
         where id = (
                 select b.id from backtests b
                 where b.stream = $4
                   and (b.state = 'queued' or (b.state = 'running' and b.lease_ms < $3))
                 order by (select count(*) from backtests r
                           where r.owner_id = b.owner_id and r.state = 'running'
                             and r.lease_ms >= $3), b.id
                 limit 1)
           and (state = 'queued' or (state = 'running' and lease_ms < $3))
         returning id, filter_id, setting, against, source, alerts, checkpoint",
    )
    .bind(host)
    .bind(now.saturating_add(lease_ms))
    .bind(now)
    .bind(stream)
    .fetch_optional(connection)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

fn read(row: &AnyRow) -> Result<BacktestJob, RegistryError> {
    Ok(BacktestJob {
        id: BacktestId(row.try_get("id")?),
        filter: FilterId(row.try_get("filter_id")?),
        setting: row.try_get("setting")?,
        against: row.try_get("against")?,
        source: versions::document(row, "source")?,
        alerts: row.try_get("alerts")?,
        checkpoint: optional_document(row, "checkpoint")?,
    })
}

fn standing(row: Option<&AnyRow>) -> Result<Standing, RegistryError> {
    Ok(match row {
        None => Standing::Lost,
        Some(row) if row.try_get::<i64, _>("cancel")? != 0 => Standing::Cancelled,
        Some(_) => Standing::Mine,
    })
}

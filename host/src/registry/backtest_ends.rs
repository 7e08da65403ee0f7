//! How back-tests end.
//!
//! In: what a host found. Out: a back-test that has ended for good. Never: an end by a host whose lease
//! another one took over, or the results of all back-tests there ever were.

use serde_json::Value;
use sqlx::AnyConnection;

use super::backtest_jobs::BacktestJob;
use super::backtest_state::BacktestState;
use super::error::RegistryError;
use super::numbers::FilterId;
use super::{Registry, notices, now_ms};

/// A job that was claimed so often without getting on has ended its hosts, most likely.
const MOST_CLAIMS: i64 = 5;
/// The newest back-tests of a filter whose results are kept; older ones keep their figures alone.
const RESULTS_KEPT: i64 = 50;

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestEnd {
    /// Done, failed or cancelled.
    pub state: BacktestState,
    /// Why it failed.
    pub reason: String,
    /// Alerts judged.
    pub judged: i64,
    /// Alerts passed.
    pub passed: i64,
    /// What was found; null where nothing was.
    pub result: Value,
}

impl Registry {
    /// Ends a job for good; false where another host has it meanwhile, or it has ended.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn end_backtest(
        &self,
        job: &BacktestJob,
        host: &str,
        end: &BacktestEnd,
    ) -> Result<bool, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let ended = put_end(&mut transaction, job, host, end).await?;
                if ended {
                    drop_old_results(&mut transaction, job.filter).await?;
                    tell(&mut transaction, job, end).await?;
                }
                transaction.commit().await?;
                Ok(ended)
            })
            .await
    }
}

/// Why a job is given up.
const HOSTS_ENDED: &str = "several hosts ended while they worked on it";

/// Ends jobs that have ended their hosts too often.
pub(super) async fn give_up(
    connection: &mut AnyConnection,
    stream: &str,
) -> Result<(), RegistryError> {
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "update backtests set state = 'failed', ended_ms = $2, checkpoint = '', reason = $4
         where stream = $1 and state = 'running' and lease_ms < $2 and claims >= $3
         returning id, filter_id, setting",
    )
    .bind(stream)
    .bind(now_ms())
    .bind(MOST_CLAIMS)
    .bind(HOSTS_ENDED)
    .fetch_all(&mut *connection)
    .await?;
    for (id, filter, setting) in rows {
        let job = (id, FilterId(filter), setting);
        notices::backtested(connection, job, "failed", HOSTS_ENDED).await?;
    }
    Ok(())
}

/// Whoever cancelled a job knows.
async fn tell(
    connection: &mut AnyConnection,
    job: &BacktestJob,
    end: &BacktestEnd,
) -> Result<(), RegistryError> {
    if end.state == BacktestState::Cancelled {
        return Ok(());
    }
    let job = (job.id.0, job.filter, job.setting);
    notices::backtested(connection, job, end.state.as_str(), &end.reason).await
}

async fn put_end(
    connection: &mut AnyConnection,
    job: &BacktestJob,
    host: &str,
    end: &BacktestEnd,
) -> Result<bool, RegistryError> {
    let result = if end.result.is_null() {
        String::new()
    } else {
        end.result.to_string()
    };
    let ended = sqlx::query(
        "update backtests set state = $3, reason = $4, judged = $5, passed = $6, result = $7,
             fraction = case when $3 = 'done' then 1.0 else fraction end, seconds_left = null,
             checkpoint = '', lease_ms = 0, ended_ms = $8
         where id = $1 and host = $2 and state = 'running'",
    )
    .bind(job.id.0)
    .bind(host)
    .bind(end.state.as_str())
    .bind(end.reason.as_str())
    .bind(end.judged)
    .bind(end.passed)
    .bind(result)
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() > 0)
}

async fn drop_old_results(
    connection: &mut AnyConnection,
    filter: FilterId,
) -> Result<(), RegistryError> {
    sqlx::query(
        "update backtests set result = ''
         where filter_id = $1 and result <> ''
           and id <= (select id from backtests where filter_id = $1
                      order by id desc limit 1 offset $2)",
    )
    .bind(filter.0)
    .bind(RESULTS_KEPT)
    .execute(connection)
    .await?;
    Ok(())
}

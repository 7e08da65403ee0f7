//! Counts per setting and night: added up from the logs that travelled with the outputs.
//!
//! In: [`CountRecord`]s, in any company and as often as anybody likes. Out: [`NightCounts`]. Never: a
//! record counted twice, or half of one.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Registry;
use super::error::RegistryError;
use super::numbers::FilterId;
use crate::route::{CountKey, Counts};
use crate::sink::CountRecord;

/// How often to begin again where another host advanced the same log meanwhile.
const FOLD_ATTEMPTS: u32 = 5;

/// What one setting did to the alerts of one night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NightCounts {
    /// Number of the setting.
    pub setting: i64,
    /// Its version.
    pub version: i64,
    /// Observing night.
    pub night: String,
    /// The counts.
    pub counts: Counts,
}

/// Which counts to list.
#[derive(Debug, Clone, Default)]
pub struct CountsQuery {
    /// Only this night.
    pub night: Option<String>,
    /// Only this setting.
    pub setting: Option<i64>,
    /// Only what comes after this (night, setting): earlier nights, then smaller settings.
    pub after: Option<(String, i64)>,
    /// At most so many.
    pub limit: i64,
}

impl Registry {
    /// Adds records to the counts, each at most once whoever folds it and however often: within a
    /// log only what lies after the last folded sequence counts. All or nothing.
    ///
    /// # Errors
    /// `Unavailable` without a database, or where other hosts keep folding the same logs.
    pub async fn fold(&self, records: &[CountRecord]) -> Result<(), RegistryError> {
        if records.is_empty() {
            return Ok(());
        }
        self.database
            .bounded(async {
                for _ in 0..FOLD_ATTEMPTS {
                    if self.try_fold(records).await? {
                        return Ok(());
                    }
                }
                Err(RegistryError::Unavailable(
                    "other hosts fold the same counts".to_owned(),
                ))
            })
            .await
    }

    /// The last folded sequence of every log.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn folded(&self) -> Result<BTreeMap<String, i64>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(String, i64)> = sqlx::query_as("select log, sequence from folded")
                    .fetch_all(&mut *connection)
                    .await?;
                Ok(rows.into_iter().collect())
            })
            .await
    }

    /// Counts of a filter, latest night first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn counts(
        &self,
        filter: FilterId,
        query: &CountsQuery,
    ) -> Result<Vec<NightCounts>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let mut nights = list(&mut connection, filter, query).await?;
                for night in &mut nights {
                    add_outcomes(&mut connection, night).await?;
                }
                Ok(nights)
            })
            .await
    }

    /// False where another host advanced one of the logs in between: nothing was changed.
    async fn try_fold(&self, records: &[CountRecord]) -> Result<bool, RegistryError> {
        let mut transaction = self.database.write().await?;
        let mut total: BTreeMap<CountKey, Counts> = BTreeMap::new();
        // Logs and keys in order, so that two hosts lock rows in the same order.
        for (log, records) in by_log(records) {
            let before = folded_of(&mut transaction, log).await?;
            let fresh = records.range(before.map_or(i64::MIN, |last| last + 1)..);
            let mut last = None;
            for (sequence, record) in fresh {
                last = Some(*sequence);
                for (key, counts) in &record.counts {
                    merge(total.entry(key.clone()).or_default(), counts);
                }
            }
            let Some(last) = last else { continue };
            if !advance(&mut transaction, log, before, last).await? {
                return Ok(false);
            }
        }
        for (key, counts) in &total {
            add(&mut transaction, key, counts).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

fn by_log(records: &[CountRecord]) -> BTreeMap<&str, BTreeMap<i64, &CountRecord>> {
    let mut logs: BTreeMap<&str, BTreeMap<i64, &CountRecord>> = BTreeMap::new();
    for record in records {
        logs.entry(&record.log)
            .or_default()
            .insert(record.sequence, record);
    }
    logs
}

fn merge(total: &mut Counts, more: &Counts) {
    total.evaluated = total.evaluated.saturating_add(more.evaluated);
    total.passed = total.passed.saturating_add(more.passed);
    total.lacking = total.lacking.saturating_add(more.lacking);
    total.fuel = total.fuel.saturating_add(more.fuel);
    total.elapsed_ns = total.elapsed_ns.saturating_add(more.elapsed_ns);
    for (into, from) in [
        (&mut total.rejected, &more.rejected),
        (&mut total.failed, &more.failed),
    ] {
        for (name, alerts) in from {
            *into.entry(name.clone()).or_default() += alerts;
        }
    }
}

async fn folded_of(
    connection: &mut AnyConnection,
    log: &str,
) -> Result<Option<i64>, RegistryError> {
    Ok(
        sqlx::query_scalar("select sequence from folded where log = $1")
            .bind(log)
            .fetch_optional(connection)
            .await?,
    )
}

/// Compare and set: from `before` to `last`, or false where it is no longer `before`.
async fn advance(
    connection: &mut AnyConnection,
    log: &str,
    before: Option<i64>,
    last: i64,
) -> Result<bool, RegistryError> {
    let query = match before {
        None => sqlx::query(
            "insert into folded (log, sequence) values ($1, $2) on conflict (log) do nothing",
        )
        .bind(log)
        .bind(last),
        Some(before) => {
            sqlx::query("update folded set sequence = $2 where log = $1 and sequence = $3")
                .bind(log)
                .bind(last)
                .bind(before)
        }
    };
    Ok(query.execute(connection).await?.rows_affected() == 1)
}

async fn add(
    connection: &mut AnyConnection,
    key: &CountKey,
    counts: &Counts,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into night_counts (setting, night, evaluated, passed, lacking, fuel, elapsed_ns)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (setting, night) do update set
             evaluated = night_counts.evaluated + excluded.evaluated,
             passed = night_counts.passed + excluded.passed,
             lacking = night_counts.lacking + excluded.lacking,
             fuel = night_counts.fuel + excluded.fuel,
             elapsed_ns = night_counts.elapsed_ns + excluded.elapsed_ns",
    )
    .bind(key.setting)
    .bind(&*key.night)
    .bind(stored(counts.evaluated))
    .bind(stored(counts.passed))
    .bind(stored(counts.lacking))
    .bind(stored(counts.fuel))
    .bind(stored(counts.elapsed_ns))
    .execute(&mut *connection)
    .await?;
    for (outcome, names) in [("failed", &counts.failed), ("rejected", &counts.rejected)] {
        for (name, alerts) in names {
            add_outcome(connection, key, outcome, name, *alerts).await?;
        }
    }
    Ok(())
}

async fn add_outcome(
    connection: &mut AnyConnection,
    key: &CountKey,
    outcome: &str,
    name: &str,
    alerts: u64,
) -> Result<(), RegistryError> {
    sqlx::query(
        "insert into night_outcomes (setting, night, outcome, name, alerts)
         values ($1, $2, $3, $4, $5)
         on conflict (setting, night, outcome, name) do update set
             alerts = night_outcomes.alerts + excluded.alerts",
    )
    .bind(key.setting)
    .bind(&*key.night)
    .bind(outcome)
    .bind(name)
    .bind(stored(alerts))
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts and times of centuries fit; a damaged log must not stop the folding.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

async fn list(
    connection: &mut AnyConnection,
    filter: FilterId,
    query: &CountsQuery,
) -> Result<Vec<NightCounts>, RegistryError> {
    let (after_night, after_setting) = match &query.after {
        Some((night, setting)) => (night.as_str(), *setting),
        None => ("", 0),
    };
    sqlx::query(
        "select c.setting, s.version, c.night, c.evaluated, c.passed, c.lacking, c.fuel,
                c.elapsed_ns
         from night_counts c join settings s on s.number = c.setting
         where s.filter_id = $1
           and ($2 = '' or c.night = $2)
           and ($3 = 0 or c.setting = $3)
           and ($4 = '' or c.night < $4 or (c.night = $4 and c.setting < $5))
         order by c.night desc, c.setting desc
         limit $6",
    )
    .bind(filter.0)
    .bind(query.night.as_deref().unwrap_or_default())
    .bind(query.setting.unwrap_or_default())
    .bind(after_night)
    .bind(after_setting)
    .bind(query.limit)
    .fetch_all(connection)
    .await?
    .iter()
    .map(read)
    .collect()
}

fn read(row: &AnyRow) -> Result<NightCounts, RegistryError> {
    let number = |column: &str| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    Ok(NightCounts {
        setting: row.try_get("setting")?,
        version: row.try_get("version")?,
        night: row.try_get("night")?,
        counts: Counts {
            evaluated: number("evaluated")?,
            passed: number("passed")?,
            lacking: number("lacking")?,
            fuel: number("fuel")?,
            elapsed_ns: number("elapsed_ns")?,
            ..Counts::default()
        },
    })
}

async fn add_outcomes(
    connection: &mut AnyConnection,
    night: &mut NightCounts,
) -> Result<(), RegistryError> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "select outcome, name, alerts from night_outcomes where setting = $1 and night = $2",
    )
    .bind(night.setting)
    .bind(night.night.as_str())
    .fetch_all(connection)
    .await?;
    for (outcome, name, alerts) in rows {
        let of = match outcome.as_str() {
            "failed" => &mut night.counts.failed,
            _ => &mut night.counts.rejected,
        };
        of.insert(name, alerts.unsigned_abs());
    }
    Ok(())
}

//! Folding: the logs of counts that travelled with the outputs, added up.
//!
//! In: [`CountRecord`]s, in any company and as often as anybody likes. Out: totals per setting and
//! night. Never: a record counted twice, or half of one.

use std::collections::BTreeMap;

use sqlx::{AnyConnection, AssertSqlSafe};

use super::error::RegistryError;
use super::{Registry, filter_nights, notices};
use crate::delivery::{CountKey, Counts};
use crate::sink::CountRecord;

/// How often to begin again where another host advanced the same log meanwhile.
const FOLD_ATTEMPTS: u32 = 5;

/// Greatest number of counts (settings and nights, summed over records) that one transaction adds,
/// but for a record of more: so that each ends in time, however long the log.
const COUNTS_PER_TRANSACTION: usize = 2_000;

/// Rows that go into one statement: few round trips, well below both engines' limits on parameters.
const ROWS_PER_STATEMENT: usize = 100;

impl Registry {
    /// Adds records to the counts, each at most once whoever folds it and however often: within a
    /// log only what lies after the last folded sequence counts. A record is added whole or not at
    /// all; after an error those before it may have been.
    ///
    /// # Errors
    /// `Unavailable` without a database, or where other hosts keep folding the same logs.
    pub async fn fold(&self, records: &[CountRecord]) -> Result<(), RegistryError> {
        let mut rest = records;
        while !rest.is_empty() {
            let (part, later) = rest.split_at(part_length(rest));
            self.database.bounded(self.fold_part(part)).await?;
            rest = later;
        }
        Ok(())
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

    async fn fold_part(&self, records: &[CountRecord]) -> Result<(), RegistryError> {
        for _ in 0..FOLD_ATTEMPTS {
            if self.try_fold(records).await? {
                return Ok(());
            }
        }
        Err(RegistryError::Unavailable(
            "other hosts fold the same counts".to_owned(),
        ))
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
                    total.entry(key.clone()).or_default().add(counts);
                }
            }
            let Some(last) = last else { continue };
            if !advance(&mut transaction, log, before, last).await? {
                return Ok(false);
            }
        }
        add_all(&mut transaction, &total).await?;
        notices::failing(&mut transaction, &total).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// How many of `records` one transaction takes: at least one.
fn part_length(records: &[CountRecord]) -> usize {
    let mut counts = 0;
    let fits = |record: &&CountRecord| {
        counts += record.counts.len();
        counts <= COUNTS_PER_TRANSACTION
    };
    records.iter().take_while(fits).count().max(1)
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

/// Adds totals to what the registry has, many rows to a statement.
async fn add_all(
    connection: &mut AnyConnection,
    total: &BTreeMap<CountKey, Counts>,
) -> Result<(), RegistryError> {
    let nights = total.keys().map(|key| (key.setting, &*key.night));
    filter_nights::add(connection, nights.collect()).await?;
    let counts: Vec<_> = total.iter().collect();
    for rows in counts.chunks(ROWS_PER_STATEMENT) {
        add_counts(connection, rows).await?;
    }
    let outcomes: Vec<_> = total.iter().flat_map(outcomes).collect();
    for rows in outcomes.chunks(ROWS_PER_STATEMENT) {
        add_outcomes(connection, rows).await?;
    }
    Ok(())
}

async fn add_counts(
    connection: &mut AnyConnection,
    rows: &[(&CountKey, &Counts)],
) -> Result<(), RegistryError> {
    let sql = format!(
        "insert into night_counts
             (setting, night, evaluated, passed, lacking, fuel, elapsed_ns, skipped, bytes_out)
         values {}
         on conflict (setting, night) do update set
             evaluated = night_counts.evaluated + excluded.evaluated,
             passed = night_counts.passed + excluded.passed,
             lacking = night_counts.lacking + excluded.lacking,
             fuel = night_counts.fuel + excluded.fuel,
             elapsed_ns = night_counts.elapsed_ns + excluded.elapsed_ns,
             skipped = night_counts.skipped + excluded.skipped,
             bytes_out = night_counts.bytes_out + excluded.bytes_out",
        placeholders(rows.len(), 9)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for (key, counts) in rows {
        query = query.bind(key.setting).bind(&*key.night);
        query = query
            .bind(stored(counts.evaluated))
            .bind(stored(counts.passed));
        query = query.bind(stored(counts.lacking)).bind(stored(counts.fuel));
        query = query.bind(stored(counts.elapsed_ns));
        query = query
            .bind(stored(counts.skipped))
            .bind(stored(counts.bytes_out));
    }
    query.execute(connection).await?;
    Ok(())
}

/// A row of the cut-flow: key, `rejected`, `failed` or `withheld`, reason, kind or quota, alerts.
type Outcome<'a> = (&'a CountKey, &'static str, &'a str, u64);

fn outcomes<'a>((key, counts): (&'a CountKey, &'a Counts)) -> Vec<Outcome<'a>> {
    let rows = |outcome, names: &'a BTreeMap<String, u64>| {
        names
            .iter()
            .map(move |(name, alerts)| (key, outcome, name.as_str(), *alerts))
    };
    rows("failed", &counts.failed)
        .chain(rows("rejected", &counts.rejected))
        .chain(rows("withheld", &counts.withheld))
        .collect()
}

async fn add_outcomes(
    connection: &mut AnyConnection,
    rows: &[Outcome<'_>],
) -> Result<(), RegistryError> {
    let sql = format!(
        "insert into night_outcomes (setting, night, outcome, name, alerts)
         values {}
         on conflict (setting, night, outcome, name) do update set
             alerts = night_outcomes.alerts + excluded.alerts",
        placeholders(rows.len(), 5)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for (key, outcome, name, alerts) in rows {
        query = query.bind(key.setting).bind(&*key.night);
        query = query.bind(*outcome).bind(*name).bind(stored(*alerts));
    }
    query.execute(connection).await?;
    Ok(())
}

/// `($1, $2), ($3, $4)` for 2 rows of 2 columns.
pub(super) fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let numbers: Vec<_> = (1..=columns)
            .map(|n| format!("${}", row * columns + n))
            .collect();
        format!("({})", numbers.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// Counts and times of centuries fit; a damaged log must not stop the folding.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

//! Notes: what hosts remember of the alerts that filters judged, added to what is kept.
//!
//! In: [`Notes`] of a stream, numbered by their writer. Out: rows, bounded for every filter; which
//! filters may log no more. Never: the same notes added twice, or one filter's rows grown at
//! another's cost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sqlx::{AnyConnection, AssertSqlSafe};

use super::error::RegistryError;
use super::numbers::{FilterId, OwnerId};
use super::{Registry, note_causes, note_costs, note_lines, now_ms};
use crate::logbook::{Notes, Settings};

/// Settings that go into one statement.
const SETTINGS_PER_STATEMENT: usize = 500;

/// A setting whose filter has used up what it may log of a night.
pub type Full = (i64, Arc<str>);

/// Whose settings they are.
pub(super) type Filters = BTreeMap<i64, (FilterId, OwnerId)>;

impl Registry {
    /// Adds notes to what is kept, once for each `sequence` (from 1, rising) of a `writer`, and says
    /// which of them may log no more.
    ///
    /// # Errors
    /// `Unavailable` without a database; the same notes may be added again under the same sequence.
    pub async fn note(
        &self,
        writer: &str,
        sequence: i64,
        notes: &Notes,
        settings: &Settings,
    ) -> Result<Vec<Full>, RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                if !advance(&mut transaction, writer, sequence).await? {
                    return Ok(Vec::new());
                }
                let filters = filters_of(&mut transaction, notes).await?;
                let most = (settings.log_lines, &*self.quotas);
                let full = note_lines::add(&mut transaction, notes, &filters, most).await?;
                note_causes::add(&mut transaction, notes, &filters, settings).await?;
                note_costs::add(&mut transaction, notes).await?;
                transaction.commit().await?;
                Ok(full)
            })
            .await
    }

    /// Deletes what is older than `keep_days`.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn forget_notes(&self, keep_days: u32) -> Result<(), RegistryError> {
        let before_ms = now_ms() - i64::from(keep_days) * 24 * 3_600 * 1_000;
        for statement in [
            "delete from log_lines where at_ms < $1",
            "delete from log_nights where at_ms < $1",
            "delete from causes where last_ms < $1",
            "delete from night_costs where at_ms < $1",
            "delete from noted where at_ms < $1",
        ] {
            self.database
                .bounded(async {
                    let mut transaction = self.database.write().await?;
                    sqlx::query(statement)
                        .bind(before_ms)
                        .execute(&mut *transaction)
                        .await?;
                    transaction.commit().await?;
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }
}

/// False where the writer has written this already.
async fn advance(
    connection: &mut AnyConnection,
    writer: &str,
    sequence: i64,
) -> Result<bool, RegistryError> {
    let advanced = sqlx::query(
        "insert into noted (writer, sequence, at_ms) values ($1, $2, $3)
         on conflict (writer) do update set sequence = excluded.sequence, at_ms = excluded.at_ms
         where noted.sequence < excluded.sequence",
    )
    .bind(writer)
    .bind(sequence)
    .bind(now_ms())
    .execute(connection)
    .await?;
    Ok(advanced.rows_affected() == 1)
}

/// The filter of every setting; one that the registry does not know is left out.
async fn filters_of(
    connection: &mut AnyConnection,
    notes: &Notes,
) -> Result<Filters, RegistryError> {
    let settings: BTreeSet<i64> = notes
        .iter()
        .filter(|(_, notes)| !notes.is_quiet())
        .map(|(setting, _)| *setting)
        .collect();
    let settings: Vec<i64> = settings.into_iter().collect();
    let mut filters = BTreeMap::new();
    for settings in settings.chunks(SETTINGS_PER_STATEMENT) {
        let numbers: Vec<String> = settings.iter().map(i64::to_string).collect();
        let sql = format!(
            "select s.number, s.filter_id, f.owner_id
             from settings s join filters f on f.id = s.filter_id
             where s.number in ({})",
            numbers.join(", ")
        );
        let rows: Vec<(i64, i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_all(&mut *connection)
            .await?;
        let of = |(setting, id, owner)| (setting, (FilterId(id), OwnerId(owner)));
        filters.extend(rows.into_iter().map(of));
    }
    Ok(filters)
}

//! What of a night's withheld alerts was read later.
//!
//! In: a filter and a night. Out: how far its reading has come, and what it took. Never: a reading that is
//! counted twice, or two at once that each take what is left.

use super::error::RegistryError;
use super::numbers::FilterId;
use super::{Registry, now_ms};

/// How far the reading of a night has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WithheldRead {
    /// A cursor; empty before the first.
    pub reached: String,
    /// Alerts that were read.
    pub alerts: i64,
    /// Their bytes of payload.
    pub bytes: i64,
}

impl Registry {
    /// How far the reading of a filter's night has come.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn withheld_read(
        &self,
        filter: FilterId,
        night: &str,
    ) -> Result<WithheldRead, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let row: Option<(String, i64, i64)> = sqlx::query_as(
                    "select reached, alerts, bytes from withheld_reads
                     where filter_id = $1 and night = $2",
                )
                .bind(filter.0)
                .bind(night)
                .fetch_optional(&mut *connection)
                .await?;
                let read = row.map(|(reached, alerts, bytes)| WithheldRead {
                    reached,
                    alerts,
                    bytes,
                });
                Ok(read.unwrap_or_default())
            })
            .await
    }

    /// Takes note that a reading has come from `before` to `after`.
    ///
    /// # Errors
    /// `Changed` where another reading of the night has come on meanwhile.
    pub async fn note_withheld_read(
        &self,
        (filter, night): (FilterId, &str),
        before: &WithheldRead,
        after: &WithheldRead,
    ) -> Result<(), RegistryError> {
        self.database
            .bounded(async {
                let mut transaction = self.database.write().await?;
                let query = if before.reached.is_empty() {
                    sqlx::query(
                        "insert into withheld_reads (filter_id, night, reached, alerts, bytes, read_ms)
                         values ($1, $2, $3, $4, $5, $6)
                         on conflict (filter_id, night) do nothing",
                    )
                } else {
                    sqlx::query(
                        "update withheld_reads
                         set reached = $3, alerts = $4, bytes = $5, read_ms = $6
                         where filter_id = $1 and night = $2 and reached = $7",
                    )
                };
                let query = query.bind(filter.0).bind(night).bind(after.reached.as_str());
                let query = query.bind(after.alerts).bind(after.bytes).bind(now_ms());
                let query = match before.reached.as_str() {
                    "" => query,
                    reached => query.bind(reached),
                };
                if query.execute(&mut *transaction).await?.rows_affected() == 0 {
                    return Err(RegistryError::Changed);
                }
                transaction.commit().await?;
                Ok(())
            })
            .await
    }
}

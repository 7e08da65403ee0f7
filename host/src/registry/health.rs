//! How a filter is doing, as its owner reads it: log lines, causes of failure, costs, the last alert.
//!
//! In: a filter, what to look for. Out: pages of lines and causes, sums of a night. Never: a write.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::Registry;
use super::error::RegistryError;
use super::numbers::FilterId;
use crate::evaluate::LogLevel;
use crate::histogram::Histogram;
use crate::logbook::{Costs, LastAlert};

/// A kept line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLine {
    /// From 1 within the filter, rising.
    pub number: i64,
    /// When [ms since the Unix epoch].
    pub at_ms: i64,
    /// Observing night.
    pub night: String,
    /// How much it matters.
    pub level: LogLevel,
    /// Of which setting.
    pub setting: i64,
    /// Of which version.
    pub version: i64,
    /// The alert that it is about; empty where it names none.
    pub alert_id: String,
    /// The line.
    pub message: String,
}

/// Which lines to list.
#[derive(Debug, Clone, Default)]
pub struct LineQuery {
    /// Only this night.
    pub night: Option<String>,
    /// Only lines that matter as much, or more.
    pub level: Option<LogLevel>,
    /// Only lines that hold this text, to the letter.
    pub text: Option<String>,
    /// Only lines before this one.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
}

/// What a filter logged in a night.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoggedNight {
    /// Lines that were kept at first.
    pub lines: u64,
    /// Their text [bytes].
    pub bytes: u64,
    /// Lines that were dropped.
    pub dropped: u64,
}

impl Registry {
    /// Lines of a filter, newest first.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn log_lines(
        &self,
        filter: FilterId,
        query: &LineQuery,
    ) -> Result<Vec<KeptLine>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                sqlx::query(
                    "select number, at_ms, night, level, setting, version, alert_id, message
                     from log_lines
                     where filter_id = $1 and number < $2 and level >= $3
                       and ($4 = '' or night = $4)
                       and ($5 = '' or replace(message, $5, '') <> message)
                     order by number desc
                     limit $6",
                )
                .bind(filter.0)
                .bind(query.before.unwrap_or(i64::MAX))
                .bind(query.level.map_or(0, |level| level as i64))
                .bind(query.night.as_deref().unwrap_or_default())
                .bind(query.text.as_deref().unwrap_or_default())
                .bind(query.limit)
                .fetch_all(&mut *connection)
                .await?
                .iter()
                .map(line)
                .collect()
            })
            .await
    }

    /// What a filter logged in a night.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn logged(
        &self,
        filter: FilterId,
        night: &str,
    ) -> Result<LoggedNight, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let row: Option<(i64, i64, i64)> = sqlx::query_as(
                    "select lines, bytes, dropped from log_nights
                     where filter_id = $1 and night = $2",
                )
                .bind(filter.0)
                .bind(night)
                .fetch_optional(&mut *connection)
                .await?;
                Ok(
                    row.map_or_else(LoggedNight::default, |(lines, bytes, dropped)| {
                        LoggedNight {
                            lines: lines.unsigned_abs(),
                            bytes: bytes.unsigned_abs(),
                            dropped: dropped.unsigned_abs(),
                        }
                    }),
                )
            })
            .await
    }

    /// The last alert that any setting of a filter judged.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn last_alert(&self, filter: FilterId) -> Result<Option<LastAlert>, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let row: Option<(i64, String, String, String)> = sqlx::query_as(
                    "select l.at_ms, l.alert_id, l.object_id, l.night
                     from last_alerts l join settings s on s.number = l.setting
                     where s.filter_id = $1
                     order by l.at_ms desc
                     limit 1",
                )
                .bind(filter.0)
                .fetch_optional(&mut *connection)
                .await?;
                Ok(row.map(|(at_ms, alert_id, object_id, night)| LastAlert {
                    at_ms,
                    alert_id,
                    object_id,
                    night,
                }))
            })
            .await
    }

    /// What the alerts of a night cost a filter, under all its settings.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn costs(&self, filter: FilterId, night: &str) -> Result<Costs, RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let rows: Vec<(String, i64, i64)> = sqlx::query_as(
                    "select c.cost, c.bin, cast(sum(c.alerts) as bigint)
                     from filter_nights f
                     join night_costs c on c.setting = f.setting and c.night = f.night
                     where f.filter_id = $1 and f.night = $2
                     group by c.cost, c.bin",
                )
                .bind(filter.0)
                .bind(night)
                .fetch_all(&mut *connection)
                .await?;
                let of = |wanted: &str| {
                    let bins = rows.iter().filter(|(cost, _, _)| cost == wanted);
                    Histogram::of_bins(bins.filter_map(|(_, bin, alerts)| {
                        Some((u16::try_from(*bin).ok()?, alerts.unsigned_abs()))
                    }))
                };
                Ok(Costs {
                    fuel: of("fuel"),
                    time_ns: of("time_ns"),
                })
            })
            .await
    }
}

fn line(row: &AnyRow) -> Result<KeptLine, RegistryError> {
    Ok(KeptLine {
        number: row.try_get("number")?,
        at_ms: row.try_get("at_ms")?,
        night: row.try_get("night")?,
        level: match row.try_get("level")? {
            0_i64 => LogLevel::Debug,
            1 => LogLevel::Info,
            2 => LogLevel::Warning,
            _ => LogLevel::Error,
        },
        setting: row.try_get("setting")?,
        version: row.try_get("version")?,
        alert_id: row.try_get("alert_id")?,
        message: row.try_get("message")?,
    })
}

//! Counts per setting and night, as their owners read them.
//!
//! In: a filter, a night, a setting. Out: [`NightCounts`]. Never: a write; folding is `fold.rs`.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::Registry;
use super::error::RegistryError;
use super::numbers::FilterId;
use crate::delivery::Counts;

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
                add_outcomes(&mut connection, filter, &mut nights).await?;
                Ok(nights)
            })
            .await
    }
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
                c.elapsed_ns, c.skipped, c.bytes_out
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
            skipped: number("skipped")?,
            bytes_out: number("bytes_out")?,
            ..Counts::default()
        },
    })
}

/// Reasons and kinds of failure of all listed nights, in one look.
async fn add_outcomes(
    connection: &mut AnyConnection,
    filter: FilterId,
    nights: &mut [NightCounts],
) -> Result<(), RegistryError> {
    let (Some(latest), Some(earliest)) = (nights.first(), nights.last()) else {
        return Ok(());
    };
    let rows: Vec<(i64, String, String, String, i64)> = sqlx::query_as(
        "select x.setting, x.night, x.outcome, x.name, x.alerts
         from night_outcomes x join settings s on s.number = x.setting
         where s.filter_id = $1 and x.night >= $2 and x.night <= $3",
    )
    .bind(filter.0)
    .bind(earliest.night.as_str())
    .bind(latest.night.as_str())
    .fetch_all(connection)
    .await?;
    let mut listed: HashMap<(i64, String), &mut Counts> = nights
        .iter_mut()
        .map(|night| ((night.setting, night.night.clone()), &mut night.counts))
        .collect();
    for (setting, night, outcome, name, alerts) in rows {
        let Some(counts) = listed.get_mut(&(setting, night)) else {
            continue;
        };
        let of = match outcome.as_str() {
            "failed" => &mut counts.failed,
            "withheld" => &mut counts.withheld,
            _ => &mut counts.rejected,
        };
        of.insert(name, alerts.unsigned_abs());
    }
    Ok(())
}

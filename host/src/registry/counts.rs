//! Counts per setting and night, as their owners read them.
//!
//! In: a filter, a night, a setting. Out: [`NightCounts`]. Never: a write; folding is `fold.rs`.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::asked::Asked;
use super::error::RegistryError;
use super::numbers::FilterId;
use super::{Registry, versions};
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

    /// What the versions of listed counts say of themselves, in one look; a page of counts is bounded,
    /// and so are they.
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn descriptions(
        &self,
        filter: FilterId,
        versions: &BTreeSet<i64>,
    ) -> Result<HashMap<i64, Value>, RegistryError> {
        if versions.is_empty() {
            return Ok(HashMap::new());
        }
        let places: Vec<String> = (2..versions.len() + 2).map(|n| format!("${n}")).collect();
        let sql = format!(
            "select number, description from versions where filter_id = $1 and number in ({})",
            places.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        query = query.bind(filter.0);
        for version in versions {
            query = query.bind(*version);
        }
        let read = |row: &AnyRow| {
            let description = versions::document(row, "description")?;
            Ok((row.try_get("number")?, description))
        };
        let rows = self.database.rows(query, read).await?;
        Ok(rows.into_iter().collect())
    }
}

async fn list(
    connection: &mut AnyConnection,
    filter: FilterId,
    query: &CountsQuery,
) -> Result<Vec<NightCounts>, RegistryError> {
    let after = query.after.as_ref();
    Asked::new(
        "select f.setting, s.version, f.night, c.evaluated, c.passed, c.lacking, c.fuel,
                c.elapsed_ns, c.skipped, c.bytes_out
         from filter_nights f
         join night_counts c on c.setting = f.setting and c.night = f.night
         join settings s on s.number = f.setting
         where true",
    )
    .and("f.filter_id = ?", Some(filter.0))
    .and("f.night = ?", query.night.as_deref())
    .and("f.setting = ?", query.setting)
    .before(
        "f.night, f.setting",
        after.map(|(night, setting)| (night.as_str(), *setting)),
    )
    .page("f.night desc, f.setting desc", query.limit)
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
         from filter_nights f
         join night_outcomes x on x.setting = f.setting and x.night = f.night
         where f.filter_id = $1 and f.night >= $2 and f.night <= $3",
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

//! The lines that filters logged: kept while a filter's night has room, the oldest deleted.
//!
//! In: lines and how many were dropped, by setting. Out: rows of `log_lines` and `log_nights`.
//! Never: more lines of a filter, or more text of its night, than allowed.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::{AnyConnection, AssertSqlSafe};

use super::error::RegistryError;
use super::fold::{placeholders, stored};
use super::notes::{Filters, Full};
use super::now_ms;
use super::numbers::{FilterId, OwnerId};
use super::quota::{Quota, Quotas};
use super::quotas;

use crate::logbook::{Line, Notes, SettingNotes};

/// Rows that go into one statement.
const ROWS_PER_STATEMENT: usize = 100;

/// Adds the lines of `notes`.
pub(super) async fn add(
    connection: &mut AnyConnection,
    notes: &Notes,
    filters: &Filters,
    (lines, defaults): (u32, &Quotas),
) -> Result<Vec<Full>, RegistryError> {
    // By filter, so that hosts lock rows in the same order.
    let mut by_filter: Vec<(FilterId, OwnerId, i64, &SettingNotes)> = notes
        .iter()
        .filter(|(_, notes)| !(notes.lines.is_empty() && notes.dropped_lines.is_empty()))
        .filter_map(|(setting, notes)| {
            let (filter, owner) = *filters.get(setting)?;
            Some((filter, owner, *setting, notes))
        })
        .collect();
    by_filter.sort_by_key(|(filter, _, setting, _)| (*filter, *setting));
    let mut full = Vec::new();
    for (filter, owner, setting, notes) in by_filter {
        let most = quotas::value(connection, owner, Quota::LogBytesPerNight, defaults).await?;
        let most = u64::try_from(most).unwrap_or(0);
        full.extend(add_setting(connection, filter, setting, notes, most).await?);
        delete_oldest(connection, filter, lines).await?;
    }
    Ok(full)
}

async fn add_setting(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
    notes: &SettingNotes,
    most: u64,
) -> Result<Vec<Full>, RegistryError> {
    let mut nights: BTreeMap<Arc<str>, (Vec<&Line>, u64)> = BTreeMap::new();
    for line in &notes.lines {
        nights.entry(line.night.clone()).or_default().0.push(line);
    }
    for (night, dropped) in &notes.dropped_lines {
        nights.entry(night.clone()).or_default().1 += dropped;
    }
    let mut full = Vec::new();
    for (night, (lines, dropped)) in nights {
        let before = bytes_of(connection, filter, &night).await?;
        let (kept, bytes) = fitting(&lines, before, most);
        let dropped = dropped + (lines.len() - kept) as u64;
        add_night(connection, filter, &night, (kept, bytes, dropped)).await?;
        insert(connection, filter, setting, notes.version, &lines[..kept]).await?;
        if kept < lines.len() {
            full.push((setting, night));
        }
    }
    Ok(full)
}

/// How many lines still fit, and their bytes.
fn fitting(lines: &[&Line], before: u64, most: u64) -> (usize, u64) {
    let mut bytes = 0;
    let kept = lines.iter().take_while(|line| {
        let more = bytes + line.message.len() as u64;
        let fits = before + more <= most;
        if fits {
            bytes = more;
        }
        fits
    });
    (kept.count(), bytes)
}

/// Locks the night's row until the transaction ends.
async fn bytes_of(
    connection: &mut AnyConnection,
    filter: FilterId,
    night: &str,
) -> Result<u64, RegistryError> {
    let bytes: i64 = sqlx::query_scalar(
        "insert into log_nights (filter_id, night, lines, bytes, dropped, at_ms)
         values ($1, $2, 0, 0, 0, $3)
         on conflict (filter_id, night) do update set at_ms = excluded.at_ms
         returning bytes",
    )
    .bind(filter.0)
    .bind(night)
    .bind(now_ms())
    .fetch_one(connection)
    .await?;
    Ok(bytes.unsigned_abs())
}

async fn add_night(
    connection: &mut AnyConnection,
    filter: FilterId,
    night: &str,
    (lines, bytes, dropped): (usize, u64, u64),
) -> Result<(), RegistryError> {
    sqlx::query(
        "update log_nights set lines = lines + $3, bytes = bytes + $4, dropped = dropped + $5
         where filter_id = $1 and night = $2",
    )
    .bind(filter.0)
    .bind(night)
    .bind(stored(lines as u64))
    .bind(stored(bytes))
    .bind(stored(dropped))
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(
    connection: &mut AnyConnection,
    filter: FilterId,
    setting: i64,
    version: i64,
    lines: &[&Line],
) -> Result<(), RegistryError> {
    if lines.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar(
        "insert into log_numbers (filter_id, last) values ($1, $2)
         on conflict (filter_id) do update set last = log_numbers.last + excluded.last
         returning last",
    )
    .bind(filter.0)
    .bind(count)
    .fetch_one(&mut *connection)
    .await?;
    let mut number = last - count;
    for lines in lines.chunks(ROWS_PER_STATEMENT) {
        let sql = format!(
            "insert into log_lines (filter_id, number, at_ms, night, level, setting, version,
                                    alert_id, message)
             values {}",
            placeholders(lines.len(), 9)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for line in lines {
            number += 1;
            query = query.bind(filter.0).bind(number).bind(line.at_ms);
            query = query.bind(&*line.night).bind(line.level as i64);
            query = query.bind(setting).bind(version);
            query = query
                .bind(line.alert_id.as_str())
                .bind(line.message.as_str());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn delete_oldest(
    connection: &mut AnyConnection,
    filter: FilterId,
    most: u32,
) -> Result<(), RegistryError> {
    sqlx::query(
        "delete from log_lines where filter_id = $1 and number <=
             (select last - $2 from log_numbers where filter_id = $1)",
    )
    .bind(filter.0)
    .bind(i64::from(most))
    .execute(connection)
    .await?;
    Ok(())
}

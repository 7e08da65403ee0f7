//! What alerts cost, and which was the last: by setting.
//!
//! In: histograms and last alerts. Out: rows of `night_costs` and `last_alerts`. Never: an older last
//! alert in place of a newer one.

use sqlx::{AnyConnection, AssertSqlSafe};

use super::error::RegistryError;
use super::filter_nights;
use super::fold::{placeholders, stored};
use super::now_ms;
use crate::logbook::{LastAlert, Notes};

/// Rows that go into one statement.
const ROWS_PER_STATEMENT: usize = 100;

/// Setting, night, `fuel` or `time_ns`, bin, alerts.
type Cost<'a> = (i64, &'a str, &'static str, u16, u64);

/// Adds the costs of `notes`, and the last alerts.
pub(super) async fn add(
    connection: &mut AnyConnection,
    notes: &Notes,
) -> Result<(), RegistryError> {
    let last: Vec<(i64, &LastAlert)> = notes
        .iter()
        .filter_map(|(setting, notes)| Some((*setting, notes.last.as_ref()?)))
        .collect();
    for rows in last.chunks(ROWS_PER_STATEMENT) {
        add_last(connection, rows).await?;
    }
    let mut costs: Vec<Cost<'_>> = Vec::new();
    for (setting, notes) in notes {
        for (night, of_night) in &notes.costs {
            for (cost, histogram) in [("fuel", &of_night.fuel), ("time_ns", &of_night.time_ns)] {
                let bins = histogram.bins();
                costs.extend(bins.map(|(bin, alerts)| (*setting, &**night, cost, bin, alerts)));
            }
        }
    }
    let nights = costs.iter().map(|(setting, night, ..)| (*setting, *night));
    filter_nights::add(connection, nights.collect()).await?;
    for rows in costs.chunks(ROWS_PER_STATEMENT) {
        add_costs(connection, rows).await?;
    }
    Ok(())
}

async fn add_last(
    connection: &mut AnyConnection,
    rows: &[(i64, &LastAlert)],
) -> Result<(), RegistryError> {
    let sql = format!(
        "insert into last_alerts (setting, at_ms, alert_id, object_id, night) values {}
         on conflict (setting) do update set
             at_ms = excluded.at_ms, alert_id = excluded.alert_id,
             object_id = excluded.object_id, night = excluded.night
         where last_alerts.at_ms <= excluded.at_ms",
        placeholders(rows.len(), 5)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for (setting, last) in rows {
        query = query.bind(*setting).bind(last.at_ms);
        query = query
            .bind(last.alert_id.as_str())
            .bind(last.object_id.as_str());
        query = query.bind(last.night.as_str());
    }
    query.execute(connection).await?;
    Ok(())
}

async fn add_costs(connection: &mut AnyConnection, rows: &[Cost<'_>]) -> Result<(), RegistryError> {
    let sql = format!(
        "insert into night_costs (setting, night, cost, bin, alerts, at_ms) values {}
         on conflict (setting, night, cost, bin) do update set
             alerts = night_costs.alerts + excluded.alerts, at_ms = excluded.at_ms",
        placeholders(rows.len(), 6)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    let now_ms = now_ms();
    for (setting, night, cost, bin, alerts) in rows {
        query = query.bind(*setting).bind(*night).bind(*cost);
        query = query
            .bind(i64::from(*bin))
            .bind(stored(*alerts))
            .bind(now_ms);
    }
    query.execute(connection).await?;
    Ok(())
}

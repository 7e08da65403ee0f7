//! Causes of failure: what failures of a version have in common, counted, with one example each.
//!
//! In: failures by cause, by setting. Out: rows of `causes`. Never: more of them, or larger examples,
//! than allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use sqlx::AnyConnection;

use super::error::RegistryError;
use super::fold::stored;
use super::notes::Filters;
use super::numbers::FilterId;
use crate::logbook::{Cause, Failed, Notes, Settings};

/// Digits of a cause's id.
const ID_DIGITS: usize = 16;

/// Adds the failures of `notes`.
pub(super) async fn add(
    connection: &mut AnyConnection,
    notes: &Notes,
    filters: &Filters,
    settings: &Settings,
) -> Result<(), RegistryError> {
    // In order, so that hosts lock rows in the same order.
    let mut rows: BTreeMap<FilterId, BTreeMap<String, Row<'_>>> = BTreeMap::new();
    for (setting, notes) in notes {
        let Some((filter, _)) = filters.get(setting) else {
            continue;
        };
        for (cause, failed) in &notes.causes {
            let row = Row {
                setting: *setting,
                version: notes.version,
                cause: cause.clone(),
                failed: vec![failed],
            };
            merge(rows.entry(*filter).or_default(), row);
        }
    }
    for (filter, rows) in rows {
        let known = known(connection, filter).await?;
        for row in with_room(rows, &known, settings.causes as usize).into_values() {
            add_one(connection, filter, &row, settings).await?;
        }
    }
    Ok(())
}

/// What is to be added to one cause.
struct Row<'a> {
    setting: i64,
    version: i64,
    cause: Cause,
    failed: Vec<&'a Failed>,
}

impl Row<'_> {
    fn id(&self) -> String {
        let (version, Cause { kind, place }) = (self.version, &self.cause);
        let digest = Sha256::digest(format!("{version}\n{kind}\n{place}"));
        base16ct::lower::encode_string(&digest[..ID_DIGITS / 2])
    }
}

/// Settings of one version share their causes.
fn merge<'a>(rows: &mut BTreeMap<String, Row<'a>>, row: Row<'a>) {
    match rows.entry(row.id()) {
        std::collections::btree_map::Entry::Occupied(mut same) => {
            same.get_mut().failed.extend(row.failed);
        }
        std::collections::btree_map::Entry::Vacant(new) => _ = new.insert(row),
    }
}

/// Those for which there is no room any more count together.
fn with_room<'a>(
    rows: BTreeMap<String, Row<'a>>,
    known: &BTreeSet<String>,
    most: usize,
) -> BTreeMap<String, Row<'a>> {
    let mut room = most.saturating_sub(known.len());
    let mut kept = BTreeMap::new();
    for (id, mut row) in rows {
        if !known.contains(&id) {
            if room == 0 {
                row.cause = Cause::others(row.cause.kind);
            }
            room = room.saturating_sub(1);
        }
        merge(&mut kept, row);
    }
    kept
}

async fn known(
    connection: &mut AnyConnection,
    filter: FilterId,
) -> Result<BTreeSet<String>, RegistryError> {
    let ids: Vec<String> = sqlx::query_scalar("select id from causes where filter_id = $1")
        .bind(filter.0)
        .fetch_all(connection)
        .await?;
    Ok(ids.into_iter().collect())
}

async fn add_one(
    connection: &mut AnyConnection,
    filter: FilterId,
    row: &Row<'_>,
    settings: &Settings,
) -> Result<(), RegistryError> {
    let Some(first) = row.failed.iter().min_by_key(|failed| failed.first_ms) else {
        return Ok(());
    };
    let last_ms = row.failed.iter().map(|failed| failed.last_ms).max();
    let mut nights: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for (night, alerts) in row.failed.iter().flat_map(|failed| &failed.nights) {
        *nights.entry(night.clone()).or_default() += alerts;
    }
    let latest = nights.last_key_value();
    let example = &first.example;
    let kept = |packet: &&Arc<[u8]>| packet.len() <= settings.example_bytes;
    let packet = example.packet.as_ref().filter(kept);
    sqlx::query(
        "insert into causes (filter_id, id, version, kind, place, alerts, first_ms, last_ms, night,
                             night_alerts, message, alert_id, object_id, example_night, setting,
                             source_topic, source_partition, source_offset, record, packet)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20)
         on conflict (filter_id, id) do update set
             alerts = causes.alerts + excluded.alerts,
             first_ms = case when excluded.first_ms < causes.first_ms then excluded.first_ms
                             else causes.first_ms end,
             last_ms = case when excluded.last_ms > causes.last_ms then excluded.last_ms
                            else causes.last_ms end,
             night_alerts = case when excluded.night > causes.night then excluded.night_alerts
                                 when excluded.night = causes.night
                                     then causes.night_alerts + excluded.night_alerts
                                 else causes.night_alerts end,
             night = case when excluded.night > causes.night then excluded.night
                          else causes.night end",
    )
    .bind(filter.0)
    .bind(row.id())
    .bind(row.version)
    .bind(row.cause.kind)
    .bind(row.cause.place.as_str())
    .bind(stored(nights.values().sum()))
    .bind(first.first_ms)
    .bind(last_ms.unwrap_or(first.last_ms))
    .bind(latest.map_or("", |(night, _)| night))
    .bind(stored(latest.map_or(0, |(_, alerts)| *alerts)))
    .bind(example.message.as_str())
    .bind(example.alert_id.as_str())
    .bind(example.object_id.as_str())
    .bind(&*example.night)
    .bind(row.setting)
    .bind(&*example.position.partition.topic)
    .bind(i64::from(example.position.partition.index))
    .bind(example.position.offset)
    .bind(i64::from(example.record))
    .bind(packet.map_or_else(Vec::new, |packet| packet.to_vec()))
    .execute(connection)
    .await?;
    Ok(())
}

//! Causes of failure, as a filter's owner reads them.
//!
//! In: a filter. Out: [`KnownCause`]s, the last one first, and the packet of an example. Never: a
//! write; `note_causes.rs` adds.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::Registry;
use super::error::RegistryError;
use super::numbers::FilterId;

/// What failures of a version have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownCause {
    /// Unique within the filter.
    pub id: String,
    /// Number of the version.
    pub version: i64,
    /// `trap`, `fuel`, `deadline`, `memory`, `malformed` or `not_judged`.
    pub kind: String,
    /// The message without what differs from alert to alert.
    pub place: String,
    /// Alerts so far.
    pub alerts: u64,
    /// When the first was judged [ms since the Unix epoch].
    pub first_ms: i64,
    /// When the last was.
    pub last_ms: i64,
    /// The latest night in which it happened.
    pub night: String,
    /// Alerts of that night.
    pub night_alerts: u64,
    /// Alerts of that night that the version judged, whatever became of them.
    pub night_evaluated: u64,
    /// The first alert.
    pub example: KeptExample,
}

/// The first alert of a cause.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptExample {
    /// What was said.
    pub message: String,
    /// The alert's own id.
    pub alert_id: String,
    /// Object of the alert.
    pub object_id: String,
    /// Observing night.
    pub night: String,
    /// The setting that it was judged by.
    pub setting: i64,
    /// Topic; of an archive the file.
    pub topic: String,
    /// Partition; 0 in an archive.
    pub partition: i64,
    /// Offset; in an archive the number of the packet within its file.
    pub offset: i64,
    /// Index of the record within its packet.
    pub record: i64,
    /// Size of the kept packet [bytes]; 0 where none is kept.
    pub packet_bytes: i64,
}

/// Everything a [`KnownCause`] shows. Callers add the rest of the `where`.
macro_rules! select_cause {
    ($rest:literal) => {
        concat!(
            "select c.id, c.version, c.kind, c.place, c.alerts, c.first_ms, c.last_ms, c.night,
                    c.night_alerts, c.message, c.alert_id, c.object_id, c.example_night, c.setting,
                    c.source_topic, c.source_partition, c.source_offset, c.record,
                    cast(length(c.packet) as bigint) as packet_bytes,
                    cast(coalesce((select sum(n.evaluated) from filter_nights f
                                   join settings s on s.number = f.setting
                                   join night_counts n on n.setting = f.setting and n.night = f.night
                                   where f.filter_id = c.filter_id and f.night = c.night
                                     and s.version = c.version), 0) as bigint) as night_evaluated
             from causes c
             where c.filter_id = $1 ",
            $rest
        )
    };
}

impl Registry {
    /// Causes of failure of a filter, the last one first; only those after `after` (when the last
    /// alert was judged [ms since the Unix epoch], id).
    ///
    /// # Errors
    /// `Unavailable` without a database.
    pub async fn causes(
        &self,
        filter: FilterId,
        after: Option<(i64, String)>,
        limit: i64,
    ) -> Result<Vec<KnownCause>, RegistryError> {
        let (last_ms, id) = after.unwrap_or((i64::MAX, String::new()));
        let query = sqlx::query(select_cause!(
            "and (c.last_ms < $2 or (c.last_ms = $2 and c.id > $3))
                     order by c.last_ms desc, c.id
                     limit $4"
        ))
        .bind(filter.0)
        .bind(last_ms)
        .bind(id)
        .bind(limit);
        self.database.rows(query, read).await
    }

    /// One cause, with the packet of its example; empty where it is not kept.
    ///
    /// # Errors
    /// `Missing` where the filter has none of this id.
    pub async fn cause(
        &self,
        filter: FilterId,
        id: &str,
    ) -> Result<(KnownCause, Vec<u8>), RegistryError> {
        self.database
            .bounded(async {
                let mut connection = self.database.read().await?;
                let row = sqlx::query(select_cause!("and c.id = $2"))
                    .bind(filter.0)
                    .bind(id)
                    .fetch_optional(&mut *connection)
                    .await?;
                let cause = row.as_ref().map(read).transpose()?;
                let cause = cause.ok_or_else(|| RegistryError::Missing {
                    what: "failure",
                    name: id.to_owned(),
                })?;
                let packet: Vec<u8> = sqlx::query_scalar(
                    "select packet from causes where filter_id = $1 and id = $2",
                )
                .bind(filter.0)
                .bind(id)
                .fetch_one(&mut *connection)
                .await?;
                Ok((cause, packet))
            })
            .await
    }
}

fn read(row: &AnyRow) -> Result<KnownCause, RegistryError> {
    let number = |column: &str| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    Ok(KnownCause {
        id: row.try_get("id")?,
        version: row.try_get("version")?,
        kind: row.try_get("kind")?,
        place: row.try_get("place")?,
        alerts: number("alerts")?,
        first_ms: row.try_get("first_ms")?,
        last_ms: row.try_get("last_ms")?,
        night: row.try_get("night")?,
        night_alerts: number("night_alerts")?,
        night_evaluated: number("night_evaluated")?,
        example: KeptExample {
            message: row.try_get("message")?,
            alert_id: row.try_get("alert_id")?,
            object_id: row.try_get("object_id")?,
            night: row.try_get("example_night")?,
            setting: row.try_get("setting")?,
            topic: row.try_get("source_topic")?,
            partition: row.try_get("source_partition")?,
            offset: row.try_get("source_offset")?,
            record: row.try_get("record")?,
            packet_bytes: row.try_get("packet_bytes")?,
        },
    })
}

//! Records of withheld alerts, as `records` wrote them.
//!
//! In: messages of the topic that a stream's filters share. Out: the alerts of one filter, without
//! payloads. Never: another filter's.

use std::sync::Arc;

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;
use serde::Deserialize;

use crate::results::{Found, Origin, Place, Withholder};

/// One filter's records.
pub(super) struct Records {
    /// The key that they have.
    key: String,
}

/// A record. Others have more to say, which is of no interest here.
#[derive(Deserialize)]
struct Record {
    version: i64,
    setting: i64,
    kind: String,
    alert_id: String,
    object_id: String,
    night: String,
    #[serde(default)]
    programme: Option<i64>,
    cluster: String,
    topic: String,
    partition: i32,
    offset: i64,
    record: u32,
}

impl Records {
    /// Of this filter.
    pub fn of(filter: &Withholder) -> Self {
        Self {
            key: key(&filter.owner, &filter.filter),
        }
    }

    /// Whether a message is one of them.
    pub fn are_of(&self, message: &BorrowedMessage<'_>) -> bool {
        message.key() == Some(self.key.as_bytes())
    }

    /// The alert; none where the record is not one of ours.
    pub fn read(message: &BorrowedMessage<'_>, partition: Arc<str>) -> Option<Found> {
        let record: Record = serde_json::from_slice(message.payload()?).ok()?;
        Some(Found {
            partition,
            after: Place {
                number: message.offset() + 1,
                within: 0,
            },
            object_id: record.object_id,
            alert_id: record.alert_id,
            night: record.night,
            version: record.version,
            setting: record.setting,
            programme: record.programme,
            holds: "reference".to_owned(),
            source: Origin {
                cluster: Some(record.cluster),
                topic: record.topic,
                partition: record.partition,
                offset: record.offset,
                record: record.record,
                timestamp_ms: None,
            },
            annotations: serde_json::Map::new(),
            payload: Vec::new(),
            withheld: Some(record.kind),
            missing: None,
        })
    }
}

/// What failures and withheld alerts of a filter are filed under.
pub(super) fn key(owner: &str, filter: &str) -> String {
    format!("{owner}/{filter}")
}

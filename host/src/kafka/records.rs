//! A delivery as Kafka records. Pure but for the library's header type.
//!
//! In: parts of a [`Delivery`](crate::delivery::Delivery). Out: keys, headers and JSON values. Never: a
//! changed payload.
//!
//! Headers of a passing alert (text unless said otherwise; docs/delivery-format.md says the same to
//! readers):
//!
//! | header | value |
//! |---|---|
//! | `skysieve-filter` | `<owner>/<filter>` |
//! | `skysieve-version` | number of the filter version |
//! | `skysieve-setting` | number of the setting: version, parameters, payload |
//! | `skysieve-payload` | what the value is: `packet`, `without_cutouts`, `fields`, `reference` |
//! | `skysieve-stream` | the stream |
//! | `skysieve-cluster`, `-topic`, `-partition`, `-offset` | where the packet came from |
//! | `skysieve-record` | index of the alert within its packet, from 0 |
//! | `skysieve-timestamp-ms` | the packet's broker timestamp [ms since the Unix epoch], where it has one |
//! | `skysieve-alert-id` | the alert's own id |
//! | `skysieve-night` | `YYYY-MM-DD` |
//! | `skysieve-programme` | the programme that it belongs to, where the stream has programmes |
//! | `skysieve-annotations` | one JSON object, name to value, where the filter gave any |

use std::collections::BTreeMap;
use std::fmt::Display;

use rdkafka::message::{Header, OwnedHeaders};
use serde::{Deserialize, Serialize};

use crate::delivery::{CountKey, Counts, DeadLetter, Delivery, Failure, Output};
use crate::source::Position;

/// Who writes: the same for every record of a worker.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    /// The stream.
    pub stream: String,
    /// The lane.
    pub lane: String,
    /// The source's cluster.
    pub cluster: String,
    /// Number of the worker.
    pub worker: usize,
}

/// One count record: what one commit did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CountsRecord {
    /// The stream.
    pub stream: String,
    /// The lane.
    pub lane: String,
    /// Number of the worker.
    pub worker: usize,
    /// Generation of the active set that judged last.
    pub generation: i64,
    /// Packets read.
    pub packets: u64,
    /// Records decoded.
    pub alerts: u64,
    /// Packets that could not be decoded.
    pub dead_letters: u64,
    /// What was read.
    pub positions: Vec<PositionRange>,
    /// What the filters did; filters that saw nothing are left out.
    pub counts: Vec<SettingCounts>,
}

/// A run of packets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionRange {
    /// Source topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// First offset.
    pub first: i64,
    /// The next one to read.
    pub next: i64,
}

/// What one setting did in one night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingCounts {
    /// Setting and night.
    #[serde(flatten)]
    pub key: CountKey,
    /// The cut-flow.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A failure, as its owner reads it.
#[derive(Serialize)]
struct FailureRecord<'a> {
    owner: &'a str,
    filter: &'a str,
    version: i64,
    setting: i64,
    kind: &'a str,
    message: &'a str,
    alert_id: &'a str,
    object_id: &'a str,
    night: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    programme: Option<i64>,
    cluster: &'a str,
    topic: &'a str,
    partition: i32,
    offset: i64,
    record: u32,
}

/// Collects headers.
struct Headers(OwnedHeaders);

impl Headers {
    fn with(self, key: &str, value: impl Display) -> Self {
        let value = value.to_string();
        Headers(self.0.insert(Header {
            key,
            value: Some(value.as_str()),
        }))
    }
}

impl Writer {
    /// Headers of a passing alert.
    pub(super) fn output_headers(&self, output: &Output) -> OwnedHeaders {
        let to = &output.destination;
        let mut headers = self
            .origin(&output.position, output.timestamp_ms)
            .with("skysieve-record", output.record)
            .with(
                "skysieve-filter",
                format_args!("{}/{}", to.owner, to.filter),
            )
            .with("skysieve-version", to.version)
            .with("skysieve-setting", to.setting)
            .with("skysieve-payload", output.holds)
            .with("skysieve-alert-id", &output.alert_id)
            .with("skysieve-night", &output.night);
        if let Some(programme) = output.programme {
            headers = headers.with("skysieve-programme", programme);
        }
        if !output.annotations.is_empty() {
            let object: BTreeMap<_, _> = output
                .annotations
                .iter()
                .map(|(name, value)| (&**name, value))
                .collect();
            headers = headers.with("skysieve-annotations", json(&object));
        }
        headers.0
    }

    /// Headers of a packet that could not be decoded.
    pub(super) fn dead_letter_headers(&self, letter: &DeadLetter) -> OwnedHeaders {
        let packet = &letter.packet;
        self.origin(&packet.position, packet.timestamp_ms)
            .with("skysieve-record", letter.record)
            .with("skysieve-reason", &letter.reason)
            .0
    }

    /// A failure as JSON.
    pub(super) fn failure(&self, failure: &Failure) -> String {
        let to = &failure.destination;
        json(&FailureRecord {
            owner: &to.owner,
            filter: &to.filter,
            version: to.version,
            setting: to.setting,
            kind: failure.kind,
            message: &failure.message,
            alert_id: &failure.alert_id,
            object_id: &failure.object_id,
            night: &failure.night,
            programme: failure.programme,
            cluster: &self.cluster,
            topic: &failure.position.partition.topic,
            partition: failure.position.partition.index,
            offset: failure.position.offset,
            record: failure.record,
        })
    }

    /// What a delivery counted, as JSON.
    pub(super) fn counts(&self, delivery: &Delivery) -> String {
        json(&CountsRecord {
            stream: self.stream.clone(),
            lane: self.lane.clone(),
            worker: self.worker,
            generation: delivery.generation,
            packets: delivery.packets,
            alerts: delivery.alerts,
            dead_letters: delivery.dead_letters.len() as u64,
            positions: delivery
                .positions
                .iter()
                .map(|(partition, &(first, next))| PositionRange {
                    topic: partition.topic.to_string(),
                    partition: partition.index,
                    first,
                    next,
                })
                .collect(),
            counts: delivery
                .counts
                .iter()
                .filter(|(_, counts)| **counts != Counts::default())
                .map(|(key, counts)| SettingCounts {
                    key: key.clone(),
                    counts: counts.clone(),
                })
                .collect(),
        })
    }

    fn origin(&self, position: &Position, timestamp_ms: Option<i64>) -> Headers {
        let headers = Headers(OwnedHeaders::new_with_capacity(16))
            .with("skysieve-stream", &self.stream)
            .with("skysieve-cluster", &self.cluster)
            .with("skysieve-topic", &position.partition.topic)
            .with("skysieve-partition", position.partition.index)
            .with("skysieve-offset", position.offset);
        match timestamp_ms {
            Some(timestamp_ms) => headers.with("skysieve-timestamp-ms", timestamp_ms),
            None => headers,
        }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("records have text keys and finite numbers")
}

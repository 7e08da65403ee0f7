//! A filter's passing alerts, read back from its topic, and the records of those that were withheld.
//!
//! In: a topic, where to begin. Out: committed records with what they say of themselves. Never: a group, a
//! commit of a position, or a record of a transaction that was given up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::error::reason;
use super::withheld::Records;
use super::{KafkaError, Settings, clients};
use crate::results::{Begin, Cursor, Found, Look, Looked, Origin, Place, Reader, ResultsError};

/// Longest wait for an answer about the topic.
const BROKER_ANSWER: Duration = Duration::from_secs(5);
/// What a reader fetches ahead: there may be many, and each is slower than the broker [bytes, KiB].
const FETCH_PARTITION_BYTES: &str = "1048576";
const FETCH_BYTES: &str = "4194304";
const AHEAD_KIB: &str = "4096";

/// Pause before the next look for a topic that is not there.
const NO_TOPIC_YET: Duration = Duration::from_millis(500);

/// Reads one filter's topic.
pub(super) struct KafkaResults {
    consumer: BaseConsumer,
    topic: String,
    /// Next offset of each partition.
    next: BTreeMap<i32, i64>,
    names: BTreeMap<i32, Arc<str>>,
    /// Partitions that have been read to their end.
    at_end: BTreeSet<i32>,
    /// Records that were asked for and are gone, not told yet.
    lost: u64,
    /// Whose records of withheld alerts, where the topic is theirs.
    records: Option<Records>,
}

impl KafkaResults {
    pub(super) fn open(
        settings: &Settings,
        topic: &str,
        begin: &Begin,
        records: Option<Records>,
    ) -> Result<Self, ResultsError> {
        let consumer: BaseConsumer = clients::reader(settings)
            .map_err(|error| ResultsError::Unavailable(error.to_string()))?
            .set("group.id", format!("{topic}.unused"))
            // Below the retention a reader goes on with what is left.
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .set("fetch.message.max.bytes", FETCH_PARTITION_BYTES)
            .set("fetch.max.bytes", FETCH_BYTES)
            .set("queued.max.messages.kbytes", AHEAD_KIB)
            .create()
            .map_err(|error| ResultsError::Unavailable(KafkaError::client(&error).to_string()))?;
        let mut results = Self {
            consumer,
            topic: topic.to_owned(),
            next: BTreeMap::new(),
            names: BTreeMap::new(),
            at_end: BTreeSet::new(),
            lost: 0,
            records,
        };
        results
            .begin(begin)
            .map_err(|error| results.unread(&error))?;
        Ok(results)
    }

    fn begin(&mut self, begin: &Begin) -> Result<(), ClientError> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.topic), BROKER_ANSWER)?;
        let topics = metadata
            .topics()
            .iter()
            .filter(|topic| topic.error().is_none());
        for partition in topics.flat_map(|topic| topic.partitions()) {
            let (low, high) =
                self.consumer
                    .fetch_watermarks(&self.topic, partition.id(), BROKER_ANSWER)?;
            let next = self.first(begin, partition.id(), low, high);
            self.next.insert(partition.id(), next);
            if next >= high {
                self.at_end.insert(partition.id());
            }
            self.names
                .insert(partition.id(), partition.id().to_string().into());
        }
        if let Begin::Since(time_ms) = begin {
            self.seek_time(*time_ms)?;
        }
        let list = self.list(Offset::Offset)?;
        self.consumer.assign(&list)
    }

    /// Where to begin in a partition that holds the offsets from `low` to before `high`.
    fn first(&mut self, begin: &Begin, partition: i32, low: i64, high: i64) -> i64 {
        match begin {
            Begin::Oldest | Begin::Since(_) => low,
            Begin::Now => high,
            Begin::After(cursor) => match cursor.0.get(&partition.to_string()) {
                None => low,
                // A topic that was made anew counts from 0 again.
                Some(place) if place.number > high => low,
                Some(place) => {
                    self.lost += u64::try_from(low - place.number).unwrap_or(0);
                    place.number.max(low)
                }
            },
        }
    }

    fn seek_time(&mut self, time_ms: i64) -> Result<(), ClientError> {
        let asked = self.list(|_| Offset::Offset(time_ms))?;
        let answered = self.consumer.offsets_for_times(asked, BROKER_ANSWER)?;
        for element in answered.elements() {
            let next = match element.offset() {
                Offset::Offset(offset) => offset,
                // Nothing is as late as that.
                _ => {
                    self.consumer
                        .fetch_watermarks(&self.topic, element.partition(), BROKER_ANSWER)?
                        .1
                }
            };
            self.next.insert(element.partition(), next);
        }
        Ok(())
    }

    fn list(&self, offset: impl Fn(i64) -> Offset) -> Result<TopicPartitionList, ClientError> {
        let mut list = TopicPartitionList::with_capacity(self.next.len());
        for (partition, next) in &self.next {
            list.add_partition_offset(&self.topic, *partition, offset(*next))?;
        }
        Ok(list)
    }

    /// A record that somebody else wrote must not stop the reader for ever.
    fn not_ours(&self, message: &BorrowedMessage<'_>) -> u64 {
        let (partition, offset) = (message.partition(), message.offset());
        tracing::warn!(
            topic = self.topic,
            partition,
            offset,
            "a record is none of ours; left out"
        );
        1
    }

    fn unread(&self, error: &ClientError) -> ResultsError {
        ResultsError::Unavailable(format!("{}: {}", self.topic, reason(error)))
    }

    fn is_at_end(&self) -> bool {
        self.at_end.len() >= self.next.len()
    }
}

impl Reader for KafkaResults {
    fn look(&mut self, look: &Look) -> Result<Looked, ResultsError> {
        if self.next.is_empty() {
            // The topic is made with the first activation; all that it then holds is new.
            std::thread::sleep(look.wait.min(NO_TOPIC_YET));
            self.begin(&Begin::Oldest)
                .map_err(|error| self.unread(&error))?;
        }
        let mut looked = Looked {
            lost: std::mem::take(&mut self.lost),
            ..Looked::default()
        };
        let patience = (Instant::now() + look.wait).min(look.deadline);
        let mut bytes = 0;
        while looked.found.len() < look.alerts && bytes < look.bytes {
            let until = if looked.found.is_empty() && self.is_at_end() {
                patience
            } else if self.is_at_end() {
                break;
            } else {
                look.deadline
            };
            let left = until.saturating_duration_since(Instant::now());
            match self.consumer.poll(left) {
                None if Instant::now() >= until => break,
                None => {}
                Some(Err(ClientError::PartitionEOF(partition))) => {
                    _ = self.at_end.insert(partition)
                }
                // Before the first record nothing is lost by telling; else it comes again.
                Some(Err(error)) if looked.found.is_empty() => return Err(self.unread(&error)),
                Some(Err(_)) => break,
                Some(Ok(message)) => {
                    bytes += message.payload_len();
                    let partition = message.partition();
                    self.next.insert(partition, message.offset() + 1);
                    self.at_end.remove(&partition);
                    let name = || partition.to_string().into();
                    let name = self.names.entry(partition).or_insert_with(name).clone();
                    if self.records.as_ref().is_some_and(|of| !of.are_of(&message)) {
                        continue;
                    }
                    let read = match &self.records {
                        Some(_) => Records::read(&message, name),
                        None => read(&message, name),
                    };
                    match read {
                        Some(found) if look.wants(&found) => looked.found.push(found),
                        Some(_) => {}
                        None => looked.lost += self.not_ours(&message),
                    }
                }
            }
        }
        looked.more = !self.is_at_end();
        Ok(looked)
    }

    fn cursor(&self) -> Cursor {
        let place = |(partition, number): (&i32, &i64)| {
            let place = Place {
                number: *number,
                within: 0,
            };
            (partition.to_string(), place)
        };
        Cursor(self.next.iter().map(place).collect())
    }
}

/// A passing alert as `records` wrote it; none where it is not one of ours.
fn read(message: &BorrowedMessage<'_>, partition: Arc<str>) -> Option<Found> {
    let headers = message.headers()?;
    let text = |name: &str| {
        let mut found = headers.iter().filter(|header| header.key == name);
        std::str::from_utf8(found.next()?.value?).ok()
    };
    let annotations = text("skysieve-annotations").map(serde_json::from_str);
    Some(Found {
        partition,
        after: Place {
            number: message.offset() + 1,
            within: 0,
        },
        object_id: String::from_utf8(message.key()?.to_vec()).ok()?,
        alert_id: text("skysieve-alert-id")?.to_owned(),
        night: text("skysieve-night")?.to_owned(),
        version: text("skysieve-version")?.parse().ok()?,
        setting: text("skysieve-setting")?.parse().ok()?,
        programme: text("skysieve-programme").and_then(|text| text.parse().ok()),
        holds: text("skysieve-payload").unwrap_or("packet").to_owned(),
        source: Origin {
            cluster: text("skysieve-cluster").map(str::to_owned),
            topic: text("skysieve-topic")?.to_owned(),
            partition: text("skysieve-partition")?.parse().ok()?,
            offset: text("skysieve-offset")?.parse().ok()?,
            record: text("skysieve-record")?.parse().ok()?,
            timestamp_ms: text("skysieve-timestamp-ms").and_then(|text| text.parse().ok()),
        },
        annotations: annotations.transpose().ok()?.unwrap_or_default(),
        payload: message.payload().unwrap_or_default().to_vec(),
        withheld: None,
        missing: None,
    })
}

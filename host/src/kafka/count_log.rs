//! Counts, read back from the topic they travelled through.
//!
//! In: the counts topic, committed records alone. Out: [`CountRecord`]s, each with its log
//! (`<cluster>/<topic>/<partition>`) and its offset as the sequence. Never: a group, or a record
//! twice after `start_after`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::error::reason;
use super::records::CountsRecord;
use super::{KafkaError, Settings, clients};
use crate::sink::{CountLog, CountRecord, SinkError};

/// Most records in one answer.
const MOST_RECORDS: usize = 1_000;
/// Longest wait for the number of the topic's partitions.
const BROKER_ANSWER: Duration = Duration::from_secs(10);

/// Reads a stream's counts back.
pub struct KafkaCountLog {
    consumer: BaseConsumer,
    cluster: String,
    topic: String,
}

impl KafkaCountLog {
    pub(super) fn new(settings: &Settings, cluster: &str, topic: &str) -> Result<Self, KafkaError> {
        let consumer = clients::reader(settings)?
            .set("group.id", format!("{topic}.unused"))
            // Below the retention a reader goes on with what is left.
            .set("auto.offset.reset", "earliest")
            .create()
            .map_err(|error| KafkaError::client(&error))?;
        Ok(KafkaCountLog {
            consumer,
            cluster: cluster.into(),
            topic: topic.into(),
        })
    }

    fn log(&self, partition: i32) -> String {
        format!("{}/{}/{partition}", self.cluster, self.topic)
    }

    fn partitions(&self) -> Result<BTreeSet<i32>, SinkError> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&self.topic), BROKER_ANSWER)
            .map_err(|error| unread(&self.topic, &error))?;
        let topics = metadata.topics().iter();
        Ok(topics
            .flat_map(|topic| topic.partitions())
            .map(rdkafka::metadata::MetadataPartition::id)
            .collect())
    }

    fn record(&self, message: &BorrowedMessage<'_>) -> Option<CountRecord> {
        let log = self.log(message.partition());
        let sequence = message.offset();
        match serde_json::from_slice::<CountsRecord>(message.payload().unwrap_or_default()) {
            Ok(record) => Some(CountRecord {
                log,
                sequence,
                counts: record
                    .counts
                    .into_iter()
                    .map(|of| (of.key, of.counts))
                    .collect(),
            }),
            Err(error) => {
                tracing::error!(log, sequence, %error, "a count record cannot be read and is left out");
                None
            }
        }
    }
}

impl CountLog for KafkaCountLog {
    fn start_after(&mut self, folded: &BTreeMap<String, i64>) -> Result<(), SinkError> {
        let mut list = TopicPartitionList::new();
        for partition in self.partitions()? {
            let from = folded
                .get(&self.log(partition))
                .map_or(Offset::Beginning, |sequence| Offset::Offset(sequence + 1));
            list.add_partition_offset(&self.topic, partition, from)
                .map_err(|error| unread(&self.topic, &error))?;
        }
        self.consumer
            .assign(&list)
            .map_err(|error| unread(&self.topic, &error))
    }

    fn read(&mut self, wait: Duration) -> Result<Vec<CountRecord>, SinkError> {
        let deadline = Instant::now() + wait;
        let mut records = Vec::new();
        while records.len() < MOST_RECORDS {
            let left = deadline.saturating_duration_since(Instant::now());
            // What has come already is taken without waiting for more.
            let left = if records.is_empty() {
                left
            } else {
                Duration::ZERO
            };
            match self.consumer.poll(left) {
                None if records.is_empty() && Instant::now() < deadline => {}
                None => break,
                Some(Ok(message)) => records.extend(self.record(&message)),
                Some(Err(_)) if !records.is_empty() => break,
                Some(Err(error)) => return Err(unread(&self.topic, &error)),
            }
        }
        Ok(records)
    }
}

fn unread(topic: &str, error: &ClientError) -> SinkError {
    SinkError::Aborted(format!("{topic} cannot be read now: {}", reason(error)))
}

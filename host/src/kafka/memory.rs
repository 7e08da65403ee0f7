//! Next positions as records, for the day when the group's own have expired.
//!
//! In: the compacted positions topic, `<prefix>.<stream>.positions`, to which every transaction adds
//! one record for each partition it read. Out: the newest position of a partition. Never: a
//! position that was not committed.
//!
//! A group without members loses its positions after the broker's `offsets.retention.minutes` (7
//! days by default); a telescope's summer shutdown is longer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::{KafkaError, Settings, clients};
use crate::source::Partition;

/// The topic has this one partition.
pub(super) const PARTITION: i32 = 0;
/// Longest time to read the whole topic.
const WHOLE_TOPIC: Duration = Duration::from_secs(15);
/// What was read serves so long; a partition without a position gets one at once, so that an older
/// answer is never asked for.
const FRESH: Duration = Duration::from_secs(5);

/// Reads positions back.
pub(super) struct PositionMemory {
    settings: Settings,
    topic: String,
    group: String,
    read: Option<(Instant, HashMap<String, i64>)>,
}

/// Key of a partition's record: groups share the topic.
pub(super) fn key(group: &str, partition: &Partition) -> String {
    format!("{group}/{}/{}", partition.topic, partition.index)
}

impl PositionMemory {
    pub(super) fn new(settings: Settings, topic: String, group: String) -> Self {
        PositionMemory {
            settings,
            topic,
            group,
            read: None,
        }
    }

    /// The next position to read, where one was ever committed.
    pub(super) fn recall(&mut self, partition: &Partition) -> Result<Option<i64>, KafkaError> {
        let positions = match self.read.take() {
            Some((at, positions)) if at.elapsed() < FRESH => (at, positions),
            _ => (Instant::now(), self.read_all()?),
        };
        let found = positions.1.get(&key(&self.group, partition)).copied();
        self.read = Some(positions);
        Ok(found)
    }

    fn read_all(&self) -> Result<HashMap<String, i64>, KafkaError> {
        let consumer: BaseConsumer = clients::reader(&self.settings)?
            .set("group.id", format!("{}.unused", self.group))
            .set("enable.partition.eof", "true")
            .create()
            .map_err(|error| KafkaError::client(&error))?;
        let unanswered =
            |error: ClientError| KafkaError::unanswered("reading remembered positions", &error);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, PARTITION, Offset::Beginning)
            .map_err(unanswered)?;
        consumer.assign(&list).map_err(unanswered)?;
        let deadline = Instant::now() + WHOLE_TOPIC;
        let mut positions = HashMap::new();
        while Instant::now() < deadline {
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Ok(message)) => {
                    if let Some((key, position)) = parse(message.key(), message.payload()) {
                        positions.insert(key, position);
                    }
                }
                Some(Err(ClientError::PartitionEOF(_))) => return Ok(positions),
                Some(Err(error)) => return Err(unanswered(error)),
            }
        }
        Err(KafkaError::Unreachable(format!(
            "{} could not be read whole within {} s",
            self.topic,
            WHOLE_TOPIC.as_secs()
        )))
    }
}

fn parse(key: Option<&[u8]>, value: Option<&[u8]>) -> Option<(String, i64)> {
    let key = std::str::from_utf8(key?).ok()?;
    let value = std::str::from_utf8(value?).ok()?;
    Some((key.to_owned(), value.parse().ok()?))
}

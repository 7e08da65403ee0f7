//! The recent past of a stream's topics: a packet by its position, or the last ones, backwards.
//!
//! In: positions, or how far back. Out: packets. Never: a group, a commit, or a wait beyond the
//! deadline by more than one answer of the broker.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::error::reason;
use super::{KafkaError, Settings, clients, samples};
use crate::source::lookback::{Bound, Lookback, Search};
use crate::source::{Packet, Partition, Position, SourceError};

/// Packets of one partition that are read in one run backwards.
const RUN: i64 = 250;
/// Packets of one partition that stand as near to each other are read in one run.
const NEAR: i64 = 32;
/// Longest wait for one answer of the broker.
const ONE_ANSWER: Duration = Duration::from_secs(5);
/// Longest wait within the consumer.
const POLL: Duration = Duration::from_millis(100);

/// The topics that a stream reads.
pub struct KafkaLookback {
    settings: Settings,
}

/// Topic and number.
type Place = (String, i32);

/// What is still to be read of each partition: from here on, up to there.
type Windows = BTreeMap<Place, (i64, i64)>;

impl KafkaLookback {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    /// A consumer by itself: it is in no group and commits nothing.
    fn reader(&self) -> Result<BaseConsumer, SourceError> {
        let made = clients::reader(&self.settings).and_then(|mut config| {
            config
                .set("group.id", "skysieve.lookback.unused")
                .set("enable.partition.eof", "true")
                // What retention took meanwhile is gone; the next that is there says so.
                .set("auto.offset.reset", "earliest")
                .create()
                .map_err(|error| KafkaError::client(&error))
        });
        made.map_err(|error| SourceError::Retry(error.to_string()))
    }

    /// Oldest and next offset of every partition that holds anything.
    fn ends(&self, reader: &BaseConsumer) -> Result<Windows, SourceError> {
        let metadata = reader.fetch_metadata(None, ONE_ANSWER).map_err(unread)?;
        let mut ends = Windows::new();
        for (topic, index) in samples::partitions(&self.settings, &metadata) {
            let (low, high) = reader
                .fetch_watermarks(&topic, index, ONE_ANSWER)
                .map_err(unread)?;
            if high > low {
                ends.insert((topic, index), (low, high));
            }
        }
        Ok(ends)
    }
}

impl Lookback for KafkaLookback {
    fn packets(
        &self,
        positions: &[Position],
        bound: &Bound,
    ) -> Result<HashMap<Position, Option<Packet>>, SourceError> {
        let reader = self.reader()?;
        let mut found = HashMap::new();
        let mut bytes = 0;
        for ((topic, index), offsets) in by_partition(positions) {
            if bound.is_reached(bytes) {
                break;
            }
            let (low, high) = kept(&reader, &topic, index)?;
            let partition = Partition {
                topic: topic.as_str().into(),
                index,
            };
            let at = |offset| Position {
                partition: partition.clone(),
                offset,
            };
            let is_kept = |offset: &i64| (low..high).contains(offset);
            let (offsets, gone): (Vec<i64>, Vec<i64>) = offsets.into_iter().partition(is_kept);
            found.extend(gone.into_iter().map(|offset| (at(offset), None)));
            for run in offsets.chunk_by(|one, next| next - one <= NEAR) {
                if bound.is_reached(bytes) {
                    break;
                }
                let window = (run[0], run[run.len() - 1] + 1);
                let mut take = |message: &BorrowedMessage<'_>| {
                    if run.binary_search(&message.offset()).is_ok() {
                        bytes += message.payload_len();
                        let packet = packet(message, &partition.topic);
                        found.insert(packet.position.clone(), Some(packet));
                    }
                };
                let windows = Windows::from([((topic.clone(), index), window)]);
                read(&reader, windows, bound.deadline, &mut take)?;
                if Instant::now() < bound.deadline {
                    // Read to its end, the run does not hold the others.
                    for offset in run {
                        found.entry(at(*offset)).or_insert(None);
                    }
                }
            }
        }
        Ok(found)
    }

    fn backwards(
        &self,
        since_ms: i64,
        deadline: Instant,
        search: &mut dyn Search,
    ) -> Result<(), SourceError> {
        let reader = self.reader()?;
        let mut left = self.ends(&reader)?;
        while !left.is_empty() && Instant::now() < deadline && !search.is_exhausted() {
            let run: Windows = left
                .iter()
                .map(|(place, (low, high))| (place.clone(), ((high - RUN).max(*low), *high)))
                .collect();
            let mut youngest: BTreeMap<Place, i64> = BTreeMap::new();
            let mut take = |message: &BorrowedMessage<'_>| {
                let place = (message.topic().to_owned(), message.partition());
                let time_ms = message.timestamp().to_millis().unwrap_or(i64::MAX);
                let young = youngest.entry(place).or_insert(time_ms);
                *young = time_ms.max(*young);
                if time_ms >= since_ms {
                    search.look(vec![packet(message, &message.topic().into())]);
                }
            };
            read(&reader, run.clone(), deadline, &mut take)?;
            if search.is_over() {
                return Ok(());
            }
            left.retain(|place, (low, high)| {
                *high = run[place].0;
                // A run without any packet (markers of transactions alone) says nothing of its age.
                let old = youngest.get(place).is_some_and(|young| *young < since_ms);
                *high > *low && !old
            });
        }
        Ok(())
    }
}

/// Ascending offsets of each partition.
fn by_partition(positions: &[Position]) -> BTreeMap<Place, BTreeSet<i64>> {
    let mut places: BTreeMap<Place, BTreeSet<i64>> = BTreeMap::new();
    for Position { partition, offset } in positions {
        let place = (partition.topic.to_string(), partition.index);
        places.entry(place).or_default().insert(*offset);
    }
    places
}

/// Oldest and next offset of a partition; nothing where it is gone with its topic.
fn kept(reader: &BaseConsumer, topic: &str, index: i32) -> Result<(i64, i64), SourceError> {
    match reader.fetch_watermarks(topic, index, ONE_ANSWER) {
        Err(error) if is_gone(&error) => Ok((0, 0)),
        answered => answered.map_err(unread),
    }
}

fn is_gone(error: &ClientError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(
            RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

/// Read windows to their ends, or until the deadline. One topic after the other: the library says of
/// the end of a partition which number it has, not of which topic.
fn read(
    reader: &BaseConsumer,
    windows: Windows,
    deadline: Instant,
    take: &mut dyn FnMut(&BorrowedMessage<'_>),
) -> Result<(), SourceError> {
    let mut topics: BTreeMap<String, BTreeMap<i32, (i64, i64)>> = BTreeMap::new();
    for ((topic, index), window) in windows {
        topics.entry(topic).or_default().insert(index, window);
    }
    for (topic, windows) in topics {
        read_topic(reader, &topic, windows, deadline, take)?;
    }
    Ok(())
}

fn read_topic(
    reader: &BaseConsumer,
    topic: &str,
    mut windows: BTreeMap<i32, (i64, i64)>,
    deadline: Instant,
    take: &mut dyn FnMut(&BorrowedMessage<'_>),
) -> Result<(), SourceError> {
    let mut list = TopicPartitionList::new();
    for (index, (from, _)) in &windows {
        list.add_partition_offset(topic, *index, Offset::Offset(*from))
            .map_err(unread)?;
    }
    reader.assign(&list).map_err(unread)?;
    // A partition that an earlier run paused stays so when it is assigned again.
    reader.resume(&list).map_err(unread)?;
    while !windows.is_empty() && Instant::now() < deadline {
        match reader.poll(POLL.min(deadline.saturating_duration_since(Instant::now()))) {
            None => {}
            Some(Ok(message)) => {
                let index = message.partition();
                let Some((_, end)) = windows.get(&index).copied() else {
                    continue;
                };
                if message.offset() < end {
                    take(&message);
                }
                if message.offset() + 1 >= end {
                    windows.remove(&index);
                    stop(reader, topic, index);
                }
            }
            Some(Err(ClientError::PartitionEOF(index))) => _ = windows.remove(&index),
            Some(Err(error)) => return Err(unread(error)),
        }
    }
    Ok(())
}

/// What lies behind a window that was read is not to be fetched.
fn stop(reader: &BaseConsumer, topic: &str, index: i32) {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, index);
    if let Err(error) = reader.pause(&list) {
        tracing::debug!(%error, "a partition cannot be paused; its packets are dropped");
    }
}

fn packet(message: &BorrowedMessage<'_>, topic: &std::sync::Arc<str>) -> Packet {
    Packet {
        bytes: message.payload().unwrap_or_default().into(),
        position: Position {
            partition: Partition {
                topic: topic.clone(),
                index: message.partition(),
            },
            offset: message.offset(),
        },
        timestamp_ms: message.timestamp().to_millis(),
        damage: message
            .payload()
            .is_none()
            .then(|| "the record has no payload".into()),
    }
}

fn unread(error: ClientError) -> SourceError {
    SourceError::Retry(format!("reading back: {}", reason(&error)))
}

//! Where to read on: committed positions, asked for one partition at a time.
//!
//! In: pending partitions. Out: partitions that read on from their committed position, or that are
//! stopped because the broker no longer has it. Never: an assumed position, or a long wait.
//!
//! A partition is asked for by itself because one with an open transaction over its position makes
//! a whole question time out; with `read_committed` that wait is what protects from a predecessor
//! that was frozen between sending its offsets and committing them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::error::reason;
use super::group::{Group, Reading};
use super::memory::PositionMemory;
use super::settings::{OutOfRange, Start};
use crate::source::Partition;
use crate::source::archive::{Next, Progress};

/// Longest wait for one partition's committed position; it stays pending and is asked for again.
const ONE_ANSWER: Duration = Duration::from_millis(250);
/// Longest time spent on pending partitions before the others are read again.
const ONE_ROUND: Duration = Duration::from_millis(500);
/// Longest wait for the ends of a partition's log, and for a seek.
const BROKER_ANSWER: Duration = Duration::from_secs(2);

/// Finds where pending partitions read on.
pub(super) struct Settler {
    group: Arc<Group>,
    pending: VecDeque<Partition>,
    kept: Kept,
    start: Start,
    out_of_range: OutOfRange,
}

/// Where committed positions are kept.
pub(super) enum Kept {
    /// With the group on the broker, and as records for the day when those expire.
    Group(Box<PositionMemory>),
    /// Beside the outputs, which are elsewhere: nothing is ever written to the broker.
    Beside(Progress),
}

/// A position is not known yet; the partition stays pending.
struct NotYet(String);

impl Settler {
    pub(super) fn new(group: Arc<Group>, kept: Kept, start: Start, gone: OutOfRange) -> Self {
        Settler {
            group,
            pending: VecDeque::new(),
            kept,
            start,
            out_of_range: gone,
        }
    }

    /// Every held partition waits for its committed position again.
    pub(super) fn begin_anew(&mut self) {
        let mut list = TopicPartitionList::new();
        self.pending = self.group.with_held(|held| {
            let mut pending = VecDeque::new();
            for (topic, of_topic) in held {
                for (index, reading) in of_topic {
                    if *reading != Reading::Stopped {
                        *reading = Reading::Pending;
                        list.add_partition(topic, *index);
                        pending.push_back(Partition {
                            topic: topic.clone(),
                            index: *index,
                        });
                    }
                }
            }
            pending
        });
        if let Err(error) = self.group.consumer().pause(&list) {
            tracing::warn!(%error, "partitions cannot be paused; their packets are dropped meanwhile");
        }
    }

    /// One round over the pending partitions.
    pub(super) fn settle(&mut self) {
        let deadline = Instant::now() + ONE_ROUND;
        for _ in 0..self.pending.len() {
            let Some(partition) = self.pending.pop_front() else {
                return;
            };
            if let Err(NotYet(why)) = self.settle_one(&partition) {
                tracing::debug!(topic = %partition.topic, partition = partition.index, why, "still pending");
                self.pending.push_back(partition);
            }
            if Instant::now() >= deadline {
                return;
            }
        }
    }

    fn settle_one(&mut self, partition: &Partition) -> Result<(), NotYet> {
        let committed = self.committed(partition)?;
        let (low, high) = self.range(partition)?;
        let position = match committed {
            Some(position) => position,
            None => self.recover_or_start(partition, low, high)?,
        };
        if (low..=high).contains(&position) {
            return self.read_on(partition, position);
        }
        match self.out_of_range {
            OutOfRange::Stop => {
                self.stop(partition, position, low, high);
                Ok(())
            }
            OutOfRange::Earliest => self.skip(partition, position, low),
            OutOfRange::Latest => self.skip(partition, position, high),
        }
    }

    /// The committed position, `None` when there is none.
    fn committed(&self, partition: &Partition) -> Result<Option<i64>, NotYet> {
        match &self.kept {
            Kept::Group(_) => self.committed_by_group(partition),
            Kept::Beside(progress) => Ok(match progress.next(partition) {
                Some(Next::At(position)) => Some(position),
                // A topic has no end.
                Some(Next::Finished) | None => None,
            }),
        }
    }

    fn committed_by_group(&self, partition: &Partition) -> Result<Option<i64>, NotYet> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&partition.topic, partition.index);
        let _call = self.group.watchdog().watch("reading committed positions");
        let list = self
            .group
            .consumer()
            .committed_offsets(list, ONE_ANSWER)
            .map_err(not_yet)?;
        let element = list.find_partition(&partition.topic, partition.index);
        let element = element.ok_or_else(|| NotYet("no answer for this partition".into()))?;
        element.error().map_err(not_yet)?;
        match element.offset() {
            Offset::Offset(position) => Ok(Some(position)),
            Offset::Invalid => Ok(None),
            other => Err(NotYet(format!("committed position {other:?}"))),
        }
    }

    fn range(&self, partition: &Partition) -> Result<(i64, i64), NotYet> {
        let _call = self
            .group
            .watchdog()
            .watch("reading the ends of a partition");
        let consumer = self.group.consumer();
        consumer
            .fetch_watermarks(&partition.topic, partition.index, BROKER_ANSWER)
            .map_err(not_yet)
    }

    /// A group whose positions expired goes on where its last transaction said; a new one starts as
    /// the settings say. Either is committed at once, so that it is decided only once.
    fn recover_or_start(
        &mut self,
        partition: &Partition,
        low: i64,
        high: i64,
    ) -> Result<i64, NotYet> {
        let remembered = match &mut self.kept {
            Kept::Group(memory) => memory.recall(partition),
            Kept::Beside(_) => Ok(None),
        };
        let remembered = remembered.map_err(|error| NotYet(error.to_string()))?;
        let position = remembered.unwrap_or(match self.start {
            Start::Earliest => low,
            Start::Latest => high,
        });
        tracing::info!(
            topic = %partition.topic, partition = partition.index, position, recovered = remembered.is_some(),
            "there is no committed position"
        );
        self.commit(partition, position)?;
        Ok(position)
    }

    /// Outside of any transaction; the broker refuses it from anybody but the member of now. Beside the
    /// outputs a position begins with the first of them.
    fn commit(&self, partition: &Partition, position: i64) -> Result<(), NotYet> {
        if let Kept::Beside(_) = self.kept {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&partition.topic, partition.index, Offset::Offset(position))
            .map_err(not_yet)?;
        let _call = self.group.watchdog().watch("committing a first position");
        self.group
            .consumer()
            .commit(&list, CommitMode::Sync)
            .map_err(not_yet)
    }

    fn read_on(&self, partition: &Partition, position: i64) -> Result<(), NotYet> {
        let (topic, index) = (&partition.topic, partition.index);
        let consumer = self.group.consumer();
        let _call = self.group.watchdog().watch("seeking");
        consumer
            .seek(topic, index, Offset::Offset(position), BROKER_ANSWER)
            .map_err(not_yet)?;
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, index);
        consumer.resume(&list).map_err(not_yet)?;
        self.set(
            partition,
            Reading::On {
                first: None,
                next: position,
            },
        );
        Ok(())
    }

    fn stop(&self, partition: &Partition, position: i64, low: i64, high: i64) {
        let why = if position > high {
            "the topic ends before it: was it deleted and made again?"
        } else {
            "the topic no longer keeps it: it expired before it was read"
        };
        tracing::error!(
            topic = %partition.topic, partition = partition.index, position, low, high, why,
            "the committed position is gone; this partition is not read. Set out_of_range = \"earliest\" or \
             \"latest\" and start again to go on"
        );
        self.set(partition, Reading::Stopped);
    }

    fn skip(&self, partition: &Partition, from: i64, to: i64) -> Result<(), NotYet> {
        tracing::error!(
            topic = %partition.topic, partition = partition.index, from, to,
            "the committed position is gone; going on elsewhere, as the settings say"
        );
        self.commit(partition, to)?;
        self.read_on(partition, to)
    }

    /// A partition that was revoked meanwhile is left alone.
    fn set(&self, partition: &Partition, now: Reading) {
        self.group.with_held(|held| {
            let reading = held
                .get_mut(&partition.topic)
                .and_then(|of_topic| of_topic.get_mut(&partition.index));
            if let Some(reading) = reading {
                *reading = now;
            }
        });
    }
}

fn not_yet(error: rdkafka::error::KafkaError) -> NotYet {
    NotYet(reason(&error))
}

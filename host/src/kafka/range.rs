//! A stretch of the source topics' past, read once, in the order in which it was sent.
//!
//! In: the stream's topics, a range of the broker's time. Out: packets, merged over all partitions by
//! their time stamps: the same order at every reading. Never: a group, a commit, or a packet beyond
//! the ends that were found at the beginning.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, DefaultConsumerContext};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::range_ends::{self, Range};
use super::{KafkaError, Settings, clients};
use crate::source::place::Stretch;
use crate::source::{BatchLimits, Packet, Partition, Position, SourceError};

/// What all partitions together may hold ahead [kB], and what each may at least.
const AHEAD_KB: usize = 64 << 10;
const AHEAD_LEAST_KB: usize = 256;
/// One look at one partition.
const LOOK: Duration = Duration::from_millis(100);

/// Reads the stretches of some partitions.
pub struct KafkaRange {
    consumer: Arc<BaseConsumer>,
    parts: Vec<Part>,
    /// Parts whose next packet is known, the oldest first.
    heads: BinaryHeap<Reverse<(i64, usize)>>,
    /// Parts whose next packet is not known yet.
    waiting: Vec<usize>,
    largest: usize,
    /// What went wrong behind packets that were given first.
    trouble: Option<SourceError>,
}

struct Part {
    queue: PartitionQueue<DefaultConsumerContext>,
    partition: Partition,
    stretch: Stretch,
    head: Option<Packet>,
}

/// What one look at a partition gave.
enum Look {
    Head,
    Nothing,
    End,
}

impl KafkaRange {
    /// The stretches of the stream's topics that lie in a range of time. Blocks, not for ever.
    ///
    /// # Errors
    /// [`KafkaError::Unreachable`] when waiting may help, another when it cannot.
    pub fn find(settings: &Settings, range: Range) -> Result<Vec<Stretch>, KafkaError> {
        let consumer = consumer(settings, 1)?;
        range_ends::find(&consumer, settings, range)
    }

    /// Read these stretches, each from its `next` on.
    ///
    /// # Errors
    /// As for [`KafkaRange::find`].
    pub fn open(settings: &Settings, stretches: &[Stretch]) -> Result<Self, KafkaError> {
        let asked = |error| KafkaError::unanswered("reading a range of the past", &error);
        let open: Vec<&Stretch> = stretches.iter().filter(|one| one.next < one.end).collect();
        let consumer = Arc::new(consumer(settings, open.len())?);
        let mut list = TopicPartitionList::new();
        let mut parts = Vec::with_capacity(open.len());
        for one in open {
            // Before the partition is assigned: from then on its packets come here, and none of them
            // through the queue that all partitions share.
            parts.push(Part::new(&consumer, one)?);
            list.add_partition_offset(&one.topic, one.partition, Offset::Offset(one.next))
                .map_err(asked)?;
        }
        consumer.assign(&list).map_err(asked)?;
        Ok(Self {
            waiting: (0..parts.len()).collect(),
            parts,
            heads: BinaryHeap::new(),
            largest: usize::try_from(settings.message_max_bytes).unwrap_or(usize::MAX),
            consumer,
            trouble: None,
        })
    }

    /// The next packets; empty where the broker is late, none at the end.
    ///
    /// # Errors
    /// When the broker no longer has what was to be read, or does not answer.
    pub fn poll(&mut self, limits: &BatchLimits) -> Result<Option<Vec<Packet>>, SourceError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        self.serve()?;
        let deadline = Instant::now() + limits.age;
        let (mut packets, mut bytes) = (Vec::new(), 0);
        while packets.len() < limits.rows && bytes < limits.bytes {
            match self.fill(deadline) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if packets.is_empty() => return Err(error),
                Err(error) => {
                    self.trouble = Some(error);
                    break;
                }
            }
            let Some(Reverse((_, number))) = self.heads.pop() else {
                break;
            };
            self.waiting.push(number);
            if let Some(packet) = self.parts[number].head.take() {
                bytes += packet.bytes.len();
                packets.push(packet);
            }
        }
        let ended = packets.is_empty() && self.waiting.is_empty() && self.heads.is_empty();
        Ok((!ended).then_some(packets))
    }

    /// The library's own events; packets come through their partitions' queues.
    fn serve(&self) -> Result<(), SourceError> {
        match self.consumer.poll(Duration::ZERO) {
            None => Ok(()),
            Some(Err(error)) => judge(&error),
            Some(Ok(message)) => {
                let (topic, offset) = (message.topic(), message.offset());
                let stray = format!("packet {offset} of {topic} came through the wrong queue");
                Err(SourceError::Fatal(stray))
            }
        }
    }

    /// Which part of the stretches is read, 0 to 1.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // an estimate
    pub fn fraction(place: &[Stretch]) -> f64 {
        let sum = |of: fn(&Stretch) -> i64| place.iter().map(of).sum::<i64>();
        let whole = sum(|one| one.end - one.first);
        sum(|one| one.next - one.first) as f64 / whole.max(1) as f64
    }

    /// Find the next packet of every part that waits for one; false where one is late.
    fn fill(&mut self, deadline: Instant) -> Result<bool, SourceError> {
        while let Some(number) = self.waiting.last().copied() {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.parts[number].look(left.min(LOOK), self.largest)? {
                Look::Nothing if left.is_zero() => return Ok(false),
                Look::Nothing => {}
                Look::End => _ = self.waiting.pop(),
                Look::Head => {
                    self.waiting.pop();
                    let time = self.parts[number].head.as_ref();
                    let time = time.and_then(|packet| packet.timestamp_ms);
                    self.heads.push(Reverse((time.unwrap_or(i64::MIN), number)));
                }
            }
        }
        Ok(true)
    }
}

impl Part {
    fn new(consumer: &Arc<BaseConsumer>, stretch: &Stretch) -> Result<Self, KafkaError> {
        let Stretch {
            topic, partition, ..
        } = stretch;
        let queue = consumer
            .split_partition_queue(topic, *partition)
            .ok_or_else(|| KafkaError::Settings(format!("no queue for {topic}")))?;
        Ok(Self {
            queue,
            partition: Partition {
                topic: topic.as_str().into(),
                index: *partition,
            },
            stretch: stretch.clone(),
            head: None,
        })
    }

    fn look(&mut self, wait: Duration, largest: usize) -> Result<Look, SourceError> {
        if self.stretch.next >= self.stretch.end {
            return Ok(Look::End);
        }
        match self.queue.poll(wait) {
            None => Ok(Look::Nothing),
            Some(Err(ClientError::PartitionEOF(_))) => Ok(Look::End),
            Some(Err(error)) => judge(&error).map(|()| Look::Nothing),
            Some(Ok(message)) if message.offset() >= self.stretch.end => Ok(Look::End),
            Some(Ok(message)) => {
                self.head = Some(packet(&message, &self.partition, largest));
                self.stretch.next = message.offset() + 1;
                Ok(Look::Head)
            }
        }
    }
}

fn packet(message: &BorrowedMessage<'_>, partition: &Partition, largest: usize) -> Packet {
    let (bytes, damage) = super::source::contents(message.payload(), largest);
    Packet {
        bytes: bytes.into(),
        position: Position {
            partition: partition.clone(),
            offset: message.offset(),
        },
        timestamp_ms: message.timestamp().to_millis(),
        damage,
    }
}

fn consumer(settings: &Settings, parts: usize) -> Result<BaseConsumer, KafkaError> {
    let ahead_kb = (AHEAD_KB / parts.max(1)).max(AHEAD_LEAST_KB);
    clients::reader(settings)?
        .set("group.id", "skysieve.backtest.unused")
        .set("enable.partition.eof", "true")
        .set("queued.max.messages.kbytes", ahead_kb.to_string())
        .create()
        .map_err(|error| KafkaError::client(&error))
}

/// What is gone from the broker cannot be read any more; anything else may pass.
fn judge(error: &ClientError) -> Result<(), SourceError> {
    use rdkafka::error::RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => Err(SourceError::Fatal(
            "the broker no longer has all of the packets that were to be read".to_owned(),
        )),
        Some(Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition) => Err(
            SourceError::Fatal("a topic that was to be read is gone".to_owned()),
        ),
        Some(Code::Fatal) => Err(SourceError::Fatal(error.to_string())),
        _ => Err(SourceError::Retry(error.to_string())),
    }
}

//! Packets from Kafka: a member of the stream's consumer group.
//!
//! In: records of the held partitions, from their committed positions on. Out: micro-batches.
//! Never: a packet of a partition whose committed position was not read since it was last assigned,
//! given up or changed hands; or a commit of progress, which is the sink's.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;

use super::group::{Group, Reading};
use super::settle::Settler;
use crate::source::{BatchLimits, Packet, Partition, Polled, Position, Source, SourceError};

/// A stream's packets, of the partitions that this worker holds.
pub struct KafkaSource {
    group: Arc<Group>,
    settler: Settler,
    changes: u64,
    largest: usize,
}

/// What is kept of a packet that is too large [bytes].
const KEPT_OF_TOO_LARGE: usize = 64 << 10;

/// What one look at the consumer gave.
enum Look {
    Packet(Packet),
    Nothing,
    /// A record that is not wanted, or an error that passes by itself.
    Skipped,
    /// Some partition is out of its range; which one has to be found out.
    OutOfRange,
}

impl KafkaSource {
    /// `largest`: greatest packet that is read whole [bytes].
    pub(super) fn new(group: Arc<Group>, settler: Settler, largest: usize) -> Self {
        KafkaSource {
            group,
            settler,
            changes: 0,
            largest,
        }
    }

    /// Did partitions come or go since the last look? Then what is retained begins anew too, for
    /// the worker drops all that is pending.
    fn rebalanced(&mut self) -> bool {
        let changes = self.group.changes();
        if changes == self.changes {
            return false;
        }
        self.changes = changes;
        self.settler.begin_anew();
        true
    }

    fn look(&self, wait: Duration) -> Result<Look, SourceError> {
        match self.group.consumer().poll(wait) {
            None => Ok(Look::Nothing),
            Some(Ok(message)) => Ok(self.accept(&message).map_or(Look::Skipped, Look::Packet)),
            Some(Err(error)) => judge(&error),
        }
    }

    /// The packet, when its partition is being read and it was not given before.
    fn accept(&self, message: &BorrowedMessage<'_>) -> Option<Packet> {
        let (topic, index, offset) = (message.topic(), message.partition(), message.offset());
        let topic = self.group.with_held(|held| {
            let (topic, _) = held.get_key_value(topic)?;
            let topic = topic.clone();
            match held.get_mut(&topic)?.get_mut(&index)? {
                Reading::On { first, next } if offset >= *next => {
                    first.get_or_insert(offset);
                    *next = offset + 1;
                }
                _ => return None,
            }
            Some(topic)
        })?;
        let (bytes, damage) = contents(message.payload(), self.largest);
        Some(Packet {
            bytes: bytes.into(),
            position: Position {
                partition: Partition { topic, index },
                offset,
            },
            timestamp_ms: message.timestamp().to_millis(),
            damage,
        })
    }

    fn collect(&mut self, limits: &BatchLimits) -> Result<Polled, SourceError> {
        let deadline = Instant::now() + limits.age;
        let mut packets: Vec<Packet> = Vec::new();
        let mut bytes = 0;
        while packets.len() < limits.rows && bytes < limits.bytes {
            let look = self.look(deadline.saturating_duration_since(Instant::now()));
            if self.rebalanced() {
                return Ok(Polled::Rebalanced);
            }
            match look {
                Ok(Look::Packet(packet)) => {
                    bytes += packet.bytes.len();
                    packets.push(packet);
                }
                Ok(Look::OutOfRange) => {
                    self.settler.begin_anew();
                    return Ok(Polled::Rebalanced);
                }
                Ok(Look::Nothing | Look::Skipped) => {}
                Err(error) if packets.is_empty() => return Err(error),
                Err(_) => break,
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Ok(Polled::Packets(packets))
    }
}

/// What is taken of a payload, and why not all. A packet over the bound would be over that of every
/// topic of ours as well.
pub(super) fn contents(payload: Option<&[u8]>, largest: usize) -> (&[u8], Option<Arc<str>>) {
    match payload {
        None => (&[], Some("the record has no payload".into())),
        Some(bytes) if bytes.len() > largest => {
            let found = bytes.len();
            let damage = format!("the packet has {found} bytes, message_max_bytes is {largest}");
            (
                &bytes[..KEPT_OF_TOO_LARGE.min(largest)],
                Some(damage.into()),
            )
        }
        Some(bytes) => (bytes, None),
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, limits: &BatchLimits) -> Result<Polled, SourceError> {
        if self.rebalanced() {
            return Ok(Polled::Rebalanced);
        }
        self.settler.settle();
        self.collect(limits)
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.settler.begin_anew();
        Ok(())
    }

    fn behind(&self) -> Option<u64> {
        Some(self.group.behind())
    }

    fn committed(&mut self, positions: &BTreeMap<Partition, (i64, i64)>) {
        self.group.with_held(|held| {
            for (Partition { topic, index }, (_, done)) in positions {
                let reading = held
                    .get_mut(topic)
                    .and_then(|of_topic| of_topic.get_mut(index));
                if let Some(Reading::On { first, next }) = reading
                    && next == done
                {
                    *first = None;
                }
            }
        });
    }
}

/// Which trouble passes by itself, which needs a pause, which ends the worker.
fn judge(error: &ClientError) -> Result<Look, SourceError> {
    let code = match error {
        ClientError::MessageConsumptionFatal(code) => {
            return Err(SourceError::Fatal(code.to_string()));
        }
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(RDKafkaErrorCode::AutoOffsetReset) => Ok(Look::OutOfRange),
        Some(RDKafkaErrorCode::Fatal) => Err(SourceError::Fatal(error.to_string())),
        // An expired nightly topic; a membership that was lost, which the next callback tells of.
        Some(
            RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::PollExceeded,
        ) => {
            tracing::warn!(%error, "kafka consumer");
            Ok(Look::Skipped)
        }
        _ => Err(SourceError::Retry(error.to_string())),
    }
}

//! Packets into a topic: what a simulated survey's own broker would hold.
//!
//! In: packets with key and timestamp. Out: records of a topic, in the order given within a key.
//! Never: more in memory than the producer's queue, or a packet left out without an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};

use super::error::reason;
use super::topics::Topics;
use super::{KafkaError, Settings, clients};

/// Longest wait for a place in the queue, and for the last records to be delivered.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// One packet to publish.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Key; packets of one key keep their order.
    pub key: String,
    /// The packet.
    pub bytes: Arc<[u8]>,
    /// Timestamp [ms since the Unix epoch]; now when not given.
    pub timestamp_ms: Option<i64>,
}

/// Publishes packets to one topic.
pub struct Publisher {
    producer: BaseProducer<Refusals>,
    topic: String,
    sent: u64,
}

#[derive(Default)]
struct Refusals(AtomicU64);

impl Publisher {
    /// A publisher to `topic`, which is made with `partitions` partitions when it is missing. Of
    /// `settings.topics` nothing is read.
    ///
    /// # Errors
    /// When the settings are wrong or the broker does not answer.
    pub fn new(settings: &Settings, topic: &str, partitions: u32) -> Result<Self, KafkaError> {
        Topics::new(settings)?.ensure_with(topic, partitions)?;
        let producer = clients::writer(settings)?
            .create_with_context(Refusals::default())
            .map_err(|error| KafkaError::client(&error))?;
        Ok(Publisher {
            producer,
            topic: topic.into(),
            sent: 0,
        })
    }

    /// Queue one packet; waits while the queue is full.
    ///
    /// # Errors
    /// When it cannot be queued within a minute, or an earlier one was refused.
    pub fn publish(&mut self, publication: &Publication) -> Result<(), KafkaError> {
        let mut record = BaseRecord::to(&self.topic)
            .key(&publication.key)
            .payload(&*publication.bytes);
        record.timestamp = publication.timestamp_ms;
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            match self.producer.send(record) {
                Ok(()) => break,
                Err((ClientError::MessageProduction(RDKafkaErrorCode::QueueFull), again))
                    if Instant::now() < deadline =>
                {
                    self.producer.poll(Duration::from_millis(2));
                    record = again;
                }
                Err((error, _)) => {
                    return Err(KafkaError::Refused(format!(
                        "{}: {}",
                        self.topic,
                        reason(&error)
                    )));
                }
            }
        }
        self.sent += 1;
        if self.sent.is_multiple_of(64) {
            self.producer.poll(Duration::ZERO);
        }
        self.refused()
    }

    /// Wait until all are delivered; gives their number.
    ///
    /// # Errors
    /// When a packet was refused, or not delivered within a minute.
    pub fn finish(self) -> Result<u64, KafkaError> {
        let deadline = Instant::now() + LONGEST_WAIT;
        while self.producer.in_flight_count() > 0 {
            if Instant::now() >= deadline {
                return Err(KafkaError::Unreachable(format!(
                    "{}: {} records were not delivered",
                    self.topic,
                    self.producer.in_flight_count()
                )));
            }
            self.producer.poll(Duration::from_millis(2));
        }
        self.refused()?;
        Ok(self.sent)
    }

    fn refused(&self) -> Result<(), KafkaError> {
        match self.producer.context().0.load(Ordering::Relaxed) {
            0 => Ok(()),
            count => Err(KafkaError::Refused(format!(
                "{count} packets were not taken by {} (see the log; is max.message.bytes of the topic large \
                 enough?)",
                self.topic
            ))),
        }
    }
}

/// Publish all packets and wait for them; gives their number.
///
/// # Errors
/// As for [`Publisher`].
pub fn publish(
    settings: &Settings,
    topic: &str,
    partitions: u32,
    packets: impl IntoIterator<Item = Publication>,
) -> Result<u64, KafkaError> {
    let mut publisher = Publisher::new(settings, topic, partitions)?;
    for packet in packets {
        publisher.publish(&packet)?;
    }
    publisher.finish()
}

impl ClientContext for Refusals {
    fn error(&self, error: ClientError, reason: &str) {
        tracing::warn!(%error, reason, "kafka producer");
    }
}

impl ProducerContext for Refusals {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            tracing::error!(%error, "a packet was not taken");
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

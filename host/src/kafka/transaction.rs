//! One transaction after another: every transactional call, and what its errors mean.
//!
//! In: records and positions. Out: a transaction committed, or ended with nothing of it visible.
//! Never: a transaction left open, or a call that nobody watches.
//!
//! | what the library says | what is done |
//! |---|---|
//! | fatal, fenced (by code as well as by flag) | [`SinkError::Fatal`]: another process took this place |
//! | must abort; a delivery failed; not a member; wrong generation | abort, then [`SinkError::Aborted`] |
//! | retriable, while initialising, committing or aborting | the same call again, with a bound |
//! | no answer while sending offsets | abort rather than repeat |
//! | a record is larger than its topic takes | [`SinkError::Fatal`], because it would come again for ever |

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError as ClientError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{Message, message::OwnedHeaders};

use super::error::reason;
use super::group::Ticket;
use super::watchdog::Watchdog;
use super::{KafkaError, Settings, clients};
use crate::sink::SinkError;

/// Time-out of one transactional call; below the watchdog's, which is for calls that ignore theirs.
const ONE_CALL: Duration = Duration::from_secs(10);
/// Longest time spent on one call and its repetitions.
const ALL_CALLS: Duration = Duration::from_secs(45);
/// Pause before a repetition.
const PAUSE: Duration = Duration::from_millis(100);

/// One record on its way.
pub(super) struct Outgoing<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Partition, where the key does not decide.
    pub partition: Option<i32>,
    /// Key.
    pub key: &'a str,
    /// Value, as it is.
    pub value: &'a [u8],
    /// Headers.
    pub headers: Option<OwnedHeaders>,
}

/// The first record that could not be delivered since the last transaction began.
#[derive(Default)]
pub(super) struct Deliveries {
    failed: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

/// A producer of transactions.
pub(super) struct Transactions {
    producer: BaseProducer<Deliveries>,
    watchdog: Arc<Watchdog>,
}

/// How a call went wrong.
enum Trouble {
    /// Nothing can follow in this process.
    Fatal(String),
    /// The transaction has to be ended.
    Abort(String),
}

impl Transactions {
    /// Take the place `id`: whoever held it before is fenced and its transaction ended.
    pub fn begin_as(
        settings: &Settings,
        id: &str,
        watchdog: Arc<Watchdog>,
    ) -> Result<Self, KafkaError> {
        let producer = clients::transactional(settings, id)?
            .create_with_context(Deliveries::default())
            .map_err(|error| KafkaError::client(&error))?;
        let transactions = Transactions { producer, watchdog };
        let initialise = || transactions.producer.init_transactions(ONE_CALL);
        match transactions.repeat("init_transactions", initialise) {
            Ok(()) => Ok(transactions),
            Err(error) if is_fatal(&error) => Err(KafkaError::Refused(reason(&error))),
            Err(error) => Err(KafkaError::unanswered("taking a producer's place", &error)),
        }
    }

    /// One transaction: what `fill` sends, and the positions.
    ///
    /// # Errors
    /// [`SinkError::Aborted`] when it was ended and nothing of it is visible.
    pub fn run(
        &self,
        positions: &TopicPartitionList,
        ticket: &Ticket,
        fill: impl FnOnce(&Self) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        self.producer.context().take();
        self.watched("begin_transaction", || self.producer.begin_transaction())
            .map_err(|error| self.trouble(&error))
            .or_else(|trouble| self.give_up(trouble))?;
        if let Err(error) = fill(self) {
            return self.give_up(Trouble::from(error));
        }
        match self.finish(positions, ticket) {
            Ok(()) => Ok(()),
            Err(trouble) => self.give_up(trouble),
        }
    }

    /// Send one record; waits while the producer's queue is full.
    ///
    /// # Errors
    /// When the record cannot be sent.
    pub fn send(&self, outgoing: Outgoing<'_>) -> Result<(), SinkError> {
        let mut record = BaseRecord::to(outgoing.topic)
            .key(outgoing.key)
            .payload(outgoing.value);
        record.partition = outgoing.partition;
        record.headers = outgoing.headers;
        let deadline = Instant::now() + ALL_CALLS;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((ClientError::MessageProduction(RDKafkaErrorCode::QueueFull), again))
                    if Instant::now() < deadline =>
                {
                    self.producer.poll(Duration::from_millis(5));
                    record = again;
                }
                Err((ClientError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    return Err(SinkError::Fatal(too_large(outgoing.topic)));
                }
                Err((error, _)) => {
                    return Err(SinkError::Aborted(format!(
                        "{}: {}",
                        outgoing.topic,
                        reason(&error)
                    )));
                }
            }
        }
    }

    fn finish(&self, positions: &TopicPartitionList, ticket: &Ticket) -> Result<(), Trouble> {
        self.flush()?;
        self.watched("send_offsets_to_transaction", || {
            self.producer
                .send_offsets_to_transaction(positions, &ticket.metadata, ONE_CALL)
        })
        .map_err(|error| self.trouble(&error))?;
        self.repeat("commit_transaction", || {
            self.producer.commit_transaction(ONE_CALL)
        })
        .map_err(|error| self.trouble(&error))
    }

    /// Wait until every record is delivered. The library's own flush looks every 100 ms only, which
    /// would be the length of every commit.
    fn flush(&self) -> Result<(), Trouble> {
        let deadline = Instant::now() + ALL_CALLS;
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(1));
            if Instant::now() >= deadline {
                return Err(Trouble::Abort("records were not delivered in time".into()));
            }
        }
        match self.producer.context().take() {
            None => Ok(()),
            Some((RDKafkaErrorCode::MessageSizeTooLarge, topic)) => {
                Err(Trouble::Fatal(too_large(&topic)))
            }
            Some((code, topic)) => Err(Trouble::Abort(format!("{topic}: {code}"))),
        }
    }

    /// End the transaction with nothing of it visible, and say why.
    fn give_up(&self, trouble: Trouble) -> Result<(), SinkError> {
        let why = match trouble {
            Trouble::Fatal(why) => {
                // For the readers' sake alone, who wait behind an open transaction; refused when fenced.
                let _ = self.watched("abort_transaction", || {
                    self.producer.abort_transaction(ONE_CALL)
                });
                return Err(SinkError::Fatal(why));
            }
            Trouble::Abort(why) => why,
        };
        match self.repeat("abort_transaction", || {
            self.producer.abort_transaction(ONE_CALL)
        }) {
            Ok(()) => Err(SinkError::Aborted(why)),
            Err(error) => Err(SinkError::Fatal(format!(
                "{why}; and it cannot be given up: {}",
                reason(&error)
            ))),
        }
    }

    fn watched<T>(&self, what: &str, call: impl FnOnce() -> T) -> T {
        let _call = self.watchdog.watch(what);
        call()
    }

    /// Again while that is what the error asks for. After a commit without an answer the outcome is
    /// unknown; asking again is how it is found out.
    fn repeat(&self, what: &str, call: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
        let deadline = Instant::now() + ALL_CALLS;
        loop {
            match self.watched(what, &call) {
                Err(error) if is_retriable(&error) && Instant::now() < deadline => {
                    tracing::warn!(call = what, error = reason(&error), "trying again");
                    self.producer.poll(PAUSE);
                }
                outcome => return outcome,
            }
        }
    }

    fn trouble(&self, error: &ClientError) -> Trouble {
        let why = reason(error);
        let fatal = self.producer.client().fatal_error();
        match fatal {
            Some((code, text)) => Trouble::Fatal(format!("{code}: {text}")),
            None if is_fatal(error) => Trouble::Fatal(why),
            None => Trouble::Abort(why),
        }
    }
}

impl From<SinkError> for Trouble {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Fatal(why) => Trouble::Fatal(why),
            SinkError::Aborted(why) => Trouble::Abort(why),
        }
    }
}

impl Deliveries {
    fn take(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: ClientError, reason: &str) {
        tracing::warn!(%error, reason, "kafka producer");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert_with(|| (code, message.topic().to_owned()));
        }
    }
}

fn code(error: &ClientError) -> Option<RDKafkaErrorCode> {
    match error {
        ClientError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    }
}

fn is_fatal(error: &ClientError) -> bool {
    let flagged = matches!(error, ClientError::Transaction(error) if error.is_fatal());
    let fencing = matches!(
        code(error),
        Some(
            RDKafkaErrorCode::Fatal
                | RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch
                | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
        )
    );
    flagged || fencing
}

fn is_retriable(error: &ClientError) -> bool {
    matches!(error, ClientError::Transaction(error)
        if error.is_retriable() && !error.is_fatal() && !error.txn_requires_abort())
}

fn too_large(topic: &str) -> String {
    format!(
        "a record is larger than the topic {topic} takes: raise its max.message.bytes (and \
         message_max_bytes in the settings, from which new topics get theirs)"
    )
}

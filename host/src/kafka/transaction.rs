//! One transaction after another: every transactional call, and what its errors mean.
//!
//! In: records and positions. Out: a transaction committed, or ended with nothing of it visible.
//! Never: a transaction left open, or a call that nobody watches.
//!
//! | what the library says | what is done |
//! |---|---|
//! | fenced (by code as well as by flag) | [`Trouble::Fatal`]: another process took this place |
//! | fatal in another way; neither a commit nor an abort ends | [`Trouble::Broken`]: a new producer in the same place ends it |
//! | must abort; a delivery failed; not a member; wrong generation | abort, then [`Trouble::Aborted`] |
//! | retriable, while initialising, committing or aborting | the same call again, with a bound |
//! | no answer while sending offsets | abort rather than repeat |
//! | a record is larger than its topic takes | [`Trouble::Fatal`], because it would come again for ever |

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::error::{KafkaError as ClientError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::deliveries::Deliveries;
use super::error::reason;
use super::group::Ticket;
use super::watchdog::Watchdog;
use super::{KafkaError, Settings, clients};

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

/// A producer of transactions.
pub(super) struct Transactions {
    producer: BaseProducer<Deliveries>,
    settings: Settings,
    place: String,
    watchdog: Arc<Watchdog>,
}

/// How a transaction failed. In each case nothing of it is visible, or will not be once the producer
/// is replaced.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is ended; the next may begin.
    Aborted(String),
    /// This producer can do no more; a new one in its place can.
    Broken(String),
    /// Nothing can follow in this process.
    Fatal(String),
}

impl Transactions {
    /// Take the place `place`: whoever held it before is fenced and its transaction ended.
    pub fn begin_as(
        settings: &Settings,
        place: &str,
        watchdog: Arc<Watchdog>,
    ) -> Result<Self, KafkaError> {
        let producer = clients::transactional(settings, place)?
            .create_with_context(Deliveries::default())
            .map_err(|error| KafkaError::client(&error))?;
        let (settings, place) = (settings.clone(), place.to_owned());
        let transactions = Transactions {
            producer,
            settings,
            place,
            watchdog,
        };
        let initialise = || transactions.producer.init_transactions(ONE_CALL);
        match transactions.repeat("init_transactions", initialise) {
            Ok(()) => Ok(transactions),
            Err(error) if is_retriable(&error) => {
                Err(KafkaError::unanswered("taking a producer's place", &error))
            }
            Err(error) => Err(KafkaError::Refused(reason(&error))),
        }
    }

    /// After [`Trouble::Broken`]: a new producer, which ends whatever this one left open.
    pub fn replace(&mut self) -> Result<(), KafkaError> {
        *self = Self::begin_as(&self.settings, &self.place, self.watchdog.clone())?;
        Ok(())
    }

    /// One transaction: what `fill` sends, and the positions.
    pub fn run(
        &self,
        positions: &TopicPartitionList,
        ticket: &Ticket,
        fill: impl FnOnce(&Self) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        self.producer.context().take();
        self.watched("begin_transaction", || self.producer.begin_transaction())
            .map_err(|error| self.trouble(&error))
            .or_else(|trouble| self.give_up(trouble))?;
        fill(self)
            .and_then(|()| self.finish(positions, ticket))
            .or_else(|trouble| self.give_up(trouble))
    }

    /// The topic that the last transaction failed for because it is not there.
    pub fn missing_topic(&self) -> Option<String> {
        self.producer.context().take_missing()
    }

    /// Send one record; waits while the producer's queue is full.
    pub fn send(&self, outgoing: Outgoing<'_>) -> Result<(), Trouble> {
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
                    return Err(Trouble::Fatal(too_large(outgoing.topic)));
                }
                Err((error, _)) => {
                    self.producer.context().refused(outgoing.topic, &error);
                    return Err(Trouble::Aborted(format!(
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
                return Err(Trouble::Aborted(
                    "records were not delivered in time".into(),
                ));
            }
        }
        match self.producer.context().take() {
            None => Ok(()),
            Some((RDKafkaErrorCode::MessageSizeTooLarge, topic)) => {
                Err(Trouble::Fatal(too_large(&topic)))
            }
            Some((code, topic)) => Err(Trouble::Aborted(format!("{topic}: {code}"))),
        }
    }

    /// End the transaction with nothing of it visible, and say why.
    fn give_up(&self, trouble: Trouble) -> Result<(), Trouble> {
        let Trouble::Aborted(why) = trouble else {
            // For the readers' sake alone, who wait behind an open transaction.
            let _ = self.watched("abort_transaction", || {
                self.producer.abort_transaction(ONE_CALL)
            });
            return Err(trouble);
        };
        let abort = || self.producer.abort_transaction(ONE_CALL);
        let Err(error) = self.repeat("abort_transaction", abort) else {
            return Err(Trouble::Aborted(why));
        };
        let why = format!("{why}; and it cannot be given up: {}", reason(&error));
        Err(if self.is_fenced(&error) {
            Trouble::Fatal(why)
        } else {
            Trouble::Broken(why)
        })
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
        let fatal = self.producer.client().fatal_error();
        let why = match &fatal {
            Some((code, text)) => format!("{code}: {text}"),
            None => reason(error),
        };
        if self.is_fenced(error) {
            Trouble::Fatal(why)
        } else if fatal.is_some() || is_fatal(error) {
            Trouble::Broken(why)
        } else {
            Trouble::Aborted(why)
        }
    }

    /// Did another process take this place? (The library says so as well of a transaction that timed
    /// out; then the process ends without need, and goes on where it was.)
    fn is_fenced(&self, error: &ClientError) -> bool {
        let fatal = self.producer.client().fatal_error().map(|(code, _)| code);
        [code(error), fatal].into_iter().flatten().any(is_fencing)
    }
}

fn code(error: &ClientError) -> Option<RDKafkaErrorCode> {
    match error {
        ClientError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    }
}

fn is_fencing(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::InvalidProducerEpoch
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
    )
}

fn is_fatal(error: &ClientError) -> bool {
    let flagged = matches!(error, ClientError::Transaction(error) if error.is_fatal());
    flagged || code(error) == Some(RDKafkaErrorCode::Fatal)
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

//! What became of the records of a transaction.
//!
//! In: the library's delivery reports, which run inside the producer's `poll`. Out: the first record that
//! could not be delivered, and a topic that is not there. Never: a decision.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError as ClientError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, ProducerContext};

/// Failed deliveries since they were last taken.
#[derive(Default)]
pub(super) struct Deliveries(Mutex<Failed>);

#[derive(Default)]
struct Failed {
    first: Option<(RDKafkaErrorCode, String)>,
    missing: Option<String>,
}

impl Deliveries {
    /// The first record that failed: why, and its topic.
    pub fn take(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.lock().first.take()
    }

    /// A topic that is not there.
    pub fn take_missing(&self) -> Option<String> {
        self.lock().missing.take()
    }

    /// A record for `topic` was not taken.
    pub fn refused(&self, topic: &str, error: &ClientError) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let mut failed = self.lock();
        if matches!(
            code,
            RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition
        ) {
            failed.missing = Some(topic.to_owned());
        }
        failed.first.get_or_insert_with(|| (code, topic.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, Failed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            self.refused(message.topic(), error);
        }
    }
}

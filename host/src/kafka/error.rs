//! What can go wrong with Kafka before and beside a delivery.
//!
//! In: errors of the client library. Out: one enum that says whether waiting helps. Never: the
//! errors of a delivery itself, which are [`crate::sink::SinkError`].

use rdkafka::error::KafkaError as ClientError;

/// Why something about Kafka could not be done.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// The settings are wrong; nothing was started.
    #[error("kafka settings: {0}")]
    Settings(String),
    /// No answer now; the same call may succeed later.
    #[error("kafka does not answer now: {0}")]
    Unreachable(String),
    /// The broker said no, and will say so again.
    #[error("kafka refuses: {0}")]
    Refused(String),
}

impl KafkaError {
    /// Does it help to wait and try again?
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, KafkaError::Unreachable(_))
    }

    /// The client could not be made: its settings are at fault.
    pub(super) fn client(error: &ClientError) -> Self {
        KafkaError::Settings(match error {
            ClientError::ClientConfig(_, why, key, value) if key != "sasl.password" => {
                format!("{why} ({key} = {value:?})")
            }
            ClientError::ClientConfig(_, why, key, _) => format!("{why} ({key})"),
            other => other.to_string(),
        })
    }

    /// A question to the broker went unanswered.
    pub(super) fn unanswered(asked: &str, error: &ClientError) -> Self {
        KafkaError::Unreachable(format!("{asked}: {}", reason(error)))
    }
}

/// The library's own words, without its wrapping.
pub(super) fn reason(error: &ClientError) -> String {
    match error {
        ClientError::Transaction(error) => error.string(),
        other => match other.rdkafka_error_code() {
            Some(code) => code.to_string(),
            None => other.to_string(),
        },
    }
}

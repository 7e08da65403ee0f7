//! What is wrong with settings, in words that say what to change. Pure.
//!
//! In: [`Settings`]. Out: the first thing that is wrong. Never: a connection.

use super::names::{is_legal_part, is_legal_topic};
use super::{KafkaError, Settings};

/// Properties that exactly-once delivery stands on, or that have a setting of their own.
const OURS: &[&str] = &[
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "partition.assignment.strategy",
    "isolation.level",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.commit.interval.ms",
    "auto.offset.reset",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "max.poll.interval.ms",
    "transactional.id",
    "transaction.timeout.ms",
    "enable.idempotence",
    "enable.gapless.guarantee",
    "acks",
    "request.required.acks",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "retries",
    "message.send.max.retries",
    "message.timeout.ms",
    "delivery.timeout.ms",
    "message.max.bytes",
    "fetch.message.max.bytes",
    "max.partition.fetch.bytes",
    "compression.codec",
    "compression.type",
    "security.protocol",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "sasl.password",
    "enable.partition.eof",
];

/// Largest packet that a fetch of the client library's default size can hold [bytes].
const LARGEST_MESSAGE: u32 = 50_000_000;

impl Settings {
    /// Say what is wrong, in the order of the settings.
    ///
    /// # Errors
    /// [`KafkaError::Settings`] with the setting's name and what to change.
    pub fn check(&self) -> Result<(), KafkaError> {
        self.validate_source()?;
        self.validate_security()?;
        self.validate_topics()?;
        self.validate_times()?;
        match self
            .properties
            .keys()
            .find(|key| OURS.contains(&key.as_str()))
        {
            Some(key) => wrong(format!(
                "properties: {key:?} is set by Skysieve itself, because delivery exactly once depends on \
                 it or because it has a setting of its own; remove it"
            )),
            None => Ok(()),
        }
    }

    fn validate_source(&self) -> Result<(), KafkaError> {
        let address = |part: &str| {
            part.rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if !self.brokers.split(',').all(|part| address(part.trim())) {
            return wrong(format!(
                "brokers = {:?}: write host:port, several with commas",
                self.brokers
            ));
        }
        if self.topics.is_empty() {
            return wrong(
                "topics is empty: name the topics to read, or a pattern such as \"^ztf_.*\"".into(),
            );
        }
        for topic in &self.topics {
            if let Some(pattern) = topic.strip_prefix('^') {
                regex_lite::Regex::new(pattern).map_err(|error| {
                    KafkaError::Settings(format!("topics: pattern {topic:?}: {error}"))
                })?;
            } else if !is_legal_topic(topic) {
                return wrong(format!(
                    "topics: {topic:?} is no topic name (letters, digits, '.', '_' and '-', at most 249); a \
                     pattern starts with ^"
                ));
            }
        }
        Ok(())
    }

    fn validate_security(&self) -> Result<(), KafkaError> {
        match self.security_protocol.as_str() {
            "plaintext" | "ssl" => match (&self.sasl_mechanism, &self.username) {
                (None, None) => Ok(()),
                _ => wrong(format!(
                    "security_protocol = {:?} takes no user: with sasl_mechanism and username write \
                     \"sasl_ssl\" or \"sasl_plaintext\"",
                    self.security_protocol
                )),
            },
            "sasl_plaintext" | "sasl_ssl" => match (self.sasl_mechanism.as_deref(), &self.username)
            {
                (Some("PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"), Some(_)) => Ok(()),
                (_, None) => wrong(format!(
                    "security_protocol = {:?} needs a username, and its password in the environment as {}",
                    self.security_protocol, self.password_variable
                )),
                _ => wrong("sasl_mechanism must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512".into()),
            },
            other => wrong(format!(
                "security_protocol = {other:?}: must be plaintext, ssl, sasl_plaintext or sasl_ssl"
            )),
        }
    }

    fn validate_topics(&self) -> Result<(), KafkaError> {
        if !(is_legal_part(&self.prefix) && self.prefix.len() <= 32) {
            return wrong(format!(
                "prefix = {:?}: use small letters, digits and '-', at most 32",
                self.prefix
            ));
        }
        if self.partitions == 0 || self.partitions > 1_000 {
            return wrong(format!(
                "partitions = {}: must lie between 1 and 1000",
                self.partitions
            ));
        }
        if self.replication == 0 || self.replication > 100 {
            return wrong(format!(
                "replication = {}: must lie between 1 and 100",
                self.replication
            ));
        }
        if self.retention_ms != -1 && self.retention_ms < 60_000 {
            return wrong(format!(
                "retention_ms = {}: must be at least a minute (60000), or -1 for ever",
                self.retention_ms
            ));
        }
        if !(1_000..=LARGEST_MESSAGE).contains(&self.message_max_bytes) {
            return wrong(format!(
                "message_max_bytes = {}: must lie between 1000 and {LARGEST_MESSAGE}",
                self.message_max_bytes
            ));
        }
        Ok(())
    }

    fn validate_times(&self) -> Result<(), KafkaError> {
        if !(1_000..=60_000).contains(&self.session_timeout_ms) {
            return wrong(format!(
                "session_timeout_ms = {}: must lie between 1000 and 60000",
                self.session_timeout_ms
            ));
        }
        if !(1_000..=60_000).contains(&self.transaction_timeout_ms) {
            return wrong(format!(
                "transaction_timeout_ms = {}: must lie between 1000 and 60000; a reader waits so long behind \
                 a worker that was killed",
                self.transaction_timeout_ms
            ));
        }
        Ok(())
    }
}

fn wrong(message: String) -> Result<(), KafkaError> {
    Err(KafkaError::Settings(message))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;

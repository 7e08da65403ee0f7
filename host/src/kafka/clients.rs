//! Settings to clients of the library.
//!
//! In: [`Settings`], and the password from the environment. Out: a configuration for each kind of
//! client. Never: a message.

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};

use super::{KafkaError, Settings};

/// Longest time that a worker may take between two looks at its consumer [ms]; a batch and a commit
/// fit many times over.
const MAX_POLL_INTERVAL_MS: u32 = 60_000;
/// How often the library says how far behind it is [ms].
const STATISTICS_MS: u32 = 2_000;
/// How soon a new nightly topic or a new partition is noticed [ms].
const METADATA_REFRESH_MS: u32 = 5_000;
/// A topic that is unknown for so long is missing [ms]; ours are waited for when they are made.
const UNKNOWN_TOPIC_MS: u32 = 3_000;
/// Room beside the payload for key and headers [bytes].
const HEADROOM: u32 = 1 << 20;

/// What every client needs: where, and as whom.
pub(super) fn base(settings: &Settings) -> Result<ClientConfig, KafkaError> {
    let mut config = ClientConfig::new();
    for (key, value) in &settings.properties {
        config.set(key, value);
    }
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("security.protocol", &settings.security_protocol)
        .set("client.id", "skysieve")
        .set("reconnect.backoff.max.ms", "1000")
        .set(
            "topic.metadata.refresh.interval.ms",
            METADATA_REFRESH_MS.to_string(),
        )
        .set_log_level(RDKafkaLogLevel::Warning);
    if let (Some(mechanism), Some(username)) = (&settings.sasl_mechanism, &settings.username) {
        let password = std::env::var(&settings.password_variable).map_err(|_| {
            KafkaError::Settings(format!(
                "the password of {username:?} is expected in the environment variable {}, which is not set",
                settings.password_variable
            ))
        })?;
        config
            .set("sasl.mechanisms", mechanism)
            .set("sasl.username", username)
            .set("sasl.password", password);
    }
    Ok(config)
}

/// A consumer that reads committed records and never commits by itself.
pub(super) fn reader(settings: &Settings) -> Result<ClientConfig, KafkaError> {
    let mut config = base(settings)?;
    config
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set(
            "fetch.message.max.bytes",
            settings.message_max_bytes.to_string(),
        )
        .set("fetch.wait.max.ms", "100")
        .set("check.crcs", "true");
    Ok(config)
}

/// A member of the group that shares a stream's partitions among workers.
pub(super) fn member(settings: &Settings, group: &str) -> Result<ClientConfig, KafkaError> {
    let mut config = reader(settings)?;
    config
        .set("group.id", group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("statistics.interval.ms", STATISTICS_MS.to_string())
        .set(
            "session.timeout.ms",
            settings.session_timeout_ms.to_string(),
        )
        .set(
            "heartbeat.interval.ms",
            (settings.session_timeout_ms / 6)
                .clamp(200, 1_000)
                .to_string(),
        )
        .set(
            "max.poll.interval.ms",
            MAX_POLL_INTERVAL_MS
                .max(settings.session_timeout_ms)
                .to_string(),
        );
    Ok(config)
}

/// A producer whose every record is part of a transaction.
pub(super) fn transactional(settings: &Settings, id: &str) -> Result<ClientConfig, KafkaError> {
    let mut config = writer(settings)?;
    config.set("transactional.id", id).set(
        "transaction.timeout.ms",
        settings.transaction_timeout_ms.to_string(),
    );
    Ok(config)
}

/// A producer that neither loses nor repeats a record while it lives.
pub(super) fn writer(settings: &Settings) -> Result<ClientConfig, KafkaError> {
    let mut config = base(settings)?;
    config
        .set("enable.idempotence", "true")
        .set("compression.type", settings.compression.name())
        .set(
            "message.max.bytes",
            (settings.message_max_bytes + HEADROOM).to_string(),
        )
        .set("queue.buffering.max.kbytes", (256 << 10).to_string())
        .set(
            "topic.metadata.propagation.max.ms",
            UNKNOWN_TOPIC_MS.to_string(),
        )
        .set("linger.ms", "2");
    Ok(config)
}

/// Greatest record that a topic of ours has to take [bytes].
pub(super) fn topic_message_bytes(settings: &Settings) -> u32 {
    settings.message_max_bytes + HEADROOM
}

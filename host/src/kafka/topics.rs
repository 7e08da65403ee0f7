//! Topics that we write to: made when missing.
//!
//! In: names. Out: topics that exist. Never: a change to a topic that is there already, or an end to one.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;

use super::names::{StreamTopics, is_legal_topic};
use super::{KafkaError, Settings, clients};

/// Longest wait for the broker to make a topic or describe one.
const BROKER_ANSWER: Duration = Duration::from_secs(20);
/// Pause between two looks for a new topic.
const LOOK: Duration = Duration::from_millis(20);
/// Segments of the positions topic are small, so that it is compacted soon and read fast [bytes].
const POSITIONS_SEGMENT_BYTES: &str = "16777216";

/// Makes topics.
pub(super) struct Topics {
    admin: AdminClient<DefaultClientContext>,
    settings: Settings,
}

impl Topics {
    pub(super) fn new(settings: &Settings) -> Result<Self, KafkaError> {
        let admin = clients::base(settings)?
            .create()
            .map_err(|error| KafkaError::client(&error))?;
        Ok(Topics {
            admin,
            settings: settings.clone(),
        })
    }

    /// The cluster's own id.
    pub(super) fn cluster_id(&self) -> Result<String, KafkaError> {
        self.admin
            .inner()
            .fetch_cluster_id(BROKER_ANSWER)
            .ok_or_else(|| {
                KafkaError::Unreachable(format!("no answer from {}", self.settings.brokers))
            })
    }

    /// All of a stream's own topics.
    pub(super) fn ensure_stream(&self, topics: &StreamTopics) -> Result<(), KafkaError> {
        let own = [
            &topics.dead_letters,
            &topics.failures,
            &topics.withheld,
            &topics.counts,
        ];
        for topic in own {
            self.ensure(topic)?;
        }
        let new = NewTopic::new(&topics.positions, 1, self.replication())
            .set("cleanup.policy", "compact")
            .set("segment.bytes", POSITIONS_SEGMENT_BYTES);
        self.create(&new, &topics.positions)
    }

    /// A topic with the settings' partitions, copies, retention and message size; one that is there
    /// already stays as it is.
    pub(super) fn ensure(&self, topic: &str) -> Result<(), KafkaError> {
        self.ensure_with(topic, self.settings.partitions)
    }

    /// The same with another number of partitions.
    pub(super) fn ensure_with(&self, topic: &str, partitions: u32) -> Result<(), KafkaError> {
        if !is_legal_topic(topic) {
            return Err(KafkaError::Settings(format!(
                "{topic:?} cannot be the name of a topic"
            )));
        }
        let retention_ms = self.settings.retention_ms.to_string();
        let message_bytes = clients::topic_message_bytes(&self.settings).to_string();
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        let new = NewTopic::new(topic, partitions, self.replication())
            .set("cleanup.policy", "delete")
            .set("retention.ms", &retention_ms)
            .set("max.message.bytes", &message_bytes);
        self.create(&new, topic)
    }

    /// Number of a topic's partitions; waits until a new topic shows them.
    pub(super) fn partitions(&self, topic: &str) -> Result<i32, KafkaError> {
        let deadline = Instant::now() + BROKER_ANSWER;
        loop {
            let metadata = self
                .admin
                .inner()
                .fetch_metadata(Some(topic), BROKER_ANSWER)
                .map_err(|error| KafkaError::unanswered("describing a topic", &error))?;
            let partitions = metadata
                .topics()
                .first()
                .map_or(0, |topic| topic.partitions().len());
            match i32::try_from(partitions) {
                Ok(partitions) if partitions > 0 => return Ok(partitions),
                _ if Instant::now() < deadline => std::thread::sleep(LOOK),
                _ => {
                    return Err(KafkaError::Unreachable(format!(
                        "{topic} shows no partitions"
                    )));
                }
            }
        }
    }

    fn replication(&self) -> TopicReplication<'static> {
        TopicReplication::Fixed(i32::from(self.settings.replication))
    }

    fn create(&self, new: &NewTopic<'_>, topic: &str) -> Result<(), KafkaError> {
        let options = AdminOptions::new()
            .request_timeout(Some(BROKER_ANSWER))
            .operation_timeout(Some(BROKER_ANSWER));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| KafkaError::Unreachable(error.to_string()))?;
        let answer = runtime
            .block_on(self.admin.create_topics([new], &options))
            .map_err(|error| KafkaError::unanswered("creating a topic", &error))?;
        for outcome in answer {
            match outcome {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) if passes(code) => {
                    return Err(KafkaError::Unreachable(format!(
                        "creating topic {topic}: {code}"
                    )));
                }
                Err((_, code)) => {
                    return Err(KafkaError::Refused(format!(
                        "topic {topic} cannot be made: {code} (see partitions, replication and \
                         message_max_bytes in the settings, and what the broker allows)"
                    )));
                }
            }
        }
        // A producer would take a topic that it does not see yet for one that is not there.
        self.partitions(topic).map(drop)
    }
}

fn passes(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::NotController
            | RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::LeaderNotAvailable
    )
}

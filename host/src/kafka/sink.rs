//! Deliveries to Kafka: each one transaction.
//!
//! In: a [`Delivery`] made from all packets that the source beside it gave since the last one. Out: outputs, dead letters,
//! failures, one count record, next positions as records, and the group's positions, all visible
//! at once or not at all. Never: a transaction that stays open after `commit` returns, or a
//! position of a partition that is not being read here now.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::{Offset, TopicPartitionList};

use super::group::{Group, Held, Reading};
use super::memory;
use super::names::StreamTopics;
use super::records::Writer;
use super::topics::Topics;
use super::transaction::{Outgoing, Transactions, Trouble};
use super::withheld::key;
use crate::delivery::Delivery;
use crate::sink::{Sink, SinkError};
use crate::source::Partition;

/// One worker's way out.
pub struct KafkaSink {
    pub(super) group: Arc<Group>,
    pub(super) group_name: String,
    pub(super) transactions: Transactions,
    pub(super) writer: Writer,
    pub(super) own: StreamTopics,
    pub(super) topics: Arc<Topics>,
    pub(super) counts_partition: i32,
}

impl Sink for KafkaSink {
    fn commit(&mut self, delivery: Delivery) -> Result<(), SinkError> {
        if delivery.positions.is_empty() {
            return Ok(());
        }
        self.check(&delivery.positions)?;
        let ticket = self.group.ticket().ok_or_else(|| {
            SinkError::Aborted("this worker is not a member of its consumer group now".into())
        })?;
        let positions = list(&delivery.positions)?;
        let outcome = self.transactions.run(&positions, &ticket, |transactions| {
            self.fill(transactions, &delivery)
        });
        let Err(trouble) = outcome else { return Ok(()) };
        if let Some(topic) = self.transactions.missing_topic() {
            self.make_again(&topic);
        }
        Err(self.recover(trouble))
    }
}

impl KafkaSink {
    /// All that the source gave since the last commit, and nothing else: other packets are another
    /// worker's or were committed before, and fewer would be lost.
    fn check(&self, positions: &BTreeMap<Partition, (i64, i64)>) -> Result<(), SinkError> {
        let given = self.group.with_held(|held| given(held));
        if given == *positions {
            return Ok(());
        }
        Err(SinkError::Aborted(format!(
            "the delivery holds {positions:?}, but what was given since the last commit is {given:?}"
        )))
    }

    /// Whatever failed is ended or the process has to be.
    fn recover(&mut self, trouble: Trouble) -> SinkError {
        match trouble {
            Trouble::Aborted(why) => SinkError::Aborted(why),
            Trouble::Fatal(why) => SinkError::Fatal(why),
            Trouble::Broken(why) => {
                tracing::warn!(why, "the producer can do no more; replacing it");
                match self.transactions.replace() {
                    Ok(()) => SinkError::Aborted(why),
                    Err(error) => {
                        SinkError::Fatal(format!("{why}; and it cannot be replaced: {error}"))
                    }
                }
            }
        }
    }

    /// A topic that someone removed would stop the stream for every filter.
    fn make_again(&self, topic: &str) {
        tracing::error!(topic, "a topic is gone; making it again");
        if let Err(error) = self.topics.ensure(topic) {
            tracing::error!(topic, %error, "it cannot be made");
        }
    }

    fn fill(&self, transactions: &Transactions, delivery: &Delivery) -> Result<(), Trouble> {
        for output in &delivery.outputs {
            let headers = Some(self.writer.output_headers(output));
            let (topic, key) = (output.destination.topic.as_str(), output.object_id.as_str());
            transactions.send(Outgoing {
                topic,
                partition: None,
                key,
                value: &output.payload,
                headers,
            })?;
        }
        for letter in &delivery.dead_letters {
            let key = source_key(&letter.packet.position.partition);
            transactions.send(Outgoing {
                topic: &self.own.dead_letters,
                partition: None,
                key: &key,
                value: &letter.packet.bytes,
                headers: Some(self.writer.dead_letter_headers(letter)),
            })?;
        }
        let failed = delivery
            .failures
            .iter()
            .map(|one| (one, &self.own.failures));
        let withheld = delivery
            .withheld
            .iter()
            .map(|one| (one, &self.own.withheld));
        for (failure, topic) in failed.chain(withheld) {
            let value = self.writer.failure(failure);
            let key = key(&failure.destination.owner, &failure.destination.filter);
            self.send_json(transactions, topic, None, &key, &value)?;
        }
        let lane = &self.writer.lane;
        let counts = self.writer.counts(delivery);
        self.send_json(
            transactions,
            &self.own.counts,
            Some(self.counts_partition),
            lane,
            &counts,
        )?;
        for (partition, (_, next)) in &delivery.positions {
            let key = memory::key(&self.group_name, partition);
            let to = Some(memory::PARTITION);
            self.send_json(
                transactions,
                &self.own.positions,
                to,
                &key,
                &next.to_string(),
            )?;
        }
        Ok(())
    }

    fn send_json(
        &self,
        transactions: &Transactions,
        topic: &str,
        partition: Option<i32>,
        key: &str,
        value: &str,
    ) -> Result<(), Trouble> {
        transactions.send(Outgoing {
            topic,
            partition,
            key,
            value: value.as_bytes(),
            headers: None,
        })
    }
}

/// First and next packet of every partition that gave any since its last commit.
fn given(held: &Held) -> BTreeMap<Partition, (i64, i64)> {
    let mut given = BTreeMap::new();
    for (topic, of_topic) in held {
        for (index, reading) in of_topic {
            if let Reading::On {
                first: Some(first),
                next,
            } = *reading
            {
                given.insert(
                    Partition {
                        topic: topic.clone(),
                        index: *index,
                    },
                    (first, next),
                );
            }
        }
    }
    given
}

fn source_key(partition: &Partition) -> String {
    format!("{}/{}", partition.topic, partition.index)
}

fn list(positions: &BTreeMap<Partition, (i64, i64)>) -> Result<TopicPartitionList, SinkError> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (Partition { topic, index }, (_, next)) in positions {
        list.add_partition_offset(topic, *index, Offset::Offset(*next))
            .map_err(|error| SinkError::Fatal(error.to_string()))?;
    }
    Ok(list)
}

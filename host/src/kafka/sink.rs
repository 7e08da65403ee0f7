//! Deliveries to Kafka: each one transaction.
//!
//! In: a [`Delivery`] made from packets that the source beside it gave. Out: outputs, dead letters,
//! failures, one count record, next positions as records, and the group's positions, all visible
//! at once or not at all. Never: a transaction that stays open after `commit` returns, or a
//! position of a partition that is not being read here now.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::{Offset, TopicPartitionList};

use super::group::{Group, Reading};
use super::memory;
use super::names::StreamTopics;
use super::records::Writer;
use super::transaction::{Outgoing, Transactions};
use crate::route::Delivery;
use crate::sink::{Sink, SinkError};
use crate::source::Partition;

/// One worker's way out.
pub struct KafkaSink {
    pub(super) group: Arc<Group>,
    pub(super) group_name: String,
    pub(super) transactions: Transactions,
    pub(super) writer: Writer,
    pub(super) topics: StreamTopics,
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
        self.transactions.run(&positions, &ticket, |transactions| {
            self.fill(transactions, &delivery)
        })
    }
}

impl KafkaSink {
    /// Only what is read here now, from the first packet given since the last commit on: anything else
    /// is another worker's, was committed before, or would leave packets out.
    fn check(&self, positions: &BTreeMap<Partition, (i64, i64)>) -> Result<(), SinkError> {
        self.group.with_held(|held| {
            for (Partition { topic, index }, &(from, to)) in positions {
                let reading = held.get(topic).and_then(|of_topic| of_topic.get(index));
                match reading {
                    Some(&Reading::On { committed, first, next })
                        if committed <= from && first.is_none_or(|first| first == from) && to <= next => {}
                    other => {
                        return Err(SinkError::Aborted(format!(
                            "packets {from}..{to} of {topic}/{index} are not this worker's to commit ({other:?})"
                        )));
                    }
                }
            }
            Ok(())
        })
    }

    fn fill(&self, transactions: &Transactions, delivery: &Delivery) -> Result<(), SinkError> {
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
                topic: &self.topics.dead_letters,
                partition: None,
                key: &key,
                value: &letter.packet.bytes,
                headers: Some(self.writer.dead_letter_headers(letter)),
            })?;
        }
        for failure in &delivery.failures {
            let value = self.writer.failure(failure);
            let key = format!(
                "{}/{}",
                failure.destination.owner, failure.destination.filter
            );
            self.send_json(transactions, &self.topics.failures, None, &key, &value)?;
        }
        let lane = &self.writer.lane;
        let counts = self.writer.counts(delivery);
        self.send_json(
            transactions,
            &self.topics.counts,
            Some(self.counts_partition),
            lane,
            &counts,
        )?;
        for (partition, (_, next)) in &delivery.positions {
            let key = memory::key(&self.group_name, partition);
            let to = Some(memory::PARTITION);
            self.send_json(
                transactions,
                &self.topics.positions,
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
    ) -> Result<(), SinkError> {
        transactions.send(Outgoing {
            topic,
            partition,
            key,
            value: value.as_bytes(),
            headers: None,
        })
    }
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

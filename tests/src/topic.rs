//! An independent reader of topics: what a scientist's own consumer would see.
//!
//! In: a broker, a topic. Out: every committed record, in order within each partition. Never: a
//! record of an open or aborted transaction, or one left out because it came before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::guarded::until;

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Key, as text.
    pub key: String,
    /// Value.
    pub value: Vec<u8>,
    /// Headers, as text.
    pub headers: BTreeMap<String, String>,
}

impl Record {
    /// Partition and offset of the alert that this one came from.
    ///
    /// # Errors
    /// Where its headers do not say.
    pub fn origin(&self) -> Result<(i32, i64)> {
        let header = |name: &str| self.headers.get(name).context("a header is missing");
        Ok((
            header("skysieve-partition")?.parse()?,
            header("skysieve-offset")?.parse()?,
        ))
    }
}

/// That all `total` alerts of the topic `source` came out in `topic`: each once, byte for byte.
///
/// # Errors
/// Where that is not so.
pub fn ensure_all_came(
    broker: &str,
    source: &str,
    topic: &str,
    total: u64,
    limit: Duration,
) -> Result<()> {
    let sent = read_all(broker, source, limit)?;
    let came = read_all(broker, topic, limit)?;
    let place = |record: &Record| (record.partition, record.offset);
    let bytes: BTreeMap<_, _> = sent
        .iter()
        .map(|record| (place(record), &record.value))
        .collect();
    ensure!(
        sent.len() as u64 == total,
        "{} of {total} were sent",
        sent.len()
    );
    let mut origins = BTreeSet::new();
    for record in &came {
        let origin = record.origin()?;
        ensure!(origins.insert(origin), "{origin:?} came twice");
        ensure!(
            bytes.get(&origin) == Some(&&record.value),
            "bytes of {origin:?}"
        );
        ensure!(record.headers["skysieve-topic"] == source, "{origin:?}");
    }
    ensure!(came.len() == sent.len(), "{} came of {total}", came.len());
    Ok(())
}

/// Every record of a topic up to its end at this moment, committed ones alone.
///
/// # Errors
/// When the broker does not answer, or the end is not reached within `limit` (a transaction that
/// stays open holds readers back).
pub fn read_all(broker: &str, topic: &str, limit: Duration) -> Result<Vec<Record>> {
    let consumer = consumer(broker, "read_committed")?;
    let list = wait_for_open_transactions(broker, &consumer, topic, limit)?;
    let mut open: BTreeSet<i32> = list
        .elements()
        .iter()
        .map(TopicPartitionListElem::partition)
        .collect();
    consumer.assign(&list)?;
    let deadline = Instant::now() + limit;
    let mut records = Vec::new();
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => records.push(record(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
        if Instant::now() > deadline {
            bail!(
                "{topic}: the end was not reached, {open:?} are open after {} records",
                records.len()
            );
        }
    }
    Ok(records)
}

fn consumer(broker: &str, isolation: &str) -> Result<BaseConsumer> {
    Ok(ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("group.id", "skysieve-tests-reader")
        .set("isolation.level", isolation)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("fetch.message.max.bytes", "20000000")
        .create()?)
}

/// What holds anything, from its beginning, once nothing written until now is undecided.
fn wait_for_open_transactions(
    broker: &str,
    committed: &BaseConsumer,
    topic: &str,
    limit: Duration,
) -> Result<TopicPartitionList> {
    let whole = consumer(broker, "read_uncommitted")?;
    let metadata = whole.fetch_metadata(Some(topic), limit)?;
    let mut list = TopicPartitionList::new();
    for partition in metadata
        .topics()
        .iter()
        .flat_map(|topic| topic.partitions())
    {
        let (low, high) = whole.fetch_watermarks(topic, partition.id(), limit)?;
        if high > low {
            until(
                limit,
                &format!("the end of a transaction in {topic}"),
                || {
                    let (_, stable) = committed.fetch_watermarks(topic, partition.id(), limit)?;
                    Ok((stable >= high).then_some(()))
                },
            )?;
            list.add_partition_offset(topic, partition.id(), Offset::Offset(low))?;
        }
    }
    Ok(list)
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let text =
        |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = message
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter());
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key()),
        value: message.payload().unwrap_or_default().to_vec(),
        headers: headers
            .map(|header| (header.key.to_owned(), text(header.value)))
            .collect(),
    }
}

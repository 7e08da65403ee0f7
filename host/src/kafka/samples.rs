//! The last few packets of a stream's topics, for checks and trials at upload.
//!
//! In: the topics of the settings. Out: some of their newest packets. Never: a group, a commit, or a
//! wait beyond the time given.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::{KafkaError, Settings, clients};

/// At most this many of the newest topics are looked at (a pattern may match years of nights).
const MOST_TOPICS: usize = 8;

/// About the `wanted` newest packets; fewer when there are not so many or time runs out.
pub(super) fn read(
    settings: &Settings,
    wanted: usize,
    timeout: Duration,
) -> Result<Vec<Arc<[u8]>>, KafkaError> {
    let deadline = Instant::now() + timeout;
    let consumer: BaseConsumer = clients::reader(settings)?
        .set("group.id", "skysieve.samples.unused")
        .set("auto.offset.reset", "latest")
        .set("enable.partition.eof", "true")
        .create()
        .map_err(|error| KafkaError::client(&error))?;
    let asked = "looking for sample packets";
    let metadata = consumer
        .fetch_metadata(None, timeout)
        .map_err(|error| KafkaError::unanswered(asked, &error))?;
    let partitions = partitions(settings, &metadata);
    let tails = tails(&consumer, &partitions, wanted, deadline)?;
    let mut open = tails.count();
    consumer
        .assign(&tails)
        .map_err(|error| KafkaError::unanswered(asked, &error))?;
    let mut packets = Vec::new();
    while packets.len() < wanted && open > 0 && Instant::now() < deadline {
        match consumer.poll(
            deadline
                .saturating_duration_since(Instant::now())
                .min(Duration::from_millis(100)),
        ) {
            Some(Ok(message)) => packets.extend(message.payload().map(Into::into)),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => return Err(KafkaError::unanswered(asked, &error)),
            None => {}
        }
    }
    Ok(packets)
}

pub(super) fn partitions(settings: &Settings, metadata: &Metadata) -> Vec<(String, i32)> {
    let topics: BTreeSet<&str> = metadata.topics().iter().map(|topic| topic.name()).collect();
    let wanted: Vec<&str> = topics
        .into_iter()
        .rev()
        .filter(|topic| is_wanted(settings, topic))
        .take(MOST_TOPICS)
        .collect();
    let of_topic = metadata
        .topics()
        .iter()
        .filter(|topic| wanted.contains(&topic.name()));
    of_topic
        .flat_map(|topic| {
            topic
                .partitions()
                .iter()
                .map(|partition| (topic.name().to_owned(), partition.id()))
        })
        .collect()
}

pub(super) fn is_wanted(settings: &Settings, topic: &str) -> bool {
    settings
        .topics
        .iter()
        .any(|wanted| match wanted.strip_prefix('^') {
            Some(_) => regex_lite::Regex::new(wanted).is_ok_and(|pattern| pattern.is_match(topic)),
            None => wanted == topic,
        })
}

/// The same share of every partition that holds anything, or all it has.
fn tails(
    consumer: &BaseConsumer,
    partitions: &[(String, i32)],
    wanted: usize,
    deadline: Instant,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    let share = i64::try_from(wanted.div_ceil(partitions.len().max(1)).max(1)).unwrap_or(i64::MAX);
    for (topic, index) in partitions {
        let left = deadline.saturating_duration_since(Instant::now());
        let (low, high) = consumer
            .fetch_watermarks(topic, *index, left)
            .map_err(|error| KafkaError::unanswered("looking for sample packets", &error))?;
        if high > low {
            list.add_partition_offset(topic, *index, Offset::Offset(low.max(high - share)))
                .map_err(|error| KafkaError::unanswered("looking for sample packets", &error))?;
        }
    }
    Ok(list)
}

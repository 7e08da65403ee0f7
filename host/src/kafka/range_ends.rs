//! Where a range of the broker's time begins and ends in each partition of the source topics.
//!
//! In: a range of time. Out: stretches of offsets, empty ones left out. Never: a packet.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::Metadata;
use rdkafka::{Offset, TopicPartitionList};

use super::samples::is_wanted;
use super::{KafkaError, Settings};
use crate::source::place::Stretch;

/// Longest time for all questions together.
const ANSWERS: Duration = Duration::from_secs(60);
/// Most partitions of one range; the place of each is saved again and again.
const MOST_PARTITIONS: usize = 1_024;
const ASKED: &str = "looking for a range of time";

/// A range of the broker's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// The first instant [ms since the Unix epoch]; without it the oldest packet that is kept.
    pub since_ms: Option<i64>,
    /// The first instant that no longer belongs to it; without it what is there now.
    pub until_ms: Option<i64>,
}

/// The stretches, by topic and partition.
pub(super) fn find(
    consumer: &BaseConsumer,
    settings: &Settings,
    range: Range,
) -> Result<Vec<Stretch>, KafkaError> {
    let deadline = Instant::now() + ANSWERS;
    let left = || deadline.saturating_duration_since(Instant::now());
    let metadata = consumer
        .fetch_metadata(None, left())
        .map_err(|error| KafkaError::unanswered(ASKED, &error))?;
    let mut stretches = Vec::new();
    for (topic, partition) in partitions(settings, &metadata) {
        let (first, end) = consumer
            .fetch_watermarks(&topic, partition, left())
            .map_err(|error| KafkaError::unanswered(ASKED, &error))?;
        stretches.push(Stretch {
            topic,
            partition,
            first,
            next: first,
            end,
        });
    }
    stretches.retain(|one| one.first < one.end);
    if let Some(until_ms) = range.until_ms {
        for (one, at) in at_time(consumer, &mut stretches, until_ms, left())? {
            one.end = at.map_or(one.end, |at| at.min(one.end));
        }
    }
    if let Some(since_ms) = range.since_ms {
        for (one, at) in at_time(consumer, &mut stretches, since_ms, left())? {
            one.first = at.map_or(one.end, |at| at.max(one.first));
            one.next = one.first;
        }
    }
    stretches.retain(|one| one.first < one.end);
    if stretches.len() > MOST_PARTITIONS {
        return Err(KafkaError::Refused(format!(
            "the range covers {} partitions, at most {MOST_PARTITIONS} can be read at once; choose a shorter one",
            stretches.len()
        )));
    }
    Ok(stretches)
}

fn partitions(settings: &Settings, metadata: &Metadata) -> Vec<(String, i32)> {
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| is_wanted(settings, topic.name()));
    let mut partitions: Vec<_> = topics
        .flat_map(|topic| {
            let ids = topic.partitions().iter().map(|partition| partition.id());
            ids.map(|id| (topic.name().to_owned(), id))
        })
        .collect();
    partitions.sort_unstable();
    partitions
}

/// Each stretch with the first offset at or after an instant; none where all packets are older.
fn at_time<'a>(
    consumer: &BaseConsumer,
    stretches: &'a mut [Stretch],
    time_ms: i64,
    left: Duration,
) -> Result<Vec<(&'a mut Stretch, Option<i64>)>, KafkaError> {
    let unanswered = |error| KafkaError::unanswered(ASKED, &error);
    let mut list = TopicPartitionList::new();
    for one in &*stretches {
        list.add_partition_offset(&one.topic, one.partition, Offset::Offset(time_ms))
            .map_err(unanswered)?;
    }
    if stretches.is_empty() {
        return Ok(Vec::new());
    }
    let found = consumer.offsets_for_times(list, left).map_err(unanswered)?;
    let found = found.to_topic_map();
    let mut answers = Vec::with_capacity(stretches.len());
    for one in stretches {
        let at = match found.get(&(one.topic.clone(), one.partition)) {
            Some(Offset::Offset(at)) => Some(*at),
            Some(Offset::End) => None,
            other => {
                let text = format!("{ASKED}: {} answered {other:?}", one.topic);
                return Err(KafkaError::Unreachable(text));
            }
        };
        answers.push((one, at));
    }
    Ok(answers)
}

//! A worker's membership in its consumer group, shared by its source and its sink.
//!
//! In: the library's rebalance callbacks, which run inside `poll` on the worker's own thread. Out:
//! which partitions are held, how often that changed, and the [`Ticket`] to commit with. Never: a
//! decision, or a wait.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::bindings;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

use super::watchdog::Watchdog;
use super::{KafkaError, Settings, clients};
use crate::source::Partition;

/// The membership that a broker checks a commit against: generation and member, both real.
pub(super) struct Ticket {
    /// As the library hands it on.
    pub metadata: ConsumerGroupMetadata,
    /// For logs.
    pub generation: i32,
}

/// What a held partition is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Paused: its committed position has to be read first.
    Pending,
    /// Being read: `first` is the first packet given since the last commit, `next` the next one to give.
    On { first: Option<i64>, next: i64 },
    /// Its committed position is gone from the broker; someone has to decide.
    Stopped,
}

/// Held partitions by topic and number.
pub(super) type Held = BTreeMap<Arc<str>, BTreeMap<i32, Reading>>;

/// Callback side of a membership.
#[derive(Default)]
pub(super) struct Membership {
    changes: AtomicU64,
    behind: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Held,
    ticket: Option<Arc<Ticket>>,
}

/// A consumer and its membership.
pub(super) struct Group {
    consumer: Option<BaseConsumer<Membership>>,
    watchdog: Arc<Watchdog>,
}

impl Group {
    /// Join and subscribe; partitions come later, through `poll`.
    pub fn join(
        settings: &Settings,
        group: &str,
        watchdog: Arc<Watchdog>,
    ) -> Result<Self, KafkaError> {
        let consumer: BaseConsumer<Membership> = clients::member(settings, group)?
            .create_with_context(Membership::default())
            .map_err(|error| KafkaError::client(&error))?;
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        consumer
            .subscribe(&topics)
            .map_err(|error| KafkaError::Refused(error.to_string()))?;
        Ok(Group {
            consumer: Some(consumer),
            watchdog,
        })
    }

    /// The consumer itself.
    pub fn consumer(&self) -> &BaseConsumer<Membership> {
        self.consumer
            .as_ref()
            .expect("the consumer is taken on drop alone")
    }

    /// Who looks on while it does not return.
    pub fn watchdog(&self) -> &Watchdog {
        &self.watchdog
    }

    /// How often partitions came or went.
    pub fn changes(&self) -> u64 {
        self.consumer().context().changes.load(Ordering::Acquire)
    }

    /// Records that wait in the held partitions, as of the last statistics.
    pub fn behind(&self) -> u64 {
        self.consumer().context().behind.load(Ordering::Relaxed)
    }

    /// The membership of the last assignment, where there is one.
    pub fn ticket(&self) -> Option<Arc<Ticket>> {
        self.consumer().context().lock().ticket.clone()
    }

    /// Look at or change what is held.
    pub fn with_held<R>(&self, look: impl FnOnce(&mut Held) -> R) -> R {
        look(&mut self.consumer().context().lock().held)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _call = self.watchdog.watch("leaving the consumer group");
        drop(self.consumer.take());
    }
}

impl Membership {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// New partitions begin paused, at the end of their log so that nothing is fetched in vain,
    /// and pending.
    fn assigned(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) {
        let outcome = list
            .set_all_offsets(Offset::End)
            .and_then(|()| consumer.incremental_assign(list))
            .and_then(|()| consumer.pause(list));
        if let Err(error) = outcome {
            tracing::error!(%error, "assigned partitions cannot be taken");
        }
        let mut state = self.lock();
        for Partition { topic, index } in partitions(list) {
            state
                .held
                .entry(topic)
                .or_default()
                .insert(index, Reading::Pending);
        }
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) {
        if let Err(error) = consumer.incremental_unassign(list) {
            tracing::error!(%error, "revoked partitions cannot be given back");
        }
        let mut state = self.lock();
        for Partition { topic, index } in partitions(list) {
            if let Some(of_topic) = state.held.get_mut(&topic) {
                of_topic.remove(&index);
            }
        }
        state.held.retain(|_, of_topic| !of_topic.is_empty());
    }
}

impl ClientContext for Membership {
    fn error(&self, error: ClientError, reason: &str) {
        tracing::warn!(%error, reason, "kafka consumer");
    }

    fn stats(&self, statistics: Statistics) {
        let topics = statistics.topics.values();
        let partitions = topics.flat_map(|topic| topic.partitions.values());
        let behind = partitions.map(|one| {
            // What was given last, or, before the first, what is fetched next; negative where neither is.
            let next = one.app_offset.max(one.next_offset.min(one.ls_offset));
            let waiting = one.ls_offset.saturating_sub(next);
            u64::try_from(waiting).unwrap_or(0) * u64::from(next >= 0)
        });
        self.behind.store(behind.sum(), Ordering::Relaxed);
    }
}

impl ConsumerContext for Membership {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let lost = consumer.assignment_lost();
        if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assigned(consumer, list);
        } else {
            self.revoked(consumer, list);
        }
        let ticket = ticket(consumer).map(Arc::new);
        tracing::info!(
            assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS,
            lost,
            partitions = list.count(),
            generation = ticket.as_ref().map(|ticket| ticket.generation),
            "rebalance"
        );
        self.lock().ticket = ticket;
        self.changes.fetch_add(1, Ordering::Release);
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    let one = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| Partition {
        topic: element.topic().into(),
        index: element.partition(),
    };
    list.elements().iter().map(one).collect()
}

/// The membership now, or none: between a lost membership and the next one the library hands out
/// metadata without a member, and a broker would accept a commit with it from anybody. What it hands
/// out cannot be looked into, so it is taken between two looks that must agree.
fn ticket(consumer: &BaseConsumer<Membership>) -> Option<Ticket> {
    let before = look(consumer)?;
    let metadata = consumer.group_metadata()?;
    let after = look(consumer)?;
    (before == after).then_some(Ticket {
        metadata,
        generation: after.0,
    })
}

/// Generation and member id, when this consumer is a member.
#[allow(unsafe_code)]
fn look(consumer: &BaseConsumer<Membership>) -> Option<(i32, String)> {
    // SAFETY: the client outlives this call; the metadata is a copy of our own, destroyed once, and
    // its text is copied before that.
    let (generation, member) = unsafe {
        let metadata = bindings::rd_kafka_consumer_group_metadata(consumer.client().native_ptr());
        if metadata.is_null() {
            return None;
        }
        let generation = bindings::rd_kafka_consumer_group_metadata_generation_id(metadata);
        let member = CStr::from_ptr(bindings::rd_kafka_consumer_group_metadata_member_id(
            metadata,
        ));
        let member = member.to_string_lossy().into_owned();
        bindings::rd_kafka_consumer_group_metadata_destroy(metadata);
        (generation, member)
    };
    (generation >= 0 && !member.is_empty()).then_some((generation, member))
}

//! One stream's lane on one cluster: what the host opens once and takes workers from.
//!
//! In: settings, names. Out: sources and sinks, the count log, samples, topics. Never: a thread of
//! work; each worker is its caller's.

use std::sync::Arc;

use super::count_log::KafkaCountLog;
use super::group::Group;
use super::memory::PositionMemory;
use super::names::StreamTopics;
use super::records::Writer;
use super::results::KafkaResults;
use super::settle::{Kept, Settler};
use super::sink::KafkaSink;
use super::source::KafkaSource;
use super::topics::Topics;
use super::transaction::Transactions;
use super::watchdog::{Observer, Watchdog};
use super::withheld::Records;
use super::{KafkaError, Settings};
use crate::results::{Begin, Reader, Results, ResultsError, Withholder};

/// A stream's lane on a Kafka cluster. Cheap to clone; every call blocks, none for ever.
#[derive(Clone)]
pub struct KafkaStream(Arc<Inner>);

struct Inner {
    settings: Settings,
    stream: String,
    lane: String,
    cluster: String,
    instance: String,
    own: StreamTopics,
    counts_partitions: i32,
    topics: Arc<Topics>,
    watchdog: Arc<Watchdog>,
}

impl KafkaStream {
    /// Check the settings, find the cluster and make the stream's own topics.
    ///
    /// # Errors
    /// [`KafkaError::Unreachable`] when waiting may help, another when it cannot.
    pub fn open(settings: &Settings, stream: &str, lane: &str) -> Result<Self, KafkaError> {
        Self::open_observed(settings, stream, lane, None)
    }

    /// The same, with someone who is told of each blocking call before it begins.
    ///
    /// # Errors
    /// As for [`KafkaStream::open`].
    pub fn open_observed(
        settings: &Settings,
        stream: &str,
        lane: &str,
        observer: Option<Observer>,
    ) -> Result<Self, KafkaError> {
        settings.check()?;
        let own = StreamTopics::new(&settings.prefix, stream)?;
        StreamTopics::new(&settings.prefix, lane)?;
        let topics = Arc::new(Topics::new(settings)?);
        let cluster_id = topics.cluster_id()?;
        topics.ensure_stream(&own)?;
        Ok(KafkaStream(Arc::new(Inner {
            stream: stream.into(),
            lane: lane.into(),
            cluster: settings.cluster.clone().unwrap_or(cluster_id),
            instance: settings.instance.clone().unwrap_or_else(machine),
            counts_partitions: topics.partitions(&own.counts)?,
            own,
            topics,
            watchdog: Arc::new(Watchdog::ending_the_process(observer)),
            settings: settings.clone(),
        })))
    }

    /// Source and sink of the worker with this number; they belong to one thread. Another process
    /// that holds the same place (stream, lane, instance, number) is fenced.
    ///
    /// # Errors
    /// As for [`KafkaStream::open`].
    pub fn worker(&self, number: usize) -> Result<(KafkaSource, KafkaSink), KafkaError> {
        let Inner {
            settings,
            stream,
            lane,
            instance,
            own,
            watchdog,
            ..
        } = &*self.0;
        let place = format!("{}.{stream}.{lane}.{instance}.{number}", settings.prefix);
        let transactions = Transactions::begin_as(settings, &place, watchdog.clone())?;
        let group_name = settings.group(stream, lane);
        let group = Arc::new(Group::join(settings, &group_name, watchdog.clone())?);
        let memory =
            PositionMemory::new(settings.clone(), own.positions.clone(), group_name.clone());
        let kept = Kept::Group(Box::new(memory));
        let settler = Settler::new(group.clone(), kept, settings.start, settings.out_of_range);
        let partitions = usize::try_from(self.0.counts_partitions).unwrap_or(1);
        let sink = KafkaSink {
            group: group.clone(),
            group_name,
            transactions,
            writer: Writer {
                stream: stream.clone(),
                lane: lane.clone(),
                cluster: self.0.cluster.clone(),
                worker: number,
            },
            own: own.clone(),
            topics: self.0.topics.clone(),
            counts_partition: i32::try_from(number % partitions).unwrap_or(0),
        };
        let largest = usize::try_from(settings.message_max_bytes).unwrap_or(usize::MAX);
        Ok((KafkaSource::new(group, settler, largest), sink))
    }

    /// Make a filter's output topic, when it is activated; one that is there stays as it is.
    ///
    /// # Errors
    /// As for [`KafkaStream::open`].
    pub fn ensure_topic(&self, topic: &str) -> Result<(), KafkaError> {
        self.0.topics.ensure(topic)
    }

    /// The counts of all workers, for the registry to fold in.
    ///
    /// # Errors
    /// When a client cannot be made.
    pub fn count_log(&self) -> Result<KafkaCountLog, KafkaError> {
        KafkaCountLog::new(&self.0.settings, &self.0.cluster, &self.0.own.counts)
    }

    /// Names of the stream's own topics.
    #[must_use]
    pub fn own_topics(&self) -> &StreamTopics {
        &self.0.own
    }

    /// Name of the cluster, as headers carry it.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.0.cluster
    }
}

impl Results for KafkaStream {
    fn open(&self, topic: &str, begin: &Begin) -> Result<Box<dyn Reader>, ResultsError> {
        let reader = KafkaResults::open(&self.0.settings, topic, begin, None)?;
        Ok(Box::new(reader))
    }

    fn open_withheld(
        &self,
        of: &Withholder,
        begin: &Begin,
    ) -> Result<Box<dyn Reader>, ResultsError> {
        let (topic, records) = (&self.0.own.withheld, Some(Records::of(of)));
        let reader = KafkaResults::open(&self.0.settings, topic, begin, records)?;
        Ok(Box::new(reader))
    }
}

/// The machine's name.
fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        "localhost".into()
    } else {
        name.into()
    }
}

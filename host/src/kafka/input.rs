//! A stream's topics on a cluster where we may only read: results and positions go elsewhere.
//!
//! In: settings, the positions that were committed beside the outputs. Out: sources, samples, a lookback.
//! Never: anything written to the cluster, not even the group's position.

use std::sync::Arc;
use std::time::Duration;

use super::group::Group;
use super::lookback::KafkaLookback;
use super::settle::{Kept, Settler};
use super::source::KafkaSource;
use super::topics::Topics;
use super::watchdog::Watchdog;
use super::{KafkaError, Settings, samples};
use crate::source::archive::Progress;

/// A stream's lane on a cluster that is only read.
pub struct KafkaInput {
    settings: Settings,
    group: String,
    watchdog: Arc<Watchdog>,
}

impl KafkaInput {
    /// Check the settings and find the cluster.
    ///
    /// # Errors
    /// [`KafkaError::Unreachable`] when waiting may help, another when it cannot.
    pub fn open(settings: &Settings, stream: &str, lane: &str) -> Result<Self, KafkaError> {
        settings.check()?;
        Topics::new(settings)?.cluster_id()?;
        Ok(Self {
            group: settings.group(stream, lane),
            watchdog: Arc::new(Watchdog::ending_the_process(None)),
            settings: settings.clone(),
        })
    }

    /// The source of one worker, which belongs to one thread. Workers of a process share the partitions
    /// and `progress`.
    ///
    /// # Errors
    /// As for [`KafkaInput::open`].
    pub fn worker(&self, progress: Progress) -> Result<KafkaSource, KafkaError> {
        let settings = &self.settings;
        let group = Group::join(settings, &self.group, self.watchdog.clone())?;
        let group = Arc::new(group);
        let kept = Kept::Beside(progress);
        let settler = Settler::new(group.clone(), kept, settings.start, settings.out_of_range);
        let largest = usize::try_from(settings.message_max_bytes).unwrap_or(usize::MAX);
        Ok(KafkaSource::new(group, settler, largest))
    }

    /// The recent past of the topics.
    #[must_use]
    pub fn lookback(settings: &Settings) -> KafkaLookback {
        KafkaLookback::new(settings)
    }

    /// About the `wanted` newest packets of the topics.
    ///
    /// # Errors
    /// When the broker does not answer within `timeout`.
    pub fn samples(
        settings: &Settings,
        wanted: usize,
        timeout: Duration,
    ) -> Result<Vec<Arc<[u8]>>, KafkaError> {
        samples::read(settings, wanted, timeout)
    }
}

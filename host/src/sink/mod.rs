//! Where a [`Delivery`] goes: the one verb every sink has.
//!
//! In: deliveries. Out: durable outputs, dead letters, failures, counts and positions, all or none.
//! Never: evaluation, or a position ahead of its outputs.

pub mod archive;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::delivery::{CountKey, Counts, Delivery};

/// Makes deliveries durable, each whole or not at all, each once.
pub trait Sink {
    /// Commit everything in `delivery`, positions included. An error means that nothing of it is
    /// visible to a reader; the worker then reads again from the committed positions.
    ///
    /// # Errors
    /// When it cannot be made durable.
    fn commit(&mut self, delivery: Delivery) -> Result<(), SinkError>;
}

/// Why a delivery was not committed.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Nothing was committed: read again from the committed positions.
    #[error("the delivery was given up, nothing of it is visible: {0}")]
    Aborted(String),
    /// The process has to start again: another worker took this one's place, or the state is unknown.
    #[error("this worker cannot go on: {0}")]
    Fatal(String),
}

/// What one commit counted, as read back from a sink's durable log of counts.
#[derive(Debug, Clone, PartialEq)]
pub struct CountRecord {
    /// Which log: unique for a journal file or a counts partition.
    pub log: String,
    /// Strictly rising within its log.
    pub sequence: i64,
    /// The counts.
    pub counts: BTreeMap<CountKey, Counts>,
}

/// Reads back the counts that travelled with the outputs; the registry folds them in, each once.
pub trait CountLog: Send {
    /// Start after these sequences (by log); a log not named starts at its beginning.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn start_after(&mut self, folded: &BTreeMap<String, i64>) -> Result<(), SinkError>;

    /// Committed records that were not given yet, at most 1,000; waits at most `wait`.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn read(&mut self, wait: Duration) -> Result<Vec<CountRecord>, SinkError>;
}

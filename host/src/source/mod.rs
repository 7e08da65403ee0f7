//! Where alerts come from: the words every source and the worker share.
//!
//! In: whatever a source reads. Out: micro-batches of [`Alert`]s, each with its [`Position`].
//! Never: decoding.

pub mod archive;
pub mod lookback;
pub mod place;
pub mod schema_folder;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One ordered part of a source: a topic's partition, or one file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// Topic name; in an archive the file's path relative to the archive, `/`-separated.
    pub topic: Arc<str>,
    /// Partition number; 0 in an archive.
    pub index: i32,
}

/// Where in its partition an alert packet stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// The partition.
    pub partition: Partition,
    /// Kafka offset; in an archive the number of the packet within its file, from 0.
    pub offset: i64,
}

/// One packet as it was sent.
#[derive(Debug, Clone)]
pub struct Packet {
    /// The bytes, never changed.
    pub bytes: Arc<[u8]>,
    /// Where it stood.
    pub position: Position,
    /// The broker's timestamp, milliseconds since the Unix epoch, where there is one.
    pub timestamp_ms: Option<i64>,
    /// Why the source could not read it whole: torn, over a bound, without a payload. `bytes` is
    /// then what there is of it; it is never decoded but becomes a dead letter with this reason.
    pub damage: Option<Arc<str>>,
}

/// Bounds of one micro-batch: it ends at the first of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchLimits {
    /// Greatest number of packets.
    pub rows: usize,
    /// Greatest number of bytes (one packet may exceed it alone).
    pub bytes: usize,
    /// Longest time between the first packet and the end of the batch.
    pub age: Duration,
}

/// What one look at a source gave.
#[derive(Debug)]
pub enum Polled {
    /// A micro-batch; empty when nothing came within the age.
    Packets(Vec<Packet>),
    /// Partitions came or went: what is pending is void, the source reads on from committed positions.
    Rebalanced,
    /// A finite source has been read to its end.
    End,
}

/// Gives packets in order within each partition, from the committed positions on.
pub trait Source {
    /// The next micro-batch; waits at most `limits.age`.
    ///
    /// # Errors
    /// When the source cannot be read now ([`SourceError::Retry`]) or ever again ([`SourceError::Fatal`]).
    fn poll(&mut self, limits: &BatchLimits) -> Result<Polled, SourceError>;

    /// Read again from the committed positions, after a commit was given up.
    ///
    /// # Errors
    /// As for `poll`.
    fn rewind(&mut self) -> Result<(), SourceError>;

    /// Told after every commit: partition, first offset and the next one to read. A source whose
    /// positions are kept by its broker has nothing to do.
    fn committed(&mut self, _positions: &BTreeMap<Partition, (i64, i64)>) {}

    /// How many packets wait to be read, where the source knows; as of a few seconds ago.
    fn behind(&self) -> Option<u64> {
        None
    }
}

/// Why a source gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Passing trouble; the worker waits and polls again.
    #[error("the source does not answer now: {0}")]
    Retry(String),
    /// The worker has to start again.
    #[error("the source cannot be read: {0}")]
    Fatal(String),
}

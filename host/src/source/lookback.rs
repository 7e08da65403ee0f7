//! The recent past of a source: a packet by its position, or the last ones, read backwards.
//!
//! In: a position, or how far back. Out: packets as they were sent. Never: a position of a consumer
//! group moved, or a read without an end.

use std::collections::HashMap;
use std::time::Instant;

use super::{Packet, Position, SourceError};

/// Looks into what a source still keeps. Blocks, not beyond the deadline by more than one answer of
/// the broker or one packet of a file.
pub trait Lookback: Send + Sync {
    /// The packets at these positions; none where one is gone. What could not be read before the
    /// deadline, or after so many bytes, is left out.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn packets(
        &self,
        positions: &[Position],
        bound: &Bound,
    ) -> Result<HashMap<Position, Option<Packet>>, SourceError>;

    /// The packet at this position; none where it is gone.
    ///
    /// # Errors
    /// When the source cannot be read, or not in time.
    fn packet(
        &self,
        position: &Position,
        deadline: Instant,
    ) -> Result<Option<Packet>, SourceError> {
        let bytes = usize::MAX;
        let mut read = self.packets(std::slice::from_ref(position), &Bound { deadline, bytes })?;
        let late = || SourceError::Retry(format!("{} takes long", position.partition.topic));
        read.remove(position).ok_or_else(late)
    }

    /// Hands packets of the past on, run by run, the newest run first and each run in its order,
    /// until the search is over or nothing younger than `since_ms` [ms since the Unix epoch] is left.
    ///
    /// # Errors
    /// When the source cannot be read.
    fn backwards(
        &self,
        since_ms: i64,
        deadline: Instant,
        search: &mut dyn Search,
    ) -> Result<(), SourceError>;
}

/// Where a reading by positions ends.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// At this time.
    pub deadline: Instant,
    /// With the packet that makes it so many bytes.
    pub bytes: usize,
}

impl Bound {
    /// Whether a reading that has so many bytes ends here.
    #[must_use]
    pub fn is_reached(&self, bytes: usize) -> bool {
        bytes >= self.bytes || Instant::now() >= self.deadline
    }
}

/// Somebody who looks for something in runs of packets.
pub trait Search {
    /// Look at a part of a run.
    fn look(&mut self, packets: Vec<Packet>);

    /// A run has ended: whether that is enough.
    fn is_over(&mut self) -> bool;

    /// Whether to break off even within a run.
    fn is_exhausted(&self) -> bool;
}

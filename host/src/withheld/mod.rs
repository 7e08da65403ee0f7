//! Withheld alerts, delivered later: who they are comes from their records, what they are from the
//! source, where their packets still stand.
//!
//! In: records of withheld alerts, the source, what the filter's owner may still have of the night. Out:
//! the alerts as they would have gone out, with payload and annotations, by the same judge and router as
//! the live stream. Never: an alert whose source is gone left out without a word, or one beyond the
//! rights of the filter's owner.

mod reader;
mod restore;

pub use reader::{Allowance, Charge, Later};
pub use restore::{JudgeOf, Restorer};

use crate::results::{Found, ResultsError};
use crate::source::lookback::Bound;

/// What became of a record.
#[derive(Debug, Clone)]
pub enum Again {
    /// The alert as it would have gone out; or why it cannot be had any more.
    Found(Box<Found>),
    /// The owner of the filter may not see it.
    Hidden,
    /// There was no time for it: try again.
    Unread,
}

/// Makes alerts of records.
pub trait Restore: Send {
    /// What became of each record, in their order. Blocks, not beyond the bound by more than one answer
    /// of the broker, one packet of a file, or what the filter may take for the alerts that were read.
    ///
    /// # Errors
    /// When the source cannot be read, or the filter not run.
    fn restore(&mut self, records: Vec<Found>, bound: &Bound) -> Result<Vec<Again>, ResultsError>;
}

#[cfg(test)]
mod tests;

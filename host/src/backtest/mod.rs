//! Back-tests: what a setting would have done to alerts of the past, as they were sent.
//!
//! In: jobs from the registry; archives and topics. Out: a [`Report`], saved on the way, so that any
//! host can go on where another one ended. Never: a sandbox of the live stream's, a committed
//! position, an output, or an alert before its time.
//!
//! A job runs on a thread of its own at the lowest priority, beside the live stream, with the same
//! engine and the same limits: the [`Judge`](crate::judge::Judge) with an active set of the one
//! setting, or of two where it is compared with what is active. Only the guards of wall-clock time are
//! longer, because such a thread may wait for the processor; fuel, which is what an alert may cost, is
//! the same.
//!
//! What depends on the order of reading is the same at every run: an archive is read by the names of
//! its files, topics by the time stamps of their packets. So a job that was killed and gone on with
//! gives the same report as one that was not, but for figures of time and for the mean fuel, which
//! depend on how alerts fall into batches.

mod choice;
mod crew;
mod difference;
mod examination;
mod nights;
mod past;
mod priority;
mod report;
mod run;
mod settings;
mod tally;

pub use choice::{Choice, Origin, WrongChoice};
pub use crew::{Backtests, Known};
pub use examination::Examination;
pub use past::Past;
pub use priority::lowest_priority;
pub use report::{
    ChangedAlert, Cut, DifferenceReport, FailedAlert, FailureReport, NightReport, PassingAlert,
    Report,
};
pub use settings::{Settings, StreamBacktest, sandbox};

/// Why a back-test cannot be carried through; its owner reads it.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// What was saved, or asked for, cannot be read.
    #[error("what the registry keeps of the back-test cannot be read: {0}")]
    Stored(#[from] serde_json::Error),
    /// This host's stream has no such past.
    #[error(transparent)]
    Choice(#[from] WrongChoice),
    /// The filter cannot be loaded.
    #[error("the filter cannot be loaded: {0}")]
    Program(String),
    /// The past cannot be read.
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    /// The broker refuses.
    #[error(transparent)]
    Kafka(#[from] crate::kafka::KafkaError),
    /// The registry does not answer.
    #[error(transparent)]
    Registry(#[from] crate::registry::RegistryError),
}

impl BacktestError {
    /// Whether the same job may succeed later, on this host or on another.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Source(error) => matches!(error, crate::source::SourceError::Retry(_)),
            Self::Kafka(error) => error.is_passing(),
            Self::Registry(error) => {
                matches!(error, crate::registry::RegistryError::Unavailable(_))
            }
            Self::Stored(_) | Self::Choice(_) | Self::Program(_) => false,
        }
    }
}

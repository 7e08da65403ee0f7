//! Passing alerts read back: what a reader asks, what it gets, and how far it has come.
//!
//! In: the topic (or the archive's folder) of a filter, a place to begin. Out: [`Found`] alerts in the
//! order of each partition, every one once, with the place behind each. Never: an alert that is not
//! committed, another filter's, or a wait without an end.
//!
//! The readers are `kafka::KafkaResults` and `sink::archive::ArchiveResults`; this room knows neither.

mod cursor;
mod page;
mod render;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::rights::Rights;

pub use cursor::{Cursor, CursorError, Place};
pub use page::{Format, Outlet, Page, read_page};
pub use render::{AvroPage, Line, Renderer};

/// A passing alert as it was read back.
#[derive(Debug, Clone)]
pub struct Found {
    /// The partition (of a topic) or the worker's log (of an archive) that it lies in.
    pub partition: Arc<str>,
    /// The place behind it.
    pub after: Place,
    /// Of the object.
    pub object_id: String,
    /// Of the alert.
    pub alert_id: String,
    /// Observing night.
    pub night: String,
    /// Number of the filter version.
    pub version: i64,
    /// Number of the setting.
    pub setting: i64,
    /// The programme that it belongs to, where that is known.
    pub programme: Option<i64>,
    /// What the payload is: `packet`, `without_cutouts`, `fields` or `reference`.
    pub holds: String,
    /// Where the packet stood.
    pub source: Origin,
    /// By name.
    pub annotations: serde_json::Map<String, serde_json::Value>,
    /// The payload.
    pub payload: Vec<u8>,
    /// The limit that held it back, where it did not go out when it passed.
    pub withheld: Option<String>,
    /// Why there is no payload.
    pub missing: Option<String>,
}

/// Whose withheld alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withholder {
    /// Name of the owner.
    pub owner: String,
    /// Name of the filter.
    pub filter: String,
}

/// Where a packet stood before it was judged.
#[derive(
    Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub struct Origin {
    /// The cluster; none for files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Topic or file.
    pub topic: String,
    /// Partition; 0 for files.
    pub partition: i32,
    /// Offset, or number in the file.
    pub offset: i64,
    /// Index of the alert within the packet.
    pub record: u32,
    /// The packet's broker timestamp [ms since the Unix epoch].
    pub timestamp_ms: Option<i64>,
}

/// Where to begin.
#[derive(Debug, Clone, PartialEq)]
pub enum Begin {
    /// With the oldest alert that is kept.
    Oldest,
    /// With what passes from now on.
    Now,
    /// With what was delivered at this time or later [ms since the Unix epoch].
    Since(i64),
    /// Behind what was read already.
    After(Cursor),
}

/// What one look may take.
#[derive(Debug, Clone)]
pub struct Look {
    /// Greatest number of alerts.
    pub alerts: usize,
    /// Payloads of so many bytes end a look, be they returned or only passed over.
    pub bytes: usize,
    /// Alerts of this night alone.
    pub night: Option<String>,
    /// Alerts that the owner of the filter may see, now.
    pub rights: Rights,
    /// How long to wait for the first alert when there is none.
    pub wait: Duration,
    /// When to come back with whatever there is.
    pub deadline: Instant,
}

impl Look {
    /// Whether so many alerts and bytes, or the time, end it.
    #[must_use]
    pub fn is_over(&self, alerts: usize, bytes: usize) -> bool {
        alerts >= self.alerts || bytes >= self.bytes || Instant::now() >= self.deadline
    }

    /// Whether alerts of the night are asked for.
    #[must_use]
    pub fn wants_night(&self, night: &str) -> bool {
        self.night.as_ref().is_none_or(|wanted| wanted == night)
    }

    /// Whether the alert is asked for and its filter's owner may see it. Every reader asks this of
    /// every alert: what was delivered under rights that were taken away since is not shown.
    #[must_use]
    pub fn wants(&self, found: &Found) -> bool {
        self.wants_night(&found.night) && self.rights.allow(found.programme)
    }
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Looked {
    /// Alerts, oldest first within each partition.
    pub found: Vec<Found>,
    /// There was more to read when the look ended.
    pub more: bool,
    /// Alerts that the reader asked for and that are not kept any more: at most so many.
    pub lost: u64,
}

/// Reads one filter's passing alerts. Blocks the thread it runs on.
pub trait Reader: Send {
    /// The next alerts.
    ///
    /// # Errors
    /// When they cannot be read now.
    fn look(&mut self, look: &Look) -> Result<Looked, ResultsError>;

    /// Behind everything that was looked at.
    fn cursor(&self) -> Cursor;
}

/// Opens readers of one stream's filters. Blocks the thread it runs on.
pub trait Results: Send + Sync {
    /// A reader of the filter's topic.
    ///
    /// # Errors
    /// When it cannot be read now.
    fn open(&self, topic: &str, begin: &Begin) -> Result<Box<dyn Reader>, ResultsError>;

    /// A reader of the records of a filter's withheld alerts: who they are and where their packets
    /// stand, each without a payload.
    ///
    /// # Errors
    /// When they cannot be read now.
    fn open_withheld(
        &self,
        of: &Withholder,
        begin: &Begin,
    ) -> Result<Box<dyn Reader>, ResultsError>;
}

/// Why passing alerts cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The broker or the disk does not answer now.
    #[error("the results cannot be read now: {0}")]
    Unavailable(String),
    /// What is stored is not what was written.
    #[error("the stored results are damaged: {0}")]
    Damaged(String),
}

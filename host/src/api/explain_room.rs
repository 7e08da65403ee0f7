//! The way into the room that explains alerts.
//!
//! In: a filter's setting, a packet or an alert's id. Out: what the room found. Never: HTTP.

use serde::Serialize;
use utoipa::ToSchema;

use super::time;
use crate::explain::{ExplainError, Explanation};
use crate::logbook::Wanted;
use crate::registry::{ActiveSetting, OwnerId, RegistryError};
use crate::source::Packet;

/// The room that explains, as the API sees it.
pub trait ExplainRoom: Send + Sync + 'static {
    /// Explains what a filter of `stream` makes of an alert. Blocks the thread it runs on.
    ///
    /// # Errors
    /// Why there is no explanation.
    fn explain(
        &self,
        stream: &str,
        setting: ActiveSetting,
        subject: Subject,
    ) -> Result<Explained, NotExplained>;

    /// Whether an owner may see the alerts of a packet. Blocks the thread it runs on.
    ///
    /// # Errors
    /// As for `explain`.
    fn may_see(&self, stream: &str, owner: OwnerId, packet: Vec<u8>) -> Result<bool, NotExplained>;
}

/// What is to be explained.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The alerts of a packet.
    Packet(Vec<u8>),
    /// An alert of the recent past, sent at this time or later [ms since the Unix epoch].
    Past(Wanted, i64),
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Fuel of one alert.
    pub fuel_budget: u64,
    /// Where the packet stands, where it was found.
    pub found: Option<FoundAt>,
    /// One for each alert of the packet, or for the one that was asked for.
    pub alerts: Vec<Explanation>,
}

/// Where an alert was found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FoundAt {
    /// Topic; of an archive the file.
    pub topic: String,
    /// Partition; 0 in an archive.
    pub partition: i32,
    /// Offset; in an archive the number of the packet within its file.
    pub offset: i64,
    /// When the broker took it.
    pub sent: Option<String>,
}

/// Why there is no explanation.
#[derive(Debug)]
pub enum NotExplained {
    /// This host does not have the stream.
    NoStream,
    /// The filter cannot be loaded here.
    Filter(String),
    /// There is no such alert, it is damaged, or the source does not answer.
    Alert(ExplainError),
    /// The registry does not answer.
    Registry(RegistryError),
}

impl FoundAt {
    /// Of a packet.
    #[must_use]
    pub fn of(packet: &Packet) -> Self {
        let position = &packet.position;
        Self {
            topic: position.partition.topic.to_string(),
            partition: position.partition.index,
            offset: position.offset,
            sent: packet.timestamp_ms.map(time),
        }
    }
}

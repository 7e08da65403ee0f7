//! How far a finite part of the past was read, so that somebody else can go on there.
//!
//! In: what was read. Out: a [`Place`], small enough for a row of the registry. Never: IO.

use serde::{Deserialize, Serialize};

use super::{Packet, Partition};

/// Where reading goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In an archive, whose files are read in the order of their names.
    File {
        /// Name of the file, relative to the archive; empty at the beginning.
        name: String,
        /// The next packet of it.
        next: i64,
    },
    /// In topics.
    Topics(Vec<Stretch>),
}

/// A part of a topic's partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// The first offset.
    pub first: i64,
    /// The next one to read.
    pub next: i64,
    /// The first one that no longer belongs to it.
    pub end: i64,
}

impl Place {
    /// The beginning of an archive.
    #[must_use]
    pub fn archive() -> Self {
        Self::File {
            name: String::new(),
            next: 0,
        }
    }

    /// Past `packets`, which were read in this order.
    pub fn advance(&mut self, packets: &[Packet]) {
        match self {
            Self::File { name, next } => {
                if let Some(last) = packets.last() {
                    let position = &last.position;
                    position.partition.topic.as_ref().clone_into(name);
                    *next = position.offset + 1;
                }
            }
            Self::Topics(stretches) => {
                for packet in packets {
                    let Partition { topic, index } = &packet.position.partition;
                    let read = stretches
                        .iter_mut()
                        .find(|one| one.partition == *index && *one.topic == **topic);
                    if let Some(read) = read {
                        read.next = packet.position.offset + 1;
                    }
                }
            }
        }
    }
}

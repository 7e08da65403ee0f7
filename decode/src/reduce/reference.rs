//! A packet that says where the alert lies and nothing more.
//!
//! In: the names and the position of an alert. Out: an object container file of one small record.
//! Never: a survey's field.

use super::write_container;
use crate::container::{write_long, write_sized};

/// One alert's names and position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Of the object.
    pub object_id: &'a str,
    /// Of the alert.
    pub alert_id: &'a str,
    /// Topic or file that the packet was read from.
    pub topic: &'a str,
    /// Its partition.
    pub partition: i32,
    /// The packet's offset there.
    pub offset: i64,
    /// Index of the alert within its packet.
    pub record: u32,
}

impl Reference<'_> {
    /// The schema of all references.
    pub const SCHEMA: &'static str = concat!(
        r#"{"type":"record","name":"reference","namespace":"skysieve","fields":["#,
        r#"{"name":"object_id","type":"string"},{"name":"alert_id","type":"string"},"#,
        r#"{"name":"topic","type":"string"},{"name":"partition","type":"int"},"#,
        r#"{"name":"offset","type":"long"},{"name":"record","type":"long"}]}"#
    );

    /// The record's bytes.
    #[must_use]
    pub fn record_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        for text in [self.object_id, self.alert_id, self.topic] {
            write_sized(&mut bytes, text.as_bytes());
        }
        for number in [self.partition.into(), self.offset, self.record.into()] {
            write_long(&mut bytes, number);
        }
        bytes
    }

    /// As a packet.
    #[must_use]
    pub fn container(&self) -> Vec<u8> {
        write_container(Self::SCHEMA, &[], [self.record_bytes().as_slice()])
    }
}

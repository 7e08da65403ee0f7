//! The frames around records: Avro object container files and Confluent framing.
//!
//! In: a packet. Out: its schema (text or id) and the bodies of its records, each block checked
//! against its own length and sync marker before a record of it is looked at. Never: a block larger
//! than the limit, not even for a moment.

mod codec;
mod file;
mod isolate;
mod write;

pub(crate) use codec::{Codec, decompress};
pub(crate) use file::{Block, Header};
pub(crate) use isolate::Isolated;
pub(crate) use write::{FileWriter, write_length, write_long, write_sized};

use crate::error::DecodeError;

/// First bytes of an Avro object container file.
pub(crate) const MAGIC: [u8; 4] = *b"Obj\x01";

/// A packet, by its framing.
pub(crate) enum Framed<'a> {
    /// An object container file.
    File(Header<'a>),
    /// Schema id and body.
    Confluent { id: u32, body_at: usize },
}

/// Tells the framing by the first bytes.
pub(crate) fn frame(packet: &[u8]) -> Result<Framed<'_>, DecodeError> {
    match packet {
        [] => Err(DecodeError::Empty),
        [b'O', b'b', b'j', 1, ..] => Header::read(packet).map(Framed::File),
        [0, a, b, c, d, ..] => Ok(Framed::Confluent {
            id: u32::from_be_bytes([*a, *b, *c, *d]),
            body_at: 5,
        }),
        _ => Err(DecodeError::Framing(first_bytes(packet))),
    }
}

fn first_bytes(packet: &[u8]) -> String {
    let shown: Vec<String> = packet
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    shown.join(" ")
}

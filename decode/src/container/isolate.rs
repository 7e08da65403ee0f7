//! One record of a many-record container as a container of its own.

use super::file::Header;
use super::write::{write_length, write_sized};
use super::{Codec, MAGIC};

/// Writes containers of one record each, under the header of the file they came from.
pub(crate) struct Isolated {
    head: Vec<u8>,
    sync: [u8; 16],
}

impl Isolated {
    /// The header stays byte for byte where the codec is null; otherwise the codec becomes null and
    /// all other entries stay.
    pub fn new(packet: &[u8], header: &Header<'_>) -> Isolated {
        let head = match header.codec {
            Codec::Null => packet[..header.end].to_vec(),
            _ => rewritten(header),
        };
        Isolated {
            head,
            sync: header.sync,
        }
    }

    /// A container with this record alone.
    pub fn container(&self, record: &[u8]) -> Vec<u8> {
        let mut bytes = self.head.clone();
        bytes.reserve(record.len() + 32);
        write_length(&mut bytes, 1);
        write_length(&mut bytes, record.len());
        bytes.extend_from_slice(record);
        bytes.extend_from_slice(&self.sync);
        bytes
    }
}

fn rewritten(header: &Header<'_>) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    write_length(&mut bytes, header.entries.len());
    for (key, value) in &header.entries {
        write_sized(&mut bytes, key);
        write_sized(
            &mut bytes,
            if *key == b"avro.codec" {
                b"null"
            } else {
                value
            },
        );
    }
    bytes.push(0);
    bytes.extend_from_slice(&header.sync);
    bytes
}

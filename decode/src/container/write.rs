//! An object container file, written.
//!
//! In: a schema, metadata, records. Out: the bytes of a file. Never: a record that is looked into.

use sha2::{Digest, Sha256};

use super::{Codec, MAGIC};

/// Writes an object container file: a header, then blocks.
pub(crate) struct FileWriter {
    bytes: Vec<u8>,
    sync: [u8; 16],
    codec: Codec,
}

impl FileWriter {
    /// `metadata` stands behind the schema and the codec, which it need not hold. Blocks are deflated
    /// or, with any other codec, left as they are.
    pub fn new<'a>(
        schema: &'a str,
        codec: Codec,
        metadata: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> FileWriter {
        let codec = match codec {
            Codec::Deflate => Codec::Deflate,
            _ => Codec::Null,
        };
        let mut entries: Vec<(&[u8], &[u8])> = vec![
            (b"avro.schema", schema.as_bytes()),
            (b"avro.codec", codec.name().as_bytes()),
        ];
        entries.extend(metadata.filter(|(key, _)| !matches!(*key, b"avro.schema" | b"avro.codec")));
        let mut bytes = MAGIC.to_vec();
        write_length(&mut bytes, entries.len());
        for (key, value) in entries {
            write_sized(&mut bytes, key);
            write_sized(&mut bytes, value);
        }
        bytes.push(0);
        // Any sixteen bytes do that are not likely in the data; the same schema gives the same file.
        let mut sync = [0; 16];
        sync.copy_from_slice(&Sha256::digest(schema)[..16]);
        bytes.extend_from_slice(&sync);
        FileWriter { bytes, sync, codec }
    }

    /// One block.
    pub fn push(&mut self, records: usize, data: &[u8]) {
        write_length(&mut self.bytes, records);
        match self.codec {
            Codec::Deflate => write_sized(&mut self.bytes, &deflated(data)),
            _ => write_sized(&mut self.bytes, data),
        }
        self.bytes.extend_from_slice(&self.sync);
    }

    /// The file.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut reader = flate2::bufread::DeflateEncoder::new(data, flate2::Compression::fast());
    std::io::Read::read_to_end(&mut reader, &mut out).expect("memory is read without errors");
    out
}

/// A length and as many bytes.
pub(crate) fn write_sized(bytes: &mut Vec<u8>, value: &[u8]) {
    write_length(bytes, value.len());
    bytes.extend_from_slice(value);
}

/// A length as Avro writes a long.
pub(crate) fn write_length(bytes: &mut Vec<u8>, length: usize) {
    write_varint(bytes, (length as u64) << 1);
}

/// An Avro long.
pub(crate) fn write_long(bytes: &mut Vec<u8>, value: i64) {
    write_varint(bytes, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

fn write_varint(bytes: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

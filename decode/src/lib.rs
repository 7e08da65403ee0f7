//! Alert packets, bytes to Arrow columns.
//!
//! What comes in: the bytes of packets (Avro object container files or Confluent framing), and the
//! fields that somebody asked for. What goes out: one Arrow array per field, and for each packet
//! that cannot be decoded a reason that names what is wrong and where. Never: IO, a survey's field
//! names, or a row of a damaged packet.

use std::fmt;
use std::sync::Arc;

use arrow_array::ArrayRef;

/// The type in which a field is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// Truth value.
    Boolean,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit float.
    Float32,
    /// 64-bit float.
    Float64,
    /// Text.
    Utf8,
    /// Bytes.
    Binary,
}

/// One field to decode: where it lies and the type its column gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Alternatives; the first that the packet's schema has is read. All enter equally many arrays.
    pub paths: Vec<FieldPath>,
    /// The type of one element.
    pub element: Element,
}

/// A parsed path such as `prv_candidates[].magpsf`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {/* private */}

/// Where whole schema documents come from, by Confluent schema id.
pub trait SchemaSource: Send + Sync {
    /// The document of `id`, all its types written out, or none where the id is unknown.
    fn schema(&self, id: u32) -> Option<Arc<str>>;
}

/// Bounds on what a packet may hold.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Greatest number of items of one array, null items included.
    pub array_items: usize,
    /// Greatest depth of records, arrays, maps and unions within each other.
    pub nesting: usize,
    /// Greatest number of bytes of one block after decompression.
    pub block_bytes: usize,
    /// Greatest number of records of one packet.
    pub records: usize,
}

/// Which packet and record of it a row of a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Index into the packets given.
    pub packet: u32,
    /// Index of the record within its packet, from 0.
    pub record: u32,
}

/// A packet (or the rest of one, from `record` on) that could not be decoded.
#[derive(Debug)]
pub struct Damage {
    /// The first record that could not be read.
    pub origin: Origin,
    /// What is wrong and where.
    pub error: DecodeError,
}

/// What `Decoder::decode` gives: rows in the order of packets and records.
pub struct Batch {
    /// One per field of the decoder: `List<List<..element..>>` with one List for each `[]`.
    pub columns: Vec<ArrayRef>,
    /// One per row.
    pub rows: Vec<Origin>,
    /// What could not be decoded, in order.
    pub damages: Vec<Damage>,
}

/// Why a packet could not be decoded.
#[derive(Debug)]
pub struct DecodeError {/* thiserror enum */}

impl fmt::Display for DecodeError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// Decodes packets of any schema into the columns of its fields.
pub struct Decoder {/* private */}
// impl Decoder {
//     pub fn new(fields: Vec<Field>, schemas: Arc<dyn SchemaSource>, limits: Limits) -> Decoder;
//     pub fn decode(&mut self, packets: &[&[u8]]) -> Batch;
// }

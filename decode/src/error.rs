//! What can be wrong with a packet or a schema, in words that name the place.
//!
//! In: findings of the other modules. Out: [`DecodeError`], [`SchemaError`], [`FieldError`].
//! Never: the alert's data itself, beyond the few bytes that a message needs.

use crate::field::InvalidField;

/// What is wrong with the bytes at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Cut off.
    #[error("the bytes end here, inside a value")]
    End,
    /// A variable-length integer of more than 64 bits.
    #[error("an integer is longer than 64 bits")]
    Varint,
    /// An `int` beyond 32 bits.
    #[error("the value {0} does not fit an int (32 bits)")]
    IntRange(i64),
    /// A length below zero.
    #[error("a length is negative ({0})")]
    NegativeLength(i64),
    /// A length beyond what is left.
    #[error("a length of {0} bytes goes beyond the end")]
    Length(u64),
    /// Neither 0 nor 1.
    #[error("the byte {0:#04x} is not a boolean")]
    Boolean(u8),
    /// No such symbol.
    #[error("the enum has no symbol number {0}")]
    EnumIndex(i64),
    /// No such branch.
    #[error("the union has no branch number {0}")]
    UnionIndex(i64),
    /// Text that is not text.
    #[error("the text is not valid UTF-8")]
    Utf8,
    /// The items of a block do not take the bytes that the block says.
    #[error("an array's block does not have the length that it states")]
    BlockLength,
    /// More items than allowed.
    #[error("an array has more than {0} items")]
    Items(usize),
    /// More values than allowed.
    #[error("the packet has more than {0} values")]
    Values(usize),
    /// More items than allowed, over all arrays.
    #[error("the arrays of the packet have more items than allowed together")]
    PacketItems,
    /// Deeper than allowed.
    #[error("values are nested more than {0} deep")]
    Nesting(usize),
    /// An Arrow column counts with 32 bits.
    #[error("a column of the batch would exceed 2 GiB")]
    ColumnFull,
    /// A type that has no end, or that only ever holds more of itself.
    #[error("the schema is too large to show whole")]
    TooManyColumns,
}

/// What is wrong with the frame around the records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameWrong {
    /// A malformed number or length.
    #[error(transparent)]
    Bytes(#[from] Wrong),
    /// The header has no schema.
    #[error("the metadata has no avro.schema")]
    NoSchema,
    /// The schema is not text.
    #[error("the schema is not valid UTF-8")]
    SchemaText,
    /// A codec that Avro does not have.
    #[error("unknown codec {0:?}")]
    Codec(String),
    /// A block's number of records is negative.
    #[error("a block states {0} records")]
    NegativeCount(i64),
    /// Too many records.
    #[error("more than {0} records")]
    Records(usize),
    /// The file ends too early.
    #[error("the file ends within the block, which states {stated} bytes; it lacks {lacking}")]
    CutOff {
        /// Length of the block's data as stated [bytes].
        stated: usize,
        /// Bytes of data and sync marker that are not there.
        lacking: usize,
    },
    /// What follows the block is not the file's sync marker.
    #[error("the block is not followed by the file's sync marker")]
    Sync,
    /// The compressed data are broken.
    #[error("the block cannot be decompressed ({codec}): {reason}")]
    Compressed {
        /// Codec by its Avro name.
        codec: &'static str,
        /// What the decompressor says.
        reason: String,
    },
    /// Snappy's checksum differs.
    #[error("the checksum of the block differs")]
    Checksum,
    /// The block is larger than allowed.
    #[error("the block exceeds {0} bytes when decompressed")]
    BlockBytes(usize),
    /// All blocks together are larger than allowed.
    #[error("the blocks of the packet exceed {0} bytes when decompressed")]
    PacketBytes(usize),
    /// The records end before the block does.
    #[error("{0} bytes are left over after the last record")]
    LeftOver(usize),
}

/// Why a packet could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No bytes.
    #[error("the packet is empty")]
    Empty,
    /// Neither of the two framings.
    #[error(
        "unknown framing: the packet starts with {0}, which is neither an Avro container file (4f 62 \
         6a 01) nor Confluent framing (00 and a schema id)"
    )]
    Framing(String),
    /// Nobody knows the id.
    #[error("schema id {0} is not known: the folder of schema documents lacks it")]
    UnknownSchema(u32),
    /// The writer's schema cannot be used.
    #[error("the packet's schema cannot be read: {0}")]
    Schema(#[from] SchemaError),
    /// The container's header or a block of it.
    #[error("byte {byte}: {wrong}")]
    Frame {
        /// Where in the packet, from 0.
        byte: usize,
        /// What.
        wrong: FrameWrong,
    },
    /// A record's body.
    #[error("record {record}, {place} {byte}{}: {wrong}", at(.path))]
    Record {
        /// Index of the record within its packet, from 0.
        record: u32,
        /// `byte` (of the packet) or `byte of the decompressed block`.
        place: &'static str,
        /// Where, from 0.
        byte: usize,
        /// The field, such as `prv_candidates[3].magpsf`; empty where it is the record itself.
        path: String,
        /// What.
        wrong: Wrong,
    },
    /// A body is longer than its record.
    #[error("record {record}, byte {byte}: {left} bytes are left over after the record")]
    LeftOver {
        /// Index of the record within its packet, from 0.
        record: u32,
        /// Where the record ends, from 0.
        byte: usize,
        /// How many bytes follow.
        left: usize,
    },
}

fn at(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(", at {path}")
    }
}

/// Why a schema document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Too large.
    #[error(
        "the schema document has {bytes} bytes; {} are the most",
        crate::schema::LARGEST_DOCUMENT
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not JSON.
    #[error("the schema is not valid JSON: {0}")]
    Json(String),
    /// A type that is nowhere defined.
    #[error("the type {0:?} is not defined in the schema")]
    UnknownType(String),
    /// Something else than Avro allows.
    #[error("in the schema, {place}: {reason}")]
    Malformed {
        /// Name of the type or field.
        place: String,
        /// What is missing or wrong.
        reason: &'static str,
    },
    /// No file, or several, could be the alert.
    #[error("{0}")]
    Root(String),
}

/// Why a schema cannot give a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Wrong whatever the schema.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// No such path.
    #[error("there is no {path}{}", suggestion(.nearest))]
    Missing {
        /// As asked.
        path: String,
        /// The most similar paths that there are.
        nearest: Vec<String>,
    },
    /// Another type.
    #[error("{path} is {kind} and cannot be asked for as {asked}; ask for {allowed}")]
    Type {
        /// As asked.
        path: String,
        /// What it is: "a float", "an enum".
        kind: &'static str,
        /// As asked.
        asked: String,
        /// What could be asked.
        allowed: String,
    },
    /// Something that is not one value.
    #[error("{path} {reason}")]
    NotAskable {
        /// As asked.
        path: String,
        /// Why, and what to ask for instead.
        reason: String,
    },
}

fn suggestion(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        some => format!("; did you mean {}?", some.join(", ")),
    }
}

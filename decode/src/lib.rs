//! Alert packets, bytes to Arrow columns.
//!
//! What comes in: the bytes of packets (Avro object container files or Confluent framing), and the
//! fields that somebody asked for. What goes out: one Arrow array per field, and for each packet
//! that cannot be decoded a reason that names what is wrong and where. Never: IO, a survey's field
//! names, or a row of a damaged packet.

mod column;
mod container;
mod cursor;
mod decoder;
mod error;
mod field;
pub mod flat;
mod json;
mod limits;
mod locate;
mod path;
mod plan;
mod prepared;
mod recent;
mod reduce;
mod schema;
mod value;
mod walk;
mod whole;

pub use decoder::{Batch, Damage, Decoder, Origin};
pub use error::{DecodeError, FieldError, FrameWrong, SchemaError, Wrong};
pub use field::{Element, Field, InvalidField, MOST_PATHS};
pub use json::write_json;
pub use limits::Limits;
pub use path::{FieldPath, Member, PathError};
pub use prepared::{NoSchemas, SchemaSource, schema_text};
pub use reduce::{Parts, Reduced, Reducer, Reference, write_container};
pub use schema::{Askable, LARGEST_DOCUMENT, Schema, assemble};
pub use whole::{Whole, WholeDecoder};

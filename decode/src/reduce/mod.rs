//! Smaller packets: parts of the records cut out, the rest byte for byte as it was written.
//!
//! In: a packet, and which parts of it are wanted. Out: its records under a schema of their own that
//! describes what is left. A part that a packet's schema does not have is no error: there is nothing
//! to cut, or nothing to keep. Never: a value read and written again.

mod copy;
mod document;
mod keep;
mod reference;

use std::sync::Arc;

use crate::container::{Codec, FileWriter, Framed, frame};
use crate::cursor::Cursor;
use crate::error::{DecodeError, SchemaError, Wrong};
use crate::limits::Limits;
use crate::path::FieldPath;
use crate::prepared::{Prepared, SchemaSource};
use crate::schema::Schema;
use crate::walk::{Sink, walk};
use copy::Copier;
use keep::Keep;

pub use reference::Reference;

/// Which parts of a packet are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Parts {
    /// All of it.
    Whole,
    /// All but these: values, records, arrays.
    Without(Vec<FieldPath>),
    /// These alone, each whole.
    Only(Vec<FieldPath>),
}

/// Makes packets smaller.
pub struct Reducer {
    parts: Parts,
    schemas: Arc<dyn SchemaSource>,
    limits: Limits,
    prepared: Prepared<Result<Prepare, SchemaError>>,
}

/// Ready to reduce packets of one schema.
struct Prepare {
    schema: Schema,
    copier: Copier,
    /// Of what is left.
    document: Arc<str>,
}

/// The records of one packet, reduced.
#[derive(Debug, Clone)]
pub struct Reduced {
    /// The schema of the records as JSON.
    pub schema: Arc<str>,
    /// Each record's bytes.
    pub records: Vec<Vec<u8>>,
    codec: Codec,
    metadata: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Reducer {
    /// For packets of any schema.
    #[must_use]
    pub fn new(parts: Parts, schemas: Arc<dyn SchemaSource>, limits: Limits) -> Reducer {
        Reducer {
            parts,
            schemas,
            limits,
            prepared: Prepared::new(),
        }
    }

    /// The wanted parts of every record of the packet.
    ///
    /// # Errors
    /// When any record is damaged, or the schema is nested too deeply to be written anew.
    pub fn reduce(&mut self, packet: &[u8]) -> Result<Reduced, DecodeError> {
        let framed = frame(packet)?;
        let (parts, limits) = (&self.parts, &self.limits);
        let prepared = self
            .prepared
            .of_document(&framed, &*self.schemas, |text| {
                Prepare::new(text, parts, limits)
            })?
            .as_ref()
            .map_err(|error| DecodeError::Schema(error.clone()))?;
        let mut sink = Copied {
            copier: &prepared.copier,
            records: Vec::new(),
        };
        walk(packet, &framed, &prepared.schema, &self.limits, &mut sink)?;
        let (codec, metadata) = match &framed {
            Framed::File(header) => (header.codec, owned(&header.entries)),
            Framed::Confluent { .. } => (Codec::Null, Vec::new()),
        };
        Ok(Reduced {
            schema: prepared.document.clone(),
            records: sink.records,
            codec,
            metadata,
        })
    }
}

fn owned(entries: &[(&[u8], &[u8])]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let owned = |(key, value): &(&[u8], &[u8])| (key.to_vec(), value.to_vec());
    let others = entries.iter().filter(|(key, _)| !key.starts_with(b"avro."));
    others.map(owned).collect()
}

impl Prepare {
    fn new(text: &str, parts: &Parts, limits: &Limits) -> Result<Prepare, SchemaError> {
        let value = Schema::json(text)?;
        let (schema, objects) = Schema::read(&value)?;
        let keep = Keep::of(&schema, parts);
        let document = match keep {
            Keep::Whole => text.into(),
            _ => document::write(&schema, &objects, &keep)?.into(),
        };
        let copier = Copier::new(&schema, &keep, limits);
        Ok(Prepare {
            schema,
            copier,
            document,
        })
    }
}

impl Reduced {
    /// As an object container file with the packet's own metadata; its one block is deflated where
    /// those of the packet were compressed.
    #[must_use]
    pub fn container(&self) -> Vec<u8> {
        let codec = match self.codec {
            Codec::Null => Codec::Null,
            _ => Codec::Deflate,
        };
        let metadata = self.metadata.iter();
        let metadata = metadata.map(|(key, value)| (key.as_slice(), value.as_slice()));
        let mut writer = FileWriter::new(&self.schema, codec, metadata);
        writer.push(self.records.len(), &self.records.concat());
        writer.finish()
    }
}

/// An object container file of `records`, a block for each, all of `schema`.
#[must_use]
pub fn write_container<'a>(
    schema: &str,
    metadata: &[(&str, &[u8])],
    records: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let metadata = metadata.iter().map(|(key, value)| (key.as_bytes(), *value));
    let mut writer = FileWriter::new(schema, Codec::Null, metadata);
    for record in records {
        writer.push(1, record);
    }
    writer.finish()
}

/// Takes the wanted bytes of records.
struct Copied<'a> {
    copier: &'a Copier,
    records: Vec<Vec<u8>>,
}

impl Sink for Copied<'_> {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
        let mut record = Vec::new();
        self.copier.copy(cursor, &mut record)?;
        self.records.push(record);
        Ok(())
    }

    fn taken(&self) -> usize {
        self.records.len()
    }

    fn cut(&mut self, records: usize) {
        self.records.truncate(records);
    }
}

//! What is prepared once per writer schema and used for every packet of it.
//!
//! In: framed packets. Out: whatever is prepared from their schema, kept for the schemas seen last.
//! A container file's schema is known by its whole text (files of one "version" come with several),
//! a Confluent packet's by its id. Never: by an offset or a name.

use std::sync::Arc;

use crate::container::{Framed, frame};
use crate::error::DecodeError;
use crate::recent::Recent;
use crate::schema::Schema;

/// Schemas kept per framing: surveys send one to ten at a time, an archive of years some dozens.
const MOST_SCHEMAS: usize = 64;
/// Text of the schemas kept [bytes]; what is prepared from it takes some ten times as much.
const MOST_TEXT_BYTES: usize = 8 << 20;

/// Where whole schema documents come from, by Confluent schema id.
pub trait SchemaSource: Send + Sync {
    /// The document of `id`, all its types written out, or none where the id is unknown.
    fn schema(&self, id: u32) -> Option<Arc<str>>;
}

/// Knows no id: for streams of container files, which carry their schemas.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSchemas;

impl SchemaSource for NoSchemas {
    fn schema(&self, _: u32) -> Option<Arc<str>> {
        None
    }
}

/// The writer's schema of a packet, JSON as it was sent or as it is registered.
///
/// # Errors
/// When the packet's framing or header is damaged, or its schema id is not known.
pub fn schema_text(packet: &[u8], schemas: &dyn SchemaSource) -> Result<Arc<str>, DecodeError> {
    match frame(packet)? {
        Framed::File(header) => Ok(header.schema_text()?.into()),
        Framed::Confluent { id, .. } => schemas.schema(id).ok_or(DecodeError::UnknownSchema(id)),
    }
}

/// What was prepared for the schemas seen last.
pub(crate) struct Prepared<V> {
    files: Recent<Box<[u8]>, V>,
    registered: Recent<u32, V>,
}

impl<V> Prepared<V> {
    pub fn new() -> Prepared<V> {
        Prepared {
            files: Recent::new(MOST_SCHEMAS),
            registered: Recent::new(MOST_SCHEMAS),
        }
    }

    /// What belongs to the packet's schema; made if it is new.
    pub fn of(
        &mut self,
        framed: &Framed<'_>,
        schemas: &dyn SchemaSource,
        make: impl FnOnce(Schema) -> V,
    ) -> Result<&V, DecodeError> {
        self.made(framed, schemas, |text| Ok(make(Schema::parse(text)?)))
    }

    /// The same, made from the schema's text.
    pub fn of_document(
        &mut self,
        framed: &Framed<'_>,
        schemas: &dyn SchemaSource,
        make: impl FnOnce(&str) -> V,
    ) -> Result<&V, DecodeError> {
        self.made(framed, schemas, |text| Ok(make(text)))
    }

    fn made(
        &mut self,
        framed: &Framed<'_>,
        schemas: &dyn SchemaSource,
        make: impl FnOnce(&str) -> Result<V, DecodeError>,
    ) -> Result<&V, DecodeError> {
        let found = match framed {
            Framed::File(header) => {
                if !self.files.recall(|text| **text == *header.schema) {
                    self.files
                        .put(header.schema.into(), make(header.schema_text()?)?);
                    self.files.keep_within(MOST_TEXT_BYTES, |text| text.len());
                }
                self.files.front()
            }
            Framed::Confluent { id, .. } => {
                if !self.registered.recall(|known| known == id) {
                    let text = schemas.schema(*id).ok_or(DecodeError::UnknownSchema(*id))?;
                    self.registered.put(*id, make(&text)?);
                }
                self.registered.front()
            }
        };
        Ok(found.expect("it was found or put in front just now"))
    }
}

//! Whole alerts: every field of a record, for people to look at.
//!
//! In: one packet. Out: its records as one nested Arrow array (structs, lists, maps, unions), built by
//! the same leaf and list builders that filters' columns come from. Never: the hot path.

mod build;
mod read;

use std::sync::Arc;

use arrow_array::ArrayRef;

use crate::container::frame;
use crate::cursor::Cursor;
use crate::error::{DecodeError, Wrong};
use crate::limits::Limits;
use crate::plan::SkipTable;
use crate::prepared::{Prepared, SchemaSource};
use crate::schema::Schema;
use crate::walk::{Sink, walk};
use build::Builder;
use read::Reader;

/// The records of one packet.
#[derive(Debug)]
pub struct Whole {
    /// One per sound record. A part of which no value was seen has the Arrow type Null.
    pub records: ArrayRef,
    /// Why the record after the last one could not be decoded.
    pub error: Option<DecodeError>,
}

/// Decodes whole records.
pub struct WholeDecoder {
    schemas: Arc<dyn SchemaSource>,
    limits: Limits,
    prepared: Prepared<(Schema, SkipTable)>,
}

impl WholeDecoder {
    /// A decoder for packets of any schema.
    #[must_use]
    pub fn new(schemas: Arc<dyn SchemaSource>, limits: Limits) -> WholeDecoder {
        WholeDecoder {
            schemas,
            limits,
            prepared: Prepared::new(),
        }
    }

    /// Every field of every record of the packet, up to the first damage.
    ///
    /// # Errors
    /// When not even the framing, header or schema can be read.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Whole, DecodeError> {
        let framed = frame(packet)?;
        let limits = &self.limits;
        let (schema, skips) = self.prepared.of(&framed, &*self.schemas, |schema| {
            let skips = SkipTable::new(&schema, limits);
            (schema, skips)
        })?;
        let mut sink = Records {
            reader: Reader::new(schema, skips),
            builder: Builder::default(),
            taken: 0,
        };
        let error = walk(packet, &framed, schema, &self.limits, &mut sink).err();
        Ok(Whole {
            records: sink.builder.finish(),
            error,
        })
    }
}

/// Takes records whole.
struct Records<'a> {
    reader: Reader<'a>,
    builder: Builder,
    taken: usize,
}

impl Sink for Records<'_> {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
        self.reader.read_root(&mut self.builder, cursor)?;
        self.taken += 1;
        Ok(())
    }

    fn taken(&self) -> usize {
        self.taken
    }

    fn cut(&mut self, records: usize) {
        self.taken = records;
        self.builder.truncate(records);
    }
}

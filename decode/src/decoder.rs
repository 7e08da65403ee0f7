//! Packets to columns: the decoder that streams, replays and tests use.
//!
//! In: packets of any schemas, mixed. Out: a [`Batch`]: one Arrow array per field, which row is which
//! record, and what was damaged. Never: a row of a damaged record, or a trace of one.

use std::sync::{Arc, OnceLock};

use arrow_array::ArrayRef;

use crate::column::Column;
use crate::container::{Framed, Isolated, frame};
use crate::cursor::Cursor;
use crate::error::{DecodeError, Wrong};
use crate::field::{Field, InvalidField};
use crate::limits::Limits;
use crate::plan::{Plan, compile};
use crate::prepared::{Prepared, SchemaSource};
use crate::schema::Schema;
use crate::walk::{Sink, walk};

/// Which packet and record of it a row of a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Index into the packets given.
    pub packet: u32,
    /// Index of the record within its packet, from 0.
    pub record: u32,
}

/// A packet (or the rest of one, from `record` on) that could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The first record that is not among the rows.
    pub origin: Origin,
    /// What is wrong and where.
    pub error: DecodeError,
}

/// What [`Decoder::decode`] gives: rows in the order of packets and records.
#[derive(Debug)]
pub struct Batch {
    /// One per field of the decoder: `List<List<..element..>>` with one List for each `[]`.
    pub columns: Vec<ArrayRef>,
    /// One per row.
    pub rows: Vec<Origin>,
    /// What could not be decoded, in order; at most one per packet.
    pub damages: Vec<Damage>,
    /// One per packet: how many of its records are among the rows.
    pub records: Vec<u32>,
}

/// Decodes packets of any schema into the columns of its fields.
pub struct Decoder {
    fields: Vec<Field>,
    schemas: Arc<dyn SchemaSource>,
    limits: Limits,
    plans: Prepared<Prepare>,
    columns: Vec<Column>,
    rows: Vec<Origin>,
}

/// Ready to read packets of one schema.
struct Prepare {
    schema: Schema,
    plan: Plan,
    /// Steps over whole records; made when first needed.
    skip: OnceLock<Plan>,
}

/// What is prepared for a packet's schema.
fn prepare<'a>(
    plans: &'a mut Prepared<Prepare>,
    framed: &Framed<'_>,
    schemas: &dyn SchemaSource,
    fields: &[Field],
    limits: &Limits,
) -> Result<&'a Prepare, DecodeError> {
    plans.of(framed, schemas, |schema| {
        let plan = compile(&schema, fields, limits);
        Prepare {
            schema,
            plan,
            skip: OnceLock::new(),
        }
    })
}

impl Decoder {
    /// A decoder for these fields. A field that a packet's schema lacks, or has as a type that does
    /// not become the asked one without loss, is null for that packet (see [`Schema::check`]).
    ///
    /// # Errors
    /// When a field has no path or alternatives of different shape ([`Field::validate`]).
    pub fn new(
        fields: Vec<Field>,
        schemas: Arc<dyn SchemaSource>,
        limits: Limits,
    ) -> Result<Decoder, InvalidField> {
        fields.iter().try_for_each(Field::validate)?;
        let columns = fields
            .iter()
            .map(|field| Column::new(field.element, field.arrays()))
            .collect();
        Ok(Decoder {
            fields,
            schemas,
            limits,
            plans: Prepared::new(),
            columns,
            rows: Vec::new(),
        })
    }

    /// The fields, in the order of the columns.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Decodes packets, each independent of the others.
    pub fn decode(&mut self, packets: &[&[u8]]) -> Batch {
        let mut damages = Vec::new();
        let mut records = Vec::with_capacity(packets.len());
        for (packet, bytes) in (0u32..).zip(packets) {
            let before = self.rows.len();
            let outcome = self.decode_packet(packet, bytes);
            let record = u32::try_from(self.rows.len() - before).unwrap_or(u32::MAX);
            records.push(record);
            if let Err(error) = outcome {
                damages.push(Damage {
                    origin: Origin { packet, record },
                    error,
                });
            }
        }
        let columns = self.columns.iter_mut().map(Column::finish).collect();
        Batch {
            columns,
            rows: std::mem::take(&mut self.rows),
            damages,
            records,
        }
    }

    fn decode_packet(&mut self, packet: u32, bytes: &[u8]) -> Result<(), DecodeError> {
        let framed = frame(bytes)?;
        let prepared = prepare(
            &mut self.plans,
            &framed,
            &*self.schemas,
            &self.fields,
            &self.limits,
        )?;
        let first = self.rows.len();
        let (columns, rows) = (&mut self.columns, &mut self.rows);
        let mut sink = Rows {
            plan: &prepared.plan,
            columns,
            rows,
            packet,
            first,
        };
        walk(bytes, &framed, &prepared.schema, &self.limits, &mut sink)
    }

    /// Containers of one record each, under the header of the packet they come from: what goes out
    /// for single alerts of a file of many. A Confluent packet has one record and stays as it is.
    /// `records` are indices within the packet, rising; those beyond the last sound record are left
    /// out.
    ///
    /// # Errors
    /// When the packet's header or schema is damaged.
    pub fn isolate(&mut self, packet: &[u8], records: &[u32]) -> Result<Vec<Vec<u8>>, DecodeError> {
        let framed = frame(packet)?;
        let Framed::File(header) = &framed else {
            return Ok(records.iter().take(1).map(|_| packet.to_vec()).collect());
        };
        let prepared = prepare(
            &mut self.plans,
            &framed,
            &*self.schemas,
            &self.fields,
            &self.limits,
        )?;
        let plan = prepared
            .skip
            .get_or_init(|| compile(&prepared.schema, &[], &self.limits));
        let mut sink = Chosen {
            plan,
            isolated: Isolated::new(packet, header),
            records,
            taken: 0,
            found: Vec::new(),
        };
        // Damage further on was reported when the packet was decoded; what stands before it is sound.
        drop(walk(
            packet,
            &framed,
            &prepared.schema,
            &self.limits,
            &mut sink,
        ));
        Ok(sink.found)
    }
}

/// Takes records as rows.
struct Rows<'a> {
    plan: &'a Plan,
    columns: &'a mut [Column],
    rows: &'a mut Vec<Origin>,
    packet: u32,
    /// Row of the packet's first record.
    first: usize,
}

impl Sink for Rows<'_> {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
        self.plan.read(cursor, self.columns)?;
        let record = u32::try_from(self.rows.len() - self.first).map_err(|_| Wrong::ColumnFull)?;
        self.rows.push(Origin {
            packet: self.packet,
            record,
        });
        Ok(())
    }

    fn taken(&self) -> usize {
        self.rows.len()
    }

    fn cut(&mut self, records: usize) {
        self.rows.truncate(records);
        self.columns
            .iter_mut()
            .for_each(|column| column.truncate(records));
    }
}

/// Takes the bytes of chosen records.
struct Chosen<'a> {
    plan: &'a Plan,
    isolated: Isolated,
    records: &'a [u32],
    taken: usize,
    found: Vec<Vec<u8>>,
}

impl Sink for Chosen<'_> {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Wrong> {
        let start = cursor.at();
        self.plan.read(cursor, &mut [])?;
        let next = self.records.get(self.found.len());
        if next.is_some_and(|next| *next as usize == self.taken) {
            self.found
                .push(self.isolated.container(cursor.since(start)));
        }
        self.taken += 1;
        Ok(())
    }

    fn taken(&self) -> usize {
        self.taken
    }

    fn cut(&mut self, records: usize) {
        self.taken = records;
        let kept = self
            .records
            .iter()
            .filter(|record| (**record as usize) < records)
            .count();
        self.found.truncate(kept);
    }
}

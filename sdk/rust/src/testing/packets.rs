//! Packets through the decoder into a filter, one alert at a time.
//!
//! What comes in: packets, a description, parameters, schemas. What goes out: what was judged, in
//! the order of packets and records. Never: an alert in which a required field is null; the host
//! withholds those.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use skysieve_decode::flat::FlatColumn;
use skysieve_decode::{Batch, Decoder, Limits, Schema, SchemaSource, schema_text};

use super::columns::{borrow, decoder_fields};
use super::judged::{Judged, Judgement};
use super::log;
use crate::column::{Column, present};
use crate::description::{Description, ParameterValue};
use crate::filter::Filter;

type Schemas = HashMap<u32, Arc<str>>;

#[derive(Clone)]
struct Known(Schemas);

impl SchemaSource for Known {
    fn schema(&self, id: u32) -> Option<Arc<str>> {
        self.0.get(&id).cloned()
    }
}

pub(super) fn judge<F: Filter>(
    description: &Description,
    parameters: &[ParameterValue<'_>],
    schemas: &Schemas,
    packets: &[&[u8]],
) -> Vec<Judged> {
    let schemas = Known(schemas.clone());
    check_fields(description, &schemas, packets);
    let decoder = Decoder::new(
        decoder_fields(description.fields),
        Arc::new(schemas),
        Limits::default(),
    );
    let mut decoder = decoder.expect("the macros check the paths");
    let batch = decoder.decode(packets);
    let mut judged = judge_rows::<F>(description, parameters, &batch);
    judged.extend(batch.damages.iter().map(|damage| Judged {
        packet: damage.origin.packet as usize,
        record: damage.origin.record as usize,
        verdict: Judgement::Damaged(damage.error.to_string()),
        annotations: Vec::new(),
        log: Vec::new(),
    }));
    judged.sort_by_key(|each| (each.packet, each.record));
    judged
}

fn judge_rows<F: Filter>(
    description: &Description,
    parameters: &[ParameterValue<'_>],
    batch: &Batch,
) -> Vec<Judged> {
    let flat =
        |column| FlatColumn::of(column).expect("the decoder gives the types of the contract");
    let flat: Vec<_> = batch.columns.iter().map(|column| flat(&**column)).collect();
    let columns: Vec<Column<'_>> = flat.iter().map(borrow).collect();
    let rows = (0..).zip(&batch.rows);
    rows.map(|(row, origin)| {
        log::take();
        let (verdict, annotations) = match withheld(description, &columns, row as usize) {
            Some(path) => (Judgement::Withheld(path), Vec::new()),
            None => Judged::of(F::judge(&columns, row..row + 1, parameters), description),
        };
        let (packet, record) = (origin.packet as usize, origin.record as usize);
        Judged {
            packet,
            record,
            verdict,
            annotations,
            log: log::take(),
        }
    })
    .collect()
}

/// The required field that is null in this row.
fn withheld(description: &Description, columns: &[Column<'_>], row: usize) -> Option<&'static str> {
    let mut fields = description.fields.iter().zip(columns);
    let (field, _) = fields.find(|(field, column)| {
        let validity = column
            .levels
            .first()
            .map_or(column.validity, |level| level.validity);
        field.required && !present(validity, row)
    })?;
    field.paths.first().copied()
}

/// A field that no packet's schema has would be null everywhere: most likely a mistyped path.
fn check_fields(description: &Description, schemas: &Known, packets: &[&[u8]]) {
    let texts = packets
        .iter()
        .filter_map(|packet| schema_text(packet, schemas).ok());
    let texts: HashSet<Arc<str>> = texts.collect();
    let known: Vec<Schema> = texts
        .iter()
        .filter_map(|text| Schema::parse(text).ok())
        .collect();
    for field in decoder_fields(description.fields) {
        let found = known.iter().map(|schema| schema.check(&field));
        let mut errors: Vec<_> = found.filter_map(Result::err).collect();
        if !known.is_empty() && errors.len() == known.len() {
            panic!(
                "no packet has a field that the filter asks for: {}",
                errors.remove(0)
            );
        }
    }
}

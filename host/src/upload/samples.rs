//! What is known of a stream when a filter is uploaded for it.
//!
//! In: sample packets and schemas. Out: schemas to check fields against, alerts for the trial.
//! Never: a survey's field names.

use std::collections::HashSet;
use std::sync::Arc;

use skysieve_decode::{Field, FieldPath, NoSchemas, Schema, SchemaSource, schema_text};

use super::refusal::Refusal;
use crate::evaluate::Description;

/// A few packets of a stream, and the schemas that its alerts have.
#[derive(Clone)]
pub struct StreamSamples {
    /// Known schemas, the newest last.
    pub schemas: Vec<Schema>,
    /// Sample packets.
    pub packets: Vec<Arc<[u8]>>,
    /// Schemas by Confluent id.
    pub source: Arc<dyn SchemaSource>,
}

impl Default for StreamSamples {
    /// Nothing is known.
    fn default() -> StreamSamples {
        StreamSamples {
            schemas: Vec::new(),
            packets: Vec::new(),
            source: Arc::new(NoSchemas),
        }
    }
}

impl StreamSamples {
    /// What the packets themselves say of their schemas.
    #[must_use]
    pub fn of_packets(packets: Vec<Arc<[u8]>>, source: Arc<dyn SchemaSource>) -> StreamSamples {
        let mut seen = HashSet::new();
        let texts = packets
            .iter()
            .filter_map(|packet| schema_text(packet, &*source).ok());
        let new: Vec<_> = texts.filter(|text| seen.insert(text.clone())).collect();
        let schemas = new
            .iter()
            .filter_map(|text| Schema::parse(text).ok())
            .collect();
        StreamSamples {
            schemas,
            packets,
            source,
        }
    }

    /// Checks every declared field: some schema has to have it.
    pub(super) fn check(&self, description: &Description) -> Result<(), Refusal> {
        self.complaints(description).next().map_or(Ok(()), Err)
    }

    /// What is wrong with declared fields, each with what could be asked for instead.
    pub fn complaints(&self, description: &Description) -> impl Iterator<Item = Refusal> {
        let fields = description.decode_fields().into_iter();
        fields
            .zip(1..)
            .filter_map(|(field, number)| self.check_field(number, &field).err())
    }

    /// Checks the parts of a payload: some schema has to have each.
    ///
    /// # Errors
    /// What is missing, and what there is instead.
    pub fn check_parts(&self, parts: &[FieldPath]) -> Result<(), String> {
        for part in parts {
            let mut answers = self.schemas.iter().map(|schema| schema.has(part));
            // The newest schema's answer is told.
            if let Some(Err(error)) = answers.next_back()
                && answers.all(|answer| answer.is_err())
            {
                return Err(error.to_string());
            }
        }
        Ok(())
    }

    fn check_field(&self, number: usize, field: &Field) -> Result<(), Refusal> {
        let mut error = None;
        for schema in &self.schemas {
            match schema.check(field) {
                Ok(()) => return Ok(()),
                Err(found) => error = Some(found),
            }
        }
        error.map_or(Ok(()), |error| Err(Refusal::Field { number, error }))
    }
}

//! Chosen fields of alerts, each as the type that keeps it as it is.
//!
//! In: paths and packets of any schemas. Out: `{path: value, ...}` per record. A field that a
//! packet's schema lacks is null. Never: a conversion.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::anyhow;
use skysieve_decode::{
    Decoder, Element, Field, FieldError, FieldPath, Limits, Schema, SchemaSource, schema_text,
    write_json,
};

/// So many schemas are remembered; then all are forgotten.
const MOST_SCHEMAS: usize = 64;

/// Prints chosen fields.
pub(super) struct Chosen {
    paths: Vec<FieldPath>,
    schemas: Arc<dyn SchemaSource>,
    /// The types that the fields have in each schema, by its text.
    elements: HashMap<Arc<str>, Vec<Option<Element>>>,
    decoders: HashMap<Vec<Option<Element>>, Decoder>,
    /// Per path: why no packet had it so far; none once one did.
    missing: Vec<Option<String>>,
}

impl Chosen {
    pub fn new(paths: Vec<FieldPath>, schemas: Arc<dyn SchemaSource>) -> Chosen {
        let missing = paths.iter().map(|_| Some(String::new())).collect();
        Chosen {
            paths,
            schemas,
            elements: HashMap::new(),
            decoders: HashMap::new(),
            missing,
        }
    }

    /// What to say of the fields that no packet had.
    pub fn never_found(&self) -> impl Iterator<Item = &str> {
        let said = |message: &&str| !message.is_empty();
        self.missing
            .iter()
            .flatten()
            .map(String::as_str)
            .filter(said)
    }

    /// The fields of every sound record as JSON, and what is wrong with the rest of the packet.
    ///
    /// # Errors
    /// When a field does not lead to a single value.
    pub fn alerts(&mut self, packet: &[u8]) -> anyhow::Result<(Vec<String>, Option<String>)> {
        let elements = match schema_text(packet, &*self.schemas) {
            Ok(text) => self.elements_of(text)?,
            // The decoder finds the same and says so.
            Err(_) => vec![None; self.paths.len()],
        };
        let (paths, schemas) = (&self.paths, &self.schemas);
        let decoder = match self.decoders.get_mut(&elements) {
            Some(known) => known,
            None => {
                let new = decoder(paths, &elements, schemas.clone())?;
                self.decoders.entry(elements).or_insert(new)
            }
        };
        let batch = decoder.decode(&[packet]);
        let alert = |row| {
            let mut text = String::from("{");
            for (index, (path, column)) in self.paths.iter().zip(&batch.columns).enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                text.push_str(&serde_json::Value::from(path.to_string()).to_string());
                text.push(':');
                write_json(&mut text, column, row);
            }
            text + "}"
        };
        let alerts = (0..batch.rows.len()).map(alert).collect();
        let error = batch.damages.first().map(|damage| damage.error.to_string());
        Ok((alerts, error))
    }

    fn elements_of(&mut self, text: Arc<str>) -> anyhow::Result<Vec<Option<Element>>> {
        if let Some(known) = self.elements.get(&text) {
            return Ok(known.clone());
        }
        let Ok(schema) = Schema::parse(&text) else {
            return Ok(vec![None; self.paths.len()]);
        };
        let mut elements = Vec::with_capacity(self.paths.len());
        for (path, missing) in self.paths.iter().zip(&mut self.missing) {
            elements.push(match schema.natural(path) {
                Ok(element) => {
                    *missing = None;
                    Some(element)
                }
                Err(error @ FieldError::Missing { .. }) => {
                    *missing = missing.take().map(|_| error.to_string());
                    None
                }
                Err(error) => return Err(anyhow!("{error}")),
            });
        }
        if self.elements.len() == MOST_SCHEMAS {
            self.elements.clear();
            self.decoders.clear();
        }
        self.elements.insert(text, elements.clone());
        Ok(elements)
    }
}

/// A decoder for the paths; those without a type are null whatever theirs is.
fn decoder(
    paths: &[FieldPath],
    elements: &[Option<Element>],
    schemas: Arc<dyn SchemaSource>,
) -> anyhow::Result<Decoder> {
    let fields = paths
        .iter()
        .zip(elements)
        .map(|(path, element)| Field::new(vec![path.clone()], element.unwrap_or(Element::Boolean)));
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    Ok(Decoder::new(fields, schemas, Limits::default())?)
}

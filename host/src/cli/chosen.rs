//! Chosen fields of alerts, each as the type that keeps it as it is.
//!
//! In: paths and packets of any schemas. Out: `{path: value, ...}` per record. A field that a
//! packet's schema lacks is null. Never: a conversion.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

use skysieve_decode::{
    Batch, Decoder, Element, Field, FieldError, FieldPath, Limits, Schema, SchemaSource,
    schema_text, write_json,
};

use super::json_line;

/// So many schemas are remembered; then all are forgotten.
const MOST_SCHEMAS: usize = 64;

/// Prints chosen fields.
pub(super) struct Chosen {
    paths: Vec<FieldPath>,
    schemas: Arc<dyn SchemaSource>,
    /// The types that the fields have in each schema, by its text.
    elements: HashMap<Arc<str>, Vec<Option<Element>>>,
    decoders: HashMap<Vec<Option<Element>>, Decoder>,
    /// Per path: why no packet gave it so far; none once one did.
    missing: Vec<Option<Missing>>,
}

/// Why a path gave no value.
#[derive(Default)]
struct Missing {
    message: String,
    /// It is there, but does not lead to a single value.
    no_value: bool,
}

impl Chosen {
    pub fn new(paths: Vec<FieldPath>, schemas: Arc<dyn SchemaSource>) -> Chosen {
        let missing = paths.iter().map(|_| Some(Missing::default())).collect();
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
            .map(|missing| missing.message.as_str())
            .filter(said)
    }

    /// Whether some field that no packet gave is there all the same, but is no single value: what was
    /// asked for has to change.
    pub fn asks_for_no_value(&self) -> bool {
        self.missing
            .iter()
            .flatten()
            .any(|missing| missing.no_value)
    }

    /// Hands the fields of every sound record on as JSON; gives what is wrong with the rest of the
    /// packet.
    ///
    /// # Errors
    /// When `alert` fails.
    pub fn alerts(
        &mut self,
        packet: &[u8],
        alert: &mut dyn FnMut(json_line::Alert) -> io::Result<()>,
    ) -> anyhow::Result<Option<String>> {
        let elements = match schema_text(packet, &*self.schemas) {
            Ok(text) => self.elements_of(text),
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
        for row in 0..batch.rows.len() {
            let mut line = json_line::Line::default();
            let written = write_fields(&mut line, &self.paths, &batch, row);
            alert(line.finish(written))?;
        }
        Ok(batch.damages.first().map(|damage| damage.error.to_string()))
    }

    fn elements_of(&mut self, text: Arc<str>) -> Vec<Option<Element>> {
        if let Some(known) = self.elements.get(&text) {
            return known.clone();
        }
        let Ok(schema) = Schema::parse(&text) else {
            return vec![None; self.paths.len()];
        };
        let mut elements = Vec::with_capacity(self.paths.len());
        for (path, missing) in self.paths.iter().zip(&mut self.missing) {
            elements.push(match schema.natural(path) {
                Ok(element) => {
                    *missing = None;
                    Some(element)
                }
                Err(error) => {
                    *missing = missing.take().map(|_| Missing {
                        message: error.to_string(),
                        no_value: !matches!(error, FieldError::Missing { .. }),
                    });
                    None
                }
            });
        }
        if self.elements.len() == MOST_SCHEMAS {
            self.elements.clear();
            self.decoders.clear();
        }
        self.elements.insert(text, elements.clone());
        elements
    }
}

/// `{path: value, ...}` of one row.
fn write_fields(
    line: &mut json_line::Line,
    paths: &[FieldPath],
    batch: &Batch,
    row: usize,
) -> fmt::Result {
    for (index, (path, column)) in paths.iter().zip(&batch.columns).enumerate() {
        let before = if index > 0 { ',' } else { '{' };
        let path = serde_json::Value::from(path.to_string());
        write!(line, "{before}{path}:")?;
        write_json(line, column, row)?;
    }
    line.write_char('}')
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

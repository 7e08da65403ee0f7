//! What is decoded: the benchmark filter's own fields, and a whole record's.
//!
//! In: a filter's declaration, a packet's schema. Out: fields for the decoder. Never: a hand-written
//! list beside the filter's.

use anyhow::Result;
use skysieve_decode::{Element, Field, NoSchemas, Schema, schema_text};
use skysieve_sdk::{ElementType, Filter};

/// The nine fields of the six cuts.
///
/// # Errors
/// When a path of theirs is not one.
pub fn projected() -> Result<Vec<Field>> {
    six_cuts::keep::describe()
        .fields
        .iter()
        .map(field)
        .collect()
}

fn field(declared: &skysieve_sdk::Field) -> Result<Field> {
    let paths = declared
        .paths
        .iter()
        .map(|path| path.parse())
        .collect::<Result<_, _>>()?;
    let element = match declared.element {
        ElementType::Boolean => Element::Boolean,
        ElementType::Int32 => Element::Int32,
        ElementType::Int64 => Element::Int64,
        ElementType::Float32 => Element::Float32,
        ElementType::Float64 => Element::Float64,
        ElementType::Utf8 => Element::Utf8,
        ElementType::Binary => Element::Binary,
    };
    Ok(Field { paths, element })
}

/// Everything that can be asked of the packet's schema.
///
/// # Errors
/// When the packet has none that can be read.
pub fn whole(packet: &[u8]) -> Result<Vec<Field>> {
    let text = schema_text(packet, &NoSchemas)?;
    let schema = Schema::parse(&text)?;
    let paths = schema.askable_paths().into_iter();
    Ok(paths
        .map(|askable| Field {
            paths: vec![askable.path],
            element: askable.element,
        })
        .collect())
}

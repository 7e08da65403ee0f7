//! Arrow columns as the flat ones of the contract, borrowed.
//!
//! What comes in: what the decoder gives. What goes out: the same columns that the sandbox gets.
//! Never: a changed value.

use skysieve_decode::flat::{FlatColumn, FlatLevel, FlatValues, FlatVarying};
use skysieve_decode::{Element, Field as Wanted, FieldPath};

use crate::column::{Column, Level, Values, Varying};
use crate::description::{ElementType, Field};

/// What the decoder is asked for on behalf of a filter.
///
/// # Panics
///
/// Where a path is none that a decoder can read (the macros check them).
pub fn decoder_fields(fields: &[Field]) -> Vec<Wanted> {
    fields.iter().map(wanted).collect()
}

fn wanted(field: &Field) -> Wanted {
    let path = |path: &&str| -> FieldPath {
        path.parse()
            .unwrap_or_else(|error| panic!("the path {path} cannot be read: {error}"))
    };
    Wanted {
        paths: field.paths.iter().map(path).collect(),
        element: element(field.element),
    }
}

fn element(of: ElementType) -> Element {
    match of {
        ElementType::Boolean => Element::Boolean,
        ElementType::Int32 => Element::Int32,
        ElementType::Int64 => Element::Int64,
        ElementType::Float32 => Element::Float32,
        ElementType::Float64 => Element::Float64,
        ElementType::Utf8 => Element::Utf8,
        ElementType::Binary => Element::Binary,
    }
}

/// A decoded column as filters get it.
pub fn borrow<'a>(flat: &'a FlatColumn<'_>) -> Column<'a> {
    Column {
        levels: flat.levels.iter().map(level).collect(),
        values: values(&flat.values),
        validity: flat.validity.as_deref(),
    }
}

fn level<'a>(level: &'a FlatLevel<'_>) -> Level<'a> {
    Level {
        offsets: &level.offsets,
        validity: level.validity.as_deref(),
    }
}

fn values<'a>(values: &'a FlatValues<'_>) -> Values<'a> {
    match values {
        FlatValues::Boolean(bits) => Values::Boolean(bits),
        FlatValues::Int32(numbers) => Values::Int32(numbers),
        FlatValues::Int64(numbers) => Values::Int64(numbers),
        FlatValues::Float32(numbers) => Values::Float32(numbers),
        FlatValues::Float64(numbers) => Values::Float64(numbers),
        FlatValues::Utf8(texts) => Values::Utf8(varying(texts)),
        FlatValues::Binary(texts) => Values::Binary(varying(texts)),
    }
}

fn varying<'a>(varying: &'a FlatVarying<'_>) -> Varying<'a> {
    Varying {
        offsets: &varying.offsets,
        bytes: varying.bytes,
    }
}

//! The decoder's columns as the SDK sees them, without a sandbox between.
//!
//! In: flat buffers of Arrow. Out: the SDK's view of the same memory. Never: a copy.

use skysieve_decode::flat::{FlatColumn, FlatLevel, FlatValues, FlatVarying};
use skysieve_sdk::{Column, Level, Values, Varying};

/// One column.
pub fn lend<'a>(column: &'a FlatColumn<'_>) -> Column<'a> {
    let level = |level: &'a FlatLevel<'_>| Level {
        offsets: &level.offsets,
        validity: level.validity.as_deref(),
    };
    Column {
        levels: column.levels.iter().map(level).collect(),
        values: values(&column.values),
        validity: column.validity.as_deref(),
    }
}

fn values<'a>(values: &'a FlatValues<'_>) -> Values<'a> {
    match values {
        FlatValues::Boolean(bits) => Values::Boolean(bits),
        FlatValues::Int32(values) => Values::Int32(values),
        FlatValues::Int64(values) => Values::Int64(values),
        FlatValues::Float32(values) => Values::Float32(values),
        FlatValues::Float64(values) => Values::Float64(values),
        FlatValues::Utf8(texts) => Values::Utf8(varying(texts)),
        FlatValues::Binary(bytes) => Values::Binary(varying(bytes)),
    }
}

fn varying<'a>(varying: &'a FlatVarying<'_>) -> Varying<'a> {
    Varying {
        offsets: &varying.offsets,
        bytes: varying.bytes,
    }
}

//! The chosen rows of a batch, lent to a guest: one copy of each buffer into it, none before.
//!
//! In: one Arrow array per field, chosen rows. Out: what the bindings lend. Never: a conversion;
//! the decoder has given every column its declared type.

use arrow_array::{Array, ArrayRef};
use skysieve_decode::flat::{FlatColumn, FlatValues, FlatVarying, take_rows};

use super::bindings::types;

/// The chosen rows of every column, next to each other.
pub(super) struct Chosen {
    columns: Vec<ArrayRef>,
}

impl Chosen {
    /// Picks `rows`, in their order; shares the columns where they are all.
    ///
    /// # Panics
    /// When a row is not below the number of rows.
    pub(super) fn new(columns: &[ArrayRef], rows: &[u32]) -> Chosen {
        let whole = |column: &ArrayRef| {
            column.len() == rows.len() && rows.iter().zip(0_u32..).all(|(row, index)| *row == index)
        };
        let all = columns.first().is_none_or(whole);
        let pick = |column: &ArrayRef| {
            if all {
                column.clone()
            } else {
                take_rows(column, rows)
            }
        };
        Chosen {
            columns: columns.iter().map(pick).collect(),
        }
    }

    /// `len` of the chosen rows from `start` on.
    pub(super) fn slice(&self, start: usize, len: usize) -> Chosen {
        let slice = |column: &ArrayRef| {
            if column.len() == len {
                column.clone()
            } else {
                column.slice(start, len)
            }
        };
        Chosen {
            columns: self.columns.iter().map(slice).collect(),
        }
    }

    /// The buffers of every column.
    ///
    /// # Errors
    /// The type of a column that no decoder gives.
    pub(super) fn flat(&self) -> Result<Vec<FlatColumn<'_>>, String> {
        self.columns.iter().map(flat).collect()
    }
}

fn flat(column: &ArrayRef) -> Result<FlatColumn<'_>, String> {
    FlatColumn::of(column).ok_or_else(|| format!("a column has the type {}", column.data_type()))
}

/// The arrays around the elements, as the bindings lend them.
pub(super) fn levels<'a>(column: &'a FlatColumn<'_>) -> Vec<types::Level<'a>> {
    let lend = |level: &'a skysieve_decode::flat::FlatLevel<'_>| types::Level {
        offsets: &level.offsets,
        validity: level.validity.as_deref(),
    };
    column.levels.iter().map(lend).collect()
}

/// A column as the bindings lend it.
pub(super) fn lend<'a>(
    column: &'a FlatColumn<'_>,
    levels: &'a [types::Level<'a>],
) -> types::Column<'a> {
    types::Column {
        levels,
        values: values(&column.values),
        validity: column.validity.as_deref(),
    }
}

fn values<'a>(values: &'a FlatValues<'_>) -> types::Values<'a> {
    match values {
        FlatValues::Boolean(bits) => types::Values::Boolean(bits),
        FlatValues::Int32(values) => types::Values::Int32(values),
        FlatValues::Int64(values) => types::Values::Int64(values),
        FlatValues::Float32(values) => types::Values::Float32(values),
        FlatValues::Float64(values) => types::Values::Float64(values),
        FlatValues::Utf8(texts) => types::Values::Utf8(varying(texts)),
        FlatValues::Binary(blobs) => types::Values::Binary(varying(blobs)),
    }
}

fn varying<'a>(varying: &'a FlatVarying<'_>) -> types::Varying<'a> {
    types::Varying {
        offsets: &varying.offsets,
        bytes: varying.bytes,
    }
}

//! The value of a parameter, from JSON or from a command line.
//!
//! In: what somebody wrote, and the declared type. Out: a [`ParameterValue`]. Never: a range; the
//! parameter knows that.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::description::ValueType;
use super::text::for_people;

/// Longest text that a parameter may hold [bytes].
pub const PARAMETER_TEXT_BYTES: usize = 1024;

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// Truth value.
    Boolean(bool),
    /// Integer.
    Int64(i64),
    /// Finite number.
    Float64(f64),
    /// Text.
    Utf8(String),
}

impl ParameterValue {
    /// Its type.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            ParameterValue::Boolean(_) => ValueType::Boolean,
            ParameterValue::Int64(_) => ValueType::Int64,
            ParameterValue::Float64(_) => ValueType::Float64,
            ParameterValue::Utf8(_) => ValueType::Utf8,
        }
    }

    /// Whether a number is finite and a text of bearable length.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match self {
            ParameterValue::Float64(number) => number.is_finite(),
            ParameterValue::Utf8(text) => text.len() <= PARAMETER_TEXT_BYTES,
            ParameterValue::Boolean(_) | ParameterValue::Int64(_) => true,
        }
    }

    /// Whether it is less than `other` of the same type.
    pub(super) fn is_below(&self, other: &ParameterValue) -> bool {
        match (self, other) {
            (ParameterValue::Int64(a), ParameterValue::Int64(b)) => a < b,
            (ParameterValue::Float64(a), ParameterValue::Float64(b)) => a < b,
            _ => false,
        }
    }

    /// Reads a JSON value as `value_type`; an integer is good for a float, not the other way round.
    #[must_use]
    pub fn from_json(value: &Value, value_type: ValueType) -> Option<ParameterValue> {
        match value_type {
            ValueType::Boolean => value.as_bool().map(ParameterValue::Boolean),
            ValueType::Int64 => value.as_i64().map(ParameterValue::Int64),
            ValueType::Float64 => value.as_f64().map(ParameterValue::Float64),
            ValueType::Utf8 => value
                .as_str()
                .map(|text| ParameterValue::Utf8(text.to_owned())),
        }
        .filter(ParameterValue::is_sound)
    }

    /// Reads what stands behind `=` on a command line as `value_type`.
    #[must_use]
    pub fn from_text(text: &str, value_type: ValueType) -> Option<ParameterValue> {
        match value_type {
            ValueType::Boolean => text.parse().ok().map(ParameterValue::Boolean),
            ValueType::Int64 => text.parse().ok().map(ParameterValue::Int64),
            ValueType::Float64 => text.parse().ok().map(ParameterValue::Float64),
            ValueType::Utf8 => Some(ParameterValue::Utf8(text.to_owned())),
        }
        .filter(ParameterValue::is_sound)
    }
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParameterValue::Boolean(value) => write!(f, "{value}"),
            ParameterValue::Int64(value) => write!(f, "{value}"),
            ParameterValue::Float64(value) => write!(f, "{value:?}"),
            ParameterValue::Utf8(value) => write!(f, "\"{}\"", for_people(value, 100)),
        }
    }
}

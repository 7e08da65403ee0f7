//! What a filter says of itself, in the host's own words.
//!
//! In: nothing; these are the words (`check.rs` makes them from a guest's answer). Out: fields to
//! decode, parameters to set, reasons and annotations to name. Never: an unchecked value.

use serde::{Deserialize, Serialize};
use skysieve_decode::{Element, Field};
use utoipa::ToSchema;

use super::parameter::{Parameter, Written};

/// What a filter says of itself; checked, and the same at every call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Description {
    /// One line for lists.
    pub title: String,
    /// Name and version of the kit that built it.
    pub built_with: String,
    /// What it reads, in the order of its columns.
    pub fields: Vec<DeclaredField>,
    /// What its owner may change.
    #[schema(value_type = Vec<Written>)]
    pub parameters: Vec<Parameter>,
    /// Why it rejects; the reason of code n is `reasons[n - 1]`.
    pub reasons: Vec<Reason>,
    /// What it may attach.
    pub annotations: Vec<AnnotationKind>,
}

impl Description {
    /// The name of the reason behind a code that a filter answered.
    #[must_use]
    pub fn reason(&self, code: u8) -> Option<&Reason> {
        self.reasons.get(usize::from(code).checked_sub(1)?)
    }

    /// The fields for the decoder, in the order of the columns.
    #[must_use]
    pub fn decode_fields(&self) -> Vec<Field> {
        self.fields.iter().map(DeclaredField::to_decode).collect()
    }
}

/// One field that a filter reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeclaredField {
    /// Alternatives, the first that an alert's schema has is read.
    pub paths: Vec<String>,
    /// The type of one element.
    pub element: ElementType,
    /// Alerts without it are rejected by the host.
    pub required: bool,
}

impl DeclaredField {
    /// As the decoder wants it.
    #[must_use]
    pub fn to_decode(&self) -> Field {
        // A path that does not parse was refused when the description was checked.
        let paths = self
            .paths
            .iter()
            .filter_map(|path| path.parse().ok())
            .collect();
        Field {
            paths,
            element: self.element.into(),
        }
    }
}

/// The type in which a field is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ElementType {
    /// Truth value.
    Boolean,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 32-bit float.
    Float32,
    /// 64-bit float.
    Float64,
    /// Text.
    Utf8,
    /// Bytes.
    Binary,
}

impl ElementType {
    /// As it is written: `boolean`, `int32`, `int64`, `float32`, `float64`, `utf8`, `binary`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ElementType::Boolean => "boolean",
            ElementType::Int32 => "int32",
            ElementType::Int64 => "int64",
            ElementType::Float32 => "float32",
            ElementType::Float64 => "float64",
            ElementType::Utf8 => "utf8",
            ElementType::Binary => "binary",
        }
    }
}

impl From<ElementType> for Element {
    fn from(element: ElementType) -> Element {
        match element {
            ElementType::Boolean => Element::Boolean,
            ElementType::Int32 => Element::Int32,
            ElementType::Int64 => Element::Int64,
            ElementType::Float32 => Element::Float32,
            ElementType::Float64 => Element::Float64,
            ElementType::Utf8 => Element::Utf8,
            ElementType::Binary => Element::Binary,
        }
    }
}

/// Why an alert may be rejected: one row of the cut-flow table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The key of its counts.
    pub name: String,
    /// One line for people.
    pub summary: String,
}

/// The type of an annotation or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Truth value.
    Boolean,
    /// 64-bit signed integer.
    Int64,
    /// 64-bit float, finite.
    Float64,
    /// Text.
    Utf8,
}

impl ValueType {
    /// As it is written: `boolean`, `int64`, `float64`, `utf8`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Boolean => "boolean",
            ValueType::Int64 => "int64",
            ValueType::Float64 => "float64",
            ValueType::Utf8 => "utf8",
        }
    }
}

/// An annotation that a filter may attach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnnotationKind {
    /// Unique within the filter.
    pub name: String,
    /// As LSST writes units.
    pub unit: String,
    /// One sentence for people.
    pub summary: String,
    /// Its type.
    #[serde(rename = "type")]
    pub element: ValueType,
}

//! What a filter says of itself, as static data.
//!
//! What comes in: what the macros wrote down. What goes out: the same, to the host at upload and
//! to native tests. Never: anything that depends on an alert.

use crate::value::FieldValue;

/// What a filter says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// One line for lists.
    pub title: &'static str,
    /// The fields that it reads.
    pub fields: &'static [Field],
    /// The numbers and words that its owner may change.
    pub parameters: &'static [Parameter],
    /// Why it may reject an alert, in the order of the cuts; reason `n` has code `n + 1`.
    pub reasons: &'static [Reason],
    /// What it may attach to an alert.
    pub annotations: &'static [AnnotationKind],
}

/// Name and version of this kit.
pub const BUILT_WITH: &str = concat!("skysieve-sdk ", env!("CARGO_PKG_VERSION"));

/// The type in which a field is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// One field that the filter reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Alternatives; the first that the alert's schema has is read.
    pub paths: &'static [&'static str],
    /// The type of one element.
    pub element: ElementType,
    /// Whether the host withholds alerts in which it is null.
    pub required: bool,
}

impl Field {
    /// The field at `paths`, as a value of the Rust type `T`.
    pub const fn of<'a, T: FieldValue<'a>>(paths: &'static [&'static str]) -> Self {
        Self {
            paths,
            element: T::ELEMENT,
            required: T::REQUIRED,
        }
    }
}

/// A number or word that the owner may change without a new upload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// `[a-z][a-z0-9_]*`.
    pub name: &'static str,
    /// `mag`, `nJy`, `deg`, `d`; empty for a pure number or a word.
    pub unit: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Used until the owner sets another.
    pub default: ParameterValue<'static>,
    /// Least allowed value.
    pub minimum: Option<ParameterValue<'static>>,
    /// Greatest allowed value.
    pub maximum: Option<ParameterValue<'static>>,
    /// The allowed values where not every one is.
    pub choices: &'static [ParameterValue<'static>],
}

/// A parameter's value; its case is its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ParameterValue<'a> {
    /// Truth value.
    Boolean(bool),
    /// Whole number.
    Int64(i64),
    /// Number.
    Float64(f64),
    /// Word.
    Utf8(&'a str),
}

/// Why an alert may be rejected: one row of the cut-flow table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// `[a-z][a-z0-9_]*`: the key under which counts are kept across versions.
    pub name: &'static str,
    /// One line for people.
    pub summary: &'static str,
}

/// An annotation that the filter may attach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnotationKind {
    /// `[a-z][a-z0-9_]*`.
    pub name: &'static str,
    /// As for parameters.
    pub unit: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Its type.
    pub element: AnnotationType,
}

/// The type of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationType {
    /// Truth value.
    Boolean,
    /// Whole number.
    Int64,
    /// Number.
    Float64,
    /// Text.
    Utf8,
}

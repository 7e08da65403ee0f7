//! What somebody asks for: paths and the type of the column.
//!
//! In: declared paths and element types. Out: checked [`Field`]s. Never: a look at any schema.

use std::fmt;

use arrow_schema::DataType;

use crate::path::FieldPath;

/// Greatest number of alternative paths of one field: far above the renames of any survey.
pub const MOST_PATHS: usize = 16;

/// The type in which a field is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
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

impl Element {
    /// The Arrow type of one element.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Element::Boolean => DataType::Boolean,
            Element::Int32 => DataType::Int32,
            Element::Int64 => DataType::Int64,
            Element::Float32 => DataType::Float32,
            Element::Float64 => DataType::Float64,
            Element::Utf8 => DataType::Utf8,
            Element::Binary => DataType::Binary,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Element::Boolean => "boolean",
            Element::Int32 => "int32",
            Element::Int64 => "int64",
            Element::Float32 => "float32",
            Element::Float64 => "float64",
            Element::Utf8 => "utf8",
            Element::Binary => "binary",
        })
    }
}

/// One field to decode: where it lies and the type its column gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Alternatives; the first that the packet's schema has is read. All enter equally many arrays.
    pub paths: Vec<FieldPath>,
    /// The type of one element.
    pub element: Element,
}

/// Why a field cannot be asked for, whatever the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidField {
    /// No path at all.
    #[error("a field names no path; give at least one")]
    NoPath,
    /// Too many alternatives.
    #[error("a field names {0} paths; at most {MOST_PATHS} are allowed")]
    TooManyPaths(usize),
    /// Alternatives of different shape.
    #[error(
        "`{first}` and `{other}` enter {first_arrays} and {other_arrays} arrays; the alternatives of \
         a field have to enter equally many"
    )]
    Uneven {
        /// First alternative.
        first: String,
        /// How many arrays it enters.
        first_arrays: usize,
        /// The alternative that differs.
        other: String,
        /// How many arrays that one enters.
        other_arrays: usize,
    },
}

impl Field {
    /// A field of checked shape.
    ///
    /// # Errors
    /// As for [`Field::validate`].
    pub fn new(paths: Vec<FieldPath>, element: Element) -> Result<Field, InvalidField> {
        let field = Field { paths, element };
        field.validate()?;
        Ok(field)
    }

    /// How many arrays the field enters: the number of lists around an element of its column.
    #[must_use]
    pub fn arrays(&self) -> usize {
        self.paths.first().map_or(0, FieldPath::arrays)
    }

    /// Checks what can be checked without a schema.
    ///
    /// # Errors
    /// When there is no path or too many, or when they enter different numbers of arrays.
    pub fn validate(&self) -> Result<(), InvalidField> {
        let first = self.paths.first().ok_or(InvalidField::NoPath)?;
        if self.paths.len() > MOST_PATHS {
            return Err(InvalidField::TooManyPaths(self.paths.len()));
        }
        match self
            .paths
            .iter()
            .find(|path| path.arrays() != first.arrays())
        {
            None => Ok(()),
            Some(other) => Err(InvalidField::Uneven {
                first: first.to_string(),
                first_arrays: first.arrays(),
                other: other.to_string(),
                other_arrays: other.arrays(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn paths(texts: &[&str]) -> Vec<FieldPath> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn alternatives_are_bounded_and_of_one_shape() {
        assert!(Field::new(paths(&["a[].b", "c.d[]"]), Element::Int32).is_ok());
        assert_eq!(
            Field::new(vec![], Element::Int32),
            Err(InvalidField::NoPath)
        );
        assert!(Field::new(paths(&["a"; MOST_PATHS]), Element::Int32).is_ok());
        assert_eq!(
            Field::new(paths(&["a"; MOST_PATHS + 1]), Element::Int32),
            Err(InvalidField::TooManyPaths(MOST_PATHS + 1))
        );
        let error = Field::new(paths(&["a[].b", "c"]), Element::Utf8)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`a[].b` and `c` enter 1 and 0 arrays"),
            "{error}"
        );
    }
}

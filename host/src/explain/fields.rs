//! What a filter read of one alert: every declared field with its value, bounded in length.
//!
//! In: declared fields, their columns, a row, the alert's schema. Out: [`FieldValue`]s. Never: a
//! value changed; what is left out is said.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use serde::Serialize;
use serde_json::Value;
use skysieve_decode::{Field, Schema, write_json};

use crate::evaluate::{DeclaredField, ElementType};

/// Single values shown of one field.
const VALUES: usize = 100;
/// Bytes shown of one text.
const TEXT_BYTES: usize = 1_000;
/// Bytes of JSON shown of all fields together, roughly; those beyond come without a value.
const ALL_BYTES: usize = 256 << 10;

/// One field as the filter got it.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FieldValue {
    /// The path that was read; of several that the filter declared, the first that the alert has.
    pub path: String,
    /// The type in which the filter asked for it.
    #[serde(rename = "type")]
    pub element: ElementType,
    /// Whether the filter is not asked about alerts without it.
    pub required: bool,
    /// Its value; null where the alert has none. Bytes are their length and SHA-256.
    pub value: Value,
    /// What is not shown of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The fields of the alert in `row`.
pub(super) fn values(
    declared: &[DeclaredField],
    columns: &[ArrayRef],
    row: usize,
    schema: Option<&Schema>,
) -> Vec<FieldValue> {
    let mut bytes = 0;
    let value = |(field, column): (&DeclaredField, &ArrayRef)| {
        let mut shown = Shown::default();
        let value = if bytes < ALL_BYTES {
            shown.value(column.as_ref(), row)
        } else {
            shown.left_out += 1;
            Value::Null
        };
        bytes += value.to_string().len();
        FieldValue {
            path: path(field, schema),
            element: field.element,
            required: field.required,
            value,
            note: shown.note(),
        }
    };
    std::iter::zip(declared, columns).map(value).collect()
}

/// The names of the required fields that the alert in `row` lacks.
pub(super) fn lacking(declared: &[DeclaredField], columns: &[ArrayRef], row: usize) -> Vec<String> {
    std::iter::zip(declared, columns)
        .filter(|(field, column)| field.required && column.is_null(row))
        .map(|(field, _)| field.paths.join(" or "))
        .collect()
}

/// The first alternative that the schema has; all of them where it has none.
fn path(field: &DeclaredField, schema: Option<&Schema>) -> String {
    let read = field.to_decode();
    let has = |path: &&skysieve_decode::FieldPath| {
        let one = Field {
            paths: vec![(*path).clone()],
            element: read.element,
        };
        schema.is_some_and(|schema| schema.check(&one).is_ok())
    };
    let found = read.paths.iter().find(has);
    found.map_or_else(|| field.paths.join(" or "), ToString::to_string)
}

/// How much of one field was shown, and what was not.
#[derive(Default)]
struct Shown {
    values: usize,
    left_out: usize,
    cut_texts: usize,
}

impl Shown {
    fn value(&mut self, array: &dyn Array, row: usize) -> Value {
        if array.is_null(row) {
            return Value::Null;
        }
        if let Some(list) = array.as_list_opt::<i32>() {
            let items = list.value(row);
            let mut shown = Vec::new();
            for item in 0..items.len() {
                if self.values >= VALUES {
                    self.left_out += items.len() - item;
                    break;
                }
                shown.push(self.value(items.as_ref(), item));
            }
            return Value::Array(shown);
        }
        self.values += 1;
        if let Some(texts) = array.as_string_opt::<i32>() {
            return self.text(texts.value(row)).into();
        }
        let mut json = String::new();
        // Writing to a String cannot fail, and what was written is JSON.
        let written = write_json(&mut json, array, row);
        written
            .ok()
            .and_then(|()| serde_json::from_str(&json).ok())
            .unwrap_or(Value::Null)
    }

    fn text<'a>(&mut self, text: &'a str) -> &'a str {
        let end = text.floor_char_boundary(TEXT_BYTES);
        self.cut_texts += usize::from(end < text.len());
        &text[..end]
    }

    fn note(&self) -> Option<String> {
        match (self.left_out, self.cut_texts) {
            (0, 0) => None,
            (0, _) => Some(format!("texts are cut to {TEXT_BYTES} bytes")),
            (left_out, _) => Some(format!("{left_out} more are not shown")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use arrow_array::builder::{Float32Builder, ListBuilder};
    use arrow_array::{Float32Array, Int64Array, StringArray};
    use serde_json::json;

    use super::*;

    fn shown(array: &dyn Array, row: usize) -> (Value, Option<String>) {
        let mut shown = Shown::default();
        (shown.value(array, row), shown.note())
    }

    #[test]
    fn values_are_as_the_alert_has_them() {
        let floats = Float32Array::from(vec![Some(0.1), None, Some(f32::NAN)]);
        assert_eq!(shown(&floats, 0), (json!(0.1), None));
        assert_eq!(shown(&floats, 1), (Value::Null, None));
        assert_eq!(shown(&floats, 2), (json!("NaN"), None));
        let large = Int64Array::from(vec![2_695_378_462_115_010_012]);
        assert_eq!(shown(&large, 0).0, json!(2_695_378_462_115_010_012_i64));
    }

    #[test]
    fn arrays_are_bounded_however_deep() {
        let mut outer = ListBuilder::new(ListBuilder::new(Float32Builder::new()));
        for _ in 0..3 {
            for _ in 0..60 {
                outer.values().values().append_value(1.0);
            }
            outer.values().append(true);
        }
        outer.append(true);
        let (value, note) = shown(&outer.finish(), 0);
        let lengths = value.as_array().unwrap().iter();
        let lengths: Vec<usize> = lengths.map(|list| list.as_array().unwrap().len()).collect();
        assert_eq!(lengths, [60, 40]);
        // 20 values of the second list, and one whole list.
        assert_eq!(note.unwrap(), "21 more are not shown");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let text = StringArray::from(vec!["δ".repeat(TEXT_BYTES), "short".to_owned()]);
        let (value, note) = shown(&text, 0);
        assert_eq!(value.as_str().unwrap().len(), TEXT_BYTES);
        assert!(note.unwrap().contains("cut"));
        assert_eq!(shown(&text, 1), (json!("short"), None));
    }

    #[test]
    fn all_fields_together_are_bounded() {
        let field = |name: usize| DeclaredField {
            paths: vec![format!("field_{name}")],
            element: ElementType::Utf8,
            required: false,
        };
        let declared: Vec<DeclaredField> = (0..256).map(field).collect();
        let mut texts = ListBuilder::new(arrow_array::builder::StringBuilder::new());
        (0..VALUES).for_each(|_| texts.values().append_value("x".repeat(TEXT_BYTES)));
        texts.append(true);
        let texts: ArrayRef = Arc::new(texts.finish());
        let columns = vec![texts; 256];
        let shown = values(&declared, &columns, 0, None);
        let bytes = serde_json::to_string(&shown).unwrap().len();
        assert!(bytes < 2 * ALL_BYTES, "{bytes}");
        assert!(shown.last().unwrap().note.is_some());
    }
}

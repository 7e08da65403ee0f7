//! Avro records written straight from values, by the order of their schema's fields.
//!
//! In: a schema document, and per record the fields that are set, in schema order. Out: the bytes
//! of the record; what is not set gets the record's blank. Never: a schema parsed twice, or a value
//! tree in between.

use serde_json::Value as Json;

/// A field's value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f32),
    Double(f64),
    Text(&'a str),
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f32> for Value<'_> {
    fn from(value: f32) -> Self {
        Self::Float(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

/// Fields of a record in schema order, each `name: value`.
macro_rules! fields {
    ($($name:ident: $value:expr),* $(,)?) => {
        [$((stringify!($name), $crate::avro::Value::from($value))),*]
    };
}
pub(crate) use fields;

/// The types that the fields of our records have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Text,
}

/// One flat record of a schema.
#[derive(Debug)]
pub(crate) struct Layout {
    name: String,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: Type,
    nullable: bool,
    blank: Vec<u8>,
}

impl Layout {
    /// The record `name` of `schema`; `blank` says what a nullable field of a type holds when it is
    /// not set. A field that cannot be null is 0 or empty then.
    pub(crate) fn new(schema: &Json, name: &str, blank: fn(Type) -> Value<'static>) -> Self {
        let record = find(schema, name).expect("the schema documents have the records asked for");
        let fields = record["fields"].as_array().expect("a record has fields");
        let fields = fields
            .iter()
            .map(|field| Field::new(field, blank))
            .collect();
        Self {
            name: name.to_owned(),
            fields,
        }
    }

    /// Append a record. The fields set come in schema order.
    pub(crate) fn write(&self, out: &mut Vec<u8>, set: &[(&str, Value<'_>)]) {
        let mut set = set.iter().peekable();
        for field in &self.fields {
            match set.next_if(|(name, _)| *name == field.name) {
                Some((_, value)) => field.write(out, *value),
                None => out.extend_from_slice(&field.blank),
            }
        }
        // A misspelt or misplaced name would else be left out in silence.
        if let Some((name, _)) = set.next() {
            panic!("{name} of {} is unknown or out of order", self.name);
        }
    }
}

impl Field {
    fn new(field: &Json, blank: fn(Type) -> Value<'static>) -> Self {
        let name = field["name"]
            .as_str()
            .expect("a field has a name")
            .to_owned();
        let (nullable, kind) = match &field["type"] {
            Json::Array(branches) => (true, &branches[1]),
            kind => (false, kind),
        };
        let kind = kind.as_str().or_else(|| kind["type"].as_str());
        let kind = match kind.expect("our records are flat") {
            "boolean" => Type::Boolean,
            "int" => Type::Int,
            "long" => Type::Long,
            "float" => Type::Float,
            "double" => Type::Double,
            "string" => Type::Text,
            other => panic!("{name} has the type {other}"),
        };
        let mut field = Self {
            name,
            kind,
            nullable,
            blank: Vec::new(),
        };
        let mut bytes = Vec::new();
        field.write(&mut bytes, if nullable { blank(kind) } else { zero(kind) });
        field.blank = bytes;
        field
    }

    fn write(&self, out: &mut Vec<u8>, value: Value<'_>) {
        match (self.nullable, matches!(value, Value::Null)) {
            (true, true) => return out.push(0),
            (true, false) => out.push(2),
            (false, _) => {}
        }
        match (self.kind, value) {
            (Type::Boolean, Value::Boolean(value)) => out.push(value.into()),
            (Type::Int | Type::Long, Value::Integer(value)) => long(out, value),
            (Type::Float, Value::Float(value)) => out.extend_from_slice(&value.to_le_bytes()),
            (Type::Float, Value::Double(value)) => {
                out.extend_from_slice(&(value as f32).to_le_bytes());
            }
            (Type::Double, Value::Double(value)) => out.extend_from_slice(&value.to_le_bytes()),
            (Type::Text, Value::Text(value)) => text(out, value),
            (kind, value) => panic!("{} is {kind:?}, not {value:?}", self.name),
        }
    }
}

/// Append an integer: zigzag, seven bits a byte.
pub(crate) fn long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Append bytes with their length.
pub(crate) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    long(out, value.len() as i64);
    out.extend_from_slice(value);
}

/// Append text with its length.
pub(crate) fn text(out: &mut Vec<u8>, value: &str) {
    bytes(out, value.as_bytes());
}

/// Append a nullable array: null where there is nothing to write.
pub(crate) fn array<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, &T)) {
    if items.is_empty() {
        return out.push(0);
    }
    out.push(2);
    long(out, items.len() as i64);
    items.iter().for_each(|item| write(out, item));
    out.push(0);
}

fn zero(kind: Type) -> Value<'static> {
    match kind {
        Type::Boolean => Value::Boolean(false),
        Type::Int | Type::Long => Value::Integer(0),
        Type::Float | Type::Double => Value::Double(0.0),
        Type::Text => Value::Text(""),
    }
}

/// The record of that name, wherever it is written out.
fn find<'a>(schema: &'a Json, name: &str) -> Option<&'a Json> {
    match schema {
        Json::Object(object) => {
            let record = object.get("type").is_some_and(|kind| kind == "record");
            let named = object.get("name").and_then(Json::as_str) == Some(name);
            if record && named {
                return Some(schema);
            }
            ["type", "items", "fields"]
                .iter()
                .find_map(|key| find(object.get(*key)?, name))
        }
        Json::Array(items) => items.iter().find_map(|item| find(item, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_as_the_specification_says() {
        let written = |value| {
            let mut out = Vec::new();
            long(&mut out, value);
            out
        };
        assert_eq!(written(0), [0]);
        assert_eq!(written(-1), [1]);
        assert_eq!(written(64), [0x80, 1]);
        assert_eq!(written(-64), [0x7f]);
        assert_eq!(written(i64::MIN).len(), 10);
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn a_misplaced_field_is_found() {
        let schema = serde_json::json!({"type": "record", "name": "r", "fields": [
            {"name": "a", "type": "int"}, {"name": "b", "type": ["null", "float"]}]});
        let layout = Layout::new(&schema, "r", |_| Value::Null);
        layout.write(&mut Vec::new(), &fields! { b: 1.0_f32, a: 1_i64 });
    }
}

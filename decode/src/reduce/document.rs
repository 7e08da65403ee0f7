//! The schema of what is kept, written anew.
//!
//! In: a schema, the objects that it was read from, what is kept. Out: a document in which every type
//! is written where it is first used. A record of which parts are kept in two places becomes two
//! records, the second one's name with a number behind it. Docs, logical types and all other
//! attributes stay, but for defaults and aliases, which serve readers of other schemas (and are often
//! wrong). All types lie in the namespace of the outermost one. Never: a document nested deeper than
//! can be read again.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::keep::Keep;
use crate::error::SchemaError;
use crate::schema::{Objects, Schema, Type, TypeId};

/// Types within each other; each takes up to three levels of JSON, of which 128 are read.
const DEEPEST: usize = 40;
/// Attributes that are written anew or left out.
const OWN: [&str; 9] = [
    "type",
    "name",
    "namespace",
    "fields",
    "items",
    "values",
    "default",
    "aliases",
    "order",
];
/// What no type may be called.
const PRIMITIVES: [&str; 14] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "error",
    "enum", "fixed", "array", "map",
];

/// The document of what is kept.
pub(super) fn write(
    schema: &Schema,
    objects: &Objects<'_>,
    keep: &Keep,
) -> Result<String, SchemaError> {
    let mut document = Document {
        schema,
        objects,
        written: HashMap::new(),
        names: PRIMITIVES.map(str::to_owned).into(),
        numbers: HashMap::new(),
    };
    let mut value = document.value(schema.root(), keep, 0)?;
    if let Value::Object(root) = &mut value
        && let Some(namespace) = objects.get(&schema.root()).and_then(|one| namespace(one))
    {
        root.insert("namespace".to_owned(), namespace.into());
    }
    Ok(value.to_string())
}

struct Document<'a> {
    schema: &'a Schema,
    objects: &'a Objects<'a>,
    /// Names of the types that were written whole.
    written: HashMap<TypeId, String>,
    /// All names in use.
    names: HashSet<String>,
    /// The last number behind a name.
    numbers: HashMap<String, usize>,
}

impl Document<'_> {
    fn value(&mut self, id: TypeId, keep: &Keep, depth: usize) -> Result<Value, SchemaError> {
        if depth > DEEPEST {
            return Err(SchemaError::Malformed {
                place: "a type".to_owned(),
                reason: "is nested too deeply to be written anew",
            });
        }
        if let Some(name) = self.written.get(&id).filter(|_| *keep == Keep::Whole) {
            return Ok(name.as_str().into());
        }
        let schema = self.schema;
        match schema.type_of(id) {
            Type::Record(members) => self.record(id, members.len(), keep, depth),
            Type::Enum(_) => self.named(id, "enum", keep).map(Value::Object),
            Type::Fixed(_) => self.named(id, "fixed", keep).map(Value::Object),
            Type::Array(items) => {
                let inner = if let Keep::Array(inner) = keep {
                    inner
                } else {
                    &Keep::Whole
                };
                let items = self.value(*items, inner, depth + 1)?;
                Ok(self.attributes(id, "array", [("items", items)]))
            }
            Type::Map(values) => {
                let values = self.value(*values, &Keep::Whole, depth + 1)?;
                Ok(self.attributes(id, "map", [("values", values)]))
            }
            Type::Union(branches) => self.union(branches, keep, depth),
            primitive => Ok(self.primitive(id, name_of(primitive))),
        }
    }

    fn union(
        &mut self,
        branches: &[TypeId],
        keep: &Keep,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let part = match keep {
            Keep::NotNull(inner) => self.schema.nullable(branches).map(|(_, id)| (id, &**inner)),
            _ => None,
        };
        let branch = |id: &TypeId| match part {
            Some((part, inner)) if part == *id => self.value(*id, inner, depth + 1),
            _ => self.value(*id, &Keep::Whole, depth + 1),
        };
        let branches: Result<Vec<Value>, SchemaError> = branches.iter().map(branch).collect();
        Ok(branches?.into())
    }

    fn record(
        &mut self,
        id: TypeId,
        members: usize,
        keep: &Keep,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let mut record = self.named(id, "record", keep)?;
        let (schema, objects) = (self.schema, self.objects);
        let Type::Record(types) = schema.type_of(id) else {
            return Ok(Value::Null);
        };
        let written = objects
            .get(&id)
            .and_then(|object| object.get("fields")?.as_array());
        let mut fields = Vec::with_capacity(members);
        for (index, member) in types.iter().enumerate() {
            let kept = match keep {
                Keep::Record(kept) => kept.get(index).and_then(Option::as_ref),
                _ => Some(&Keep::Whole),
            };
            let Some(kept) = kept else { continue };
            let mut field = Map::new();
            field.insert("name".to_owned(), (&*member.name).into());
            let value = self.value(member.type_id, kept, depth + 1)?;
            field.insert("type".to_owned(), value);
            let attributes = written.and_then(|fields| fields.get(index)?.as_object());
            add_attributes(&mut field, attributes);
            fields.push(field.into());
        }
        record.insert("fields".to_owned(), Value::Array(fields));
        Ok(record.into())
    }

    /// A named type without its members. What is written whole can be referred to from now on.
    fn named(
        &mut self,
        id: TypeId,
        kind: &str,
        keep: &Keep,
    ) -> Result<Map<String, Value>, SchemaError> {
        let object = self.objects.get(&id).copied();
        let name = object.and_then(|object| object.get("name")?.as_str());
        let name = self.free_name(name.unwrap_or(kind));
        if *keep == Keep::Whole {
            self.written.insert(id, name.clone());
        }
        let mut named = Map::new();
        named.insert("type".to_owned(), kind.into());
        named.insert("name".to_owned(), name.into());
        add_attributes(&mut named, object);
        Ok(named)
    }

    /// The name without its namespace, with a number where it is taken.
    fn free_name(&mut self, full: &str) -> String {
        let short = full.rsplit('.').next().unwrap_or(full);
        let mut name = short.to_owned();
        while !self.names.insert(name.clone()) {
            let number = self.numbers.entry(short.to_owned()).or_insert(1);
            *number += 1;
            name = format!("{short}_{number}");
        }
        name
    }

    fn attributes<const N: usize>(
        &self,
        id: TypeId,
        kind: &str,
        parts: [(&str, Value); N],
    ) -> Value {
        let mut object = Map::new();
        object.insert("type".to_owned(), kind.into());
        object.extend(parts.map(|(key, value)| (key.to_owned(), value)));
        add_attributes(&mut object, self.objects.get(&id).copied());
        object.into()
    }

    fn primitive(&self, id: TypeId, kind: &str) -> Value {
        match self.attributes(id, kind, []) {
            Value::Object(object) if object.len() > 1 => object.into(),
            _ => json!(kind),
        }
    }
}

fn add_attributes(object: &mut Map<String, Value>, written: Option<&Map<String, Value>>) {
    for (key, value) in written.into_iter().flatten() {
        if !OWN.contains(&key.as_str()) {
            object.insert(key.clone(), value.clone());
        }
    }
}

/// The namespace that a named type states.
fn namespace(object: &Map<String, Value>) -> Option<&str> {
    let name = object.get("name")?.as_str()?;
    match name.rsplit_once('.') {
        Some((before, _)) => Some(before),
        None => object.get("namespace")?.as_str(),
    }
}

fn name_of(primitive: &Type) -> &'static str {
    match primitive {
        Type::Boolean => "boolean",
        Type::Int => "int",
        Type::Long => "long",
        Type::Float => "float",
        Type::Double => "double",
        Type::Bytes => "bytes",
        Type::String => "string",
        _ => "null",
    }
}

//! A schema document, JSON to types.
//!
//! In: the text of one whole document. Out: a [`Schema`]. Tolerated, because real surveys send them:
//! wrong defaults, duplicate field names, a type defined twice, names that Avro does not allow, a
//! full name in `name`, a type used before it is defined. Never: recursion deeper than the JSON
//! itself is nested (serde_json stops at 128).

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{LARGEST_DOCUMENT, Member, Schema, Type, TypeId, size};
use crate::error::SchemaError;

impl Schema {
    /// Reads a schema document.
    ///
    /// # Errors
    /// When it is too large, not JSON, not a schema, or refers to a type that it does not define.
    pub fn parse(document: &str) -> Result<Schema, SchemaError> {
        Ok(Schema::read(&Schema::json(document)?)?.0)
    }

    /// A document as JSON.
    pub(crate) fn json(document: &str) -> Result<Value, SchemaError> {
        if document.len() > LARGEST_DOCUMENT {
            return Err(SchemaError::TooLarge {
                bytes: document.len(),
            });
        }
        serde_json::from_str(document).map_err(|error| SchemaError::Json(error.to_string()))
    }

    /// The schema, and the object that each type was written as, where it was one.
    pub(crate) fn read(value: &Value) -> Result<(Schema, Objects<'_>), SchemaError> {
        let mut parser = Parser {
            types: Vec::new(),
            objects: HashMap::new(),
            named: HashMap::new(),
            pending: Vec::new(),
        };
        let root = parser.read(value, "")?;
        let objects = std::mem::take(&mut parser.objects);
        let (types, root) = parser.resolve(root)?;
        let sizes = size::fixed_sizes(&types);
        Ok((Schema { types, sizes, root }, objects))
    }
}

/// Types as they were written, with their attributes.
pub(crate) type Objects<'a> = HashMap<TypeId, &'a Map<String, Value>>;

struct Parser<'a> {
    types: Vec<Type>,
    objects: Objects<'a>,
    named: HashMap<String, TypeId>,
    /// Places of types that were named before they were defined: the place, the names to try.
    pending: Vec<(TypeId, [String; 2])>,
}

impl<'a> Parser<'a> {
    fn add(&mut self, new: Type) -> TypeId {
        self.types.push(new);
        self.types.len() - 1
    }

    fn read(&mut self, value: &'a Value, namespace: &str) -> Result<TypeId, SchemaError> {
        match value {
            Value::String(name) => Ok(self.by_name(name, namespace)),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.read(branch, namespace));
                let union = Type::Union(branches.collect::<Result<_, _>>()?);
                Ok(self.add(union))
            }
            Value::Object(object) => self.read_object(object, namespace),
            _ => Err(malformed(
                "a type",
                "is neither a name, an object nor a list",
            )),
        }
    }

    fn by_name(&mut self, name: &str, namespace: &str) -> TypeId {
        if let Some(primitive) = primitive(name) {
            return self.add(primitive);
        }
        let candidates = [full_name(name, namespace), name.to_owned()];
        match candidates
            .iter()
            .find_map(|candidate| self.named.get(candidate))
        {
            Some(&known) => known,
            None => {
                let place = self.add(Type::Null);
                self.pending.push((place, candidates));
                place
            }
        }
    }

    fn read_object(
        &mut self,
        object: &'a Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        let Some(kind) = object.get("type") else {
            return Err(malformed(place(object), "lacks a type"));
        };
        let Value::String(kind) = kind else {
            return self.read(kind, namespace);
        };
        let made = match kind.as_str() {
            "record" | "error" => self.read_record(object, namespace),
            "enum" => self.read_enum(object, namespace),
            "fixed" => self.read_fixed(object, namespace),
            "array" => {
                let items = self.read_part(object, "items", "an array lacks items", namespace)?;
                Ok(self.add(Type::Array(items)))
            }
            "map" => {
                let values = self.read_part(object, "values", "a map lacks values", namespace)?;
                Ok(self.add(Type::Map(values)))
            }
            name if primitive(name).is_some() => Ok(self.by_name(name, namespace)),
            // A type that is written elsewhere.
            name => return Ok(self.by_name(name, namespace)),
        }?;
        self.objects.insert(made, object);
        Ok(made)
    }

    fn read_part(
        &mut self,
        object: &'a Map<String, Value>,
        key: &str,
        lacking: &'static str,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        let part = object
            .get(key)
            .ok_or_else(|| malformed("a type", lacking))?;
        self.read(part, namespace)
    }

    /// Takes a place for a named type, so that its own members can refer to it.
    fn define(
        &mut self,
        object: &'a Map<String, Value>,
        namespace: &str,
    ) -> Result<(TypeId, String), SchemaError> {
        let Some(Value::String(name)) = object.get("name") else {
            return Err(malformed("a named type", "lacks a name"));
        };
        let namespace = match object.get("namespace") {
            Some(Value::String(own)) => own,
            _ => namespace,
        };
        let name = full_name(name, namespace);
        let namespace = name
            .rsplit_once('.')
            .map_or("", |(before, _)| before)
            .to_owned();
        let id = self.add(Type::Null);
        self.named.insert(name, id);
        Ok((id, namespace))
    }

    fn read_record(
        &mut self,
        object: &'a Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        let (id, namespace) = self.define(object, namespace)?;
        let Some(Value::Array(fields)) = object.get("fields") else {
            return Err(malformed(place(object), "lacks its list of fields"));
        };
        let mut members = Vec::with_capacity(fields.len());
        for field in fields {
            let Some(Value::String(name)) = field.get("name") else {
                return Err(malformed(place(object), "has a field without a name"));
            };
            let Some(kind) = field.get("type") else {
                return Err(malformed(name.as_str(), "lacks a type"));
            };
            let type_id = self.read(kind, &namespace)?;
            members.push(Member {
                name: name.as_str().into(),
                type_id,
                replaced: false,
            });
        }
        mark_replaced(&mut members);
        self.types[id] = Type::Record(members);
        Ok(id)
    }

    fn read_enum(
        &mut self,
        object: &'a Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        let (id, _) = self.define(object, namespace)?;
        let symbols = object.get("symbols").and_then(Value::as_array);
        let symbols =
            symbols.and_then(|symbols| symbols.iter().map(|s| s.as_str().map(Box::from)).collect());
        let symbols =
            symbols.ok_or_else(|| malformed(place(object), "lacks its list of symbols"))?;
        self.types[id] = Type::Enum(symbols);
        Ok(id)
    }

    fn read_fixed(
        &mut self,
        object: &'a Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        let (id, _) = self.define(object, namespace)?;
        let size = object
            .get("size")
            .and_then(Value::as_u64)
            .and_then(|size| usize::try_from(size).ok());
        self.types[id] =
            Type::Fixed(size.ok_or_else(|| malformed(place(object), "lacks its size"))?);
        Ok(id)
    }

    /// Puts the definitions in for the types that were named before.
    fn resolve(mut self, root: TypeId) -> Result<(Vec<Type>, TypeId), SchemaError> {
        let mut aliases = HashMap::new();
        for (place, candidates) in self.pending {
            let known = candidates
                .iter()
                .find_map(|candidate| self.named.get(candidate));
            let [name, _] = candidates;
            aliases.insert(place, *known.ok_or(SchemaError::UnknownType(name))?);
        }
        let resolved = |id: &mut TypeId| *id = aliases.get(id).copied().unwrap_or(*id);
        for each in &mut self.types {
            match each {
                Type::Record(members) => members
                    .iter_mut()
                    .for_each(|member| resolved(&mut member.type_id)),
                Type::Array(inner) | Type::Map(inner) => resolved(inner),
                Type::Union(branches) => branches.iter_mut().for_each(resolved),
                _ => {}
            }
        }
        let mut root = root;
        resolved(&mut root);
        Ok((self.types, root))
    }
}

/// Of several members of one name the last counts.
fn mark_replaced(members: &mut [Member]) {
    let mut later = HashSet::new();
    for member in members.iter_mut().rev() {
        member.replaced = !later.insert(member.name.clone());
    }
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}

/// The name with its namespace: a dot in it says that it has one already.
pub(super) fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn place(object: &Map<String, Value>) -> &str {
    object
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or("a type")
}

fn malformed(place: impl Into<String>, reason: &'static str) -> SchemaError {
    SchemaError::Malformed {
        place: place.into(),
        reason,
    }
}

#[cfg(test)]
mod tests;

//! Several schema documents that refer to each other by name, into one.
//!
//! In: the documents of one schema version, as Rubin publishes them (one file per record). Out: one
//! document with every type written out where it is first used, as a schema registry serves it.
//! Never: IO.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::parse::full_name;
use crate::error::SchemaError;

/// Puts documents that refer to each other into one. Each comes with a name for messages, such as
/// its file's. The alert is the document that no other refers to; of several, the one whose record
/// is called `alert`.
///
/// # Errors
/// When a document is not a named type, or when it is not clear which is the alert.
pub fn assemble(documents: &[(String, String)]) -> Result<String, SchemaError> {
    let mut parts = HashMap::new();
    for (name, text) in documents {
        let malformed = |reason| SchemaError::Malformed {
            place: name.clone(),
            reason,
        };
        let value = serde_json::from_str(text)
            .map_err(|error| SchemaError::Json(format!("{name}: {error}")))?;
        let Value::Object(object) = value else {
            return Err(malformed("is not a named type"));
        };
        let full = own_name(&object, "").ok_or_else(|| malformed("is not a named type"))?;
        if parts.get(&full).is_some_and(|known| *known != object) {
            return Err(SchemaError::Malformed {
                place: name.clone(),
                reason: "defines a type that another document defines in another way",
            });
        }
        parts.insert(full, object);
    }
    let root = root(&parts)?;
    let mut writer = Writer {
        parts: &parts,
        written: HashSet::new(),
    };
    Ok(writer.write_part(&root).to_string())
}

fn own_name(object: &Map<String, Value>, namespace: &str) -> Option<String> {
    let name = object.get("name")?.as_str()?;
    let namespace = object
        .get("namespace")
        .and_then(Value::as_str)
        .unwrap_or(namespace);
    Some(full_name(name, namespace))
}

fn namespace_of(full: &str) -> &str {
    full.rsplit_once('.').map_or("", |(namespace, _)| namespace)
}

/// The document that no other one refers to.
fn root(parts: &HashMap<String, Map<String, Value>>) -> Result<String, SchemaError> {
    let mut referred = HashSet::new();
    for (full, object) in parts {
        let mut names = Vec::new();
        for key in ["fields", "items", "values", "type"] {
            object
                .get(key)
                .into_iter()
                .for_each(|value| references(value, namespace_of(full), &mut names));
        }
        referred.extend(names.into_iter().filter(|name| name != full));
    }
    let mut roots: Vec<&String> = parts
        .keys()
        .filter(|full| !referred.contains(*full))
        .collect();
    if roots.len() > 1 {
        roots.retain(|full| full.rsplit('.').next() == Some("alert"));
    }
    match roots[..] {
        [only] => Ok(only.clone()),
        _ => Err(SchemaError::Root(format!(
            "it is not clear which of {} is the alert: it has to be the one that no other refers to",
            list(parts.keys())
        ))),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Every name in type position, in full.
fn references(value: &Value, namespace: &str, found: &mut Vec<String>) {
    match value {
        Value::String(name) => found.extend([full_name(name, namespace), name.clone()]),
        Value::Array(branches) => branches
            .iter()
            .for_each(|branch| references(branch, namespace, found)),
        Value::Object(object) => {
            let own = own_name(object, namespace).filter(|_| object.contains_key("fields"));
            let namespace = own.as_deref().map_or(namespace, namespace_of);
            for key in ["type", "items", "values", "fields"] {
                object
                    .get(key)
                    .into_iter()
                    .for_each(|inner| references(inner, namespace, found));
            }
        }
        _ => {}
    }
}

struct Writer<'a> {
    parts: &'a HashMap<String, Map<String, Value>>,
    written: HashSet<String>,
}

impl Writer<'_> {
    /// The document of this name, or its mere name where it has been written already.
    fn write_part(&mut self, full: &str) -> Value {
        if !self.written.insert(full.to_owned()) {
            return Value::String(full.to_owned());
        }
        let mut object = self.parts[full].clone();
        // Written out, so that it does not take on the namespace of where it is put.
        object.insert(
            "namespace".into(),
            Value::String(namespace_of(full).to_owned()),
        );
        self.write_object(object, namespace_of(full))
    }

    fn write(&mut self, value: Value, namespace: &str) -> Value {
        match value {
            Value::String(name) => {
                let candidates = [full_name(&name, namespace), name];
                match candidates
                    .iter()
                    .find(|known| self.parts.contains_key(*known))
                {
                    Some(known) => self.write_part(known),
                    None => candidates.into_iter().next_back().into(),
                }
            }
            Value::Array(branches) => branches
                .into_iter()
                .map(|branch| self.write(branch, namespace))
                .collect(),
            Value::Object(object) => {
                let own = own_name(&object, namespace).filter(|_| object.contains_key("fields"));
                let namespace = own.as_deref().map_or(namespace, namespace_of).to_owned();
                self.write_object(object, &namespace)
            }
            other => other,
        }
    }

    fn write_object(&mut self, object: Map<String, Value>, namespace: &str) -> Value {
        let types = ["type", "items", "values", "fields"];
        let parts = object.into_iter().map(|(key, value)| {
            let value = if types.contains(&key.as_str()) {
                self.write(value, namespace)
            } else {
                value
            };
            (key, value)
        });
        Value::Object(parts.collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::schema::Schema;

    fn documents(texts: &[&str]) -> Vec<(String, String)> {
        texts
            .iter()
            .enumerate()
            .map(|(i, text)| (format!("{i}.avsc"), (*text).to_owned()))
            .collect()
    }

    const SOURCE: &str = r#"{"namespace":"s.v1","type":"record","name":"source","fields":[{"name":"x","type":"double"}]}"#;
    const OBJECT: &str =
        r#"{"type":"record","name":"object","fields":[{"name":"last","type":"s.v1.source"}]}"#;
    const ALERT: &str = r#"{"namespace":"s.v1","type":"record","name":"alert","fields":[
        {"name":"source","type":"s.v1.source"},
        {"name":"old","type":["null",{"type":"array","items":"source"}]},
        {"name":"object","type":["null","object"]}]}"#;

    #[test]
    fn writes_each_type_out_once_in_any_order() {
        for order in [
            [SOURCE, OBJECT, ALERT],
            [ALERT, OBJECT, SOURCE],
            [OBJECT, ALERT, SOURCE],
        ] {
            let whole = assemble(&documents(&order)).unwrap();
            assert_eq!(whole.matches(r#""name":"x""#).count(), 1, "{whole}");
            let paths = Schema::parse(&whole).unwrap().askable_paths();
            let texts: Vec<String> = paths
                .iter()
                .map(|askable| askable.path.to_string())
                .collect();
            assert_eq!(texts, ["source.x", "old[].x", "object.last.x"]);
        }
    }

    #[test]
    fn the_alert_is_the_one_that_none_refers_to() {
        let stray = r#"{"type":"record","name":"stray","fields":[]}"#;
        assert!(
            assemble(&documents(&[ALERT, SOURCE, OBJECT, stray]))
                .unwrap()
                .contains("\"old\"")
        );
        let error = assemble(&documents(&[stray, SOURCE]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("which of s.v1.source, stray is the alert"),
            "{error}"
        );
        assert!(
            assemble(&documents(&["[]"]))
                .unwrap_err()
                .to_string()
                .contains("0.avsc")
        );
    }
}

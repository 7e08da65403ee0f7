//! Clients of the last release go on working: today's document against `docs/openapi.released.json`.
//!
//! What breaks a client: a path, method, answer, field or parameter that is gone; a type that is
//! another; a field, parameter or token that is newly needed. Requests are read strictly, so a field
//! that a request may no longer hold is a break, too. A new word in an answer is none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::api::openapi::document;

const RELEASED: &str = include_str!("../../../../docs/openapi.released.json");

#[test]
fn no_change_breaks_a_client_of_the_last_release() {
    let released: Value = serde_json::from_str(RELEASED).unwrap();
    let found = breaks(&released, &document());
    assert!(
        found.is_empty(),
        "these changes break clients of the last release:\n    {}\n\
         keep the old beside the new, or serve the new under /v2; docs/openapi.released.json is \
         replaced by docs/openapi.json at a release and at no other time",
        found.join("\n    ")
    );
}

/// Deepest nesting that is compared; a schema may contain itself.
const DEPTH: usize = 12;

/// Everything that breaks a client of `old`.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut compared = Compared {
        old,
        new,
        found: Vec::new(),
    };
    for (path, item) in entries(&old["paths"]) {
        for (method, operation) in entries(item) {
            let at = format!("{} {path}", method.to_uppercase());
            match new["paths"].get(path).and_then(|item| item.get(method)) {
                Some(now) => compared.operation(&at, operation, now),
                None => compared.say(&at, "is gone"),
            }
        }
    }
    compared.found
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Request,
    Answer,
}

struct Compared<'a> {
    old: &'a Value,
    new: &'a Value,
    found: Vec<String>,
}

impl<'a> Compared<'a> {
    fn say(&mut self, at: &str, what: &str) {
        self.found.push(format!("{at} {what}"));
    }

    fn operation(&mut self, at: &str, old: &'a Value, new: &'a Value) {
        let is_open =
            |operation: &Value| operation["security"].as_array().is_some_and(Vec::is_empty);
        if is_open(old) && !is_open(new) {
            self.say(at, "newly needs a token");
        }
        self.parameters(at, old, new);
        let (was, is) = (&old["requestBody"], &new["requestBody"]);
        if is["required"] == true && was["required"] != true {
            self.say(at, "newly needs a body");
        }
        self.content(
            &format!("{at} body"),
            &was["content"],
            &is["content"],
            Way::Request,
        );
        for (status, answer) in
            entries(&old["responses"]).filter(|(status, _)| status.starts_with('2'))
        {
            let at = format!("{at} {status}");
            match new["responses"].get(status) {
                Some(now) => self.content(&at, &answer["content"], &now["content"], Way::Answer),
                None => self.say(&at, "is gone"),
            }
        }
    }

    fn parameters(&mut self, at: &str, old: &'a Value, new: &'a Value) {
        let by_name = |operation: &'a Value| -> BTreeMap<String, &'a Value> {
            let all = operation["parameters"].as_array().into_iter().flatten();
            all.map(|one| (format!("{} {}", one["in"], one["name"]), one))
                .collect()
        };
        let (was, is) = (by_name(old), by_name(new));
        for (name, one) in &was {
            match is.get(name) {
                Some(now) => self.schema(
                    &format!("{at} {name}"),
                    &one["schema"],
                    &now["schema"],
                    Way::Request,
                    0,
                ),
                None => self.say(at, &format!("no longer takes {name}")),
            }
        }
        for (name, one) in &is {
            if one["required"] == true && was.get(name).is_none_or(|one| one["required"] != true) {
                self.say(at, &format!("newly needs {name}"));
            }
        }
    }

    fn content(&mut self, at: &str, old: &'a Value, new: &'a Value, way: Way) {
        for (media, body) in entries(old) {
            match new.get(media) {
                Some(now) => self.schema(at, &body["schema"], &now["schema"], way, 0),
                None => self.say(at, &format!("is no longer {media}")),
            }
        }
    }

    fn schema(&mut self, at: &str, old: &'a Value, new: &'a Value, way: Way, depth: usize) {
        if depth > DEPTH {
            return;
        }
        let (was, is) = (Shape::of(old, self.old, 0), Shape::of(new, self.new, 0));
        // What one side writes, the other must understand: no type that it did not know.
        let (writes, reads) = if way == Way::Answer {
            (&is, &was)
        } else {
            (&was, &is)
        };
        let understood = reads.types.is_empty()
            || (!writes.types.is_empty() && writes.types.is_subset(&reads.types));
        if !understood || was.format != is.format {
            let shown = |shape: &Shape| json!([shape.types, shape.format]);
            self.say(at, &format!("was {} and is {}", shown(&was), shown(&is)));
        }
        if way == Way::Request && !is.words.is_empty() && !was.words.is_subset(&is.words) {
            self.say(
                at,
                &format!("took {:?} and takes {:?}", was.words, is.words),
            );
        }
        for (name, field) in &was.fields {
            let at = format!("{at}.{name}");
            match is.fields.get(name) {
                Some(now) => self.schema(&at, field, now, way, depth + 1),
                None => self.say(&at, "is gone"),
            }
            if way == Way::Answer && was.required.contains(*name) && !is.required.contains(*name) {
                self.say(&at, "may now be missing");
            }
        }
        for name in is
            .required
            .difference(&was.required)
            .filter(|_| way == Way::Request)
        {
            self.say(&format!("{at}.{name}"), "is newly needed");
        }
        if let (Some(old), Some(new)) = (was.each, is.each) {
            self.schema(&format!("{at}[]"), old, new, way, depth + 1);
        }
    }
}

/// A schema with its references followed and its alternatives taken together.
#[derive(Default)]
struct Shape<'a> {
    types: BTreeSet<&'a str>,
    format: Option<&'a str>,
    words: BTreeSet<String>,
    fields: BTreeMap<&'a str, &'a Value>,
    required: BTreeSet<String>,
    /// Of the items of a list, or the values of a map.
    each: Option<&'a Value>,
}

impl<'a> Shape<'a> {
    fn of(schema: &'a Value, document: &'a Value, depth: usize) -> Self {
        if depth > DEPTH {
            return Self::default();
        }
        if let Some(path) = schema["$ref"].as_str() {
            let target = document.pointer(path.trim_start_matches('#'));
            return Self::of(target.unwrap(), document, depth + 1);
        }
        let texts = |value: &'a Value| {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
        };
        let mut shape = Self {
            types: schema["type"]
                .as_str()
                .into_iter()
                .chain(texts(&schema["type"]))
                .collect(),
            format: schema["format"].as_str(),
            words: texts(&schema["enum"]).map(str::to_owned).collect(),
            fields: entries(&schema["properties"])
                .map(|(name, field)| (name.as_str(), field))
                .collect(),
            required: texts(&schema["required"]).map(str::to_owned).collect(),
            each: schema.get("items").or(schema
                .get("additionalProperties")
                .filter(|one| one.is_object())),
        };
        for key in ["allOf", "oneOf", "anyOf"] {
            for part in schema[key].as_array().into_iter().flatten() {
                shape.take(Self::of(part, document, depth + 1));
            }
        }
        shape
    }

    fn take(&mut self, part: Self) {
        self.types.extend(part.types);
        self.format = self.format.or(part.format);
        self.words.extend(part.words);
        self.fields.extend(part.fields);
        self.required.extend(part.required);
        self.each = self.each.or(part.each);
    }
}

/// A document of one route whose body and answer are these.
fn route(body: Value, answer: Value) -> Value {
    let content = |schema: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}});
    json!({
        "paths": {"/x": {"post": {
            "security": [],
            "parameters": [{"in": "query", "name": "q", "schema": {"type": "integer"}}],
            "requestBody": {"content": content("Body"), "required": true},
            "responses": {"200": {"content": content("Answer")}, "404": {}},
        }}},
        "components": {"schemas": {"Body": body, "Answer": answer}},
    })
}

fn body() -> Value {
    json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "enum": ["x"]}, "b": {"type": "integer"}}})
}

fn answer() -> Value {
    json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": "string"}, "b": {"type": ["integer", "null"]}, "c": {"type": "array", "items": {"type": "number"}}}})
}

fn check(change: impl Fn(&mut Value), expected: &str) {
    let old = route(body(), answer());
    let mut new = old.clone();
    change(&mut new);
    let found = breaks(&old, &new).join("; ");
    assert!(
        if expected.is_empty() {
            found.is_empty()
        } else {
            found.contains(expected)
        },
        "{found:?}, not {expected:?}"
    );
}

#[test]
fn what_breaks_clients_is_found() {
    const BODY: &str = "/components/schemas/Body";
    const ANSWER: &str = "/components/schemas/Answer";
    let set = |place: &str, key: &str, value: Value| {
        let (place, key) = (place.to_owned(), key.to_owned());
        move |new: &mut Value| new.pointer_mut(&place).unwrap()[&key] = value.clone()
    };
    let cut = |place: &str, key: &str| {
        let (place, key) = (place.to_owned(), key.to_owned());
        move |new: &mut Value| {
            drop(
                new.pointer_mut(&place)
                    .unwrap()
                    .as_object_mut()
                    .unwrap()
                    .remove(&key),
            )
        }
    };
    let fields = |place: &str| format!("{place}/properties");
    let post = "/paths/~1x/post";
    check(cut("/paths", "/x"), "POST /x is gone");
    check(cut("/paths/~1x", "post"), "POST /x is gone");
    check(
        cut(&format!("{post}/responses"), "200"),
        "POST /x 200 is gone",
    );
    check(cut(&fields(ANSWER), "b"), "POST /x 200.b is gone");
    check(cut(ANSWER, "required"), "POST /x 200.a may now be missing");
    check(
        set(&fields(ANSWER), "a", json!({"type": "integer"})),
        "POST /x 200.a was",
    );
    check(
        set(&fields(ANSWER), "a", json!({"type": ["string", "null"]})),
        "POST /x 200.a was",
    );
    check(
        set(
            &format!("{ANSWER}/properties/c"),
            "items",
            json!({"type": "string"}),
        ),
        "POST /x 200.c[] was",
    );
    check(
        set(BODY, "required", json!(["a", "b"])),
        "POST /x body.b is newly needed",
    );
    check(
        set(&fields(BODY), "b", json!({"type": "string"})),
        "POST /x body.b was",
    );
    check(cut(&fields(BODY), "b"), "POST /x body.b is gone");
    check(
        set(&fields(BODY), "a", json!({"type": "string", "enum": ["y"]})),
        "POST /x body.a took",
    );
    check(set(post, "parameters", json!([])), "no longer takes");
    check(
        set(post, "security", json!([{"bearer": []}])),
        "newly needs a token",
    );
    let needed =
        json!([{"in": "query", "name": "q", "required": true, "schema": {"type": "integer"}}]);
    check(set(post, "parameters", needed), "newly needs");

    check(|_| {}, "");
    check(set("/paths", "/y", json!({})), "");
    check(cut(&format!("{post}/responses"), "404"), "");
    check(set(&fields(ANSWER), "d", json!({"type": "string"})), "");
    check(set(&fields(ANSWER), "b", json!({"type": "integer"})), "");
    check(set(&fields(BODY), "d", json!({"type": "string"})), "");
    check(
        set(&fields(BODY), "b", json!({"type": ["integer", "null"]})),
        "",
    );
    check(
        set(
            &fields(BODY),
            "a",
            json!({"type": "string", "enum": ["x", "y"]}),
        ),
        "",
    );
}

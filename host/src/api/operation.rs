//! What the OpenAPI document says of an operation beyond what its handler says.
//!
//! In: path, method, and what `#[utoipa::path]` made. Out: the same with its id, parameters of the path,
//! security, and problems by status. Never: a success that the handler did not name.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::error::is;
use super::kind::{Answers, answers_of};

/// What the braces of a path stand for: name, meaning, and whether it is a number.
const PATH_PARAMETERS: [(&str, &str, bool); 9] = [
    ("owner", "Who owns the filter.", false),
    ("name", "Name of the filter.", false),
    (
        "number",
        "Number of the version, setting, back-test, token or target.",
        true,
    ),
    ("user", "Name of a user.", false),
    ("group", "Name of a group.", false),
    ("stream", "Name of a stream.", false),
    ("quota", "Name of a quota.", false),
    ("id", "Id of the cause of failure.", false),
    (
        "night",
        "The local date of the night's evening, or `unknown`.",
        false,
    ),
];

/// What follows from an operation's path and its answers.
pub fn complete(path: &str, method: &str, operation: &mut Value) {
    let id = [&operation["tags"][0], &operation["operationId"]]
        .map(|part| part.as_str().unwrap_or_default());
    operation["operationId"] = json!(id.join("_"));
    let mut parameters: Vec<Value> = PATH_PARAMETERS
        .iter()
        .filter(|(name, ..)| path.contains(&format!("{{{name}}}")))
        .map(path_parameter)
        .collect();
    parameters.extend(
        operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default(),
    );
    let declared = operation["responses"].take();
    let needs_token = entries(&declared).any(|(key, _)| key.starts_with("401"));
    let changes = needs_token && method != "get";
    let of_filter = changes && path.starts_with("/v1/filters/{owner}/{name}");
    // An upload is one by its bytes; a key would say nothing more.
    let is_upload = operation["requestBody"]["content"]
        .get("application/octet-stream")
        .is_some();
    let keyed = changes && method == "post" && !is_upload;
    let has_tag = declared.get("304").is_some();
    let anyway = json!(anyway(of_filter, keyed));
    operation["responses"] = Value::Object(answers([&declared, &anyway]));
    let headers = [
        (
            of_filter,
            "If-Match",
            "Change it only where it still has this `ETag`.",
        ),
        (
            keyed,
            "Idempotency-Key",
            "Your name for this request: sent again, it gets the same answer and makes nothing.",
        ),
        (
            has_tag,
            "If-None-Match",
            "Answer with 304 where it still has this `ETag`.",
        ),
    ];
    for (_, name, meaning) in headers.iter().filter(|(is, ..)| *is) {
        let schema = if *name == "Idempotency-Key" {
            json!({ "type": "string", "minLength": 1, "maxLength": 255 })
        } else {
            json!({ "type": "string" })
        };
        parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": meaning, "schema": schema,
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    operation["security"] = if needs_token {
        json!([{ "bearer": [] }])
    } else {
        json!([])
    };
}

fn path_parameter((name, meaning, is_number): &(&str, &str, bool)) -> Value {
    let schema = if *is_number {
        json!({ "type": "integer", "format": "int64", "minimum": 1 })
    } else {
        json!({ "type": "string", "minLength": 1 })
    };
    json!({ "name": name, "in": "path", "required": true, "description": meaning, "schema": schema })
}

/// What may become of any request, of one that changes a filter, and of one that may have a key.
fn anyway(of_filter: bool, keyed: bool) -> Answers {
    let mut anyway = answers_of::<is::Internal>();
    anyway.extend(answers_of::<is::Slow>());
    if of_filter {
        anyway.extend(answers_of::<is::Changed>());
    }
    if keyed {
        anyway.extend(answers_of::<is::BadRequest>());
        anyway.extend(answers_of::<is::TooLarge>());
        anyway.extend(answers_of::<is::KeyInUse>());
        anyway.extend(answers_of::<is::KeyReused>());
    }
    anyway
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The answers by status. Problems come with a key of status and code ([`super::kind`]): those of one
/// status become one answer that lists the codes.
fn answers(parts: [&Value; 2]) -> Map<String, Value> {
    let mut answers = Map::new();
    let once: BTreeMap<_, _> = parts.into_iter().flat_map(entries).collect();
    for (key, answer) in once {
        let Some((status, _)) = key.split_once(' ') else {
            let mut answer = answer.clone();
            if answer["description"].is_null() {
                answer["description"] = json!(if key == "201" {
                    "It was made"
                } else {
                    "As asked"
                });
            }
            answers.insert(key.clone(), answer);
            continue;
        };
        let place = answers.entry(status).or_insert_with(|| problem(status));
        let codes = [&place["description"], &answer["description"]]
            .map(|text| text.as_str().unwrap_or_default());
        place["description"] = json!(codes.join("\n").trim());
    }
    answers.sort_keys();
    answers
}

fn problem(status: &str) -> Value {
    let content = json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    let mut answer = json!({ "description": "", "content": content });
    let header = match status {
        "401" => ("WWW-Authenticate", "How to say who you are.", "string"),
        "429" | "503" | "504" => (
            "Retry-After",
            "After how many seconds to try again [s].",
            "integer",
        ),
        _ => return answer,
    };
    let (name, meaning, kind) = header;
    answer["headers"] = json!({ name: { "description": meaning, "schema": { "type": kind } } });
    answer
}

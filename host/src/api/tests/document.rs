//! The OpenAPI document: as committed, sound in itself, and true of the answers.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::stage::{Stage, Who};
use crate::api::openapi::{document, document_text};

/// Read by the test, so that writing it again needs no build.
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

#[test]
fn the_committed_document_is_todays() {
    assert!(
        document_text() == std::fs::read_to_string(COMMITTED).unwrap(),
        "docs/openapi.json is not what the code says; write it again with\n    \
         target/release/skysieve openapi > docs/openapi.json\nand look at the difference"
    );
}

/// All references that a document holds.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(path)) = map.get("$ref") {
                found.insert(path.clone());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_sound() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for path in found {
        let place = document.pointer(path.strip_prefix('#').unwrap());
        assert!(place.is_some(), "{path} leads nowhere");
    }
    let tags: Vec<&Value> = document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| &tag["name"])
        .collect();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{at}: its id is in use"
            );
            assert!(
                tags.contains(&&operation["tags"][0]),
                "{at}: no tag, or one without a description"
            );
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{at}: no summary"
            );
            for part in path.split(['{', '}']).skip(1).step_by(2) {
                let parameters = operation["parameters"].as_array().unwrap();
                let declared = parameters
                    .iter()
                    .find(|one| one["name"] == part && one["in"] == "path");
                assert!(
                    declared.is_some(),
                    "{at}: describe {{{part}}} in api/operation.rs"
                );
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(status.parse::<u16>().is_ok(), "{at}: {status} is no status");
                assert!(
                    answer["description"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                    "{at} {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn document_and_page_are_served_to_everybody() {
    let stage = Stage::new().await;
    let served = stage
        .ask(Who::Stranger, "GET", "/v1/openapi.json", Value::Null)
        .await;
    assert_eq!(served.status, 200);
    assert_eq!(served.headers["content-type"], "application/json");
    assert_eq!(served.body, document());
    let page = stage
        .ask(Who::Stranger, "GET", "/v1/docs", Value::Null)
        .await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
}

/// The page holds every route and schema, loads nothing, and lets no text of the document be markup.
#[test]
fn the_page_says_everything_and_loads_nothing() {
    let mut document = document();
    let page = crate::api::docs_page::write(&document);
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path.as_str()), "{path}");
    }
    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    for loading in ["<script", "<link", "<img", "src=", "@import", "url(", "//"] {
        let foreign = page.replace("https://", "").contains(loading);
        assert!(!foreign, "the page holds {loading}");
    }
    document["info"]["title"] = json!("<script>alert(1)</script>");
    document["info"]["description"] = json!("`<b>");
    let page = crate::api::docs_page::write(&document);
    assert!(!page.contains("<script") && !page.contains("<b>"));
}

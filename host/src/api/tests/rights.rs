//! Who gets what: every route by a stranger, the owner, another scientist and an administrator.

use crate::registry::By;
use serde_json::{Value, json};

use super::stage::{Stage, Who};

const WHO: [Who; 4] = [Who::Stranger, Who::Owner, Who::Other, Who::Administrator];

/// Method, path, body (text: an upload), and the status for each of `WHO`.
fn table() -> Vec<(&'static str, &'static str, Value, [u16; 4])> {
    let mine = "/v1/filters/anna/nearby";
    let hers = [401, 200, 404, 200];
    let rows = vec![
        ("GET", "/livez".to_owned(), Value::Null, [200; 4]),
        ("GET", "/readyz".to_owned(), Value::Null, [200; 4]),
        ("GET", "/v1/openapi.json".to_owned(), Value::Null, [200; 4]),
        ("GET", "/v1/docs".to_owned(), Value::Null, [200; 4]),
        (
            "GET",
            "/v1/me".to_owned(),
            Value::Null,
            [401, 200, 200, 200],
        ),
        (
            "GET",
            "/v1/streams".to_owned(),
            Value::Null,
            [401, 200, 200, 200],
        ),
        (
            "GET",
            "/v1/filters".to_owned(),
            Value::Null,
            [401, 200, 200, 200],
        ),
        (
            "POST",
            "/v1/filters".to_owned(),
            json!({"name": "another", "stream": "ztf"}),
            [401, 201, 201, 201],
        ),
        ("GET", mine.to_owned(), Value::Null, hers),
        ("GET", format!("{mine}/versions"), Value::Null, hers),
        ("GET", format!("{mine}/versions/1"), Value::Null, hers),
        ("POST", format!("{mine}/versions"), json!("one"), hers),
        ("GET", format!("{mine}/settings"), Value::Null, hers),
        ("GET", format!("{mine}/settings/1"), Value::Null, hers),
        (
            "POST",
            format!("{mine}/settings"),
            json!({"version": 1}),
            hers,
        ),
        ("GET", format!("{mine}/counts"), Value::Null, hers),
        ("GET", format!("{mine}/alerts"), Value::Null, hers),
        (
            "POST",
            format!("{mine}/activate"),
            json!({"setting": 1}),
            hers,
        ),
        ("POST", format!("{mine}/pause"), Value::Null, hers),
        ("POST", format!("{mine}/resume"), Value::Null, hers),
        ("DELETE", mine.to_owned(), Value::Null, [401, 204, 404, 204]),
    ];
    rows.into_iter()
        .map(|(method, path, body, wanted)| (method, &*path.leak(), body, wanted))
        .collect()
}

async fn ask(
    stage: &Stage,
    who: Who,
    method: &str,
    path: &str,
    body: &Value,
) -> super::stage::Answer {
    match body {
        Value::String(bytes) => stage.upload(who, path, bytes).await,
        body => stage.ask(who, method, path, body.clone()).await,
    }
}

#[tokio::test]
async fn everybody_gets_what_they_may() {
    for (index, who) in WHO.into_iter().enumerate() {
        let stage = Stage::new().await;
        stage.nearby().await;
        if matches!(who, Who::Owner | Who::Administrator) {
            stage
                .ask(
                    Who::Owner,
                    "POST",
                    "/v1/filters/anna/nearby/activate",
                    json!({"setting": 1}),
                )
                .await;
        }
        for (method, path, body, wanted) in table() {
            let answer = ask(&stage, who, method, path, &body).await;
            assert_eq!(
                answer.status, wanted[index],
                "{who:?} {method} {path}: {answer:?}"
            );
        }
    }
}

/// A new route needs a row above.
#[test]
fn the_table_holds_every_route() {
    let document = crate::api::openapi::document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let row = table()
                .into_iter()
                .find(|(of, asked, ..)| of.eq_ignore_ascii_case(method) && stands_for(path, asked));
            assert!(row.is_some(), "no row for {method} {path}");
        }
    }
}

/// Whether `path`, with braces, is the route of `asked`.
fn stands_for(path: &str, asked: &str) -> bool {
    let (path, asked) = (path.split('/'), asked.split('/'));
    path.clone().count() == asked.clone().count()
        && path
            .zip(asked)
            .all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
}

/// The answer about somebody else's filter is, but for its name, the one about none at all.
#[tokio::test]
async fn a_foreign_filter_looks_like_none() {
    let stage = Stage::new().await;
    stage.nearby().await;
    for (method, path, body, _) in table() {
        if !path.contains("nearby") {
            continue;
        }
        let absent_path = path.replace("nearby", "absent");
        let foreign = ask(&stage, Who::Other, method, path, &body).await;
        let absent = ask(&stage, Who::Other, method, &absent_path, &body).await;
        let renamed = foreign.body.to_string().replace("nearby", "absent");
        assert_eq!(renamed, absent.body.to_string(), "{method} {path}");
        assert_eq!(foreign.status, absent.status);
        let mut names: Vec<_> = foreign.headers.keys().collect();
        let mut others: Vec<_> = absent.headers.keys().collect();
        names.sort_by_key(|name| name.as_str());
        others.sort_by_key(|name| name.as_str());
        assert_eq!(names, others);
    }
}

#[tokio::test]
async fn listings_hold_only_what_one_may_see() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let body = json!({"name": "theirs", "stream": "ztf"});
    assert_eq!(
        stage
            .ask(Who::Other, "POST", "/v1/filters", body)
            .await
            .status,
        201
    );
    let names = async |who, path: &str| -> Vec<String> {
        let answer = stage.ask(who, "GET", path, Value::Null).await;
        assert_eq!(answer.status, 200);
        let items = answer.body["items"].as_array().unwrap().iter();
        items
            .map(|filter| filter["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(Who::Owner, "/v1/filters").await, ["nearby"]);
    assert_eq!(names(Who::Other, "/v1/filters").await, ["theirs"]);
    assert_eq!(
        names(Who::Administrator, "/v1/filters").await,
        ["theirs", "nearby"]
    );
    assert_eq!(
        names(Who::Administrator, "/v1/filters?owner=anna").await,
        ["nearby"]
    );
    assert!(names(Who::Other, "/v1/filters?owner=anna").await.is_empty());
    assert!(
        names(Who::Other, "/v1/filters?owner=nobody")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_token_that_ended_opens_nothing() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/v1/me").await.status, 200);
    let tokens = stage.registry.registry.tokens(Some("anna")).await.unwrap();
    stage
        .registry
        .registry
        .revoke_token(tokens[0].id, None, &By::host())
        .await
        .unwrap();
    let answer = stage.get("/v1/me").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (401, "unauthorized")
    );
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
}

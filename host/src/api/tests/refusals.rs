//! Wrong requests: a problem document with a stable code and what to change, and nothing stored.

use axum::body::Body;
use serde_json::{Value, json};

use super::stage::{Answer, Stage, Who};

fn check(answer: &Answer, status: u16, code: &str, words: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (status, code),
        "{answer:?}"
    );
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(answer.headers.contains_key("x-request-id"));
    assert_eq!(answer.body["status"], status);
    assert_eq!(answer.body["type"], format!("urn:skysieve:problem:{code}"));
    let said = answer.body.to_string();
    assert!(said.contains(words), "{said} lacks {words}");
}

#[tokio::test]
async fn creations_are_checked() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let cases = [
        (
            json!({"name": "Big SN", "stream": "ztf"}),
            422,
            "invalid_name",
            "`big-sn`",
        ),
        (
            json!({"name": "x", "stream": "lsst"}),
            422,
            "unknown_stream",
            "ztf",
        ),
        (
            json!({"name": "nearby", "stream": "ztf"}),
            409,
            "name_taken",
            "another name",
        ),
        (json!({"name": "x"}), 400, "bad_request", "stream"),
        (
            json!({"name": "x", "stream": "ztf", "colour": 1}),
            400,
            "bad_request",
            "colour",
        ),
        (json!(["x"]), 400, "bad_request", "JSON body"),
        (
            json!({"name": "x", "stream": "ztf", "summary": "s".repeat(201)}),
            422,
            "invalid_field",
            "200",
        ),
    ];
    for (body, status, code, words) in cases {
        check(
            &stage.ask(Who::Owner, "POST", "/v1/filters", body).await,
            status,
            code,
            words,
        );
    }
    let items = stage.get("/v1/filters").await.body["items"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(items, 1);
}

#[tokio::test]
async fn bodies_must_be_json() {
    let stage = Stage::new().await;
    let request = stage
        .request(Who::Owner, "POST", "/v1/filters")
        .body(Body::from("{}"))
        .unwrap();
    check(&stage.send(request).await, 415, "not_json", "Content-Type");
    let request = stage.request(Who::Owner, "POST", "/v1/filters");
    let request = request.header("content-type", "application/json; charset=utf-8");
    let answer = stage
        .send(request.body(Body::from("{\"name\": ")).unwrap())
        .await;
    check(&answer, 400, "bad_request", "JSON body");
}

#[tokio::test]
async fn refused_uploads_store_nothing() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let path = "/v1/filters/anna/nearby/versions";
    let refused = stage.upload(Who::Owner, path, "bad one").await;
    check(
        &refused,
        422,
        "unknown_field",
        "did you mean `candidate.magpsf`",
    );
    check(
        &stage.upload(Who::Owner, path, "broken").await,
        500,
        "internal",
        "X-Request-Id",
    );
    let said = stage
        .upload(Who::Owner, path, "broken")
        .await
        .body
        .to_string();
    assert!(!said.contains("compiler"), "{said}");
    let wrong = format!("{path}?source=ftp://x");
    check(
        &stage.upload(Who::Owner, &wrong, "two").await,
        422,
        "invalid_field",
        "https://",
    );
    let wrong = format!("{path}?notes={}", "n".repeat(2_001));
    check(
        &stage.upload(Who::Owner, &wrong, "two").await,
        422,
        "invalid_field",
        "2000",
    );
    check(
        &stage
            .upload(Who::Owner, &format!("{path}?note=x"), "two")
            .await,
        400,
        "bad_request",
        "note",
    );
    assert_eq!(
        stage.get(path).await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn settings_and_activations_are_checked() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let mine = "/v1/filters/anna/nearby";
    let cases = [
        (
            "settings",
            json!({"parameters": {"faintest": 1}}),
            422,
            "invalid_parameter",
            "faintest_mag",
        ),
        (
            "settings",
            json!({"parameters": {"faintest_mag": 99}}),
            422,
            "invalid_parameter",
            "22.0",
        ),
        (
            "settings",
            json!({"parameters": {"detections": "2"}}),
            422,
            "invalid_parameter",
            "whole number",
        ),
        (
            "settings",
            json!({"version": 9}),
            404,
            "not_found",
            "version `9`",
        ),
        (
            "settings",
            json!({"payload": "cutouts"}),
            400,
            "bad_request",
            "packet",
        ),
        ("activate", json!({}), 422, "invalid_field", "`setting`"),
        (
            "activate",
            json!({"setting": 1, "version": 1}),
            422,
            "invalid_field",
            "either",
        ),
        (
            "activate",
            json!({"setting": 9}),
            404,
            "not_found",
            "setting `9`",
        ),
        (
            "activate",
            json!({"version": 9}),
            404,
            "not_found",
            "version `9`",
        ),
        ("pause", Value::Null, 409, "not_active", "activate"),
        ("resume", Value::Null, 409, "not_active", "activate"),
    ];
    for (verb, body, status, code, words) in cases {
        let answer = stage
            .ask(Who::Owner, "POST", &format!("{mine}/{verb}"), body)
            .await;
        check(&answer, status, code, words);
    }
    for path in ["versions/0", "versions/x", "settings/7", "settings/-1"] {
        check(
            &stage.get(&format!("{mine}/{path}")).await,
            404,
            "not_found",
            "there is no",
        );
    }
}

#[tokio::test]
async fn without_a_version_there_is_nothing_to_set() {
    let stage = Stage::new().await;
    stage
        .ask(
            Who::Owner,
            "POST",
            "/v1/filters",
            json!({"name": "new", "stream": "ztf"}),
        )
        .await;
    let answer = stage
        .ask(
            Who::Owner,
            "POST",
            "/v1/filters/anna/new/settings",
            json!({}),
        )
        .await;
    check(&answer, 409, "no_version", "upload");
}

#[tokio::test]
async fn what_was_deleted_does_not_change() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let mine = "/v1/filters/anna/nearby";
    stage.ask(Who::Owner, "DELETE", mine, Value::Null).await;
    let cases = [
        ("settings", json!({"version": 1})),
        ("activate", json!({"setting": 1})),
        ("pause", Value::Null),
    ];
    for (verb, body) in cases {
        let answer = stage
            .ask(Who::Owner, "POST", &format!("{mine}/{verb}"), body)
            .await;
        check(&answer, 409, "filter_deleted", "another name");
    }
    let answer = stage
        .upload(Who::Owner, &format!("{mine}/versions"), "two")
        .await;
    check(&answer, 409, "filter_deleted", "another name");
    let body = json!({"name": "nearby", "stream": "ztf"});
    let answer = stage.ask(Who::Owner, "POST", "/v1/filters", body).await;
    check(&answer, 409, "name_taken", "still holds its alerts");
    let gone = stage.get("/v1/filters?deleted=true").await.body;
    assert_eq!(gone["items"][0]["state"], "deleted");
}

#[tokio::test]
async fn no_broker_no_activation() {
    let stage = Stage::new().await;
    stage
        .ask(
            Who::Owner,
            "POST",
            "/v1/filters",
            json!({"name": "no-broker", "stream": "ztf"}),
        )
        .await;
    let mine = "/v1/filters/anna/no-broker";
    stage
        .upload(Who::Owner, &format!("{mine}/versions"), "one")
        .await;
    let answer = stage
        .ask(
            Who::Owner,
            "POST",
            &format!("{mine}/activate"),
            json!({"version": 1}),
        )
        .await;
    check(&answer, 503, "topic_unavailable", "nothing was changed");
    assert_eq!(answer.headers["retry-after"], "10");
    assert_eq!(stage.get(mine).await.body["state"], "ready");
}

#[tokio::test]
async fn queries_are_strict() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let cases = [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=zz",
        "cursor=7a",
        "page=2",
    ];
    for query in cases {
        let path = format!("/v1/filters/anna/nearby/versions?{query}");
        check(&stage.get(&path).await, 400, "bad_request", "");
    }
    check(
        &stage.get("/v1/filters/anna/nearby/counts?cursor=7a").await,
        400,
        "bad_request",
        "next",
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let stage = Stage::new().await;
    check(
        &stage.get("/").await,
        404,
        "not_found",
        "nothing at this path",
    );
    check(&stage.get("/v2/filters").await, 404, "not_found", "");
    let answer = stage.ask(Who::Owner, "PUT", "/v1/filters", json!({})).await;
    check(&answer, 405, "method_not_allowed", "");
    let allowed = answer.headers["allow"].to_str().unwrap().to_owned();
    assert!(
        allowed.contains("POST") && allowed.contains("GET"),
        "{allowed}"
    );
    let answer = stage.get("/v1/filters/%ff/x").await;
    assert!(matches!(answer.status.as_u16(), 400 | 404), "{answer:?}");
}

#[tokio::test]
async fn tokens_must_be_well_formed() {
    let stage = Stage::new().await;
    for header in [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer sksv_0000",
        "sksv_",
    ] {
        let request = stage
            .request(Who::Stranger, "GET", "/v1/me")
            .header("authorization", header);
        check(
            &stage.send(request.body(Body::empty()).unwrap()).await,
            401,
            "unauthorized",
            "",
        );
    }
}

#[tokio::test]
async fn request_ids_are_kept_or_given() {
    let stage = Stage::new().await;
    let send = async |id: &str| {
        let request = stage
            .request(Who::Owner, "GET", "/livez")
            .header("x-request-id", id);
        let answer = stage.send(request.body(Body::empty()).unwrap()).await;
        answer.headers["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(send("mine-42").await, "mine-42");
    for bad in ["", "a b", "\"<script>", &"x".repeat(65)] {
        assert_eq!(send(bad).await.len(), 16);
    }
}

//! What stands around every answer: entity tags, the pace of a user, headers for browsers.

use axum::body::Body;
use serde_json::{Value, json};

use super::stage::{Answer, Stage, Who};
use crate::api::Settings;

const NEARBY: &str = "/v1/filters/anna/nearby";

async fn with(
    stage: &Stage,
    method: &str,
    path: &str,
    header: (&str, &str),
    body: Value,
) -> Answer {
    by(Who::Owner, stage, method, path, header, body).await
}

async fn by(
    who: Who,
    stage: &Stage,
    method: &str,
    path: &str,
    header: (&str, &str),
    body: Value,
) -> Answer {
    let request = stage
        .request(who, method, path)
        .header(header.0, header.1)
        .header("content-type", "application/json");
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    stage.send(request.body(Body::from(body)).unwrap()).await
}

fn tag(answer: &Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_filter_has_a_tag_that_rises_with_its_changes() {
    let stage = Stage::new().await;
    let body = json!({"name": "nearby", "stream": "ztf"});
    let made = stage.ask(Who::Owner, "POST", "/v1/filters", body).await;
    assert_eq!(tag(&made), tag(&stage.get(NEARBY).await));
    let mut tags = vec![tag(&made)];
    stage
        .upload(Who::Owner, &format!("{NEARBY}/versions"), "one")
        .await;
    for (path, body) in [
        ("activate", json!({"version": 1})),
        ("pause", Value::Null),
        ("resume", Value::Null),
    ] {
        let answer = stage
            .ask(Who::Owner, "POST", &format!("{NEARBY}/{path}"), body)
            .await;
        assert_eq!(tag(&answer), tag(&stage.get(NEARBY).await));
        assert!(!tags.contains(&tag(&answer)), "{path}");
        tags.push(tag(&answer));
    }
    stage.ask(Who::Owner, "DELETE", NEARBY, Value::Null).await;
    assert!(!tags.contains(&tag(&stage.get(NEARBY).await)));
}

#[tokio::test]
async fn a_change_of_another_state_is_refused_on_every_route_and_changes_nothing() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let document = crate::api::openapi::document();
    let current = tag(&stage.get(NEARBY).await);
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(rest) = path.strip_prefix("/v1/filters/{owner}/{name}") else {
            continue;
        };
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|method| *method != "get")
        {
            let path = format!("{NEARBY}{}", rest.replace("{number}", "1"));
            let method = method.to_uppercase();
            for wrong in ["\"999\"", "W/\"1\"", "1", ""] {
                let header = ("if-match", wrong);
                // Some routes are an administrator's.
                let answer = by(
                    Who::Administrator,
                    &stage,
                    &method,
                    &path,
                    header,
                    json!({}),
                )
                .await;
                assert_eq!(
                    (answer.status.as_u16(), answer.code()),
                    (412, "changed"),
                    "{method} {path} {wrong}"
                );
                tried += 1;
            }
        }
    }
    assert!(tried >= 20, "{tried}");
    assert_eq!(tag(&stage.get(NEARBY).await), current);
}

#[tokio::test]
async fn a_change_of_the_state_that_was_seen_is_done_once() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let activate = format!("{NEARBY}/activate");
    let seen = tag(&stage.get(NEARBY).await);
    let both = format!("\"999\", {seen}");
    let done = with(
        &stage,
        "POST",
        &activate,
        ("if-match", &both),
        json!({"setting": 1}),
    )
    .await;
    assert_eq!(done.status, 200, "{done:?}");
    let late = with(
        &stage,
        "POST",
        &activate,
        ("if-match", &seen),
        json!({"version": 1}),
    )
    .await;
    assert_eq!(late.status, 412);
    let any = with(
        &stage,
        "POST",
        &format!("{NEARBY}/pause"),
        ("if-match", "*"),
        Value::Null,
    )
    .await;
    assert_eq!(any.status, 200);
    let deleted = with(
        &stage,
        "DELETE",
        NEARBY,
        ("if-match", &tag(&any)),
        Value::Null,
    )
    .await;
    assert_eq!(deleted.status, 204);
}

/// The extractor sees a state, and somebody changes it before the change: the registry refuses.
#[tokio::test]
async fn what_changes_between_look_and_change_is_refused_too() {
    use crate::registry::{By, FilterChange, RegistryError};
    let stage = Stage::new().await;
    stage.nearby().await;
    let registry = &stage.registry.registry;
    let filter = registry.filter("anna", "nearby").await.unwrap();
    let seen = By {
        seen: Some(filter.revision),
        ..By::host()
    };
    registry.activate(filter.id, 1, &seen).await.unwrap();
    let changed = |result: Result<(), RegistryError>| {
        assert!(matches!(result, Err(RegistryError::Changed)), "{result:?}")
    };
    changed(registry.pause(filter.id, &seen).await);
    changed(registry.schedule(filter.id, 1, i64::MAX, &seen).await);
    changed(
        registry
            .change_filter(filter.id, &FilterChange::default(), None, &seen)
            .await,
    );
    changed(registry.delete_filter(filter.id, &seen).await);
    let now = registry.filter("anna", "nearby").await.unwrap();
    assert_eq!(now.revision, filter.revision + 1);
    let seen = By {
        seen: Some(now.revision),
        ..By::host()
    };
    registry.delete_filter(filter.id, &seen).await.unwrap();
    registry.delete_filter(filter.id, &seen).await.unwrap();
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let stage = Stage::new().await;
    stage.nearby().await;
    for path in [NEARBY, "/v1/openapi.json", "/v1/docs"] {
        let tag = tag(&stage.get(path).await);
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let same = with(&stage, "GET", path, ("if-none-match", &known), Value::Null).await;
            assert_eq!(
                (same.status.as_u16(), &same.body),
                (304, &Value::Null),
                "{path} {known}"
            );
            assert_eq!(same.headers["etag"], tag.as_str());
            assert!(!same.headers.contains_key("content-type"));
        }
        let other = with(&stage, "GET", path, ("if-none-match", "\"x\""), Value::Null).await;
        assert_eq!(other.status, 200);
    }
    // A stranger learns nothing by guessing.
    let request = stage
        .request(Who::Other, "GET", NEARBY)
        .header("if-none-match", "*");
    assert_eq!(
        stage
            .send(request.body(Body::empty()).unwrap())
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_user_has_so_many_requests() {
    let stage = Stage::new().await;
    stage.pace("anna", 3).await;
    for _ in 0..3 {
        assert_eq!(stage.get("/v1/me").await.status, 200);
    }
    let refused = stage.get("/v1/me").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (429, "too_many_requests")
    );
    let wait: u32 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(
        stage
            .ask(Who::Other, "GET", "/v1/me", Value::Null)
            .await
            .status,
        200
    );
    assert_eq!(stage.get("/livez").await.status, 200);
    // The document is nobody's request.
    assert_eq!(stage.get("/v1/openapi.json").await.status, 200);
}

#[tokio::test]
async fn browsers_are_told_to_trust_nothing() {
    let stage = Stage::new().await;
    for path in ["/v1/me", "/v1/docs", "/nowhere"] {
        let headers = stage.get(path).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "private, no-cache");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"));
        assert!(!headers.contains_key("strict-transport-security"));
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
}

async fn preflight(stage: &Stage, origin: &str) -> Answer {
    let request = stage
        .request(Who::Stranger, "OPTIONS", "/v1/filters")
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type,idempotency-key",
        );
    stage.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn pages_of_other_sites_read_nothing_unless_they_are_named() {
    let stage = Stage::new().await;
    let answer = preflight(&stage, "https://example.org").await;
    assert_eq!(answer.status, 405);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));

    let stage = Stage::with(Settings {
        cors_origins: vec!["https://example.org".to_owned()],
        ..Settings::default()
    })
    .await;
    let answer = preflight(&stage, "https://example.org").await;
    assert_eq!(
        answer.headers["access-control-allow-origin"],
        "https://example.org"
    );
    assert!(
        !answer
            .headers
            .contains_key("access-control-allow-credentials")
    );
    assert!(
        !preflight(&stage, "https://example.com")
            .await
            .headers
            .contains_key("access-control-allow-origin")
    );
    let request = stage
        .request(Who::Owner, "GET", "/v1/me")
        .header("origin", "https://example.org");
    let answer = stage.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        answer.headers["access-control-allow-origin"],
        "https://example.org"
    );
    assert_eq!(answer.body["user"], "anna");

    let stage = Stage::with(Settings {
        cors_origins: vec!["*".to_owned()],
        ..Settings::default()
    })
    .await;
    assert_eq!(
        preflight(&stage, "https://example.com").await.headers["access-control-allow-origin"],
        "*"
    );
}

#[test]
fn settings_are_checked() {
    let check = |change: &dyn Fn(&mut Settings), expected: &str| {
        let mut settings = Settings::default();
        change(&mut settings);
        let found = settings.check().err().unwrap_or_default();
        assert!(
            if expected.is_empty() {
                found.is_empty()
            } else {
                found.contains(expected)
            },
            "{found:?}"
        );
    };
    check(&|_| {}, "");
    check(
        &|settings| settings.listen = "localhost".to_owned(),
        "api.listen",
    );
    check(
        &|settings| settings.idempotency_hours = 0,
        "idempotency_hours",
    );
    check(
        &|settings| settings.idempotency_hours = 721,
        "idempotency_hours",
    );
    for origin in [
        "https://example.org",
        "http://127.0.0.1:3000",
        "http://[::1]:3000",
        "*",
    ] {
        check(
            &|settings| settings.cors_origins = vec![origin.to_owned()],
            "",
        );
    }
    for origin in [
        "example.org",
        "https://example.org/",
        "https://",
        "https://*.example.org",
        "null",
        "",
    ] {
        check(
            &|settings| settings.cors_origins = vec![origin.to_owned()],
            "is no origin",
        );
    }
}

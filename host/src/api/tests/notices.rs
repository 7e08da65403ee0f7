//! Targets of notices, as their owners make, test and read them.

use serde_json::{Value, json};

use super::stage::{Stage, Who};
use crate::registry::By;

const TARGETS: &str = "/v1/notice-targets";

async fn create(stage: &Stage, body: Value) -> super::stage::Answer {
    stage.ask(Who::Owner, "POST", TARGETS, body).await
}

#[tokio::test]
async fn a_webhook_is_made_tested_and_read_back() {
    let stage = Stage::new().await;
    let body = json!({
        "medium": "webhook", "address": "https://example.org/hook",
        "kinds": ["filter.suspended", "filter.failing", "filter.suspended"],
    });
    let made = create(&stage, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.headers["location"], "/v1/notice-targets/1");
    assert!(made.body["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(made.body["state"], "unverified");
    assert_eq!(
        made.body["kinds"],
        json!(["filter.suspended", "filter.failing"])
    );
    assert_eq!(made.body["owner"], "anna");

    // The key is never shown again.
    for path in [TARGETS, "/v1/notice-targets/1"] {
        let text = stage.get(path).await.body.to_string();
        assert!(text.contains("https://example.org/hook"), "{text}");
        assert!(
            !text.contains("whsec_") && !text.contains("secret"),
            "{text}"
        );
    }
    let test = "/v1/notice-targets/1/test";
    let tested = stage.ask(Who::Owner, "POST", test, Value::Null).await;
    assert_eq!(
        (tested.status.as_u16(), &tested.body),
        (202, &json!({"notice": 1}))
    );
    let again = stage.ask(Who::Owner, "POST", test, Value::Null).await;
    assert_eq!((again.status.as_u16(), again.code()), (429, "too_soon"));
    assert_eq!(again.headers["retry-after"], "10");

    let notices = stage.get("/v1/notices").await.body;
    let notice = &notices["items"][0];
    assert_eq!(notice["kind"], "target.test");
    assert_eq!(notice["filter"], Value::Null);
    assert_eq!(notice["deliveries"][0]["state"], "waiting");
    assert_eq!(notice["deliveries"][0]["tries"], 0);
    assert_eq!(notices["next"], Value::Null);
}

#[tokio::test]
async fn an_address_is_confirmed_by_its_code() {
    let stage = Stage::new().await;
    let made = create(
        &stage,
        json!({"medium": "email", "address": "anna@example.org"}),
    )
    .await;
    assert_eq!(made.status, 201, "{made:?}");
    // The code is for who reads the mail, not for who asked for it.
    assert_eq!(made.body.get("secret"), None);
    let due = stage
        .registry
        .registry
        .lease_deliveries(1, std::time::Duration::from_secs(60))
        .await
        .unwrap();
    let confirm = "/v1/notice-targets/1/confirm";
    for (code, status) in [("wrong", 409), (due[0].secret.as_str(), 200)] {
        let answer = stage
            .ask(Who::Owner, "POST", confirm, json!({"code": code}))
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(
        stage.get("/v1/notice-targets/1").await.body["state"],
        "verified"
    );
    let notices = stage.get("/v1/notices").await.body.to_string();
    assert!(!notices.contains(&due[0].secret), "{notices}");
}

#[tokio::test]
async fn what_cannot_be_a_target_is_refused() {
    let stage = Stage::new().await;
    let cases = [
        (
            json!({"medium": "webhook", "address": "http://example.org/"}),
            422,
            "https://",
        ),
        (
            json!({"medium": "webhook", "address": "example.org"}),
            422,
            "https://",
        ),
        (
            json!({"medium": "webhook", "address": "https://a:b@example.org/"}),
            422,
            "password",
        ),
        (
            json!({"medium": "email", "address": "anna"}),
            422,
            "e-mail address",
        ),
        (
            json!({"medium": "email", "address": "a@b.c\r\nBcc: d@e.f"}),
            422,
            "e-mail address",
        ),
        (
            json!({"medium": "webhook", "address": "https://a.org/", "kinds": ["everything"]}),
            422,
            "`everything`",
        ),
        (json!({"medium": "fax", "address": "1"}), 400, "fax"),
        (
            json!({"medium": "webhook", "address": "https://a.org/", "x": 1}),
            400,
            "`x`",
        ),
        (
            json!({"medium": "webhook", "address": "https://a.org/", "owner": "berta"}),
            404,
            "`berta`",
        ),
    ];
    for (body, status, said) in cases {
        let answer = create(&stage, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{body}: {detail}");
    }
    for path in ["/v1/notice-targets/x", "/v1/notice-targets/7"] {
        assert_eq!(stage.get(path).await.code(), "not_found", "{path}");
    }
    let hook = json!({"medium": "webhook", "address": "https://example.org/"});
    assert_eq!(create(&stage, hook.clone()).await.status, 201);
    let twice = create(&stage, hook).await;
    assert_eq!(
        (twice.status.as_u16(), twice.code()),
        (409, "target_exists")
    );
}

#[tokio::test]
async fn the_targets_of_a_group_are_its_members() {
    let stage = Stage::new().await;
    let registry = &stage.registry.registry;
    let name = crate::registry::Name::parse("survey-team").unwrap();
    let group = registry.create_group(&name, "", &By::host()).await.unwrap();
    let anna = registry.user("anna").await.unwrap().unwrap();
    let member = crate::registry::MemberRole::Member;
    registry
        .put_member(&group, &anna, member, &By::host())
        .await
        .unwrap();
    let hook = json!({
        "medium": "webhook", "address": "https://example.org/", "owner": "survey-team",
    });
    let made = create(&stage, hook.clone()).await;
    assert_eq!(
        (made.status.as_u16(), &made.body["owner"]),
        (201, &json!("survey-team"))
    );
    let of_group = format!("{TARGETS}?owner=survey-team");
    let ask = async |who, path: &str| stage.ask(who, "GET", path, Value::Null).await;
    assert_eq!(
        ask(Who::Owner, &of_group).await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(
        ask(Who::Owner, TARGETS).await.body["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(ask(Who::Other, &of_group).await.status, 404);
    assert_eq!(ask(Who::Other, "/v1/notice-targets/1").await.status, 404);
    assert_eq!(ask(Who::Administrator, &of_group).await.status, 200);
}

#[tokio::test]
async fn notices_come_in_pages() {
    let stage = Stage::new().await;
    let anna = stage.registry.registry.user("anna").await.unwrap().unwrap();
    for number in 0..5 {
        let new = crate::registry::NewNotice {
            about: crate::registry::About::Owner(anna.id),
            kind: crate::registry::NoticeKind::Quota,
            text: format!("notice {number}"),
            document: json!({}),
            at_most: None,
        };
        assert!(stage.registry.registry.notify(&new).await.unwrap());
    }
    let (mut path, mut seen) = ("/v1/notices?limit=2".to_owned(), Vec::new());
    for _ in 0..4 {
        let page = stage.get(&path).await.body;
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/notices?limit=2&cursor={next}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let others = stage
        .ask(Who::Other, "GET", "/v1/notices", Value::Null)
        .await;
    assert!(others.body["items"].as_array().unwrap().is_empty());
}

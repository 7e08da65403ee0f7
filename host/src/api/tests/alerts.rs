//! Reading results: pages, formats, cursors, refusals.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::stage::{Stage, Who};
use crate::api::Settings;
use crate::registry::tests::stage::name;
use crate::registry::{By, MemberRole};

const PATH: &str = "/v1/filters/anna/nearby/alerts";

struct Page {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn lines(&self) -> Vec<Value> {
        let lines = self
            .body
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    fn ids(&self) -> Vec<String> {
        let id = |line: &Value| line["alert_id"].as_str().unwrap().to_owned();
        self.lines().iter().map(id).collect()
    }
}

/// Anna's filter with so many alerts, the third of them torn.
async fn stage(settings: Settings, alerts: usize) -> Stage {
    let stage = Stage::with(settings).await;
    stage.nearby().await;
    let topic = stage.get("/v1/filters/anna/nearby").await.body["topic"].clone();
    for number in 0..alerts {
        let night = if number % 2 == 0 {
            "2026-04-01"
        } else {
            "unknown"
        };
        stage.shelf.put(
            topic.as_str().unwrap(),
            &number.to_string(),
            night,
            number == 2,
        );
    }
    stage
}

async fn page(stage: &Stage, query: &str, accept: &str) -> Page {
    let request = stage.request(Who::Owner, "GET", &format!("{PATH}{query}"));
    let request = request
        .header("accept", accept)
        .body(Body::empty())
        .unwrap();
    let response = stage.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200, "{query}");
    let (parts, body) = response.into_parts();
    Page {
        headers: parts.headers,
        body: to_bytes(body, 1 << 24).await.unwrap().to_vec(),
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let stage = stage(Settings::default(), 5).await;
    let first = page(&stage, "?limit=3", "*/*").await;
    assert_eq!(first.ids(), ["0", "1", "2"]);
    assert_eq!(first.header("content-type"), "application/x-ndjson");
    assert_eq!(first.header("skysieve-more"), "true");
    let lines = first.lines();
    let keys: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    let wanted = [
        "cursor",
        "object_id",
        "alert_id",
        "night",
        "version",
        "setting",
        "payload",
        "source",
        "annotations",
        "alert",
    ];
    assert_eq!(keys, wanted);
    // Not a digit is lost.
    assert_eq!(lines[0]["alert"]["offset"], i64::MAX);
    assert_eq!(lines[2].get("alert"), None);
    assert!(
        lines[2]["error"]
            .as_str()
            .unwrap()
            .contains("the file ends within the block")
    );
    let second = page(
        &stage,
        &format!("?after={}", first.header("skysieve-next")),
        "*/*",
    )
    .await;
    assert_eq!(
        (second.ids(), second.header("skysieve-more")),
        (vec!["3".to_owned(), "4".to_owned()], "false")
    );
    let behind = page(
        &stage,
        &format!("?after={}", lines[1]["cursor"].as_str().unwrap()),
        "*/*",
    )
    .await;
    assert_eq!(behind.ids(), ["2", "3", "4"]);
    let end = page(
        &stage,
        &format!("?after={}", second.header("skysieve-next")),
        "*/*",
    )
    .await;
    assert_eq!((end.body.len(), end.header("skysieve-more")), (0, "false"));
    let night = page(&stage, "?night=2026-04-01", "*/*").await;
    assert_eq!(night.ids(), ["0", "2", "4"]);
}

#[tokio::test]
async fn a_page_has_a_bound_in_bytes_but_never_no_alert() {
    let settings = Settings {
        results_bytes: 1,
        ..Settings::default()
    };
    let stage = stage(settings, 3).await;
    let (mut query, mut seen) = (String::new(), Vec::new());
    for _ in 0..3 {
        let page = page(&stage, &query, "*/*").await;
        assert_eq!(page.ids().len(), 1);
        seen.extend(page.ids());
        query = format!("?after={}", page.header("skysieve-next"));
    }
    assert_eq!(seen, ["0", "1", "2"]);
}

#[tokio::test]
async fn avro_is_chosen_by_header_or_query() {
    let stage = stage(Settings::default(), 5).await;
    for (query, accept) in [("", "application/avro"), ("?format=avro", "*/*")] {
        let page = page(&stage, query, accept).await;
        assert_eq!(page.header("content-type"), "application/avro");
        let mut reader = apache_avro::Reader::new(&page.body[..]).unwrap();
        let records = reader.by_ref().count();
        let metadata = reader.user_metadata();
        let alerts: Vec<Value> = serde_json::from_slice(&metadata["skysieve.alerts"]).unwrap();
        let damaged: Vec<Value> = serde_json::from_slice(&metadata["skysieve.damaged"]).unwrap();
        let ids = |of: &[Value]| {
            of.iter()
                .map(|one| one["alert_id"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (records, ids(&alerts)),
            (4, vec![json!("0"), json!("1"), json!("3"), json!("4")])
        );
        assert_eq!(ids(&damaged), [json!("2")]);
    }
}

#[tokio::test]
async fn less_is_shown_where_less_is_asked_for() {
    let stage = stage(Settings::default(), 1).await;
    for (query, payload, keys) in [
        (
            "?payload=packet",
            "packet",
            json!([
                "object_id",
                "alert_id",
                "topic",
                "partition",
                "offset",
                "record"
            ]),
        ),
        (
            "?payload=without_cutouts",
            "without_cutouts",
            json!(["object_id", "alert_id", "partition", "offset", "record"]),
        ),
        (
            "?fields=offset,alert_id,gone",
            "fields",
            json!(["alert_id", "offset"]),
        ),
    ] {
        let lines = page(&stage, query, "*/*").await.lines();
        let found: Vec<&String> = lines[0]["alert"].as_object().unwrap().keys().collect();
        assert_eq!(
            (&lines[0]["payload"], json!(found)),
            (&json!(payload), keys)
        );
    }
    let lines = page(&stage, "?payload=reference", "*/*").await.lines();
    assert_eq!(
        (&lines[0]["payload"], lines[0].get("alert")),
        (&json!("reference"), None)
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_advice() {
    let stage = stage(Settings::default(), 1).await;
    let body = json!({"name": "other", "stream": "ztf"});
    stage.ask(Who::Owner, "POST", "/v1/filters", body).await;
    let foreign = page(&stage, "", "*/*")
        .await
        .header("skysieve-next")
        .to_owned();
    for (path, status, code, part) in [
        (
            format!("{PATH}?after=zz"),
            400,
            "bad_request",
            "none of ours",
        ),
        (
            format!("/v1/filters/anna/other/alerts?after={foreign}"),
            400,
            "bad_request",
            "another filter",
        ),
        (
            format!("{PATH}?limit=0"),
            400,
            "bad_request",
            "from 1 to 1000",
        ),
        (
            format!("{PATH}?limit=1001"),
            400,
            "bad_request",
            "from 1 to 1000",
        ),
        (
            format!("{PATH}?night=tomorrow"),
            400,
            "bad_request",
            "no night",
        ),
        (
            format!("{PATH}?since=now"),
            400,
            "bad_request",
            "no instant",
        ),
        (format!("{PATH}?format=csv"), 400, "bad_request", "csv"),
        (
            format!("{PATH}?payload=pixels"),
            400,
            "bad_request",
            "pixels",
        ),
        (format!("{PATH}?unknown=1"), 400, "bad_request", "unknown"),
        (
            format!("{PATH}?fields=a..b"),
            422,
            "invalid_field",
            "lacks a name",
        ),
        (
            format!("{PATH}?fields=nothing"),
            422,
            "invalid_field",
            "did you mean",
        ),
        (
            format!("{PATH}/live?fields=nothing"),
            422,
            "invalid_field",
            "did you mean",
        ),
        (format!("{PATH}/live?limit=1"), 400, "bad_request", "limit"),
    ] {
        let answer = stage.get(&path).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code),
            "{path}: {detail}"
        );
        assert!(detail.contains(part), "{path}: {detail}");
    }
    *stage.shelf.away.lock().unwrap() = true;
    for path in [PATH.to_owned(), format!("{PATH}/live")] {
        let answer = stage.get(&path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (503, "results_unavailable")
        );
        assert!(answer.headers.contains_key("retry-after"));
        assert!(
            !answer.body.to_string().contains("/data/of"),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn results_are_their_owners_alone() {
    let stage = stage(Settings::default(), 1).await;
    for path in [PATH.to_owned(), format!("{PATH}/live")] {
        for (who, status) in [(Who::Stranger, 401), (Who::Other, 404)] {
            let answer = stage.ask(who, "GET", &path, Value::Null).await;
            assert_eq!(answer.status, status, "{path}");
        }
    }
    for (who, status) in [(Who::Owner, 200), (Who::Administrator, 200)] {
        assert_eq!(
            stage.ask(who, "GET", PATH, Value::Null).await.status,
            status
        );
    }
}

#[tokio::test]
async fn a_setting_is_checked_against_the_stream() {
    let stage = stage(Settings::default(), 0).await;
    let settings = "/v1/filters/anna/nearby/settings";
    for (payload, status) in [
        (json!("packet"), 200),
        (json!("reference"), 201),
        (json!("without_cutouts"), 201),
        (json!(["b", "a"]), 201),
        (json!(["a", "b", "a"]), 200),
        (json!(["nothing"]), 422),
        (json!([]), 422),
        (json!("fields"), 422),
        (json!("pixels"), 400),
    ] {
        let body = match payload.is_array() {
            true => json!({"version": 1, "payload": "fields", "fields": payload}),
            false => json!({"version": 1, "payload": payload}),
        };
        let made = stage.ask(Who::Owner, "POST", settings, body).await;
        assert_eq!(made.status.as_u16(), status, "{payload}: {}", made.body);
    }
    let listed = stage.get(settings).await.body;
    let (last, first) = (&listed["items"][0], &listed["items"][3]);
    let chosen = (&last["payload"], &last["fields"]);
    assert_eq!(chosen, (&json!("fields"), &json!(["a", "b"])));
    assert_eq!(
        (&first["payload"], first.get("fields")),
        (&json!("packet"), None)
    );
}

/// What was delivered under rights that were taken away is not shown, by page or live.
#[tokio::test]
async fn rights_hold_when_results_are_read() {
    // A live reader has to come again after a moment: an end to wait for.
    let settings = Settings {
        live_renew_ms: 1,
        ..Settings::default()
    };
    let stage = stage(settings, 0).await;
    let topic = stage.get("/v1/filters/anna/nearby").await.body["topic"].clone();
    for (id, programme) in [("1", Some(1)), ("2", Some(2)), ("3", Some(3)), ("4", None)] {
        stage
            .shelf
            .put_of(topic.as_str().unwrap(), id, "unknown", false, programme);
    }
    let (registry, by) = (&stage.registry.registry, By::host());
    let group = registry
        .create_group(&name("partners"), "", &by)
        .await
        .unwrap();
    let anna = registry.user("anna").await.unwrap().unwrap();
    registry
        .put_member(&group, &anna, MemberRole::Member, &by)
        .await
        .unwrap();
    for (granted, wanted) in [
        (vec![], vec!["1"]),
        (vec![2], vec!["1", "2"]),
        (vec![3, 2], vec!["1", "2", "3"]),
        (vec![3], vec!["1", "3"]),
    ] {
        registry
            .set_programmes(&group, "ztf", &granted, &by)
            .await
            .unwrap();
        let whole = page(&stage, "", "*/*").await;
        assert_eq!(whole.ids(), wanted);
        // Passed over, not begun with again.
        let after = format!("?after={}", whole.header("skysieve-next"));
        assert_eq!(page(&stage, &after, "*/*").await.body.len(), 0);
        let avro = page(&stage, "?format=avro", "*/*").await;
        let reader = apache_avro::Reader::new(&avro.body[..]).unwrap();
        assert_eq!(reader.count(), wanted.len());
        assert_eq!(live(&stage, wanted.len()).await, wanted);
    }
}

/// The ids of the first so many live alerts from the beginning on.
async fn live(stage: &Stage, alerts: usize) -> Vec<String> {
    let path = format!("{PATH}/live?since=2001-01-01T00:00:00Z");
    let request = stage.request(Who::Owner, "GET", &path);
    let request = request.body(Body::empty()).unwrap();
    let response = stage.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut body, mut text) = (response.into_body(), String::new());
    loop {
        let lines: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .collect();
        let id = |line: &&str| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["alert_id"].as_str().unwrap_or("end").to_owned()
        };
        // One more, if there were one, would come with the end of the stream.
        if lines.len() > alerts {
            assert_eq!(id(&lines[alerts]), "end");
            return lines[..alerts].iter().map(id).collect();
        }
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
        text.push_str(std::str::from_utf8(&frame.unwrap().unwrap().into_data().unwrap()).unwrap());
    }
}

//! Why an alert did not pass, and how a filter is doing, request by request.

use std::sync::Arc;

use serde_json::{Value, json};

use super::stage::{CAUSE, Stage, Who};
use crate::evaluate::LogLevel;
use crate::logbook::{Notes, Settings};
use crate::registry::tests::notes::{costs, failed, line, lines};

const MINE: &str = "/v1/filters/anna/nearby";
const NIGHT: &str = "2026-11-23";

async fn note(stage: &Stage, writer: &str, notes: &Notes) {
    let settings = Settings::default();
    let registry = &stage.registry.registry;
    registry.note(writer, 1, notes, &settings).await.unwrap();
}

async fn check(stage: &Stage, path: &str, status: u16, code: &str) {
    let answer = stage.get(&format!("{MINE}/{path}")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code()),
        (status, code),
        "{path}: {answer:?}"
    );
}

#[tokio::test]
async fn lines_are_listed_and_searched() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let written = vec![
        line(
            "<script>alert(1)</script> \\u{1b}[2J",
            LogLevel::Error,
            NIGHT,
        ),
        line("all is well", LogLevel::Debug, NIGHT),
    ];
    note(&stage, "lines", &lines(1, written)).await;
    let all = stage.get(&format!("{MINE}/logs?limit=1")).await.body;
    assert_eq!(all["items"][0]["message"], "all is well", "{all}");
    assert_eq!(all["items"][0]["level"], "debug");
    assert_eq!(all["items"][0]["night"], NIGHT);
    assert_eq!(all["items"][0]["alert_id"], "17");
    assert_eq!(all["items"][0]["time"], "1970-01-01T00:00:01.000Z");
    let next = all["next"].as_str().unwrap();
    let rest = stage.get(&format!("{MINE}/logs?cursor={next}")).await.body;
    assert_eq!(rest["items"][0]["level"], "error", "{rest}");
    for (query, found) in [
        ("level=warning", 1),
        ("level=debug", 2),
        ("text=well", 1),
        ("text=WELL", 0),
        ("text=%25", 0),
        ("text=script&level=error&night=2026-11-23", 1),
        ("night=2026-11-24", 0),
        ("night=unknown", 0),
    ] {
        let page = stage.get(&format!("{MINE}/logs?{query}")).await.body;
        assert_eq!(
            page["items"].as_array().unwrap().len(),
            found,
            "{query}: {page}"
        );
    }
    check(&stage, "logs?level=loud", 400, "bad_request").await;
    check(&stage, "logs?night=tonight", 400, "bad_request").await;
    check(&stage, "logs?text=%00", 422, "invalid_field").await;
    check(&stage, "logs?cursor=zz", 400, "bad_request").await;
    check(&stage, "logs?limit=201", 400, "bad_request").await;
    check(&stage, "logs?setting=1", 400, "bad_request").await;
}

#[tokio::test]
async fn failures_are_grouped_with_a_packet_each() {
    let stage = Stage::new().await;
    stage.nearby().await;
    note(&stage, "later", &failed(1, "no flux", 5_000, NIGHT, 1)).await;
    let page = stage.get(&format!("{MINE}/failures?limit=1")).await.body;
    assert_eq!(page["items"][0]["place"], "no flux", "{page}");
    let next = page["next"].as_str().unwrap();
    let page = stage
        .get(&format!("{MINE}/failures?cursor={next}"))
        .await
        .body;
    let cause = &page["items"][0];
    assert_eq!(
        (&cause["id"], &cause["alerts"]),
        (&json!(CAUSE), &json!(3)),
        "{page}"
    );
    assert_eq!(
        (&cause["version"], &cause["kind"]),
        (&json!(1), &json!("trap"))
    );
    assert_eq!(cause["last_seen"], "1970-01-01T00:00:02.010Z");
    // Nothing is counted yet of that night.
    assert_eq!(
        (&cause["night_alerts"], &cause["rate"]),
        (&json!(3), &Value::Null)
    );
    assert_eq!(cause["example"]["alert_id"], "2000");
    let packet = cause["example"]["packet"].as_str().unwrap();
    assert_eq!(packet, format!("{MINE}/failures/{CAUSE}/packet"));
    let answer = stage.get(packet).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/octet-stream");
    for id in ["ffffffffffffffff", "x", "%00", "..%2f", "%F0%9F%8C%8C"] {
        check(&stage, &format!("failures/{id}/packet"), 404, "not_found").await;
    }
    check(&stage, "failures?cursor=31", 400, "bad_request").await;
}

/// Rights may have been taken away since.
#[tokio::test]
async fn a_packet_beyond_the_owners_rights_looks_like_none() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let mut hidden = failed(1, "hidden", 5_000, NIGHT, 1);
    for failed in hidden.get_mut(&1).unwrap().causes.values_mut() {
        failed.example.packet = Some(Arc::from(*b"hidden"));
    }
    note(&stage, "hidden", &hidden).await;
    let page = stage.get(&format!("{MINE}/failures")).await.body;
    let packet = page["items"][0]["example"]["packet"].as_str().unwrap();
    let answer = stage.get(packet).await;
    let absent = packet.replace(page["items"][0]["id"].as_str().unwrap(), "ffffffffffffffff");
    let missing = stage.get(&absent).await;
    assert_eq!(answer.status, 404);
    let id = page["items"][0]["id"].as_str().unwrap();
    let renamed = answer.body.to_string().replace(id, "ffffffffffffffff");
    assert_eq!(renamed, missing.body.to_string());
}

#[tokio::test]
async fn health_is_told_from_the_first_moment() {
    let stage = Stage::new().await;
    let body = json!({"name": "fresh", "stream": "ztf"});
    stage.ask(Who::Owner, "POST", "/v1/filters", body).await;
    let empty = stage.get("/v1/filters/anna/fresh/health").await.body;
    assert_eq!(empty["state"], "empty", "{empty}");
    assert_eq!(
        (&empty["last_alert"], &empty["tonight"]),
        (&Value::Null, &Value::Null)
    );
    stage.nearby().await;
    let state = async || -> Value { stage.get(&format!("{MINE}/health")).await.body };
    assert_eq!(state().await["state"], "ready");
    note(&stage, "costs", &costs(1, 5_000, 100, 90)).await;
    let body = json!({"setting": 1});
    let path = format!("{MINE}/activate");
    stage.ask(Who::Owner, "POST", &path, body).await;
    let active = state().await;
    // No host of this test judges anything.
    assert_eq!(
        (&active["state"], &active["live"]),
        (&json!("compiling"), &json!(false))
    );
    assert_eq!(active["setting"], 1, "{active}");
    assert_eq!(active["last_alert"]["alert_id"], "5000");
    let tonight = &active["tonight"];
    assert_eq!(
        (&tonight["night"], &tonight["evaluated"]),
        (&json!(NIGHT), &json!(0))
    );
    assert_eq!(tonight["failure_rate"], Value::Null);
    assert_eq!(tonight["fuel"]["budget"], 20_000_000);
    assert_eq!(tonight["fuel"]["alerts"], 90);
    assert_eq!(tonight["time_ns"]["budget"], 1_000_000_000);
    assert_eq!(tonight["logs"]["budget_bytes"], 4 << 20);
    stage
        .ask(Who::Owner, "POST", &format!("{MINE}/pause"), Value::Null)
        .await;
    assert_eq!(state().await["state"], "paused");
    stage.ask(Who::Owner, "DELETE", MINE, Value::Null).await;
    let deleted = state().await;
    assert_eq!(deleted["state"], "deleted");
    assert_eq!(deleted["last_alert"]["alert_id"], "5000");
}

#[tokio::test]
async fn explanations_are_asked_for_strictly() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let path = |query: &str| format!("{MINE}/explain{query}");
    for (query, body, status, code) in [
        ("", json!({"alert_id": 17}), 404, "not_found"),
        ("", json!({"alert_id": 1.5}), 400, "bad_request"),
        ("", json!({"object_id": ""}), 422, "invalid_field"),
        ("", json!({}), 422, "invalid_field"),
        ("", json!({"packet": "x"}), 400, "bad_request"),
        (
            "?setting=1&version=1",
            json!({"alert_id": "1"}),
            400,
            "bad_request",
        ),
        ("?setting=9", json!({"alert_id": "1"}), 404, "not_found"),
        ("?setting=0", json!({"alert_id": "1"}), 404, "not_found"),
        ("?version=0", json!({"alert_id": "1"}), 404, "not_found"),
        ("?since=now", json!({"alert_id": "1"}), 400, "bad_request"),
    ] {
        let answer = stage
            .ask(Who::Owner, "POST", &path(query), body.clone())
            .await;
        let found = (answer.status.as_u16(), answer.code());
        assert_eq!(found, (status, code), "{query} {body}: {answer:?}");
    }
    let torn = stage.upload(Who::Owner, &path(""), "torn").await;
    assert_eq!((torn.status.as_u16(), torn.code()), (422, "damaged_packet"));
    let hidden = stage.upload(Who::Owner, &path(""), "hidden").await;
    assert_eq!((hidden.status.as_u16(), hidden.code()), (404, "not_found"));
    let good = stage.upload(Who::Owner, &path("?version=1"), "good").await;
    assert_eq!(
        (&good.body["version"], &good.body["setting"]),
        (&json!(1), &Value::Null)
    );
    let parameters = good.body["parameters"].as_array().unwrap();
    assert_eq!(parameters[0]["name"], "faintest_mag", "{:?}", good.body);
    assert_eq!(
        (&parameters[0]["value"], &parameters[0]["unit"]),
        (&json!(18.5), &json!("mag"))
    );
    let body = json!({"name": "fresh", "stream": "ztf"});
    stage.ask(Who::Owner, "POST", "/v1/filters", body).await;
    let none = stage
        .upload(Who::Owner, "/v1/filters/anna/fresh/explain", "good")
        .await;
    assert_eq!((none.status.as_u16(), none.code()), (409, "no_version"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explanations_wait_in_a_short_queue() {
    let stage = Arc::new(Stage::new().await);
    stage.nearby().await;
    let ask = || {
        let stage = stage.clone();
        tokio::spawn(async move {
            let path = format!("{MINE}/explain");
            stage
                .upload(Who::Owner, &path, "slow")
                .await
                .status
                .as_u16()
        })
    };
    // Two inside and six waiting; one more of the same user is one too many.
    let mut asked: Vec<_> = (0..9).map(|_| ask()).collect();
    let (first, place, rest) = futures_first(&mut asked).await;
    assert_eq!(first, 429);
    asked.remove(place);
    assert_eq!(rest, 8);
    stage.room.open();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert!(stage.room.inside().1 <= 2, "{:?}", stage.room.inside());
}

/// The first that is done: its answer, its place, how many are not done.
async fn futures_first(asked: &mut [tokio::task::JoinHandle<u16>]) -> (u16, usize, usize) {
    loop {
        if let Some(place) = asked.iter().position(|one| one.is_finished()) {
            let answer = (&mut asked[place]).await.unwrap();
            return (answer, place, asked.len() - 1);
        }
        tokio::task::yield_now().await;
    }
}

//! The way of a scientist: from nothing to a live filter and its cut-flow.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::stage::{Stage, Who};
use crate::delivery::{CountKey, Counts};
use crate::sink::CountRecord;

#[tokio::test]
async fn from_nothing_to_a_live_filter() {
    let stage = Stage::new().await;
    let registry = &stage.registry.registry;
    let mine = "/v1/filters/anna/nearby";

    let body = json!({"name": "nearby", "stream": "ztf", "summary": "Nearby and rising"});
    let made = stage.ask(Who::Owner, "POST", "/v1/filters", body).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.headers["location"], mine);
    assert_eq!(made.body["topic"], "skysieve.ztf.anna.nearby");
    let created = made.body["created"].as_str().unwrap();
    assert_eq!(created.len(), "2026-11-23T17:40:12.340Z".len(), "{created}");
    assert_eq!(
        (&made.body["state"], &made.body["active"]),
        (&json!("empty"), &Value::Null)
    );

    let path = format!("{mine}/versions?notes=first%20try&source=https://example.org/f");
    let uploaded = stage.upload(Who::Owner, &path, "one").await;
    assert_eq!(uploaded.status, 201);
    assert_eq!(
        uploaded.headers["location"],
        format!("{mine}/versions/1").as_str()
    );
    assert_eq!(uploaded.body["number"], 1);
    assert_eq!(uploaded.body["notes"], "first try");
    assert_eq!(uploaded.body["trial"]["passed"], 3);
    assert_eq!(
        uploaded.body["description"]["reasons"][0]["name"],
        "z_bogus"
    );
    let again = stage.upload(Who::Owner, &path, "one").await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &uploaded.body));
    assert_eq!(stage.get(mine).await.body["state"], "ready");

    let body = json!({"version": 1, "parameters": {"faintest_mag": 19}, "payload": "packet"});
    let setting = stage
        .ask(
            Who::Owner,
            "POST",
            &format!("{mine}/settings"),
            body.clone(),
        )
        .await;
    assert_eq!(setting.status, 201);
    assert_eq!(
        setting.body["parameters"],
        json!({"faintest_mag": 19.0, "detections": 2})
    );
    let same = stage
        .ask(Who::Owner, "POST", &format!("{mine}/settings"), body)
        .await;
    assert_eq!((same.status.as_u16(), &same.body), (200, &setting.body));

    let number = setting.body["setting"].as_i64().unwrap();
    let live = stage
        .ask(
            Who::Owner,
            "POST",
            &format!("{mine}/activate"),
            json!({"setting": number}),
        )
        .await;
    assert_eq!(
        (live.status.as_u16(), &live.body["state"]),
        (200, &json!("active"))
    );
    assert_eq!(live.body["active"]["setting"], number);
    assert_eq!(
        *stage.topics.lock().unwrap(),
        ["ztf skysieve.ztf.anna.nearby"]
    );
    assert_eq!(
        registry.active_settings("ztf", "main").await.unwrap()[0].setting,
        number
    );

    for (verb, state) in [
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "active"),
    ] {
        let answer = stage
            .ask(Who::Owner, "POST", &format!("{mine}/{verb}"), Value::Null)
            .await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["state"]),
            (200, &json!(state))
        );
    }
    let default = stage
        .ask(
            Who::Owner,
            "POST",
            &format!("{mine}/activate"),
            json!({"version": 1}),
        )
        .await;
    assert_eq!(default.body["active"]["setting"], number + 1);

    assert_eq!(
        stage
            .ask(Who::Owner, "DELETE", mine, Value::Null)
            .await
            .status,
        204
    );
    assert!(
        registry
            .active_settings("ztf", "main")
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(stage.get(mine).await.body["state"], "deleted");
    assert_eq!(stage.get(&format!("{mine}/versions/1")).await.status, 200);
}

#[tokio::test]
async fn the_cut_flow_adds_up() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let counts = Counts {
        evaluated: 20,
        passed: 11,
        rejected: BTreeMap::from([("a_faint".to_owned(), 3), ("z_bogus".to_owned(), 5)]),
        failed: BTreeMap::from([("trap".to_owned(), 1)]),
        lacking: 2,
        fuel: 2_000,
        elapsed_ns: 700,
        withheld: BTreeMap::from([("gate".to_owned(), 2)]),
        bytes_out: 540,
        skipped: 6,
    };
    for (sequence, night) in [(1, "2026-11-22"), (2, "2026-11-23")] {
        let counts = BTreeMap::from([(
            CountKey {
                setting: 1,
                night: night.into(),
            },
            counts.clone(),
        )]);
        let record = CountRecord {
            log: "j".to_owned(),
            sequence,
            counts,
        };
        stage.registry.registry.fold(&[record]).await.unwrap();
    }
    let mine = "/v1/filters/anna/nearby/counts";
    let all = stage.get(mine).await.body;
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    let expected = json!({
        "night": "2026-11-23", "setting": 1, "version": 1,
        "lacking": 2, "eligible": 26, "skipped": 6, "evaluated": 20, "failed": {"trap": 1},
        "rejected": [
            {"reason": "z_bogus", "summary": "real-bogus score at most 0.8", "alerts": 5, "remaining": 14},
            {"reason": "a_faint", "summary": "fainter than the limit", "alerts": 3, "remaining": 11},
        ],
        "passed": 11, "delivered": 9, "withheld": {"gate": 2}, "bytes_out": 540,
        "fuel_per_alert": 100, "ns_per_alert": 35,
    });
    assert_eq!(all["items"][0], expected);
    let one = stage
        .get(&format!("{mine}?night=2026-11-22&setting=1"))
        .await
        .body;
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    let first = stage.get(&format!("{mine}?limit=1")).await.body;
    let cursor = first["next"].as_str().unwrap();
    let second = stage
        .get(&format!("{mine}?limit=1&cursor={cursor}"))
        .await
        .body;
    assert_eq!(second["items"][0]["night"], "2026-11-22");
    assert!(
        stage.get(&format!("{mine}?night=1999-01-01")).await.body["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let stage = Stage::new().await;
    for n in 0..5 {
        let body = json!({"name": format!("f{n}"), "stream": "ztf"});
        assert_eq!(
            stage
                .ask(Who::Owner, "POST", "/v1/filters", body)
                .await
                .status,
            201
        );
    }
    let mut names = Vec::new();
    let mut path = "/v1/filters?limit=2".to_owned();
    for _ in 0..4 {
        let page = stage.get(&path).await.body;
        let items = page["items"].as_array().unwrap().iter();
        names.extend(items.map(|filter| filter["name"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/v1/filters?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["f4", "f3", "f2", "f1", "f0"]);
}

#[tokio::test]
async fn people_learn_who_they_are_and_what_there_is() {
    let stage = Stage::new().await;
    let me = stage
        .ask(Who::Administrator, "GET", "/v1/me", Value::Null)
        .await
        .body;
    assert_eq!(
        me,
        json!({"user": "root", "role": "administrator", "groups": [], "token": {"name": "test", "scope": "full", "expires": null}})
    );
    let streams = stage.get("/v1/streams").await.body;
    assert_eq!(
        streams,
        json!({"items": [{"name": "ztf", "lane": "main", "live": []}], "next": null})
    );
}

//! The gate and back-tests over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::stage::{Stage, Who};
use crate::api::Settings;
use crate::gate::Gate;
use crate::registry::{BacktestEnd, BacktestState, By, Quota};

const MINE: &str = "/v1/filters/anna/nearby";

async fn stage(percent: f64, alerts: u64) -> Stage {
    let stage = Stage::with_gate(Settings::default(), Gate { percent, alerts }).await;
    stage.nearby().await;
    stage
}

async fn activate(stage: &Stage) -> super::stage::Answer {
    let path = format!("{MINE}/activate");
    stage
        .ask(Who::Owner, "POST", &path, json!({"setting": 1}))
        .await
}

/// As a host would end the next back-test in the queue.
async fn end_next(stage: &Stage, judged: i64, passed: i64, result: Value) {
    let registry = &stage.registry.registry;
    let job = registry
        .claim_backtest("ztf", "a", 60_000)
        .await
        .unwrap()
        .unwrap();
    let end = BacktestEnd {
        state: BacktestState::Done,
        reason: String::new(),
        judged,
        passed,
        result,
    };
    assert!(registry.end_backtest(&job, "a", &end).await.unwrap());
}

async fn back_test(stage: &Stage, body: Value) -> super::stage::Answer {
    stage
        .ask(Who::Owner, "POST", &format!("{MINE}/backtests"), body)
        .await
}

#[tokio::test]
async fn an_untested_setting_does_not_go_live() {
    let stage = stage(5.0, 200).await;
    let refused = activate(&stage).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::CONFLICT, "gate")
    );
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("at least 200 alerts") && detail.contains("the trial at upload, of 20"),
        "{detail}"
    );
    let advice = refused.body["advice"].as_str().unwrap();
    assert!(
        advice.contains("/v1/filters/anna/nearby/backtests"),
        "{advice}"
    );
    let shown = stage.get(MINE).await;
    assert_eq!(shown.body["state"], "ready");
    assert!(
        stage.topics.lock().unwrap().is_empty(),
        "no topic is made for it"
    );
}

#[tokio::test]
async fn a_back_test_opens_the_gate_or_says_why_not() {
    let stage = stage(5.0, 200).await;
    let made = back_test(&stage, json!({"setting": 1})).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.headers["location"],
        format!("{MINE}/backtests/1").as_str()
    );
    end_next(&stage, 1_000, 51, Value::Null).await;
    let refused = activate(&stage).await;
    assert_eq!(refused.code(), "gate");
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("back-test 1 passed 51 of 1000 alerts, 5.10 %"),
        "{detail}"
    );
    let gate = stage.get(&format!("{MINE}/gate?setting=1")).await.body;
    assert_eq!(
        (&gate["percent"], &gate["setting"]["may_go_live"]),
        (&json!(5.0), &json!(false))
    );
    assert_eq!(
        gate["setting"]["backtest"],
        json!({"id": 1, "alerts": 1000, "passed": 51, "pass_percent": 5.1})
    );
    back_test(&stage, json!({"version": 1})).await;
    end_next(&stage, 1_000, 50, Value::Null).await;
    assert_eq!(activate(&stage).await.status, 200);
}

#[tokio::test]
async fn a_trial_of_enough_alerts_will_do() {
    // The trial passed 3 of 20.
    assert_eq!(activate(&stage(15.0, 20).await).await.status, 200);
    assert_eq!(activate(&stage(14.9, 20).await).await.code(), "gate");
    assert_eq!(activate(&stage(100.0, 1_000).await).await.status, 200);
}

#[tokio::test]
async fn an_administrator_lifts_the_gate_and_ends_that() {
    let stage = stage(5.0, 200).await;
    let gate = format!("{MINE}/gate");
    let lift = json!({"reason": "follow-up of a whole field"});
    let refused = stage.ask(Who::Owner, "PUT", &gate, lift.clone()).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (403, "forbidden")
    );
    for wrong in [json!({"reason": " "}), json!({"reason": "x".repeat(501)})] {
        let refused = stage.ask(Who::Administrator, "PUT", &gate, wrong).await;
        assert_eq!(refused.code(), "invalid_field");
    }
    let lifted = stage.ask(Who::Administrator, "PUT", &gate, lift).await;
    assert_eq!(lifted.status, 200, "{lifted:?}");
    let shown = stage.get(&gate).await.body;
    assert_eq!(shown["lifted"]["by"], "root");
    assert_eq!(shown["lifted"]["reason"], "follow-up of a whole field");
    assert_eq!(activate(&stage).await.status, 200);
    let ended = stage
        .ask(Who::Administrator, "DELETE", &gate, Value::Null)
        .await;
    assert_eq!(ended.status, 204);
    let shown = stage.get(&gate).await.body;
    assert_eq!(
        (&shown["lifted"], &shown["lifts"][0]["ended_by"]),
        (&Value::Null, &json!("root"))
    );
    assert_eq!(activate(&stage).await.code(), "gate");
    assert_eq!(
        stage.get(MINE).await.body["state"],
        "active",
        "what is live stays live"
    );
}

/// What went live under another gate, or while it was lifted, comes back as the gate is now.
#[tokio::test]
async fn a_rollback_passes_the_gate_as_it_stands() {
    let stage = stage(5.0, 200).await;
    let (gate, rollback) = (format!("{MINE}/gate"), format!("{MINE}/rollback"));
    let lift = json!({"reason": "follow-up of a whole field"});
    stage.ask(Who::Administrator, "PUT", &gate, lift).await;
    assert_eq!(activate(&stage).await.status, 200);
    let other = json!({"version": 1, "parameters": {"detections": 3}});
    let path = format!("{MINE}/settings");
    let made = stage.ask(Who::Owner, "POST", &path, other).await;
    let other = json!({"setting": made.body["setting"]});
    let path = format!("{MINE}/activate");
    let live = stage.ask(Who::Owner, "POST", &path, other.clone()).await;
    assert_eq!(live.status, 200, "{live:?}");
    stage
        .ask(Who::Administrator, "DELETE", &gate, Value::Null)
        .await;
    let roll_back = async || stage.ask(Who::Owner, "POST", &rollback, Value::Null).await;
    let refused = roll_back().await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "gate"));
    assert_eq!(
        stage.get(MINE).await.body["active"]["setting"],
        other["setting"]
    );
    back_test(&stage, json!({"setting": 1})).await;
    end_next(&stage, 1_000, 50, Value::Null).await;
    let back = roll_back().await;
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(back.body["active"]["setting"], 1);
    assert_eq!(roll_back().await.code(), "nothing_before");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_what_can() {
    let stage = stage(5.0, 200).await;
    let cases = [
        (json!({}), "invalid_field", "setting"),
        (
            json!({"setting": 1, "version": 1}),
            "invalid_field",
            "setting",
        ),
        (json!({"setting": 9}), "not_found", "setting"),
        (
            json!({"setting": 1, "alerts": 0}),
            "invalid_field",
            "alerts",
        ),
        (
            json!({"setting": 1, "source": {"from": "topics"}}),
            "invalid_field",
            "nights",
        ),
        (
            json!({"setting": 1, "source": {"since": "2026-04-01T00:00:00Z"}}),
            "invalid_field",
            "nights",
        ),
        (
            json!({"setting": 1, "source": {"since": "yesterday"}}),
            "invalid_field",
            "2026-11-23T",
        ),
        (
            json!({"setting": 1, "source": {"nights": ["April"]}}),
            "invalid_field",
            "2026-04-01",
        ),
        (
            json!({"setting": 1, "source": {"folder": "/etc"}}),
            "bad_request",
            "folder",
        ),
    ];
    for (body, code, word) in cases {
        let refused = back_test(&stage, body.clone()).await;
        assert_eq!(refused.code(), code, "{body}");
        assert!(refused.body.to_string().contains(word), "{}", refused.body);
    }
    let answer = stage.get(&format!("{MINE}/backtests")).await;
    assert_eq!(answer.body["items"], json!([]));
}

#[tokio::test]
async fn a_back_test_is_shown_listed_and_cancelled() {
    let stage = stage(5.0, 200).await;
    let source = json!({"nights": ["2026-04-01"]});
    let made = back_test(
        &stage,
        json!({"setting": 1, "source": source, "alerts": 600}),
    )
    .await;
    assert_eq!(made.status, 201);
    assert_eq!(
        (&made.body["id"], &made.body["state"], &made.body["against"]),
        (&json!(1), &json!("queued"), &Value::Null)
    );
    assert_eq!(
        made.body["source"],
        json!({"from": "archive", "nights": ["2026-04-01"], "since": null, "until": null})
    );
    let report = json!(crate::backtest::Report {
        alerts: 500,
        passed: 1,
        ..Default::default()
    });
    end_next(&stage, 500, 1, report).await;
    let shown = stage.get(&format!("{MINE}/backtests/1")).await.body;
    assert_eq!(
        (&shown["state"], &shown["result"]["alerts"]),
        (&json!("done"), &json!(500))
    );
    assert_eq!(
        (&shown["progress"]["judged"], &shown["progress"]["fraction"]),
        (&json!(500), &json!(1.0))
    );
    // Against what is active, where that is another setting.
    assert_eq!(activate(&stage).await.status, 200);
    let other = json!({"version": 1, "parameters": {"detections": 7}});
    stage
        .ask(Who::Owner, "POST", &format!("{MINE}/settings"), other)
        .await;
    assert_eq!(
        back_test(&stage, json!({"setting": 1})).await.body["against"],
        Value::Null
    );
    assert_eq!(
        back_test(&stage, json!({"setting": 2})).await.body["against"],
        1
    );
    let list = stage.get(&format!("{MINE}/backtests?limit=2")).await.body;
    let ids: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, [3, 2]);
    let cursor = list["next"].as_str().unwrap();
    let rest = stage
        .get(&format!("{MINE}/backtests?limit=2&cursor={cursor}"))
        .await
        .body;
    assert_eq!(rest["items"][0]["id"], 1);
    let cancelled = stage
        .ask(
            Who::Owner,
            "POST",
            &format!("{MINE}/backtests/3/cancel"),
            Value::Null,
        )
        .await;
    assert_eq!(
        (cancelled.status.as_u16(), &cancelled.body["state"]),
        (200, &json!("cancelled"))
    );
    let missing = stage
        .ask(
            Who::Owner,
            "POST",
            &format!("{MINE}/backtests/9/cancel"),
            Value::Null,
        )
        .await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn the_quota_and_the_queue_are_bounded() {
    let stage = stage(5.0, 200).await;
    let registry = &stage.registry.registry;
    let anna = registry.user("anna").await.unwrap().unwrap();
    let (owner, quota) = ((anna.id, "anna"), Quota::BacktestAlertsPerDay);
    let by = By::host();
    let set = registry.set_quota(owner, quota, Some(2_500), "a test", &by);
    set.await.unwrap();
    let refused = back_test(&stage, json!({"setting": 1, "alerts": 2_501})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "quota"));
    let granted = back_test(&stage, json!({"setting": 1, "alerts": 2_000})).await;
    assert_eq!(granted.body["alerts"], 2_000);
    assert_eq!(
        back_test(&stage, json!({"setting": 1})).await.body["alerts"],
        500
    );
    assert_eq!(
        back_test(&stage, json!({"setting": 1})).await.code(),
        "quota"
    );
    end_next(&stage, 100, 1, Value::Null).await;
    assert_eq!(
        back_test(&stage, json!({"setting": 1, "alerts": 1}))
            .await
            .status,
        201
    );
    assert_eq!(
        back_test(&stage, json!({"setting": 1, "alerts": 1}))
            .await
            .status,
        201
    );
    assert_eq!(
        back_test(&stage, json!({"setting": 1, "alerts": 1}))
            .await
            .code(),
        "full"
    );
}

#[tokio::test]
async fn a_deleted_filter_is_tested_no_more() {
    let stage = stage(5.0, 200).await;
    stage.ask(Who::Owner, "DELETE", MINE, Value::Null).await;
    assert_eq!(
        back_test(&stage, json!({"setting": 1})).await.code(),
        "filter_deleted"
    );
}

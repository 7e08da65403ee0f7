//! What speaks for a setting before it goes live, and lifts of the gate.

use serde_json::json;

use super::stage::{Stage, new_version};
use crate::gate::Tested;
use crate::registry::{
    AuditQuery, BacktestEnd, BacktestState, By, Filter, NewBacktest, NewVersion, RegistryError,
    Role, User,
};

super::on_both_engines!(
    the_trial_speaks_for_the_default_parameters,
    the_last_finished_back_test_of_enough_alerts_speaks,
    a_lift_is_remembered_with_its_end,
);

async fn nearby(stage: &Stage) -> (User, Filter) {
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    let version = NewVersion {
        trial: json!({"alerts": 200, "lacking": 50, "passed": 10}),
        ..new_version(&filter, "one")
    };
    stage.registry.add_version(&version).await.unwrap();
    (anna, filter)
}

async fn the_trial_speaks_for_the_default_parameters(stage: &Stage) {
    let (_, filter) = nearby(stage).await;
    let usual = stage.setting(&filter, json!({})).await.number;
    let other = stage
        .setting(&filter, json!({"detections": 9}))
        .await
        .number;
    let evidence = stage
        .registry
        .evidence(filter.id, usual, 200)
        .await
        .unwrap();
    let trial = Tested {
        alerts: 250,
        passed: 10,
    };
    assert_eq!((evidence.trial, evidence.backtest), (Some(trial), None));
    let evidence = stage
        .registry
        .evidence(filter.id, other, 200)
        .await
        .unwrap();
    assert_eq!((evidence.trial, evidence.backtest), (None, None));
    let missing = stage.registry.evidence(filter.id, 99, 200).await;
    assert!(matches!(missing, Err(RegistryError::Missing { .. })));
}

async fn test(
    stage: &Stage,
    filter: &Filter,
    setting: i64,
    state: BacktestState,
    judged: i64,
) -> i64 {
    let new = NewBacktest {
        filter: filter.id,
        owner: filter.owner_id,
        stream: "ztf".to_owned(),
        setting,
        against: None,
        source: json!({}),
        alerts: 10_000,
        fewer: false,
        waiting: 10,
        by: By::user(filter.owner_id, filter.owner.clone()),
    };
    stage.registry.create_backtest(&new).await.unwrap();
    let job = stage
        .registry
        .claim_backtest("ztf", "a", 60_000)
        .await
        .unwrap()
        .unwrap();
    let end = BacktestEnd {
        state,
        reason: String::new(),
        judged,
        passed: 7,
        result: json!({}),
    };
    assert!(stage.registry.end_backtest(&job, "a", &end).await.unwrap());
    job.id.0
}

async fn the_last_finished_back_test_of_enough_alerts_speaks(stage: &Stage) {
    let (_, filter) = nearby(stage).await;
    let setting = stage
        .setting(&filter, json!({"detections": 9}))
        .await
        .number;
    let other = stage
        .setting(&filter, json!({"detections": 8}))
        .await
        .number;
    let found = async || {
        let evidence = stage
            .registry
            .evidence(filter.id, setting, 200)
            .await
            .unwrap();
        evidence
            .backtest
            .map(|(id, tested)| (id, tested.alerts, tested.passed))
    };
    test(stage, &filter, other, BacktestState::Done, 1_000).await;
    test(stage, &filter, setting, BacktestState::Cancelled, 1_000).await;
    test(stage, &filter, setting, BacktestState::Failed, 1_000).await;
    assert_eq!(found().await, None);
    let small = test(stage, &filter, setting, BacktestState::Done, 199).await;
    assert_eq!(found().await, Some((small, 199, 7)));
    let large = test(stage, &filter, setting, BacktestState::Done, 200).await;
    assert_eq!(found().await, Some((large, 200, 7)));
    test(stage, &filter, setting, BacktestState::Done, 10).await;
    assert_eq!(found().await, Some((large, 200, 7)));
    let last = test(stage, &filter, setting, BacktestState::Done, 300).await;
    assert_eq!(found().await, Some((last, 300, 7)));
}

async fn a_lift_is_remembered_with_its_end(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, filter) = nearby(stage).await;
    let setting = stage.setting(&filter, json!({})).await.number;
    let root = stage.user("root").await;
    registry
        .set_role(&root, Role::Administrator, &By::host())
        .await
        .unwrap();
    let by = By::user(root.id, root.name.clone());
    let lifted = async || {
        registry
            .evidence(filter.id, setting, 200)
            .await
            .unwrap()
            .lift
    };
    assert_eq!(lifted().await, None);
    registry.end_gate_lift(filter.id, &by).await.unwrap();
    registry
        .lift_gate(filter.id, &by, "a survey of everything")
        .await
        .unwrap();
    let lift = lifted().await.unwrap();
    assert_eq!(
        (lift.reason.as_str(), lift.lifted_by.as_deref()),
        ("a survey of everything", Some("root"))
    );
    assert_eq!(lift.ended_ms, None);
    registry
        .lift_gate(filter.id, &by, "until April")
        .await
        .unwrap();
    assert_eq!(lifted().await.unwrap().reason, "until April");
    let other = stage.filter(&anna, "other").await;
    registry.end_gate_lift(other.id, &by).await.unwrap();
    assert!(lifted().await.is_some(), "another filter's");
    registry.end_gate_lift(filter.id, &by).await.unwrap();
    assert_eq!(lifted().await, None);
    let all = registry.gate_lifts(filter.id).await.unwrap();
    let shown: Vec<_> = all
        .iter()
        .map(|lift| (lift.reason.as_str(), lift.ended_by.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("until April", Some("root")),
            ("a survey of everything", Some("root"))
        ]
    );
    let log = AuditQuery {
        filter: Some(filter.id),
        limit: 3,
        ..AuditQuery::default()
    };
    let log = registry.audit(&log).await.unwrap();
    let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["gate.restore", "gate.lift", "gate.lift"]);
    assert_eq!(log[1].detail, json!({"reason": "until April"}));
}

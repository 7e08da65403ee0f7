//! Back-tests in the registry: who gets which job, for how long, and what is left of it.

use serde_json::{Value, json};

use super::stage::Stage;
use crate::registry::{
    AuditQuery, Backtest, BacktestEnd, BacktestId, BacktestState, By, Filter, NewBacktest, Quota,
    RegistryError, Saved, Standing, User,
};

super::on_both_engines!(
    a_job_goes_its_way,
    a_silent_host_loses_its_job,
    two_hosts_never_get_the_same_job,
    who_has_fewer_running_comes_first,
    a_job_that_ends_its_hosts_is_given_up,
    cancelling_ends_what_waits_and_asks_what_runs,
    the_quota_of_the_day_holds,
    of_several_asked_at_once_only_so_many_are_granted,
    old_results_make_room,
);

/// Longer than any test.
const LEASE_MS: i64 = 3_600_000;

pub(super) fn new(filter: &Filter, by: &User, alerts: i64) -> NewBacktest {
    NewBacktest {
        filter: filter.id,
        owner: filter.owner_id,
        stream: "ztf".to_owned(),
        setting: 1,
        against: None,
        source: json!({"from": "archive", "nights": []}),
        alerts,
        fewer: false,
        waiting: 100,
        by: By::user(by.id, by.name.clone()),
    }
}

async fn nearby(stage: &Stage) -> (User, Filter) {
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    stage.setting(&filter, json!({})).await;
    (anna, filter)
}

async fn create(stage: &Stage, new: &NewBacktest) -> Backtest {
    stage.registry.create_backtest(new).await.unwrap()
}

fn saved(judged: i64) -> Saved {
    Saved {
        judged,
        passed: judged / 10,
        fraction: 0.25,
        seconds_left: Some(12.5),
        checkpoint: json!({"place": judged}),
    }
}

pub(super) fn end(state: BacktestState, judged: i64) -> BacktestEnd {
    BacktestEnd {
        state,
        reason: String::new(),
        judged,
        passed: 1,
        result: json!({"alerts": judged}),
    }
}

async fn a_job_goes_its_way(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, filter) = nearby(stage).await;
    let made = create(stage, &new(&filter, &anna, 500)).await;
    assert_eq!((made.state, made.version), (BacktestState::Queued, 1));
    assert_eq!(
        (made.alerts, made.created_by.as_deref()),
        (500, Some("anna"))
    );
    assert!(made.result.is_null() && made.started_ms.is_none());

    let other_stream = registry
        .claim_backtest("lsst", "a", LEASE_MS)
        .await
        .unwrap();
    assert_eq!(other_stream, None);
    let job = registry
        .claim_backtest("ztf", "a", LEASE_MS)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((job.id, job.setting, job.alerts), (made.id, 1, 500));
    assert_eq!((&job.source, &job.checkpoint), (&made.source, &Value::Null));
    assert_eq!(
        registry.claim_backtest("ztf", "b", LEASE_MS).await.unwrap(),
        None
    );

    // At first nobody knows how long it takes.
    let unknown = Saved {
        seconds_left: None,
        ..saved(50)
    };
    for saved in [unknown, saved(100)] {
        let standing = registry.save_backtest(job.id, "a", &saved, LEASE_MS).await;
        assert_eq!(standing.unwrap(), Standing::Mine);
    }
    let shown = registry.backtest(filter.id, job.id).await.unwrap();
    assert_eq!(
        (shown.state, shown.judged, shown.passed),
        (BacktestState::Running, 100, 10)
    );
    assert_eq!((shown.fraction, shown.seconds_left), (0.25, Some(12.5)));

    let told = registry
        .end_backtest(&job, "a", &end(BacktestState::Done, 480))
        .await;
    assert!(told.unwrap());
    let shown = registry.backtest(filter.id, job.id).await.unwrap();
    assert_eq!((shown.state, shown.judged), (BacktestState::Done, 480));
    assert_eq!((shown.fraction, shown.seconds_left), (1.0, None));
    assert_eq!(shown.result, json!({"alerts": 480}));
    assert!(shown.ended_ms.is_some());
    let again = registry
        .end_backtest(&job, "a", &end(BacktestState::Failed, 1))
        .await;
    assert!(!again.unwrap(), "an end is for good");
    let listed = registry.backtests(filter.id, None, 10).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].result.is_null(), "lists are small");
    let missing = registry.backtest(filter.id, BacktestId(job.id.0 + 1)).await;
    assert!(matches!(missing, Err(RegistryError::Missing { .. })));
}

async fn a_silent_host_loses_its_job(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, filter) = nearby(stage).await;
    create(stage, &new(&filter, &anna, 500)).await;
    let job = registry
        .claim_backtest("ztf", "a", LEASE_MS)
        .await
        .unwrap()
        .unwrap();
    registry
        .save_backtest(job.id, "a", &saved(100), LEASE_MS)
        .await
        .unwrap();
    // The lease of a host that fell silent long ago.
    registry.keep_backtest(job.id, "a", -1).await.unwrap();
    let taken = registry
        .claim_backtest("ztf", "b", LEASE_MS)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (taken.id, &taken.checkpoint),
        (job.id, &json!({"place": 100}))
    );
    for standing in [
        registry
            .save_backtest(job.id, "a", &saved(200), LEASE_MS)
            .await,
        registry.keep_backtest(job.id, "a", LEASE_MS).await,
    ] {
        assert_eq!(standing.unwrap(), Standing::Lost);
    }
    let ended = registry
        .end_backtest(&job, "a", &end(BacktestState::Done, 9))
        .await;
    assert!(!ended.unwrap());
    assert_eq!(
        registry.backtest(filter.id, job.id).await.unwrap().judged,
        100
    );
    // What is given back is free at once.
    registry
        .save_backtest(job.id, "b", &saved(300), 0)
        .await
        .unwrap();
    let again = registry
        .claim_backtest("ztf", "c", LEASE_MS)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.checkpoint, json!({"place": 300}));
}

async fn two_hosts_never_get_the_same_job(stage: &Stage) {
    let other = stage.another_host().await;
    let (anna, filter) = nearby(stage).await;
    for _ in 0..12 {
        create(stage, &new(&filter, &anna, 10)).await;
    }
    let mut tasks = Vec::new();
    for host in 0..6 {
        let registry = if host % 2 == 0 {
            stage.registry.clone()
        } else {
            other.clone()
        };
        tasks.push(tokio::spawn(async move {
            let (name, mut got) = (host.to_string(), Vec::new());
            while got.len() < 12 {
                match registry.claim_backtest("ztf", &name, LEASE_MS).await {
                    Ok(Some(job)) => got.push(job.id.0),
                    Ok(None) => break,
                    Err(RegistryError::Unavailable(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            got
        }));
    }
    let mut claimed = Vec::new();
    for task in tasks {
        claimed.extend(task.await.unwrap());
    }
    // A host that lost a race may have gone home with a job left over.
    while let Some(job) = other.claim_backtest("ztf", "last", LEASE_MS).await.unwrap() {
        claimed.push(job.id.0);
    }
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=12).collect::<Vec<_>>());
}

async fn who_has_fewer_running_comes_first(stage: &Stage) {
    let (anna, filter) = nearby(stage).await;
    let berta = stage.user("berta").await;
    let theirs = stage.filter(&berta, "theirs").await;
    for _ in 0..3 {
        create(stage, &new(&filter, &anna, 10)).await;
    }
    create(stage, &new(&theirs, &berta, 10)).await;
    let mut order = Vec::new();
    while let Some(job) = stage
        .registry
        .claim_backtest("ztf", "a", LEASE_MS)
        .await
        .unwrap()
    {
        order.push(job.id.0);
    }
    assert_eq!(order, [1, 4, 2, 3]);
}

async fn a_job_that_ends_its_hosts_is_given_up(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, filter) = nearby(stage).await;
    let made = create(stage, &new(&filter, &anna, 10)).await;
    for claim in 0..8 {
        let job = registry
            .claim_backtest("ztf", "a", -1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(job.id, made.id);
        if claim < 3 {
            // It gets on, so the count begins anew.
            registry
                .save_backtest(job.id, "a", &saved(claim), -1)
                .await
                .unwrap();
        }
    }
    assert_eq!(registry.claim_backtest("ztf", "a", -1).await.unwrap(), None);
    let shown = registry.backtest(filter.id, made.id).await.unwrap();
    assert_eq!(shown.state, BacktestState::Failed);
    assert!(shown.reason.contains("hosts ended"), "{}", shown.reason);
}

async fn cancelling_ends_what_waits_and_asks_what_runs(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, filter) = nearby(stage).await;
    let by = By::user(anna.id, anna.name.clone());
    let runs = create(stage, &new(&filter, &anna, 10)).await;
    let waits = create(stage, &new(&filter, &anna, 10)).await;
    let job = registry
        .claim_backtest("ztf", "a", LEASE_MS)
        .await
        .unwrap()
        .unwrap();
    let waited = registry
        .cancel_backtest(filter.id, waits.id, &by)
        .await
        .unwrap();
    assert_eq!(waited.state, BacktestState::Cancelled);
    assert!(waited.ended_ms.is_some());
    let ran = registry
        .cancel_backtest(filter.id, runs.id, &by)
        .await
        .unwrap();
    assert_eq!((ran.state, ran.cancel), (BacktestState::Running, true));
    let standing = registry
        .save_backtest(job.id, "a", &saved(5), LEASE_MS)
        .await;
    assert_eq!(standing.unwrap(), Standing::Cancelled);
    let ended = registry
        .end_backtest(&job, "a", &end(BacktestState::Cancelled, 5))
        .await;
    assert!(ended.unwrap());
    let again = registry
        .cancel_backtest(filter.id, runs.id, &by)
        .await
        .unwrap();
    let log = AuditQuery {
        filter: Some(filter.id),
        limit: 3,
        ..AuditQuery::default()
    };
    let log = registry.audit(&log).await.unwrap();
    let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
    let cancelled = "backtest.cancel";
    assert_eq!(actions, [cancelled, cancelled, "backtest.create"]);
    assert_eq!(
        (again.state, &again.result),
        (BacktestState::Cancelled, &json!({"alerts": 5}))
    );
    assert_eq!(
        registry.claim_backtest("ztf", "b", LEASE_MS).await.unwrap(),
        None
    );
}

/// Back-test alerts of a day.
async fn set_quota(stage: &Stage, user: &User, alerts: i64) {
    let (owner, quota) = ((user.id, user.name.as_str()), Quota::BacktestAlertsPerDay);
    let by = By::host();
    let set = stage
        .registry
        .set_quota(owner, quota, Some(alerts), "a test", &by);
    set.await.unwrap();
}

async fn the_quota_of_the_day_holds(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, filter) = nearby(stage).await;
    set_quota(stage, &anna, 1_000).await;
    let used = async || {
        registry
            .used(anna.id, Quota::BacktestAlertsPerDay)
            .await
            .unwrap()
    };
    let refused = async |new: &NewBacktest| match registry.create_backtest(new).await {
        Err(RegistryError::Quota { quota, most }) => {
            assert_eq!((quota, most), ("backtest_alerts_per_day", 1_000));
        }
        other => panic!("{other:?}"),
    };
    refused(&new(&filter, &anna, 1_001)).await;
    create(stage, &new(&filter, &anna, 900)).await;
    refused(&new(&filter, &anna, 101)).await;
    // Where fewer will do, the rest is given.
    let fewer = NewBacktest {
        fewer: true,
        ..new(&filter, &anna, 700)
    };
    assert_eq!(create(stage, &fewer).await.alerts, 100);
    refused(&fewer).await;
    assert_eq!(used().await, Some(1_000));
    // What a back-test did not need comes back when it has ended.
    let job = registry
        .claim_backtest("ztf", "a", LEASE_MS)
        .await
        .unwrap()
        .unwrap();
    registry
        .end_backtest(&job, "a", &end(BacktestState::Done, 40))
        .await
        .unwrap();
    assert_eq!(used().await, Some(140));
    // Another owner has a quota of their own.
    let berta = stage.user("berta").await;
    let theirs = stage.filter(&berta, "theirs").await;
    assert_eq!(
        create(stage, &new(&theirs, &berta, 1_000)).await.alerts,
        1_000
    );
    // Yesterday's do not count.
    let mut transaction = registry.database.write().await.unwrap();
    sqlx::query("update backtests set created_ms = created_ms - 86400000")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(used().await, Some(0));
    let one = NewBacktest {
        waiting: 1,
        ..new(&filter, &anna, 10)
    };
    let full = registry.create_backtest(&one).await;
    assert!(
        matches!(full, Err(RegistryError::Full { most: 1, .. })),
        "{full:?}"
    );
}

async fn of_several_asked_at_once_only_so_many_are_granted(stage: &Stage) {
    let other = stage.another_host().await;
    let (anna, filter) = nearby(stage).await;
    set_quota(stage, &anna, 1_000).await;
    let mut tasks = Vec::new();
    for n in 0..8 {
        let registry = if n % 2 == 0 {
            stage.registry.clone()
        } else {
            other.clone()
        };
        let new = new(&filter, &anna, 300);
        tasks.push(tokio::spawn(
            async move { registry.create_backtest(&new).await },
        ));
    }
    let mut granted = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => granted += 1,
            Err(RegistryError::Quota { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(granted, 3);
}

async fn old_results_make_room(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, filter) = nearby(stage).await;
    for _ in 0..53 {
        create(stage, &new(&filter, &anna, 1)).await;
        let job = registry
            .claim_backtest("ztf", "a", LEASE_MS)
            .await
            .unwrap()
            .unwrap();
        registry
            .end_backtest(&job, "a", &end(BacktestState::Done, 1))
            .await
            .unwrap();
    }
    for (id, kept) in [(1, false), (3, false), (4, true), (53, true)] {
        let shown = registry.backtest(filter.id, BacktestId(id)).await.unwrap();
        assert_eq!(!shown.result.is_null(), kept, "{id}");
        assert_eq!((shown.state, shown.judged), (BacktestState::Done, 1));
    }
}

//! Notices: who is told of what, how often, and who carries it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::backtests::{end, new};
use super::stage::Stage;
use crate::delivery::{CountKey, Counts};
use crate::registry::{
    About, Attempt, BacktestState, By, Due, Medium, NewNotice, NewTarget, Notice, NoticeKind,
    NoticeQuery, Registry, RegistryError, Target, TargetError, TargetId, TargetState, User,
};
use crate::sink::CountRecord;

super::on_both_engines!(
    a_suspension_is_told_once_to_those_who_want_it,
    failures_are_told_once_a_day,
    what_keeps_happening_is_told_once_in_its_time,
    a_scheduled_activation_tells_how_it_ended,
    what_is_withheld_is_told_once_a_night_and_limit,
    a_back_test_tells_how_it_ended,
    two_hosts_share_the_deliveries,
    one_slow_target_holds_one_place,
    a_lease_that_ran_out_is_anothers,
    a_target_that_never_answers_fails_and_a_test_wakes_it,
    a_target_that_is_gone_fails_at_once,
    an_address_is_asked_first,
    targets_have_bounds,
    a_target_goes_with_what_waits_for_it,
    old_notices_are_swept_away,
);

const LEASE: Duration = Duration::from_secs(60);
const LEASE_MS: i64 = 60_000;

async fn webhook(stage: &Stage, owner: &User, address: &str) -> Target {
    let new = NewTarget {
        owner: owner.id,
        medium: Medium::Webhook,
        address: format!("https://{address}/"),
        kinds: Vec::new(),
        secret: "whsec_AAAA".to_owned(),
    };
    stage
        .registry
        .create_target(&new, &By::host())
        .await
        .unwrap()
}

fn about(owner: &User, text: &str) -> NewNotice {
    NewNotice {
        about: About::Owner(owner.id),
        kind: NoticeKind::Quota,
        text: text.to_owned(),
        document: json!({}),
        at_most: None,
    }
}

async fn notices(stage: &Stage, owner: &User) -> Vec<Notice> {
    let query = NoticeQuery {
        owner: owner.id,
        before: None,
        limit: 100,
    };
    stage.registry.notices(&query).await.unwrap()
}

async fn lease(registry: &Registry, limit: usize) -> Vec<Due> {
    registry.lease_deliveries(limit, LEASE).await.unwrap()
}

async fn state(stage: &Stage, id: TargetId) -> TargetState {
    stage.registry.target(id).await.unwrap().state
}

fn later(reason: &str) -> Attempt {
    Attempt::Later {
        at_ms: 0,
        reason: reason.to_owned(),
    }
}

async fn a_suspension_is_told_once_to_those_who_want_it(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let all = webhook(stage, &anna, "all").await;
    webhook(stage, &berta, "strange").await;
    let others = NewTarget {
        owner: anna.id,
        medium: Medium::Webhook,
        address: "https://others/".to_owned(),
        kinds: vec![NoticeKind::Backtest],
        secret: String::new(),
    };
    registry.create_target(&others, &By::host()).await.unwrap();
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await.number;
    registry
        .activate(filter.id, setting, &By::host())
        .await
        .unwrap();
    for _ in 0..2 {
        registry
            .suspend(setting, "too many traps", &By::host())
            .await
            .unwrap();
    }

    let due = lease(registry, 10).await;
    assert_eq!(due.len(), 1, "{due:?}");
    let due = &due[0];
    assert_eq!((due.target, due.kind), (all.id, NoticeKind::Suspended));
    assert_eq!(due.filter.as_deref(), Some("anna/nearby"));
    assert_eq!((due.owner.as_str(), due.tries), ("anna", 1));
    assert!(due.text.contains("too many"), "{}", due.text);
    assert_eq!(due.document["setting"], json!(setting));
    registry
        .end_attempt(due, &Attempt::Delivered)
        .await
        .unwrap();

    let told = notices(stage, &anna).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].deliveries.len(), 1);
    assert_eq!(told[0].deliveries[0].state, "delivered");
    assert!(told[0].deliveries[0].ended_ms.is_some());
    assert_eq!(state(stage, all.id).await, TargetState::Verified);
    assert!(notices(stage, &berta).await.is_empty());
}

fn failures(sequence: i64, setting: i64, failed: &[(&str, u64)]) -> CountRecord {
    let counts = Counts {
        evaluated: 10,
        failed: failed
            .iter()
            .map(|(kind, alerts)| ((*kind).to_owned(), *alerts))
            .collect(),
        ..Counts::default()
    };
    let key = CountKey {
        setting,
        night: "2026-11-23".into(),
    };
    CountRecord {
        log: "ztf".to_owned(),
        sequence,
        counts: BTreeMap::from([(key, counts)]),
    }
}

async fn failures_are_told_once_a_day(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await.number;
    let fold = async |record| registry.fold(&[record]).await.unwrap();
    fold(failures(1, setting, &[])).await;
    assert!(notices(stage, &anna).await.is_empty());
    fold(failures(2, setting, &[("fuel", 3)])).await;
    // The same record again, more of the same, and a setting that nobody knows.
    fold(failures(2, setting, &[("fuel", 3)])).await;
    fold(failures(3, setting, &[("fuel", 2)])).await;
    fold(failures(4, 99_999, &[("fuel", 2)])).await;
    let told = notices(stage, &anna).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, NoticeKind::Failing);
    assert_eq!(told[0].filter.as_deref(), Some("anna/nearby"));
    assert_eq!(told[0].document["alerts"], 3);
    assert_eq!(told[0].document["night"], "2026-11-23");
    // Another kind is news.
    fold(failures(5, setting, &[("fuel", 1), ("trap", 1)])).await;
    let told = notices(stage, &anna).await;
    assert_eq!(told.len(), 2);
    assert_eq!(told[0].document["failure"], "trap");
}

async fn what_keeps_happening_is_told_once_in_its_time(stage: &Stage) {
    let anna = stage.user("anna").await;
    let notify = async |registry: &Registry, every_ms, subject: &str| {
        let new = about(&anna, "used up").at_most(subject, Duration::from_millis(every_ms));
        registry.notify(&new).await.unwrap()
    };
    assert!(notify(&stage.registry, 3_600_000, "quota").await);
    assert!(!notify(&stage.registry, 3_600_000, "quota").await);
    assert!(!notify(&stage.another_host().await, 3_600_000, "quota").await);
    assert!(notify(&stage.registry, 3_600_000, "another").await);
    // The time is over.
    assert!(notify(&stage.registry, 0, "quota").await);
    assert_eq!(notices(stage, &anna).await.len(), 3);
}

async fn a_scheduled_activation_tells_how_it_ended(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await.number;
    let by = By::user(anna.id, anna.name.clone());
    registry.schedule(filter.id, setting, 1, &by).await.unwrap();
    assert_eq!(registry.activate_due().await.unwrap(), 1);
    assert_eq!(registry.activate_due().await.unwrap(), 0);
    let told = notices(stage, &anna).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].kind, NoticeKind::Activation);
    assert_eq!(told[0].document["activated"], true);
    // Deleting a filter forgets its schedule: nothing is dropped, so nothing is told.
    registry.schedule(filter.id, setting, 1, &by).await.unwrap();
    registry.delete_filter(filter.id, &by).await.unwrap();
    assert_eq!(registry.activate_due().await.unwrap(), 0);
    assert_eq!(notices(stage, &anna).await.len(), 1);
}

async fn what_is_withheld_is_told_once_a_night_and_limit(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await.number;
    let note = async |night: &str, limit: &str| {
        registry
            .note_withholding(setting, night, limit)
            .await
            .unwrap();
    };
    for _ in 0..3 {
        note("2026-11-23", "alerts_per_night").await;
    }
    note("2026-11-23", "gate").await;
    note("2026-11-24", "alerts_per_night").await;
    let told: Vec<_> = notices(stage, &anna)
        .await
        .into_iter()
        .map(|notice| (notice.kind, notice.document["night"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (NoticeKind::Quota, json!("2026-11-24")),
            (NoticeKind::Throttled, json!("2026-11-23")),
            (NoticeKind::Quota, json!("2026-11-23")),
        ]
    );
}

async fn a_back_test_tells_how_it_ended(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    stage.setting(&filter, json!({})).await;
    let mut claims = 0;
    let mut claim = async |lease_ms| {
        claims += 1;
        assert!(claims < 20, "it is never given up");
        registry.claim_backtest("ztf", "a", lease_ms).await.unwrap()
    };
    for state in [BacktestState::Done, BacktestState::Cancelled] {
        let new = new(&filter, &anna, 10);
        registry.create_backtest(&new).await.unwrap();
        let job = claim(LEASE_MS).await.unwrap();
        let ended = registry.end_backtest(&job, "a", &end(state, 10)).await;
        assert!(ended.unwrap());
    }
    // Its hosts end one after the other, until nobody takes it.
    registry
        .create_backtest(&new(&filter, &anna, 10))
        .await
        .unwrap();
    while claim(-1).await.is_some() {}
    let told = notices(stage, &anna).await;
    let states: Vec<_> = told
        .iter()
        .map(|notice| (notice.kind, notice.document["state"].clone()))
        .collect();
    let backtest = NoticeKind::Backtest;
    assert_eq!(
        states,
        [(backtest, json!("failed")), (backtest, json!("done"))]
    );
    assert!(told[0].text.contains("several hosts"), "{}", told[0].text);
}

async fn two_hosts_share_the_deliveries(stage: &Stage) {
    let anna = stage.user("anna").await;
    for number in 0..8 {
        webhook(stage, &anna, &format!("target-{number}")).await;
    }
    for number in 0..5 {
        let new = about(&anna, &format!("notice {number}"));
        assert!(stage.registry.notify(&new).await.unwrap());
    }
    let mut hosts = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let registry = stage.another_host().await;
        hosts.spawn(async move {
            let mut carried = Vec::new();
            for _ in 0..200 {
                for due in lease(&registry, 4).await {
                    registry
                        .end_attempt(&due, &Attempt::Delivered)
                        .await
                        .unwrap();
                    carried.push((due.notice.0, due.target.0, due.tries));
                }
            }
            carried
        });
    }
    let mut carried: Vec<_> = hosts.join_all().await.into_iter().flatten().collect();
    carried.sort_unstable();
    let all: Vec<_> = (1..=5)
        .flat_map(|notice| (1..=8).map(move |target| (notice, target, 1)))
        .collect();
    assert_eq!(carried, all);
}

async fn one_slow_target_holds_one_place(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let slow = webhook(stage, &anna, "slow").await;
    for number in 0..3 {
        let new = about(&anna, &format!("notice {number}"));
        registry.notify(&new).await.unwrap();
    }
    let first = lease(registry, 10).await;
    assert_eq!(first.len(), 1);
    assert!(lease(registry, 10).await.is_empty());
    let quick = webhook(stage, &anna, "quick").await;
    registry.notify(&about(&anna, "one more")).await.unwrap();
    let second = lease(registry, 10).await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].target, quick.id);
    // In the order in which they happened.
    registry
        .end_attempt(&first[0], &Attempt::Delivered)
        .await
        .unwrap();
    let third = lease(registry, 10).await;
    assert_eq!(third.len(), 1);
    assert_eq!(
        (third[0].target, third[0].text.as_str()),
        (slow.id, "notice 1")
    );
}

async fn a_lease_that_ran_out_is_anothers(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    webhook(stage, &anna, "target").await;
    registry.notify(&about(&anna, "one")).await.unwrap();
    let dead = registry.lease_deliveries(1, Duration::ZERO).await.unwrap();
    let living = lease(registry, 1).await;
    assert_eq!((dead[0].tries, living[0].tries), (1, 2));
    // Who lost the lease has nothing to say any more.
    let wrong = Attempt::GivenUp {
        reason: "it was not so".to_owned(),
    };
    registry.end_attempt(&dead[0], &wrong).await.unwrap();
    let told = notices(stage, &anna).await;
    assert_eq!(told[0].deliveries[0].state, "waiting");
    registry
        .end_attempt(&living[0], &Attempt::Delivered)
        .await
        .unwrap();
    registry.end_attempt(&living[0], &wrong).await.unwrap();
    let told = notices(stage, &anna).await;
    assert_eq!(told[0].deliveries[0].state, "delivered");
    assert_eq!(told[0].deliveries[0].tries, 2);
}

async fn a_target_that_never_answers_fails_and_a_test_wakes_it(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let target = webhook(stage, &anna, "target").await;
    for number in 0..7 {
        registry
            .notify(&about(&anna, &format!("notice {number}")))
            .await
            .unwrap();
    }
    for number in 0..5 {
        assert_eq!(
            state(stage, target.id).await,
            TargetState::Unverified,
            "{number}"
        );
        let due = lease(registry, 1).await;
        // Tried once more, then given up.
        registry
            .end_attempt(&due[0], &later("no answer"))
            .await
            .unwrap();
        let due = lease(registry, 1).await;
        assert_eq!(due[0].tries, 2);
        let reason = "no answer".to_owned();
        registry
            .end_attempt(&due[0], &Attempt::GivenUp { reason })
            .await
            .unwrap();
    }
    let failed = registry.target(target.id).await.unwrap();
    assert_eq!(failed.state, TargetState::Failed);
    assert_eq!(failed.reason, "no answer");
    // What waited was given up with it, and what happens now goes nowhere.
    assert!(lease(registry, 10).await.is_empty());
    registry.notify(&about(&anna, "later")).await.unwrap();
    let told = notices(stage, &anna).await;
    assert!(told[0].deliveries.is_empty());
    assert!(
        told[1..]
            .iter()
            .all(|one| one.deliveries[0].state == "given_up")
    );

    registry.test_target(target.id).await.unwrap();
    let due = lease(registry, 1).await;
    assert_eq!(due[0].kind, NoticeKind::Test);
    registry
        .end_attempt(&due[0], &Attempt::Delivered)
        .await
        .unwrap();
    assert_eq!(state(stage, target.id).await, TargetState::Verified);
    registry.notify(&about(&anna, "again")).await.unwrap();
    assert_eq!(lease(registry, 1).await.len(), 1);
    let again = registry.test_target(target.id).await;
    assert!(
        matches!(again, Err(RegistryError::Target(TargetError::TooSoon))),
        "{again:?}"
    );
}

async fn a_target_that_is_gone_fails_at_once(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let target = webhook(stage, &anna, "target").await;
    registry.notify(&about(&anna, "one")).await.unwrap();
    let due = lease(registry, 1).await;
    let reason = "the receiver answered 410".to_owned();
    registry
        .end_attempt(&due[0], &Attempt::Gone { reason })
        .await
        .unwrap();
    assert_eq!(state(stage, target.id).await, TargetState::Failed);
}

async fn an_address_is_asked_first(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let new = NewTarget {
        owner: anna.id,
        medium: Medium::Email,
        address: "anna@example.org".to_owned(),
        kinds: Vec::new(),
        secret: "c0de".to_owned(),
    };
    let target = registry.create_target(&new, &By::host()).await.unwrap();
    registry.notify(&about(&anna, "before")).await.unwrap();
    let due = lease(registry, 10).await;
    assert_eq!(due.len(), 1);
    assert_eq!(
        (due[0].kind, due[0].secret.as_str()),
        (NoticeKind::Confirm, "c0de")
    );
    // A server that takes mail for an address says nothing of who reads it.
    registry
        .end_attempt(&due[0], &Attempt::Delivered)
        .await
        .unwrap();
    assert_eq!(state(stage, target.id).await, TargetState::Unverified);
    let told = notices(stage, &anna).await;
    assert!(!format!("{told:?}").contains("c0de"));

    let wrong = registry.confirm_target(target.id, "c0da").await;
    assert!(
        matches!(wrong, Err(RegistryError::Target(TargetError::WrongCode))),
        "{wrong:?}"
    );
    for _ in 0..2 {
        let confirmed = registry.confirm_target(target.id, "c0de").await.unwrap();
        assert_eq!(confirmed.state, TargetState::Verified);
    }
    registry.notify(&about(&anna, "after")).await.unwrap();
    let due = lease(registry, 10).await;
    assert_eq!((due.len(), due[0].text.as_str()), (1, "after"));
    // A webhook's key confirms nothing.
    let hook = webhook(stage, &anna, "hook").await;
    assert!(
        registry
            .confirm_target(hook.id, "whsec_AAAA")
            .await
            .is_err()
    );
}

async fn targets_have_bounds(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let new = |medium, address: &str| NewTarget {
        owner: anna.id,
        medium,
        address: address.to_owned(),
        kinds: Vec::new(),
        secret: String::new(),
    };
    let create = async |new: NewTarget| registry.create_target(&new, &By::host()).await;
    for number in 0..10 {
        let made = create(new(Medium::Webhook, &format!("https://a/{number}"))).await;
        assert!(made.is_ok(), "{made:?}");
    }
    let more = create(new(Medium::Webhook, "https://b/")).await;
    assert!(
        matches!(more, Err(RegistryError::Full { most: 10, .. })),
        "{more:?}"
    );
    let targets = registry.targets(anna.id).await.unwrap();
    registry
        .delete_target(targets[0].id, &By::host())
        .await
        .unwrap();
    let twice = create(new(Medium::Webhook, "https://a/1")).await;
    assert!(
        matches!(twice, Err(RegistryError::Target(TargetError::Exists))),
        "{twice:?}"
    );
    // Nobody floods strangers: so many codes a day, whatever becomes of the targets.
    for number in 0..20 {
        let address = format!("{number}@example.org");
        let target = create(new(Medium::Email, &address)).await.unwrap();
        registry
            .delete_target(target.id, &By::host())
            .await
            .unwrap();
    }
    let flood = create(new(Medium::Email, "x@example.org")).await;
    assert!(
        matches!(flood, Err(RegistryError::Full { most: 20, .. })),
        "{flood:?}"
    );
}

async fn a_target_goes_with_what_waits_for_it(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let target = webhook(stage, &anna, "target").await;
    registry.notify(&about(&anna, "one")).await.unwrap();
    let due = lease(registry, 1).await;
    registry
        .delete_target(target.id, &By::host())
        .await
        .unwrap();
    registry
        .end_attempt(&due[0], &later("no answer"))
        .await
        .unwrap();
    assert!(lease(registry, 1).await.is_empty());
    let missing = registry.delete_target(target.id, &By::host()).await;
    assert!(matches!(
        missing,
        Err(RegistryError::Missing { what: "target", .. })
    ));
    assert_eq!(notices(stage, &anna).await.len(), 1);
}

async fn old_notices_are_swept_away(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    webhook(stage, &anna, "target").await;
    registry.notify(&about(&anna, "one")).await.unwrap();
    assert!(!registry.sweep_notices(LEASE).await.unwrap());
    assert_eq!(notices(stage, &anna).await.len(), 1);
    // Everything is older than that many milliseconds before now.
    let mut swept = false;
    for _ in 0..1_000 {
        registry.sweep_notices(Duration::ZERO).await.unwrap();
        swept = notices(stage, &anna).await.is_empty();
        if swept {
            break;
        }
    }
    assert!(swept);
    assert!(lease(registry, 1).await.is_empty());
}

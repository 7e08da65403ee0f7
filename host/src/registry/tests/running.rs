//! Rolling back, retiring, scheduling.

use serde_json::json;

use super::stage::Stage;
use crate::registry::{By, Filter, RegistryError, State};

super::on_both_engines!(
    a_rollback_takes_one_call,
    a_retired_filter_runs_again_once_it_is_activated,
    a_scheduled_activation_happens_once,
    a_schedule_can_be_changed_and_dropped,
);

/// A filter and three settings of it.
async fn three(stage: &Stage) -> (Filter, [i64; 3]) {
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let mut numbers = [0; 3];
    for (number, faintest) in numbers.iter_mut().zip([18, 19, 20]) {
        let setting = stage
            .setting(&filter, json!({"faintest_mag": faintest}))
            .await;
        *number = setting.number;
    }
    (filter, numbers)
}

async fn running(stage: &Stage) -> Vec<i64> {
    let set = stage.registry.active_settings("ztf", "main").await.unwrap();
    set.into_iter().map(|active| active.setting).collect()
}

async fn a_rollback_takes_one_call(stage: &Stage) {
    let (filter, [a, b, c]) = three(stage).await;
    let (registry, by) = (&stage.registry, By::host());
    let nothing = registry.roll_back(filter.id, &by).await;
    assert!(matches!(nothing, Err(RegistryError::NothingBefore)));
    for setting in [a, b, c] {
        registry.activate(filter.id, setting, &by).await.unwrap();
    }
    registry.pause(filter.id, &by).await.unwrap();
    assert_eq!(registry.setting_before(filter.id).await.unwrap(), b);
    let another = registry.roll_back_to(filter.id, a, &by).await;
    assert!(matches!(another, Err(RegistryError::Changed)));
    registry.roll_back_to(filter.id, b, &by).await.unwrap();
    assert_eq!(running(stage).await, [b]);
    registry.activate(filter.id, c, &by).await.unwrap();
    registry.roll_back(filter.id, &by).await.unwrap();
    assert_eq!(running(stage).await, [b]);
    registry.roll_back(filter.id, &by).await.unwrap();
    assert_eq!(running(stage).await, [a]);
    let nothing = registry.roll_back(filter.id, &by).await;
    assert!(matches!(nothing, Err(RegistryError::NothingBefore)));
    let history = registry.history(filter.id, None, 10).await.unwrap();
    let shown: Vec<_> = history
        .iter()
        .map(|line| (line.action.as_str(), line.setting))
        .collect();
    assert_eq!(
        shown,
        [
            ("rollback", a),
            ("rollback", b),
            ("activate", c),
            ("rollback", b),
            ("pause", c),
            ("activate", c),
            ("activate", b),
            ("activate", a),
        ]
    );
}

async fn a_retired_filter_runs_again_once_it_is_activated(stage: &Stage) {
    let (filter, [a, ..]) = three(stage).await;
    let (registry, by) = (&stage.registry, By::host());
    registry.activate(filter.id, a, &by).await.unwrap();
    registry.retire(filter.id, &by).await.unwrap();
    assert!(running(stage).await.is_empty());
    let filter = registry.filter("anna", "nearby").await.unwrap();
    assert_eq!(filter.active.unwrap().state, State::Retired);
    for refused in [
        registry.pause(filter.id, &by).await,
        registry.resume(filter.id, &by).await,
        registry.retire(filter.id, &by).await,
    ] {
        assert!(
            matches!(refused, Err(RegistryError::NotActive)),
            "{refused:?}"
        );
    }
    registry.activate(filter.id, a, &by).await.unwrap();
    assert_eq!(running(stage).await, [a]);
}

async fn a_scheduled_activation_happens_once(stage: &Stage) {
    let (filter, [a, b, _]) = three(stage).await;
    let (registry, by) = (&stage.registry, by_anna(stage).await);
    registry
        .schedule(filter.id, a, i64::MAX, &by)
        .await
        .unwrap();
    assert_eq!(registry.activate_due().await.unwrap(), 0);
    registry.schedule(filter.id, b, 1, &by).await.unwrap();
    let other = stage.another_host().await;
    let (one, two) = tokio::join!(registry.activate_due(), other.activate_due());
    assert!(one.unwrap() + two.unwrap() >= 1);
    other.close().await;
    assert_eq!(running(stage).await, [b]);
    assert_eq!(registry.scheduled(filter.id).await.unwrap(), None);
    let history = registry.history(filter.id, None, 10).await.unwrap();
    let shown: Vec<_> = history.iter().map(|line| line.by.as_deref()).collect();
    assert_eq!(shown, [Some("anna")]);
}

async fn a_schedule_can_be_changed_and_dropped(stage: &Stage) {
    let (filter, [a, b, _]) = three(stage).await;
    let (registry, by) = (&stage.registry, by_anna(stage).await);
    registry.schedule(filter.id, a, 5, &by).await.unwrap();
    registry.schedule(filter.id, b, 6, &by).await.unwrap();
    let scheduled = registry.scheduled(filter.id).await.unwrap().unwrap();
    assert_eq!(
        (scheduled.setting, scheduled.at_ms, &*scheduled.by),
        (b, 6, "anna")
    );
    registry.unschedule(filter.id, &by).await.unwrap();
    registry.unschedule(filter.id, &by).await.unwrap();
    assert_eq!(registry.activate_due().await.unwrap(), 0);
    let foreign = registry.schedule(filter.id, 99, 5, &by).await;
    assert!(matches!(foreign, Err(RegistryError::Missing { .. })));
    registry.schedule(filter.id, a, 5, &by).await.unwrap();
    registry.delete_filter(filter.id, &by).await.unwrap();
    assert_eq!(registry.activate_due().await.unwrap(), 0);
}

async fn by_anna(stage: &Stage) -> By {
    let anna = stage.registry.user("anna").await.unwrap().unwrap();
    By::user(anna.id, anna.name)
}

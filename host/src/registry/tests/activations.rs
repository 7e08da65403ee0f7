//! What is switched on, and the generation that tells workers so.

use serde_json::json;

use super::stage::{Stage, new_version};
use crate::evaluate::ParameterValue;
use crate::registry::{By, Payload, RegistryError, State};

super::on_both_engines!(
    the_active_set_follows,
    the_generation_rises_with_every_change_and_no_other,
    a_suspension_waits_for_a_new_activation,
    foreign_settings_are_refused,
    an_unreadable_filter_stops_no_other,
    two_hosts_agree,
);

async fn the_active_set_follows(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    let version = stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({"faintest_mag": 20})).await;
    assert!(
        registry
            .active_settings("ztf", "main")
            .await
            .unwrap()
            .is_empty()
    );

    registry
        .activate(filter.id, setting.number, &By::host())
        .await
        .unwrap();
    let set = registry.active_settings("ztf", "main").await.unwrap();
    let [active] = set.as_slice() else {
        panic!("{set:?}")
    };
    assert_eq!((active.setting, active.version), (setting.number, 1));
    assert_eq!(
        (active.owner.as_str(), active.filter.as_str()),
        ("anna", "nearby")
    );
    assert_eq!(
        (active.digest.as_str(), active.topic.as_str()),
        (version.digest.as_str(), "skysieve.ztf.anna.nearby")
    );
    assert_eq!(
        active.parameters,
        [ParameterValue::Float64(20.0), ParameterValue::Int64(2)]
    );
    assert_eq!(
        (active.payload.clone(), active.description.reasons.len()),
        (Payload::Packet, 2)
    );
    assert!(
        registry
            .active_settings("lsst", "main")
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        registry
            .active_settings("ztf", "heavy")
            .await
            .unwrap()
            .is_empty()
    );

    registry.pause(filter.id, &By::host()).await.unwrap();
    assert!(
        registry
            .active_settings("ztf", "main")
            .await
            .unwrap()
            .is_empty()
    );
    let shown = registry
        .filter("anna", "nearby")
        .await
        .unwrap()
        .active
        .unwrap();
    assert_eq!(
        (shown.setting, shown.version, shown.state),
        (setting.number, 1, State::Paused)
    );
    registry.resume(filter.id, &By::host()).await.unwrap();
    assert_eq!(
        registry.active_settings("ztf", "main").await.unwrap().len(),
        1
    );
}

async fn the_generation_rises_with_every_change_and_no_other(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await;
    let other = stage.setting(&filter, json!({"detections": 9})).await;
    assert_eq!(registry.generation().await.unwrap(), 0);
    let refused = registry.pause(filter.id, &By::host()).await;
    assert!(matches!(refused, Err(RegistryError::NotActive)));
    registry
        .activate(filter.id, setting.number, &By::host())
        .await
        .unwrap();
    registry
        .activate(filter.id, setting.number, &By::host())
        .await
        .unwrap();
    assert_eq!(registry.generation().await.unwrap(), 1);
    registry.pause(filter.id, &By::host()).await.unwrap();
    registry.pause(filter.id, &By::host()).await.unwrap();
    assert_eq!(registry.generation().await.unwrap(), 2);
    registry.resume(filter.id, &By::host()).await.unwrap();
    registry.resume(filter.id, &By::host()).await.unwrap();
    assert_eq!(registry.generation().await.unwrap(), 3);
    registry
        .activate(filter.id, other.number, &By::host())
        .await
        .unwrap();
    assert_eq!(registry.generation().await.unwrap(), 4);
    registry
        .add_version(&new_version(&filter, "two"))
        .await
        .unwrap();
    assert_eq!(registry.generation().await.unwrap(), 4);
}

async fn a_suspension_waits_for_a_new_activation(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await.number;
    let other = stage
        .setting(&filter, json!({"detections": 9}))
        .await
        .number;
    registry
        .activate(filter.id, setting, &By::host())
        .await
        .unwrap();
    // The host speaks of what ran a moment ago.
    registry
        .suspend(other, "too many traps", &By::host())
        .await
        .unwrap();
    assert_eq!(
        registry.active_settings("ztf", "main").await.unwrap().len(),
        1
    );
    registry
        .suspend(setting, "too many traps", &By::host())
        .await
        .unwrap();
    registry
        .suspend(setting, "another reason", &By::host())
        .await
        .unwrap();
    assert!(
        registry
            .active_settings("ztf", "main")
            .await
            .unwrap()
            .is_empty()
    );
    let shown = registry
        .filter("anna", "nearby")
        .await
        .unwrap()
        .active
        .unwrap();
    assert_eq!(
        (shown.state, shown.reason.as_str()),
        (State::Suspended, "too many traps")
    );
    for refused in [
        registry.pause(filter.id, &By::host()).await,
        registry.resume(filter.id, &By::host()).await,
    ] {
        assert!(
            matches!(refused, Err(RegistryError::Suspended(_))),
            "{refused:?}"
        );
    }
    registry
        .activate(filter.id, setting, &By::host())
        .await
        .unwrap();
    assert_eq!(
        registry.active_settings("ztf", "main").await.unwrap().len(),
        1
    );
}

async fn foreign_settings_are_refused(stage: &Stage) {
    let anna = stage.user("anna").await;
    let (one, two) = (
        stage.filter(&anna, "one").await,
        stage.filter(&anna, "two").await,
    );
    stage.version(&one, "bytes").await;
    let setting = stage.setting(&one, json!({})).await.number;
    for (filter, number) in [(two.id, setting), (one.id, setting + 1)] {
        let refused = stage.registry.activate(filter, number, &By::host()).await;
        assert!(matches!(
            refused,
            Err(RegistryError::Missing {
                what: "setting",
                ..
            })
        ));
    }
    assert_eq!(stage.registry.generation().await.unwrap(), 0);
}

async fn an_unreadable_filter_stops_no_other(stage: &Stage) {
    let anna = stage.user("anna").await;
    for name in ["one", "two"] {
        let filter = stage.filter(&anna, name).await;
        stage.version(&filter, name).await;
        let setting = stage.setting(&filter, json!({})).await;
        stage
            .registry
            .activate(filter.id, setting.number, &By::host())
            .await
            .unwrap();
    }
    let mut transaction = stage.registry.database.write().await.unwrap();
    sqlx::query("update versions set description = '{' where filter_id = 1")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let set = stage.registry.active_settings("ztf", "main").await.unwrap();
    assert_eq!(
        set.iter()
            .map(|one| one.filter.as_str())
            .collect::<Vec<_>>(),
        ["two"]
    );
}

async fn two_hosts_agree(stage: &Stage) {
    let other = stage.another_host().await;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await.number;
    stage
        .registry
        .activate(filter.id, setting, &By::host())
        .await
        .unwrap();
    assert_eq!(other.generation().await.unwrap(), 1);
    assert_eq!(other.active_settings("ztf", "main").await.unwrap().len(), 1);
    let mut tasks = Vec::new();
    for n in 0..10 {
        let registry = if n % 2 == 0 {
            stage.registry.clone()
        } else {
            other.clone()
        };
        tasks.push(tokio::spawn(async move {
            if n % 3 == 0 {
                registry.pause(filter.id, &By::host()).await
            } else {
                registry.resume(filter.id, &By::host()).await
            }
        }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let running = other.active_settings("ztf", "main").await.unwrap();
    let seen = stage.registry.active_settings("ztf", "main").await.unwrap();
    assert_eq!(running.len(), seen.len());
}

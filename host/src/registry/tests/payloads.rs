//! Payload choices, as settings keep them.

use std::collections::BTreeMap;

use super::stage::Stage;
use crate::registry::{By, NewSetting, Payload};

super::on_both_engines!(a_payload_comes_back_as_it_was_chosen);

async fn a_payload_comes_back_as_it_was_chosen(stage: &Stage) {
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let fields = ["\"é\"", "a.\"b\"\"c\"", "d[].e"].map(str::to_owned);
    let mut numbers = Vec::new();
    for payload in [
        Payload::Packet,
        Payload::WithoutCutouts,
        Payload::Fields(fields.to_vec()),
        Payload::Fields(fields[..2].to_vec()),
        Payload::Reference,
    ] {
        let new = NewSetting {
            filter: filter.id,
            by: anna.id,
            version: 1,
            parameters: BTreeMap::new(),
            payload: payload.clone(),
        };
        let (setting, is_new) = stage.registry.add_setting(&new).await.unwrap();
        assert!(is_new && setting.payload == payload);
        let (same, is_new) = stage.registry.add_setting(&new).await.unwrap();
        assert!(!is_new && same == setting);
        let number = setting.number;
        assert_eq!(
            stage.registry.setting(filter.id, number).await.unwrap(),
            setting
        );
        stage
            .registry
            .activate(filter.id, number, &By::host())
            .await
            .unwrap();
        let active = stage.registry.active_settings("ztf", "main").await.unwrap();
        assert_eq!(active[0].payload, payload);
        numbers.push(number);
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
}

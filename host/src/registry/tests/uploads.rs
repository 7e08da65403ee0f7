//! Filters, versions and settings.

use serde_json::json;

use super::stage::{Stage, new_filter, new_setting, new_version};
use crate::registry::{By, FilterId, FilterQuery, NewSetting, RegistryError};

super::on_both_engines!(
    filters_are_made_found_and_listed,
    deleted_filters_keep_history_and_name,
    the_same_bytes_are_the_same_version,
    versions_are_numbered_whoever_uploads,
    components_come_back_byte_for_byte,
    the_same_choice_is_the_same_setting,
    settings_are_checked,
    wrong_rows_are_refused_by_the_engine,
);

async fn filters_are_made_found_and_listed(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let made = stage.filter(&anna, "nearby").await;
    assert_eq!(made.topic, "skysieve.ztf.anna.nearby");
    assert_eq!(
        (made.versions, made.title.as_deref(), made.deleted_ms),
        (0, None, None)
    );
    assert_eq!(registry.filter("anna", "nearby").await.unwrap(), made);
    let missing = registry.filter("berta", "nearby").await;
    assert!(matches!(
        missing,
        Err(RegistryError::Missing { what: "filter", .. })
    ));
    let twice = registry
        .create_filter(&new_filter(&anna, "nearby"), &By::host())
        .await;
    assert!(
        matches!(twice, Err(RegistryError::NameTaken { deleted: false, .. })),
        "{twice:?}"
    );

    stage.filter(&berta, "nearby").await;
    stage.filter(&anna, "faint").await;
    let names = async |query: FilterQuery| -> Vec<String> {
        let filters = registry.filters(&query).await.unwrap();
        filters
            .iter()
            .map(|filter| format!("{}/{}", filter.owner, filter.name))
            .collect()
    };
    let all = FilterQuery {
        limit: 10,
        ..FilterQuery::default()
    };
    assert_eq!(
        names(all.clone()).await,
        ["anna/faint", "berta/nearby", "anna/nearby"]
    );
    let hers = FilterQuery {
        owner: Some("anna".to_owned()),
        ..all.clone()
    };
    assert_eq!(names(hers.clone()).await, ["anna/faint", "anna/nearby"]);
    let first = FilterQuery {
        limit: 1,
        ..hers.clone()
    };
    assert_eq!(names(first.clone()).await, ["anna/faint"]);
    let last = registry.filters(&first).await.unwrap()[0].id;
    assert_eq!(
        names(FilterQuery {
            before: Some(last),
            ..first
        })
        .await,
        ["anna/nearby"]
    );
    assert!(
        names(FilterQuery {
            stream: Some("lsst".to_owned()),
            ..all
        })
        .await
        .is_empty()
    );
}

async fn deleted_filters_keep_history_and_name(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, json!({})).await;
    registry
        .activate(filter.id, setting.number, &By::host())
        .await
        .unwrap();
    let before = registry.generation().await.unwrap();

    registry
        .delete_filter(filter.id, &By::host())
        .await
        .unwrap();
    assert!(registry.generation().await.unwrap() > before);
    assert!(
        registry
            .active_settings("ztf", "main")
            .await
            .unwrap()
            .is_empty()
    );
    let found = registry.filter("anna", "nearby").await.unwrap();
    assert!(found.deleted_ms.is_some() && found.active.is_none());
    assert_eq!(registry.version(filter.id, 1).await.unwrap().number, 1);

    let deleted = |result: Result<(), RegistryError>| {
        assert!(matches!(result, Err(RegistryError::Deleted)), "{result:?}");
    };
    deleted(
        registry
            .add_version(&new_version(&filter, "two"))
            .await
            .map(drop),
    );
    deleted(
        registry
            .add_setting(&new_setting(&filter, json!({})))
            .await
            .map(drop),
    );
    deleted(
        registry
            .activate(filter.id, setting.number, &By::host())
            .await,
    );
    let again = registry
        .create_filter(&new_filter(&anna, "nearby"), &By::host())
        .await;
    assert!(
        matches!(again, Err(RegistryError::NameTaken { deleted: true, .. })),
        "{again:?}"
    );

    let query = FilterQuery {
        limit: 10,
        ..FilterQuery::default()
    };
    assert!(registry.filters(&query).await.unwrap().is_empty());
    let query = FilterQuery {
        deleted: true,
        ..query
    };
    assert_eq!(registry.filters(&query).await.unwrap().len(), 1);
    registry
        .delete_filter(filter.id, &By::host())
        .await
        .unwrap();
    assert_eq!(
        registry.filter("anna", "nearby").await.unwrap().deleted_ms,
        found.deleted_ms
    );
}

async fn the_same_bytes_are_the_same_version(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    let (first, new) = registry
        .add_version(&new_version(&filter, "one"))
        .await
        .unwrap();
    assert!(new);
    assert_eq!((first.number, first.created_by.as_str()), (1, "anna"));
    let mut same = new_version(&filter, "one");
    same.notes = "again".to_owned();
    let (again, new) = registry.add_version(&same).await.unwrap();
    assert!(!new);
    assert_eq!(again, first);
    assert_eq!(
        registry
            .version_of_digest(filter.id, &first.digest)
            .await
            .unwrap(),
        Some(first)
    );
    assert_eq!(
        registry
            .version_of_digest(filter.id, "other")
            .await
            .unwrap(),
        None
    );

    // Another filter may hold the same bytes: the component is stored once.
    let other = stage.filter(&anna, "other").await;
    assert_eq!(stage.version(&other, "one").await.number, 1);
    assert_eq!(stage.version(&filter, "two").await.number, 2);
    let numbers: Vec<i64> = registry
        .versions(filter.id, None, 10)
        .await
        .unwrap()
        .iter()
        .map(|version| version.number)
        .collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(
        registry
            .versions(filter.id, Some(2), 10)
            .await
            .unwrap()
            .len(),
        1
    );
    let found = registry.filter("anna", "nearby").await.unwrap();
    assert_eq!(
        (found.versions, found.title.as_deref()),
        (2, Some("Bright and rising"))
    );
}

async fn versions_are_numbered_whoever_uploads(stage: &Stage) {
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    let other = stage.another_host().await;
    let mut tasks = Vec::new();
    for n in 0..12 {
        let registry = if n % 2 == 0 {
            stage.registry.clone()
        } else {
            other.clone()
        };
        let new = new_version(&filter, &(n / 2).to_string());
        tasks.push(tokio::spawn(
            async move { registry.add_version(&new).await },
        ));
    }
    let mut made = 0;
    for task in tasks {
        made += usize::from(task.await.unwrap().unwrap().1);
    }
    assert_eq!(made, 6);
    let versions = stage.registry.versions(filter.id, None, 20).await.unwrap();
    let numbers: Vec<i64> = versions.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [6, 5, 4, 3, 2, 1]);
}

async fn components_come_back_byte_for_byte(stage: &Stage) {
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
    let new = crate::registry::NewVersion {
        component: bytes.clone(),
        ..new_version(&filter, "b")
    };
    stage.registry.add_version(&new).await.unwrap();
    assert_eq!(stage.registry.component(&new.digest).await.unwrap(), bytes);
    let missing = stage.registry.component("none").await;
    assert!(matches!(
        missing,
        Err(RegistryError::Missing {
            what: "component",
            ..
        })
    ));
}

async fn the_same_choice_is_the_same_setting(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let (first, new) = registry
        .add_setting(&new_setting(&filter, json!({})))
        .await
        .unwrap();
    assert!(new);
    assert_eq!(
        json!(first.parameters),
        json!({"faintest_mag": 18.5, "detections": 2})
    );
    let spelled = json!({"detections": 2, "faintest_mag": 18.5});
    let (again, new) = registry
        .add_setting(&new_setting(&filter, spelled))
        .await
        .unwrap();
    assert!(!new);
    assert_eq!(again, first);
    let other = stage.setting(&filter, json!({"detections": 3})).await;
    assert_eq!(other.number, first.number + 1);
    assert_eq!(
        registry.setting(filter.id, first.number).await.unwrap(),
        first
    );
    assert_eq!(
        registry.settings(filter.id, None, 10).await.unwrap(),
        [other.clone(), first.clone()]
    );
    let older = registry
        .settings(filter.id, Some(other.number), 10)
        .await
        .unwrap();
    assert_eq!(older, std::slice::from_ref(&first));

    let elsewhere = stage.filter(&anna, "other").await;
    let missing = registry.setting(elsewhere.id, first.number).await;
    assert!(matches!(
        missing,
        Err(RegistryError::Missing {
            what: "setting",
            ..
        })
    ));
}

async fn settings_are_checked(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    for wrong in [
        json!({"faintest_mag": 30.0}),
        json!({"faint": 1}),
        json!({"detections": 1.5}),
    ] {
        let refused = registry.add_setting(&new_setting(&filter, wrong)).await;
        assert!(
            matches!(refused, Err(RegistryError::Parameter(_))),
            "{refused:?}"
        );
    }
    let absent = NewSetting {
        version: 2,
        ..new_setting(&filter, json!({}))
    };
    let refused = registry.add_setting(&absent).await;
    assert!(matches!(
        refused,
        Err(RegistryError::Missing {
            what: "version",
            ..
        })
    ));
    assert!(
        registry
            .settings(filter.id, None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

/// The constraints hold on both engines even where the program forgets to look.
async fn wrong_rows_are_refused_by_the_engine(stage: &Stage) {
    use sqlx::error::ErrorKind;
    let cases = [
        (
            "insert into users (id, role) values (99, 'scientist')",
            ErrorKind::ForeignKeyViolation,
        ),
        (
            "insert into generation (id, number) values (1, 0)",
            ErrorKind::UniqueViolation,
        ),
        (
            "insert into generation (id, number) values (2, 0)",
            ErrorKind::CheckViolation,
        ),
        (
            "insert into folded (log) values ('a')",
            ErrorKind::NotNullViolation,
        ),
        (
            "insert into folded (sequence) values (1)",
            ErrorKind::NotNullViolation,
        ),
    ];
    for (sql, expected) in cases {
        let mut transaction = stage.registry.database.write().await.unwrap();
        let error = sqlx::query(sql)
            .execute(&mut *transaction)
            .await
            .unwrap_err();
        assert_eq!(error.as_database_error().unwrap().kind(), expected, "{sql}");
    }
    let nobody = stage.registry.delete_filter(FilterId(5), &By::host()).await;
    assert!(nobody.is_ok());
}

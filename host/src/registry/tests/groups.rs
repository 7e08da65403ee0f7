//! Groups, members, programmes, who sees which filter, and the audit log of all of it.

use super::stage::{Stage, name, new_filter, new_token};
use crate::registry::{
    AuditQuery, By, FilterChange, FilterQuery, MemberRole, NewToken, RegistryError, Role, Scope,
    Visibility,
};

super::on_both_engines!(
    people_and_groups_share_their_names,
    members_come_and_go,
    programmes_follow_membership,
    a_filter_is_seen_by_whom_it_concerns,
    a_change_needs_the_revision_that_was_read,
    somebody_can_always_administrate,
    a_disabled_user_opens_nothing,
    every_deed_is_logged_once,
);

async fn people_and_groups_share_their_names(stage: &Stage) {
    let registry = &stage.registry;
    stage.user("anna").await;
    let by = By::host();
    registry
        .create_group(&name("sn"), "Supernovae", &by)
        .await
        .unwrap();
    let taken = registry.create_group(&name("anna"), "", &by).await;
    assert!(
        matches!(taken, Err(RegistryError::NameTaken { .. })),
        "{taken:?}"
    );
    let taken = registry
        .create_user(&name("sn"), Role::Scientist, &by)
        .await;
    assert!(
        matches!(taken, Err(RegistryError::NameTaken { .. })),
        "{taken:?}"
    );
    assert_eq!(registry.user("sn").await.unwrap(), None);
    assert!(matches!(
        registry.group("anna").await,
        Err(RegistryError::Missing { .. })
    ));
}

async fn members_come_and_go(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let by = By::host();
    let group = registry.create_group(&name("sn"), "", &by).await.unwrap();
    registry
        .put_member(&group, &berta, MemberRole::Member, &by)
        .await
        .unwrap();
    registry
        .put_member(&group, &anna, MemberRole::Member, &by)
        .await
        .unwrap();
    registry
        .put_member(&group, &anna, MemberRole::Manager, &by)
        .await
        .unwrap();
    let members = registry.members(group.id).await.unwrap();
    let shown: Vec<_> = members.iter().map(|m| (m.user.as_str(), m.role)).collect();
    assert_eq!(
        shown,
        [("anna", MemberRole::Manager), ("berta", MemberRole::Member)]
    );
    let (_, secret) = registry
        .create_token(&anna, new_token("laptop", None), &by)
        .await
        .unwrap();
    let groups = async || {
        let bearer = registry
            .authenticate(secret.reveal())
            .await
            .unwrap()
            .unwrap();
        bearer
            .groups
            .into_iter()
            .map(|g| g.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(groups().await, ["sn"]);
    assert_eq!(
        registry.groups(Some(anna.id), "", 10).await.unwrap().len(),
        1
    );
    registry.remove_member(&group, &anna, &by).await.unwrap();
    registry.remove_member(&group, &anna, &by).await.unwrap();
    assert!(groups().await.is_empty());
    assert!(
        registry
            .groups(Some(anna.id), "", 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(registry.groups(None, "", 10).await.unwrap().len(), 1);
}

async fn programmes_follow_membership(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let by = By::host();
    let group = registry.create_group(&name("sn"), "", &by).await.unwrap();
    let other = registry.create_group(&name("agn"), "", &by).await.unwrap();
    registry
        .put_member(&group, &anna, MemberRole::Member, &by)
        .await
        .unwrap();
    registry
        .put_member(&other, &anna, MemberRole::Member, &by)
        .await
        .unwrap();
    let before = registry.generation().await.unwrap();
    registry
        .set_programmes(&group, "ztf", &[2, 2], &by)
        .await
        .unwrap();
    registry
        .set_programmes(&other, "ztf", &[2, 3], &by)
        .await
        .unwrap();
    registry
        .set_programmes(&group, "lsst", &[7], &by)
        .await
        .unwrap();
    assert!(
        registry.generation().await.unwrap() > before,
        "the active set has changed"
    );
    let all = registry.programmes("ztf").await.unwrap();
    let sorted = |of| {
        let mut numbers: Vec<i64> = all.get(&of).cloned().unwrap_or_default();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(sorted(group.id), [2]);
    assert_eq!(sorted(other.id), [2, 3]);
    assert_eq!(sorted(anna.id), [2, 3], "what any of her groups may see");
    assert_eq!(sorted(berta.id), [0; 0]);
    let mut one = registry.programmes_of(anna.id, "ztf").await.unwrap();
    one.sort_unstable();
    assert_eq!(one, [2, 3]);
    registry
        .set_programmes(&other, "ztf", &[], &by)
        .await
        .unwrap();
    assert_eq!(registry.programmes_of(anna.id, "ztf").await.unwrap(), [2]);
    registry.remove_member(&group, &anna, &by).await.unwrap();
    assert!(
        registry
            .programmes_of(anna.id, "ztf")
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(registry.granted(group.id).await.unwrap()["lsst"], [7]);
}

async fn a_filter_is_seen_by_whom_it_concerns(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let by = By::host();
    let group = registry.create_group(&name("sn"), "", &by).await.unwrap();
    registry
        .put_member(&group, &berta, MemberRole::Member, &by)
        .await
        .unwrap();
    stage.filter(&anna, "private").await;
    let open = stage.filter(&anna, "open").await;
    let public = FilterChange {
        visibility: Some(Visibility::Public),
        ..FilterChange::default()
    };
    registry
        .change_filter(open.id, &public, None, &by)
        .await
        .unwrap();
    let mut shared = new_filter(&anna, "shared");
    (shared.owner, shared.owner_name) = (group.id, name("sn"));
    registry.create_filter(&shared, &by).await.unwrap();
    let seen = async |user| {
        let query = FilterQuery {
            seen_by: user,
            limit: 10,
            ..FilterQuery::default()
        };
        let filters = registry.filters(&query).await.unwrap();
        filters.into_iter().map(|f| f.name).collect::<Vec<_>>()
    };
    assert_eq!(seen(Some(anna.id)).await, ["open", "private"]);
    assert_eq!(seen(Some(berta.id)).await, ["shared", "open"]);
    assert_eq!(seen(None).await, ["shared", "open", "private"]);
}

async fn a_change_needs_the_revision_that_was_read(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    let change = FilterChange {
        summary: Some("new".to_owned()),
        ..FilterChange::default()
    };
    let by = By::host();
    let at = Some(filter.revision);
    registry
        .change_filter(filter.id, &change, at, &by)
        .await
        .unwrap();
    let again = registry.change_filter(filter.id, &change, at, &by).await;
    assert!(matches!(again, Err(RegistryError::Changed)), "{again:?}");
    let now = registry.filter("anna", "nearby").await.unwrap();
    assert_eq!(now.summary, "new");
    assert_eq!(now.visibility, Visibility::Private);
    assert!(now.revision > filter.revision);
}

async fn somebody_can_always_administrate(stage: &Stage) {
    let registry = &stage.registry;
    let by = By::host();
    assert!(!registry.has_administrator().await.unwrap());
    let root = registry
        .create_user(&name("root"), Role::Administrator, &by)
        .await
        .unwrap();
    assert!(registry.has_administrator().await.unwrap());
    let refused = registry.set_role(&root, Role::Scientist, &by).await;
    assert!(matches!(refused, Err(RegistryError::LastAdministrator)));
    let refused = registry.set_disabled(&root, true, &by).await;
    assert!(matches!(refused, Err(RegistryError::LastAdministrator)));
    let anna = stage.user("anna").await;
    registry
        .set_role(&anna, Role::Administrator, &by)
        .await
        .unwrap();
    registry.set_disabled(&root, true, &by).await.unwrap();
}

async fn a_disabled_user_opens_nothing(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let by = By::host();
    let new = NewToken {
        name: "reader",
        scope: Scope::Read,
        expires_ms: None,
    };
    let (_, secret) = registry.create_token(&anna, new, &by).await.unwrap();
    let bearer = registry
        .authenticate(secret.reveal())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bearer.scope, Scope::Read);
    registry.set_disabled(&anna, true, &by).await.unwrap();
    assert_eq!(registry.authenticate(secret.reveal()).await.unwrap(), None);
    registry.set_disabled(&anna, false, &by).await.unwrap();
    assert!(
        registry
            .authenticate(secret.reveal())
            .await
            .unwrap()
            .is_some()
    );
}

async fn every_deed_is_logged_once(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let by = By::user(anna.id, "anna".to_owned());
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    let setting = stage.setting(&filter, serde_json::json!({})).await;
    registry
        .activate(filter.id, setting.number, &by)
        .await
        .unwrap();
    registry
        .activate(filter.id, setting.number, &by)
        .await
        .unwrap();
    registry.pause(filter.id, &by).await.unwrap();
    registry.delete_filter(filter.id, &by).await.unwrap();
    registry.delete_filter(filter.id, &by).await.unwrap();
    let query = AuditQuery {
        filter: Some(filter.id),
        limit: 100,
        ..AuditQuery::default()
    };
    let log = registry.audit(&query).await.unwrap();
    let shown: Vec<_> = log
        .iter()
        .map(|entry| (entry.action.as_str(), entry.actor.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("filter.delete", "anna"),
            ("filter.pause", "anna"),
            ("filter.activate", "anna"),
            ("setting.make", "anna"),
            ("version.upload", "anna"),
            ("filter.create", "(host)"),
        ]
    );
    assert!(log.iter().all(|entry| entry.subject == "anna/nearby"));
    let users = AuditQuery {
        action: Some("user.create".to_owned()),
        owner: Some(anna.id),
        limit: 1,
        ..AuditQuery::default()
    };
    assert_eq!(registry.audit(&users).await.unwrap().len(), 1);
}

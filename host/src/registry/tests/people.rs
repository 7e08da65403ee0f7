//! Users and tokens.

use super::stage::{Stage, name, new_token};
use crate::registry::{By, RegistryError, Role};

super::on_both_engines!(
    names_are_unique,
    tokens_open_and_close,
    tokens_are_listed,
    roles_change
);

async fn names_are_unique(stage: &Stage) {
    let anna = stage.user("anna").await;
    assert_eq!(stage.registry.user("anna").await.unwrap(), Some(anna));
    assert_eq!(stage.registry.user("Anna").await.unwrap(), None);
    let again = stage
        .registry
        .create_user(&name("anna"), Role::Administrator, &By::host())
        .await;
    assert!(
        matches!(again, Err(RegistryError::NameTaken { deleted: false, .. })),
        "{again:?}"
    );
    // The refused attempt left nothing behind, the number it took included.
    let berta = stage.user("berta").await;
    assert_eq!(berta.id.0, 2);
}

async fn tokens_open_and_close(stage: &Stage) {
    let registry = &stage.registry;
    let anna = stage.user("anna").await;
    let (token, secret) = registry
        .create_token(&anna, new_token("laptop", None), &By::host())
        .await
        .unwrap();
    assert!(secret.reveal().starts_with("sksv_"));
    assert_eq!(secret.reveal().len(), "sksv_".len() + 64);
    assert!(!format!("{secret:?}").contains(secret.reveal()));

    let bearer = registry
        .authenticate(secret.reveal())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (bearer.user, bearer.name.as_str(), bearer.role),
        (anna.id, "anna", Role::Scientist)
    );
    assert_eq!(bearer.token, Some(token.id));
    for wrong in [
        "",
        "sksv_",
        "anna",
        &secret.reveal()[1..],
        &secret.reveal().to_uppercase(),
    ] {
        assert_eq!(registry.authenticate(wrong).await.unwrap(), None, "{wrong}");
    }

    let (_, expired) = registry
        .create_token(&anna, new_token("old", Some(1_000)), &By::host())
        .await
        .unwrap();
    assert_eq!(registry.authenticate(expired.reveal()).await.unwrap(), None);
    let (_, running) = registry
        .create_token(&anna, new_token("new", Some(i64::MAX)), &By::host())
        .await
        .unwrap();
    assert!(
        registry
            .authenticate(running.reveal())
            .await
            .unwrap()
            .is_some()
    );

    registry
        .revoke_token(token.id, None, &By::host())
        .await
        .unwrap();
    registry
        .revoke_token(token.id, None, &By::host())
        .await
        .unwrap();
    assert_eq!(registry.authenticate(secret.reveal()).await.unwrap(), None);
    let unknown = registry
        .revoke_token(crate::registry::TokenId(99), None, &By::host())
        .await;
    assert!(matches!(
        unknown,
        Err(RegistryError::Missing { what: "token", .. })
    ));
}

async fn tokens_are_listed(stage: &Stage) {
    let registry = &stage.registry;
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let (token, secret) = registry
        .create_token(&anna, new_token("laptop", None), &By::host())
        .await
        .unwrap();
    registry
        .create_token(&berta, new_token("script", Some(5)), &By::host())
        .await
        .unwrap();
    assert_eq!(registry.tokens(None).await.unwrap().len(), 2);
    assert_eq!(registry.tokens(Some("anna")).await.unwrap(), [token]);
    registry.authenticate(secret.reveal()).await.unwrap();
    let used = registry.tokens(Some("anna")).await.unwrap()[0].last_used_ms;
    assert!(used.is_some());
    // Within a minute the last use is not written again.
    registry.authenticate(secret.reveal()).await.unwrap();
    assert_eq!(
        registry.tokens(Some("anna")).await.unwrap()[0].last_used_ms,
        used
    );
}

async fn roles_change(stage: &Stage) {
    let anna = stage.user("anna").await;
    let (_, secret) = stage
        .registry
        .create_token(&anna, new_token("laptop", None), &By::host())
        .await
        .unwrap();
    stage
        .registry
        .set_role(&anna, Role::Administrator, &By::host())
        .await
        .unwrap();
    let bearer = stage
        .registry
        .authenticate(secret.reveal())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(bearer.role, Role::Administrator);
}

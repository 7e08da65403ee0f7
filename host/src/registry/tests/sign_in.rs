//! People who come from an OpenID Connect issuer.

use super::stage::{Stage, name};
use crate::registry::{Admission, AuditQuery, By, MemberRole, RegistryError, Role, Scope, SignIn};

super::on_both_engines!(
    a_subject_is_bound_to_one_user,
    nobody_becomes_a_user_unless_that_is_wanted,
    administrators_are_linked_only_where_that_is_meant,
    whoever_is_disabled_stays_out,
    many_requests_at_once_are_one_person,
    memberships_follow_the_issuer,
);

const CREATE: Admission = Admission {
    create_users: true,
    link_administrators: false,
};

fn who(subject: &str, user: &str) -> SignIn {
    SignIn {
        issuer: "https://sso.example.org".to_owned(),
        subject: subject.to_owned(),
        name: name(user),
        groups: None,
        expires_ms: 1,
    }
}

async fn refused(stage: &Stage, who: &SignIn, admission: Admission, why: &str) {
    match stage.registry.sign_in(who, admission).await {
        Err(RegistryError::NotAdmitted(text)) => assert!(text.contains(why), "{text}"),
        other => panic!("{other:?}"),
    }
}

async fn a_subject_is_bound_to_one_user(stage: &Stage) {
    let anna = stage.user("anna").await;
    let bearer = stage
        .registry
        .sign_in(&who("s1", "anna"), Admission::default())
        .await
        .unwrap();
    assert_eq!(
        (bearer.user, bearer.role, bearer.scope),
        (anna.id, Role::Scientist, Scope::Full)
    );
    assert_eq!((bearer.token, bearer.expires_ms), (None, Some(1)));
    // The issuer gave her another user name: she is anna all the same.
    let renamed = stage
        .registry
        .sign_in(&who("s1", "anna-maier"), CREATE)
        .await
        .unwrap();
    assert_eq!(renamed.user, anna.id);
    // It gave her old one to somebody else, who is not.
    refused(stage, &who("s2", "anna"), CREATE, "another person").await;
    // Another issuer's s1 is another person; an administrator who changes issuers finds anna again.
    let elsewhere = SignIn {
        issuer: "https://other.example.org".to_owned(),
        ..who("s9", "anna")
    };
    assert_eq!(
        stage
            .registry
            .sign_in(&elsewhere, CREATE)
            .await
            .unwrap()
            .user,
        anna.id
    );
    let audit = stage
        .registry
        .audit(&AuditQuery {
            limit: 10,
            ..AuditQuery::default()
        })
        .await
        .unwrap();
    assert_eq!(
        (audit[0].action.as_str(), audit[0].actor.as_str()),
        ("user.link", "(issuer)")
    );
    assert_eq!(
        audit
            .iter()
            .filter(|entry| entry.action == "user.link")
            .count(),
        2
    );
}

async fn nobody_becomes_a_user_unless_that_is_wanted(stage: &Stage) {
    refused(
        stage,
        &who("s1", "anna"),
        Admission::default(),
        "there is no user `anna`",
    )
    .await;
    assert_eq!(stage.registry.user("anna").await.unwrap(), None);
    let bearer = stage
        .registry
        .sign_in(&who("s1", "anna"), CREATE)
        .await
        .unwrap();
    let anna = stage.registry.user("anna").await.unwrap().unwrap();
    assert_eq!((bearer.user, anna.role), (anna.id, Role::Scientist));
    stage
        .registry
        .create_group(&name("sn"), "", &By::host())
        .await
        .unwrap();
    refused(stage, &who("s2", "sn"), CREATE, "a group's name").await;
}

async fn administrators_are_linked_only_where_that_is_meant(stage: &Stage) {
    let root = stage.user("root").await;
    stage
        .registry
        .set_role(&root, Role::Administrator, &By::host())
        .await
        .unwrap();
    refused(stage, &who("s1", "root"), CREATE, "link_administrators").await;
    let meant = Admission {
        link_administrators: true,
        ..CREATE
    };
    let bearer = stage
        .registry
        .sign_in(&who("s1", "root"), meant)
        .await
        .unwrap();
    assert_eq!(bearer.role, Role::Administrator);
    // Once linked, always.
    assert_eq!(
        stage
            .registry
            .sign_in(&who("s1", "root"), CREATE)
            .await
            .unwrap()
            .user,
        root.id
    );
}

async fn whoever_is_disabled_stays_out(stage: &Stage) {
    let anna = stage.user("anna").await;
    stage
        .registry
        .sign_in(&who("s1", "anna"), CREATE)
        .await
        .unwrap();
    stage
        .registry
        .set_disabled(&anna, true, &By::host())
        .await
        .unwrap();
    refused(stage, &who("s1", "anna"), CREATE, "may not sign in").await;
    stage
        .registry
        .set_disabled(&anna, false, &By::host())
        .await
        .unwrap();
    stage
        .registry
        .sign_in(&who("s1", "anna"), CREATE)
        .await
        .unwrap();
}

async fn many_requests_at_once_are_one_person(stage: &Stage) {
    let another = stage.another_host().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..12 {
        let host = if number % 2 == 0 {
            another.clone()
        } else {
            stage.registry.clone()
        };
        tasks.spawn(async move { host.sign_in(&who("s1", "anna"), CREATE).await.unwrap().user });
    }
    let users = tasks.join_all().await;
    assert!(users.iter().all(|user| *user == users[0]), "{users:?}");
    another.close().await;
}

async fn memberships_follow_the_issuer(stage: &Stage) {
    let anna = stage.user("anna").await;
    for group in ["sn", "agn", "stars"] {
        stage
            .registry
            .create_group(&name(group), "", &By::host())
            .await
            .unwrap();
    }
    let stars = stage.registry.group("stars").await.unwrap();
    stage
        .registry
        .put_member(&stars, &anna, MemberRole::Manager, &By::host())
        .await
        .unwrap();
    let come = async |groups: Option<&[&str]>| -> Vec<String> {
        let groups = groups.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let who = SignIn {
            groups,
            ..who("s1", "anna")
        };
        let bearer = stage.registry.sign_in(&who, CREATE).await.unwrap();
        bearer.groups.into_iter().map(|one| one.name).collect()
    };
    let generation = stage.registry.generation().await.unwrap();
    assert_eq!(
        come(Some(&[
            "sn",
            "agn",
            "stars",
            "nobody-made-it",
            "Not A Name"
        ]))
        .await,
        ["agn", "sn", "stars"]
    );
    let risen = stage.registry.generation().await.unwrap();
    assert!(risen > generation);
    // Nothing new: nothing is written.
    assert_eq!(come(Some(&["agn", "sn"])).await, ["agn", "sn", "stars"]);
    assert_eq!(stage.registry.generation().await.unwrap(), risen);
    // An issuer that does not speak of groups changes none; one that leaves one out ends it, but not
    // what a person gave.
    assert_eq!(come(None).await, ["agn", "sn", "stars"]);
    assert_eq!(come(Some(&["agn"])).await, ["agn", "stars"]);
    assert_eq!(come(Some(&[])).await, ["stars"]);
    let stars = stage.registry.members(stars.id).await.unwrap();
    assert_eq!(stars[0].role, MemberRole::Manager);
}

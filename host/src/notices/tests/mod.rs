//! The courier against real receivers on the loopback and a real registry.
//!
//! In: notices. Out: what arrived, and what the registry says of it. Never: a fixed wait.

#![allow(clippy::unwrap_used)]

mod receiver;

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::*;
use crate::registry::tests::stage::Stage;
use crate::registry::{
    About, By, NewNotice, NewTarget, Notice, NoticeKind, NoticeQuery, Target, TargetState, User,
};
use receiver::Receiver;

/// Quick, for receivers on the loopback.
fn settings() -> Settings {
    Settings {
        allow_private_targets: true,
        allow_http: true,
        poll_ms: 50,
        timeout_ms: 2_000,
        tries: 4,
        first_wait_ms: 20,
        longest_wait_ms: 60,
        ..Settings::default()
    }
}

/// A courier under way.
struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    fn start(registry: &Registry, settings: Settings) -> Self {
        let courier = Courier::new(registry.clone(), settings, None).unwrap();
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(courier.run(stopped));
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

const KEY: &str = "whsec_c2t5c2lldmUtc2t5c2lldmUtc2t5c2lldmU=";

async fn target(stage: &Stage, owner: &User, url: String) -> Target {
    let new = NewTarget {
        owner: owner.id,
        medium: Medium::Webhook,
        address: url,
        kinds: Vec::new(),
        secret: KEY.to_owned(),
    };
    stage
        .registry
        .create_target(&new, &By::host())
        .await
        .unwrap()
}

async fn notify(stage: &Stage, owner: &User, text: &str) {
    let new = NewNotice {
        about: About::Owner(owner.id),
        kind: NoticeKind::Quota,
        text: text.to_owned(),
        document: json!({"quota": "alerts_out"}),
        at_most: None,
    };
    assert!(stage.registry.notify(&new).await.unwrap());
}

async fn notices(stage: &Stage, owner: &User) -> Vec<Notice> {
    let query = NoticeQuery {
        owner: owner.id,
        before: None,
        limit: 200,
    };
    stage.registry.notices(&query).await.unwrap()
}

/// Waits until every delivery of the owner has ended, twenty seconds at most.
async fn ended(stage: &Stage, owner: &User) -> Vec<Notice> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let told = notices(stage, owner).await;
        let mut deliveries = told.iter().flat_map(|notice| &notice.deliveries);
        if deliveries.all(|delivery| delivery.ended_ms.is_some()) {
            return told;
        }
        assert!(Instant::now() < deadline, "{told:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_first_is_tried_again_and_can_tell_who_wrote() {
    let stage = Stage::sqlite().await;
    let anna = stage.user("anna").await;
    let receiver = Receiver::start(&[500, 302, 200]).await;
    let target = target(&stage, &anna, receiver.url("/hook?a=b")).await;
    notify(&stage, &anna, "The quota is used up.").await;
    let courier = Running::start(&stage.registry, settings());
    let told = ended(&stage, &anna).await;
    let delivery = &told[0].deliveries[0];
    assert_eq!((delivery.state.as_str(), delivery.tries), ("delivered", 3));
    courier.stop().await;

    let came = receiver.received();
    assert_eq!(came.len(), 3);
    for one in &came {
        // By the words of the specification, not by our own code: the signed text is
        // `id.timestamp.body`, the key the bytes behind `whsec_`.
        let signed = format!("{}.{}.{}", one.id, one.timestamp, one.body);
        assert_eq!(one.signature, format!("v1,{}", openssl_hmac(&signed)));
        assert_eq!((one.path.as_str(), &one.id), ("/hook?a=b", &came[0].id));
        let body: serde_json::Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(body["type"], "quota.reached");
        assert_eq!(body["data"]["owner"], "anna");
        assert_eq!(body["data"]["text"], "The quota is used up.");
        assert_eq!(body["data"]["details"]["quota"], "alerts_out");
        assert!(!one.body.contains("whsec_"));
    }
    let verified = stage.registry.target(target.id).await.unwrap();
    assert_eq!(
        (verified.state, verified.reason.as_str()),
        (TargetState::Verified, "")
    );
}

/// HMAC-SHA256 in base64, by the program `openssl`.
fn openssl_hmac(signed: &str) -> String {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let key = "skysieve-skysieve-skysieve";
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", key, "-binary"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = openssl.stdin.take().unwrap();
    input.write_all(signed.as_bytes()).unwrap();
    drop(input);
    let bytes = openssl.wait_with_output().unwrap().stdout;
    assert_eq!(bytes.len(), 32);
    let mut base64 = Command::new("base64")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = base64.stdin.take().unwrap();
    input.write_all(&bytes).unwrap();
    drop(input);
    let text = base64.wait_with_output().unwrap().stdout;
    String::from_utf8(text).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_never_arrives_is_given_up() {
    let stage = Stage::sqlite().await;
    let anna = stage.user("anna").await;
    let receiver = Receiver::start(&[503]).await;
    target(&stage, &anna, receiver.url("/")).await;
    notify(&stage, &anna, "one").await;
    let courier = Running::start(&stage.registry, settings());
    let told = ended(&stage, &anna).await;
    let delivery = &told[0].deliveries[0];
    assert_eq!((delivery.state.as_str(), delivery.tries), ("given_up", 4));
    assert_eq!(delivery.reason, "the receiver answered 503");
    assert_eq!(receiver.received().len(), 4);
    courier.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_gone_is_left_alone() {
    let stage = Stage::sqlite().await;
    let anna = stage.user("anna").await;
    let receiver = Receiver::start(&[410]).await;
    let target = target(&stage, &anna, receiver.url("/")).await;
    for text in ["one", "two", "three"] {
        notify(&stage, &anna, text).await;
    }
    let courier = Running::start(&stage.registry, settings());
    ended(&stage, &anna).await;
    assert_eq!(receiver.received().len(), 1);
    let failed = stage.registry.target(target.id).await.unwrap();
    assert_eq!(failed.state, TargetState::Failed);
    courier.stop().await;
}

/// Two hosts on one PostgreSQL.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hosts_send_nothing_twice() {
    let Some(stage) = Stage::postgres().await else {
        return;
    };
    let anna = stage.user("anna").await;
    let receiver = Receiver::start(&[200]).await;
    for number in 0..5 {
        target(&stage, &anna, receiver.url(&format!("/{number}"))).await;
    }
    for number in 0..10 {
        notify(&stage, &anna, &format!("notice {number}")).await;
    }
    let other = stage.another_host().await;
    let hosts = [
        Running::start(&stage.registry, settings()),
        Running::start(&other, settings()),
    ];
    let told = ended(&stage, &anna).await;
    for host in hosts {
        host.stop().await;
    }
    let mut came: Vec<_> = receiver
        .received()
        .into_iter()
        .map(|one| (one.path, one.id))
        .collect();
    assert_eq!(came.len(), 50);
    came.sort();
    came.dedup();
    assert_eq!(came.len(), 50, "something came twice");
    let deliveries = told.iter().flat_map(|notice| &notice.deliveries);
    assert!(
        deliveries
            .clone()
            .all(|one| one.state == "delivered" && one.tries == 1)
    );
    other.close().await;
    stage.end().await;
}

/// A receiver that takes connections and says nothing delays its own owner alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_silent_receiver_delays_nobody_else() {
    let stage = Stage::sqlite().await;
    let (anna, berta) = (stage.user("anna").await, stage.user("berta").await);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    target(&stage, &anna, format!("http://{address}/")).await;
    for number in 0..20 {
        notify(&stage, &anna, &format!("notice {number}")).await;
    }
    let receiver = Receiver::start(&[200]).await;
    target(&stage, &berta, receiver.url("/")).await;
    for number in 0..10 {
        notify(&stage, &berta, &format!("notice {number}")).await;
    }
    let settings = Settings {
        at_once: 2,
        timeout_ms: 20_000,
        ..settings()
    };
    let courier = Running::start(&stage.registry, settings);
    ended(&stage, &berta).await;
    assert_eq!(receiver.received().len(), 10);
    let told = notices(&stage, &anna).await;
    assert!(
        told.iter()
            .all(|notice| notice.deliveries[0].ended_ms.is_none())
    );
    // The silent one hangs up, so that the courier can stop.
    drop(silent);
    courier.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hosts_own_network_is_not_called() {
    let stage = Stage::sqlite().await;
    let anna = stage.user("anna").await;
    let receiver = Receiver::start(&[200]).await;
    target(&stage, &anna, receiver.url("/")).await;
    notify(&stage, &anna, "one").await;
    let settings = Settings {
        allow_private_targets: false,
        tries: 1,
        ..settings()
    };
    let courier = Running::start(&stage.registry, settings);
    let told = ended(&stage, &anna).await;
    let delivery = &told[0].deliveries[0];
    assert_eq!(delivery.state, "given_up");
    assert_eq!(delivery.reason, "no public address has this name");
    assert!(receiver.received().is_empty());
    courier.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_database_the_courier_waits_and_still_stops() {
    let stage = Stage::sqlite().await;
    let courier = Running::start(&stage.registry, settings());
    stage.registry.close().await;
    let since = Instant::now();
    courier.stop().await;
    assert!(since.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_mail_server_needs_its_password() {
    let mut smtp: SmtpSettings = toml::from_str(
        "host = \"localhost\"\ntls = \"none\"\nuser = \"sky\"\nfrom = \"a@example.org\"",
    )
    .unwrap();
    let mailer = |smtp: &SmtpSettings, password| {
        mail::Mailer::new(smtp, password, Duration::from_secs(1)).map(|_| ())
    };
    let error = mailer(&smtp, None).unwrap_err();
    assert!(error.contains(PASSWORD_VARIABLE), "{error}");
    assert!(mailer(&smtp, Some("secret".to_owned())).is_ok());
    smtp.user.clear();
    assert!(mailer(&smtp, None).is_ok());
}

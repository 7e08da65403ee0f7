//! Limits: sizes, queues, times, connections; obeyed and violated.

use crate::registry::By;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Room, Stage, Who, host};
use crate::api::{Server, Settings};
use crate::registry::tests::stage::{Stage as RegistryStage, new_token};

const VERSIONS: &str = "/v1/filters/anna/nearby/versions";

/// Waits for a condition, ten seconds at most.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn uploads_have_a_greatest_size() {
    let stage = Stage::with(Settings {
        upload_bytes: 100,
        ..Settings::default()
    })
    .await;
    stage.nearby().await;
    assert_eq!(
        stage
            .upload(Who::Owner, VERSIONS, &"x".repeat(100))
            .await
            .status,
        201
    );
    let refused = stage.upload(Who::Owner, VERSIONS, &"x".repeat(101)).await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (413, "too_large")
    );
    let long = json!({"name": "x", "stream": "ztf", "summary": "s".repeat(600_000)});
    assert_eq!(
        stage
            .ask(Who::Owner, "POST", "/v1/filters", long)
            .await
            .status,
        413
    );
}

/// A handler that asks for an administrator and for a filter asks once who it is.
#[tokio::test]
async fn a_request_counts_once() {
    let stage = Stage::new().await;
    stage.nearby().await;
    let activate = json!({"setting": 1});
    let path = "/v1/filters/anna/nearby/activate";
    stage.ask(Who::Owner, "POST", path, activate).await;
    stage.pace("root", 1).await;
    let path = "/v1/filters/anna/nearby/suspend";
    let reason = json!({"reason": "it floods"});
    let suspended = stage.ask(Who::Administrator, "POST", path, reason.clone());
    assert_eq!(suspended.await.status, 200);
    let next = stage.ask(Who::Administrator, "POST", path, reason).await;
    assert_eq!(next.status, 429);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_queue_and_others_are_answered_meanwhile() {
    let settings = Settings {
        uploads_at_once: 2,
        uploads_waiting: 3,
        ..Settings::default()
    };
    let stage = Arc::new(Stage::with(settings).await);
    stage.nearby().await;
    // Five hold the two and three places there are; whichever comes sixth is sent away.
    let mut uploads = tokio::task::JoinSet::new();
    for n in 0..6 {
        let stage = stage.clone();
        uploads.spawn(async move {
            stage
                .upload(Who::Owner, VERSIONS, &format!("slow {n}"))
                .await
        });
    }
    let busy = uploads.join_next().await.unwrap().unwrap();
    assert_eq!((busy.status.as_u16(), busy.code()), (503, "busy"));
    assert_eq!(busy.headers["retry-after"], "10");
    until("two uploads inside", || stage.room.inside().0 == 2).await;
    let since = Instant::now();
    assert_eq!(stage.get("/v1/filters").await.status, 200);
    assert!(since.elapsed() < Duration::from_secs(1));
    stage.room.open();
    while let Some(upload) = uploads.join_next().await {
        assert_eq!(upload.unwrap().status, 201);
    }
    assert_eq!(stage.room.inside(), (0, 2));
    assert_eq!(
        stage.upload(Who::Owner, VERSIONS, "slow six").await.status,
        201
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_cannot_fill_the_queue() {
    let settings = Settings {
        uploads_at_once: 1,
        uploads_waiting: 10,
        uploads_of_user: 2,
        ..Settings::default()
    };
    let stage = Arc::new(Stage::with(settings).await);
    stage.nearby().await;
    let mut uploads = tokio::task::JoinSet::new();
    for n in 0..3 {
        let stage = stage.clone();
        uploads.spawn(async move {
            let body = format!("slow {n}");
            stage.upload(Who::Owner, VERSIONS, &body).await
        });
    }
    let refused = uploads.join_next().await.unwrap().unwrap();
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (429, "too_many_waiting")
    );
    assert_eq!(refused.headers["retry-after"], "10");
    // Others still find a place.
    let other = stage.clone();
    uploads.spawn(async move {
        let body = "slow too";
        other.upload(Who::Administrator, VERSIONS, body).await
    });
    stage.room.open();
    while let Some(upload) = uploads.join_next().await {
        assert_eq!(upload.unwrap().status, 201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_takes_too_long_ends_and_keeps_its_place_until_the_work_ends() {
    let settings = Settings {
        uploads_at_once: 1,
        uploads_waiting: 0,
        upload_ms: 200,
        ..Settings::default()
    };
    let stage = Stage::with(settings).await;
    stage.nearby().await;
    let slow = stage.upload(Who::Owner, VERSIONS, "slow").await;
    assert_eq!((slow.status.as_u16(), slow.code()), (504, "too_slow"));
    assert_eq!(stage.upload(Who::Owner, VERSIONS, "two").await.status, 503);
    stage.room.open();
    until("the work to end", || stage.room.inside().0 == 0).await;
    let mut answer = stage.upload(Who::Owner, VERSIONS, "two").await;
    for _ in 0..100 {
        if answer.status == 201 {
            break;
        }
        answer = stage.upload(Who::Owner, VERSIONS, "two").await;
    }
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn without_a_database_everything_says_so() {
    let stage = Stage::new().await;
    stage.registry.registry.close().await;
    for path in ["/readyz", "/v1/me", "/v1/filters"] {
        let answer = stage.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (503, "registry_unavailable"),
            "{path}"
        );
        assert_eq!(answer.headers["retry-after"], "5");
    }
    assert_eq!(stage.get("/livez").await.status, 200);
}

/// A served interface, and what stops it.
pub(super) async fn served(
    settings: Settings,
) -> (
    std::net::SocketAddr,
    tokio::sync::oneshot::Sender<()>,
    tokio::task::JoinHandle<()>,
    RegistryStage,
) {
    let registry = RegistryStage::sqlite().await;
    let settings = Settings {
        listen: "127.0.0.1:0".to_owned(),
        ..settings
    };
    let host = host(
        settings,
        &registry,
        Arc::new(Room::default()),
        Arc::new(Mutex::new(Vec::new())),
    );
    let server = Server::bind(&host.settings).await.unwrap();
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(server.run(host, async move {
        _ = stopped.await;
    }));
    (address, stop, task, registry)
}

async fn live(stream: &mut TcpStream) -> String {
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut buffer = [0; 4096];
    let read = stream.read(&mut buffer).await.unwrap_or_default();
    String::from_utf8_lossy(&buffer[..read]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unannounced_length_is_limited_too() {
    let settings = Settings {
        upload_bytes: 100,
        ..Settings::default()
    };
    let (address, _stop, _task, registry) = served(settings).await;
    let anna = registry.user("anna").await;
    registry.filter(&anna, "nearby").await;
    let (_, secret) = registry
        .registry
        .create_token(&anna, new_token("test", None), &By::host())
        .await
        .unwrap();
    for (chunks, status) in [(1, "201"), (2, "413")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {VERSIONS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             transfer-encoding: chunked\r\n\r\n",
            secret.reveal()
        );
        let chunk = format!("3c\r\n{}\r\n", "x".repeat(60));
        let request = format!("{head}{}0\r\n\r\n", chunk.repeat(chunks));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(
            String::from_utf8_lossy(&answer),
            format!("HTTP/1.1 {status}")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_still_sending_hears_that_the_queue_is_full() {
    let settings = Settings {
        uploads_of_user: 0,
        ..Settings::default()
    };
    let (address, _stop, _task, registry) = served(settings).await;
    let anna = registry.user("anna").await;
    registry.filter(&anna, "nearby").await;
    let (_, secret) = registry
        .registry
        .create_token(&anna, new_token("test", None), &By::host())
        .await
        .unwrap();
    let body = vec![b'x'; 8 << 20];
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {VERSIONS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        secret.reveal(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 429");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let settings = Settings {
        listen: listen.clone(),
        ..Settings::default()
    };
    let Err(error) = Server::bind(&settings).await else {
        panic!("two listen on {listen}")
    };
    assert!(error.to_string().contains(&listen), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_counted_and_silent_ones_end() {
    let settings = Settings {
        connections: 2,
        idle_ms: 300,
        ..Settings::default()
    };
    let (address, stop, task, _registry) = served(settings).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    let mut second = TcpStream::connect(address).await.unwrap();
    assert!(live(&mut first).await.starts_with("HTTP/1.1 200"));
    assert!(live(&mut second).await.starts_with("HTTP/1.1 200"));
    // The third waits in the system's queue until one of the silent two has been ended.
    let mut third = TcpStream::connect(address).await.unwrap();
    assert!(live(&mut third).await.starts_with("HTTP/1.1 200"));
    assert!(live(&mut first).await.is_empty() || live(&mut second).await.is_empty());
    stop.send(()).unwrap();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_a_head_byte_by_byte_is_cut_off() {
    let settings = Settings {
        connections: 1,
        head_ms: 300,
        ..Settings::default()
    };
    let (address, _stop, _task, _registry) = served(settings).await;
    let mut slow = TcpStream::connect(address).await.unwrap();
    let drip = tokio::spawn(async move {
        // Never silent for long, never finished; it ends when the host hangs up.
        while slow.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut other = TcpStream::connect(address).await.unwrap();
    assert!(live(&mut other).await.starts_with("HTTP/1.1 200"));
    drip.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_waits_for_nobody_for_ever() {
    let settings = Settings {
        shutdown_ms: 200,
        ..Settings::default()
    };
    let (address, stop, task, _registry) = served(settings).await;
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\nhost: ")
        .await
        .unwrap();
    let mut whole = TcpStream::connect(address).await.unwrap();
    assert!(live(&mut whole).await.starts_with("HTTP/1.1 200"));
    let since = Instant::now();
    stop.send(()).unwrap();
    task.await.unwrap();
    assert!(since.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(address).await.is_err());
}

/// The documented defaults are the ones that hold without them.
#[test]
fn the_documented_defaults_are_the_defaults() {
    let document: toml::Table = toml::from_str(crate::config::DEFAULT_DOCUMENT).unwrap();
    let api: Settings = document["api"].clone().try_into().unwrap();
    assert_eq!(api, Settings::default());
    let registry: crate::registry::Settings = document["registry"].clone().try_into().unwrap();
    assert_eq!(registry, crate::registry::Settings::default());
    let notices: crate::notices::Settings = document["notices"].clone().try_into().unwrap();
    assert_eq!(notices, crate::notices::Settings::default());
}

//! A database that is away: a typed error within a bounded time, and everything again afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::stage::{Stage, new_token, server};
use crate::registry::{By, Registry, RegistryError, Settings};

/// Stands between a registry and its PostgreSQL, to be cut.
struct Wire {
    port: u16,
    carrier: JoinHandle<()>,
}

impl Wire {
    async fn lay(port: u16, to: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let carrier = tokio::spawn(async move {
            let mut calls = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let to = to.clone();
                calls.spawn(async move {
                    let mut far = TcpStream::connect(to).await.unwrap();
                    _ = copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self { port, carrier }
    }

    async fn cut(self) {
        self.carrier.abort();
        _ = self.carrier.await;
    }
}

fn hurried(url: String) -> Settings {
    Settings {
        url,
        connections: 3,
        connect_ms: 300,
        call_ms: 1_000,
        ..Settings::default()
    }
}

async fn is_away(registry: &Registry) {
    let since = Instant::now();
    let error = registry.generation().await.unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable(_)), "{error:?}");
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_goes_and_comes_back() {
    let Some(stage) = Stage::postgres().await else {
        return;
    };
    let server = server().unwrap();
    let address = server
        .rsplit_once('/')
        .unwrap()
        .0
        .rsplit_once(['@', '/'])
        .unwrap()
        .1
        .to_owned();
    let wire = Wire::lay(0, address.clone()).await;
    let port = wire.port;
    let url = stage
        .settings
        .url
        .replace(&address, &format!("127.0.0.1:{port}"));
    let registry = Registry::open(&hurried(url), Path::new("unused"))
        .await
        .unwrap();
    assert_eq!(registry.generation().await.unwrap(), 0);
    wire.cut().await;
    for _ in 0..5 {
        is_away(&registry).await;
    }
    let _wire = Wire::lay(port, address).await;
    assert_eq!(registry.generation().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_answers_is_waited_for_a_while() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let since = Instant::now();
    let opened = Registry::open(
        &hurried(format!("postgres://nobody@127.0.0.1:{port}/none")),
        Path::new("unused"),
    )
    .await;
    assert!(
        matches!(opened, Err(RegistryError::Unavailable(_))),
        "{opened:?}"
    );
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_locked_by_another_process_fails_and_recovers() {
    let stage = Stage::sqlite().await;
    let url = stage.settings.url.clone();
    let registry = Registry::open(&hurried(url), Path::new("unused"))
        .await
        .unwrap();
    let anna = stage.user("anna").await;
    let lock = stage.registry.database.write().await.unwrap();
    let since = Instant::now();
    let refused = registry
        .create_token(&anna, new_token("laptop", None), &By::host())
        .await;
    assert!(
        matches!(refused, Err(RegistryError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(
        since.elapsed() < Duration::from_secs(3),
        "{:?}",
        since.elapsed()
    );
    assert_eq!(
        registry.generation().await.unwrap(),
        0,
        "readers never wait for a writer"
    );
    drop(lock);
    let mut again = registry
        .create_token(&anna, new_token("laptop", None), &By::host())
        .await;
    for _ in 0..5 {
        if again.is_ok() {
            break;
        }
        again = registry
            .create_token(&anna, new_token("laptop", None), &By::host())
            .await;
    }
    assert!(again.is_ok(), "{again:?}");
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let opened = Registry::open(
        &hurried("sqlite:///proc/none/registry.db".to_owned()),
        Path::new("unused"),
    )
    .await;
    let error = opened.unwrap_err();
    assert!(matches!(error, RegistryError::Settings(_)), "{error:?}");
    assert!(error.to_string().contains("/proc/none"), "{error}");
}

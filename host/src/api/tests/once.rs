//! `Idempotency-Key`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use super::stage::{Answer, Room, Stage, Who, host};
use crate::api::{Settings, once};

async fn keyed(stage: &Stage, who: Who, path: &str, key: &str, body: &Value) -> Answer {
    let request = stage
        .request(who, "POST", path)
        .header("idempotency-key", key)
        .header("content-type", "application/json");
    stage
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

async fn filters(stage: &Stage, who: Who) -> usize {
    let answer = stage.ask(who, "GET", "/v1/filters", Value::Null).await;
    answer.body["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_same_request_again_makes_nothing_and_gets_the_same_answer() {
    let stage = Stage::new().await;
    let body = json!({"name": "nearby", "stream": "ztf"});
    let first = keyed(&stage, Who::Owner, "/v1/filters", "key", &body).await;
    assert_eq!(first.status, 201);
    let again = keyed(&stage, Who::Owner, "/v1/filters", "key", &body).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    for header in ["location", "etag", "content-type"] {
        assert_eq!(again.headers[header], first.headers[header]);
    }
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    assert_ne!(again.headers["x-request-id"], first.headers["x-request-id"]);
    // Without the key it is another request.
    assert_eq!(
        stage
            .ask(Who::Owner, "POST", "/v1/filters", body.clone())
            .await
            .status,
        409
    );
    // Another user's key is another key.
    assert_eq!(
        keyed(&stage, Who::Other, "/v1/filters", "key", &body)
            .await
            .status,
        201
    );
    assert_eq!(
        (
            filters(&stage, Who::Owner).await,
            filters(&stage, Who::Other).await
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let stage = Stage::new().await;
    let body = json!({"name": "nearby", "stream": "ztf"});
    keyed(&stage, Who::Owner, "/v1/filters", "key", &body).await;
    let other = json!({"name": "another", "stream": "ztf"});
    for (path, body) in [
        ("/v1/filters", &other),
        ("/v1/filters?limit=1", &body),
        ("/v1/filters/anna/nearby/settings", &body),
    ] {
        let refused = keyed(&stage, Who::Owner, path, "key", body).await;
        assert_eq!(
            (refused.status.as_u16(), refused.code()),
            (422, "key_reused"),
            "{path}"
        );
    }
    assert_eq!(filters(&stage, Who::Owner).await, 1);
}

#[tokio::test]
async fn what_made_nothing_may_be_mended_and_sent_again() {
    let stage = Stage::new().await;
    let wrong = json!({"name": "nearby", "stream": "nowhere"});
    assert_eq!(
        keyed(&stage, Who::Owner, "/v1/filters", "key", &wrong)
            .await
            .status,
        422
    );
    let right = json!({"name": "nearby", "stream": "ztf"});
    assert_eq!(
        keyed(&stage, Who::Owner, "/v1/filters", "key", &right)
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn keys_are_checked_and_strangers_have_none() {
    let stage = Stage::new().await;
    let body = json!({"name": "nearby", "stream": "ztf"});
    for key in ["", &"x".repeat(256)] {
        let answer = keyed(&stage, Who::Owner, "/v1/filters", key, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "bad_request")
        );
    }
    let request = stage
        .request(Who::Owner, "POST", "/v1/filters")
        .header("idempotency-key", "one")
        .header("idempotency-key", "two")
        .header("content-type", "application/json");
    assert_eq!(
        stage
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await
            .status,
        400
    );
    assert_eq!(
        keyed(&stage, Who::Stranger, "/v1/filters", "key", &body)
            .await
            .status,
        401
    );
    let long = json!({"name": "x", "stream": "ztf", "summary": "s".repeat(600_000)});
    assert_eq!(
        keyed(&stage, Who::Owner, "/v1/filters", "key", &long)
            .await
            .status,
        413
    );
    assert_eq!(
        keyed(&stage, Who::Owner, "/v1/filters", &"x".repeat(255), &body)
            .await
            .status,
        201
    );
}

/// One request counts once against the user's pace, with a key or without.
#[tokio::test]
async fn a_keyed_request_is_one_request() {
    let stage = Stage::new().await;
    stage.pace("anna", 2).await;
    let body = json!({"name": "nearby", "stream": "ztf"});
    assert_eq!(
        keyed(&stage, Who::Owner, "/v1/filters", "key", &body)
            .await
            .status,
        201
    );
    assert_eq!(
        keyed(&stage, Who::Owner, "/v1/filters", "key", &body)
            .await
            .status,
        201
    );
    assert_eq!(
        keyed(&stage, Who::Owner, "/v1/filters", "key", &body)
            .await
            .status,
        429
    );
}

#[tokio::test]
async fn the_secret_of_a_token_is_shown_once_whatever_the_key() {
    let stage = Stage::new().await;
    let tokens = async || {
        let answer = stage.get("/v1/tokens").await;
        answer.body["items"].as_array().unwrap().len()
    };
    let before = tokens().await;
    let body = json!({"name": "laptop"});
    let made = keyed(&stage, Who::Owner, "/v1/tokens", "key", &body).await;
    assert_eq!(
        (made.status.as_u16(), &made.headers["cache-control"]),
        (201, &"no-store".parse().unwrap())
    );
    let again = keyed(&stage, Who::Owner, "/v1/tokens", "key", &body).await;
    assert_eq!((again.status.as_u16(), again.code()), (422, "key_reused"));
    assert_eq!(tokens().await, before + 1);
}

/// A handler that counts, says that it began, and waits until it may end.
#[derive(Clone)]
struct Counting {
    made: Arc<AtomicUsize>,
    began: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
}

impl Counting {
    fn new(may_end: usize) -> Self {
        Self {
            made: Arc::default(),
            began: Arc::new(Semaphore::new(0)),
            may_end: Arc::new(Semaphore::new(may_end)),
        }
    }

    async fn make(self) -> axum::Json<Value> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        self.began.add_permits(1);
        self.may_end.acquire().await.unwrap().forget();
        axum::Json(json!({"number": number}))
    }

    /// It makes things at one path, and things with a secret at another.
    fn router(&self, stage: &Stage) -> Router {
        let host = Arc::new(host(
            Settings::default(),
            &stage.registry,
            Arc::new(Room::default()),
            Arc::default(),
        ));
        let (thing, secret) = (self.clone(), self.clone());
        let thing = async move || (StatusCode::CREATED, thing.make().await).into_response();
        let secret = async move || ([("cache-control", "no-store")], secret.make().await);
        Router::new()
            .route("/thing", post(thing))
            .route("/secret", post(secret))
            .route_layer(from_fn_with_state(host.clone(), once::once))
            .with_state(host)
    }
}

async fn send(stage: &Stage, router: &Router, path: &str) -> axum::response::Response {
    let request = stage
        .request(Who::Owner, "POST", path)
        .header("idempotency-key", "key");
    router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_that_leaves_finds_the_answer_when_it_comes_back() {
    let stage = Arc::new(Stage::new().await);
    let counting = Counting::new(0);
    let router = counting.router(&stage);
    let first = tokio::spawn({
        let (stage, router) = (stage.clone(), router.clone());
        async move { send(&stage, &router, "/thing").await }
    });
    counting.began.acquire().await.unwrap().forget();
    let busy = send(&stage, &router, "/thing").await;
    assert_eq!(
        (busy.status(), &busy.headers()["retry-after"]),
        (StatusCode::CONFLICT, &"1".parse().unwrap())
    );
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    counting.may_end.add_permits(1);
    for _ in 0..10_000 {
        let answer = send(&stage, &router, "/thing").await;
        if answer.status() == StatusCode::CONFLICT {
            continue;
        }
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(answer.headers()["idempotency-replayed"], "true");
        let body = to_bytes(answer.into_body(), 1_000).await.unwrap();
        assert_eq!(&body[..], br#"{"number":0}"#);
        assert_eq!(counting.made.load(Ordering::SeqCst), 1);
        return;
    }
    panic!("the first request never ended");
}

#[tokio::test]
async fn a_secret_is_never_kept() {
    let stage = Stage::new().await;
    let counting = Counting::new(2);
    let router = counting.router(&stage);
    assert_eq!(send(&stage, &router, "/secret").await.status(), 200);
    assert_eq!(send(&stage, &router, "/secret").await.status(), 422);
    assert_eq!(counting.made.load(Ordering::SeqCst), 1);
}

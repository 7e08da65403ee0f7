//! A receiver of webhooks: a real HTTP server on the loopback.
//!
//! In: the statuses of its answers, in order; the last one for ever. Out: what came. Never: an answer
//! that depends on what came.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) id: String,
    pub(super) timestamp: String,
    pub(super) signature: String,
    pub(super) body: String,
}

#[derive(Clone)]
struct Book {
    statuses: Vec<u16>,
    received: Arc<Mutex<Vec<Received>>>,
}

/// The server; it ends with the test's runtime.
pub(super) struct Receiver {
    address: std::net::SocketAddr,
    book: Book,
}

impl Receiver {
    pub(super) async fn start(statuses: &[u16]) -> Self {
        let book = Book {
            statuses: statuses.to_vec(),
            received: Arc::default(),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(book.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, book }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.book.received.lock().unwrap().clone()
    }
}

async fn take(State(book): State<Book>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    assert_eq!(head.method, "POST");
    let header = |name: &str| head.headers[name].to_str().unwrap().to_owned();
    let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
    let signature = header("webhook-signature");
    assert_eq!(header("content-type"), "application/json");
    let path = head.uri.to_string();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let mut received = book.received.lock().unwrap();
    received.push(Received {
        path,
        id,
        timestamp,
        signature,
        body: String::from_utf8(bytes.to_vec()).unwrap(),
    });
    let status = book.statuses.get(received.len() - 1);
    let status = status.or(book.statuses.last()).unwrap();
    StatusCode::from_u16(*status).unwrap()
}

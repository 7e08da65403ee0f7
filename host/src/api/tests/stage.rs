//! A router over a fresh registry, three people, and an upload room that does what its bytes say.
//!
//! In: nothing. Out: a [`Stage`] and the answers to its requests. Never: a compiler.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use super::shelf::Shelf;
use crate::api::{
    Accepted, EnsureTopic, ExplainRoom, Explained, Host, NotExplained, Refused, Settings,
    StreamInfo, Subject, UploadRoom, router,
};
use crate::backtest;
use crate::config::Config;
use crate::explain::ExplainError;
use crate::gate;
use crate::registry::tests::notes::failed;
use crate::registry::tests::stage::{Stage as RegistryStage, description, name, new_token};
use crate::registry::{ActiveSetting, By, MAIN_LANE, NewToken, OwnerId, Quota, Role, Scope};
use crate::stream::StreamSettings;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Stranger,
    /// The owner, with a token that only reads.
    Reader,
    Owner,
    Other,
    Administrator,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A room whose answer is in the bytes: `bad...` is refused, `broken` is our fault, `slow...` waits
/// until the gate opens, anything else is accepted.
#[derive(Default)]
pub(super) struct Room {
    gate: Mutex<Gate>,
    opened: Condvar,
}

#[derive(Default)]
struct Gate {
    open: bool,
    inside: usize,
    most: usize,
}

impl Room {
    pub(super) fn open(&self) {
        self.gate.lock().unwrap().open = true;
        self.opened.notify_all();
    }

    /// How many there are inside, and were at most.
    pub(super) fn inside(&self) -> (usize, usize) {
        let gate = self.gate.lock().unwrap();
        (gate.inside, gate.most)
    }

    fn wait(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.inside += 1;
        gate.most = gate.most.max(gate.inside);
        let mut gate = self.opened.wait_while(gate, |gate| !gate.open).unwrap();
        gate.inside -= 1;
    }
}

impl UploadRoom for Room {
    fn accept(&self, stream: &str, _: &[i64], bytes: &[u8]) -> Result<Accepted, Refused> {
        assert_eq!(stream, "ztf");
        if bytes.starts_with(b"bad") {
            let message = "there is no field `candidate.magps`; did you mean `candidate.magpsf`?";
            let code = "unknown_field".to_owned();
            return Err(Refused::Wrong {
                code,
                message: message.to_owned(),
            });
        }
        if bytes == b"broken" {
            return Err(Refused::Failed("the compiler is missing".to_owned()));
        }
        if bytes.starts_with(b"slow") {
            self.wait();
        }
        Ok(Accepted {
            component: bytes.to_vec(),
            description: description(),
            title: "Bright and rising".to_owned(),
            trial: serde_json::json!({"alerts": 20, "passed": 3}),
        })
    }
}

/// The default stream under another gate.
fn stream(gate: gate::Gate) -> StreamSettings {
    let document = crate::config::DEFAULT_DOCUMENT;
    let config = Config::parse("test", document, &BTreeMap::default()).unwrap();
    StreamSettings {
        gate_percent: gate.percent,
        gate_alerts: gate.alerts,
        ..config.streams[0].clone()
    }
}

/// Lets everything through.
const OPEN: gate::Gate = gate::Gate {
    percent: 100.0,
    alerts: 0,
};

/// A packet of `slow` waits until the gate opens, one of `torn` is damaged, one of `hidden` is beyond
/// the owner's rights, and so is every alert of the past.
impl ExplainRoom for Room {
    fn explain(
        &self,
        stream: &str,
        setting: ActiveSetting,
        subject: Subject,
    ) -> Result<Explained, NotExplained> {
        assert_eq!((stream, setting.filter.as_str()), ("ztf", "nearby"));
        let no = |why| Err(NotExplained::Alert(why));
        match subject {
            Subject::Packet(packet) if packet == b"torn" => {
                no(ExplainError::Damaged("cut off at byte 4".to_owned()))
            }
            Subject::Packet(packet) if packet == b"hidden" => no(ExplainError::NoAlert),
            Subject::Packet(packet) => {
                if packet == b"slow" {
                    self.wait();
                }
                Ok(Explained {
                    fuel_budget: 1_000,
                    found: None,
                    alerts: Vec::new(),
                })
            }
            Subject::Past(..) => no(ExplainError::NoAlert),
        }
    }

    fn may_see(&self, _: &str, _: OwnerId, packet: Vec<u8>) -> Result<bool, NotExplained> {
        Ok(packet != b"hidden")
    }
}

pub(super) struct Stage {
    pub(super) registry: RegistryStage,
    pub(super) router: Router,
    pub(super) room: Arc<Room>,
    pub(super) shelf: Arc<Shelf>,
    /// Streams and topics that were asked for.
    pub(super) topics: Arc<Mutex<Vec<String>>>,
    tokens: [String; 4],
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        Self::with_gate(settings, OPEN).await
    }

    pub(super) async fn with_gate(settings: Settings, gate: gate::Gate) -> Self {
        let registry = RegistryStage::sqlite().await;
        let mut tokens = Vec::new();
        for user in ["anna", "berta", "root"] {
            let user = registry.user(user).await;
            if user.name == "root" {
                registry
                    .registry
                    .set_role(&user, Role::Administrator, &By::host())
                    .await
                    .unwrap();
            }
            let (_, secret) = registry
                .registry
                .create_token(&user, new_token("test", None), &By::host())
                .await
                .unwrap();
            tokens.push(secret.reveal().to_owned());
        }
        let anna = registry.registry.user("anna").await.unwrap().unwrap();
        let reader = NewToken {
            name: "reader",
            scope: Scope::Read,
            expires_ms: None,
        };
        let made = registry
            .registry
            .create_token(&anna, reader, &By::host())
            .await;
        tokens.push(made.unwrap().1.reveal().to_owned());
        let (room, topics) = (Arc::new(Room::default()), Arc::new(Mutex::new(Vec::new())));
        let shelf = Arc::new(Shelf::default());
        let host = host_behind(gate, settings, &registry, room.clone(), topics.clone());
        let host = host.with_results("ztf", shelf.stream());

        let host = host.with_notices(notices());
        let tokens = tokens.try_into().unwrap();
        Self {
            registry,
            router: router(host),
            room,
            shelf,
            topics,
            tokens,
        }
    }

    pub(super) fn token(&self, who: Who) -> Option<&str> {
        match who {
            Who::Stranger => None,
            Who::Owner => Some(&self.tokens[0]),
            Who::Other => Some(&self.tokens[1]),
            Who::Administrator => Some(&self.tokens[2]),
            Who::Reader => Some(&self.tokens[3]),
        }
    }

    /// Lets a user send so many requests a minute.
    pub(super) async fn pace(&self, user: &str, per_minute: i64) {
        let registry = &self.registry.registry;
        let id = registry.user(user).await.unwrap().unwrap().id;
        let quota = Quota::RequestsPerMinute;
        registry
            .set_quota((id, user), quota, Some(per_minute), "", &By::host())
            .await
            .unwrap();
    }

    /// A request without a body, or with a JSON one where `body` is not null.
    pub(super) async fn ask(&self, who: Who, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(who, method, path);
        self.send(if body.is_null() {
            request.body(Body::empty()).unwrap()
        } else {
            let request = request.header("content-type", "application/json");
            request.body(Body::from(body.to_string())).unwrap()
        })
        .await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(Who::Owner, "GET", path, Value::Null).await
    }

    pub(super) async fn upload(&self, who: Who, path: &str, bytes: &str) -> Answer {
        self.send(
            self.request(who, "POST", path)
                .body(Body::from(bytes.to_owned()))
                .unwrap(),
        )
        .await
    }

    pub(super) fn request(
        &self,
        who: Who,
        method: &str,
        path: &str,
    ) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        match self.token(who) {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        self.send_to(&self.router, request).await
    }

    /// The same to another router over this registry.
    pub(super) async fn send_to(&self, router: &Router, request: Request<Body>) -> Answer {
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Anna's filter `nearby` with one version, setting 1, not active.
    pub(super) async fn nearby(&self) {
        let body = serde_json::json!({"name": "nearby", "stream": "ztf"});
        let made = self.ask(Who::Owner, "POST", "/v1/filters", body).await;
        assert_eq!(made.status, 201, "{made:?}");
        let made = self
            .upload(Who::Owner, "/v1/filters/anna/nearby/versions", "one")
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        let body = serde_json::json!({"version": 1});
        let made = self
            .ask(Who::Owner, "POST", "/v1/filters/anna/nearby/settings", body)
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        // One cause of failure, whose id follows from what it is.
        let failed = failed(1, "no band", 2_000, "2026-11-23", 3);
        let settings = crate::logbook::Settings::default();
        let registry = &self.registry.registry;
        registry
            .note("nearby", 1, &failed, &settings)
            .await
            .unwrap();
    }
}

/// The cause of failure that [`Stage::nearby`] notes.
pub(super) const CAUSE: &str = "b802c5e4bd2a07c9";

/// With a mail server, which nobody calls.
fn notices() -> crate::notices::Settings {
    toml::from_str("[smtp]\nhost = \"localhost\"\nfrom = \"sky@example.org\"").unwrap()
}

pub(super) fn host(
    settings: Settings,
    registry: &RegistryStage,
    room: Arc<Room>,
    topics: Arc<Mutex<Vec<String>>>,
) -> Host {
    host_behind(OPEN, settings, registry, room, topics)
}

fn host_behind(
    gate: gate::Gate,
    settings: Settings,
    registry: &RegistryStage,
    room: Arc<Room>,
    topics: Arc<Mutex<Vec<String>>>,
) -> Host {
    let ensure: EnsureTopic = Arc::new(move |stream, topic| {
        topics.lock().unwrap().push(format!("{stream} {topic}"));
        if topic.ends_with("no-broker") {
            Err("the broker is away".to_owned())
        } else {
            Ok(())
        }
    });
    let streams = vec![StreamInfo {
        name: name("ztf"),
        settings: Arc::new(stream(gate)),
        lane: MAIN_LANE.to_owned(),
        live: Arc::new(Vec::new),
    }];
    let backtests = backtest::Settings {
        alerts: 1_000,
        waiting_per_owner: 3,
        ..backtest::Settings::default()
    };
    let explain = room.clone();
    Host::new(settings, registry.registry.clone(), streams, room, ensure)
        .with_backtests(backtests)
        .explaining(explain)
}

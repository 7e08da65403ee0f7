//! The HTTP interface: all of axum, one file per resource.
//!
//! In: requests of scientists and administrators. Out: what the registry holds, as JSON; changes of
//! it; passing alerts, read through closures and traits that come from outside. Never: wasmtime, a
//! broker, or a wait without an end.
//!
//! `docs/http-api.md` is the same as its users see it.

#![allow(
    unused_qualifications,
    reason = "utoipa's macros qualify the types that they are given"
)]

mod about;
mod activation;
mod alerts;
mod answer;
mod around;
mod audit;
mod auth;
mod backtests;
mod connections;
mod counts;
mod docs_page;
mod error;
mod explain;
mod explain_room;
mod extract;
mod failures;
mod filter_changes;
mod filters;
mod gate;
mod groups;
mod headers;
mod health;
mod health_view;
mod kind;
mod live;
mod logs;
mod notice_targets;
mod notices;
mod oidc;
mod once;
mod openapi;
mod operation;
mod pace;
mod page;
mod queue;
mod quotas;
mod reading;
mod routes;
mod running;
mod server;
mod settings;
mod tags;
#[cfg(test)]
mod tests;
mod tls;
mod tokens;
mod uploads;
mod users;
mod versions;
mod withheld;

use std::sync::Arc;
use std::time::Duration;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};

pub use explain_room::{ExplainRoom, Explained, FoundAt, NotExplained, Subject};
pub use health::Budgets;
pub use oidc::Issuer;
pub use openapi::document_text;
pub use reading::{CheckFields, MakeRestore, StreamResults};
pub use server::{ApiError, Server};
pub use uploads::{Accepted, Refused, UploadRoom};

use crate::backtest;
use crate::metrics::Metrics;
use crate::registry::{Name, Registry};
use crate::stream::StreamSettings;
use error::{Kind, Problem};

/// Settings of the HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address and port to listen on.
    pub listen: String,
    /// Greatest size of an upload [bytes].
    pub upload_bytes: usize,
    /// Uploads that are checked at once.
    pub uploads_at_once: usize,
    /// Uploads that may wait for it.
    pub uploads_waiting: usize,
    /// Uploads of one user that may wait or be checked.
    pub uploads_of_user: usize,
    /// Longest time for an upload, waiting included [ms].
    pub upload_ms: u64,
    /// Longest time for any other request [ms].
    pub request_ms: u64,
    /// Greatest number of connections at once.
    pub connections: usize,
    /// Longest time for the head of a request, from its first byte or the connection's start [ms].
    pub head_ms: u64,
    /// Longest silence on a connection [ms]; more than `upload_ms`.
    pub idle_ms: u64,
    /// Pages of results that are read at once.
    pub results_at_once: usize,
    /// Greatest size of such a page [bytes].
    pub results_bytes: usize,
    /// Greatest number of live readers, of this host and of one user.
    pub live_readers: u32,
    /// Of one user.
    pub live_readers_per_user: usize,
    /// What waits for a live reader at most [bytes].
    pub live_buffer_bytes: usize,
    /// A live reader that takes nothing for so long while its buffer is full is cut off [ms].
    pub live_slow_ms: u64,
    /// A live reader has to come again after so long, with what it may see then [ms].
    pub live_renew_ms: u64,
    /// Longest time that requests under way get at shutdown [ms].
    pub shutdown_ms: u64,
    /// How long the answer to a creating request is kept for its `Idempotency-Key` [h].
    pub idempotency_hours: u32,
    /// Origins of pages that may read answers, such as `https://example.org`; none by default.
    pub cors_origins: Vec<String>,
    /// Certificate and key, where this host itself speaks TLS.
    pub tls: Option<tls::Settings>,
    /// The OpenID Connect issuer whose tokens are taken, too.
    pub oidc: Option<oidc::Settings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8780".to_owned(),
            upload_bytes: 8 << 20,
            uploads_at_once: 2,
            uploads_waiting: 64,
            uploads_of_user: 8,
            upload_ms: 180_000,
            request_ms: 15_000,
            connections: 512,
            head_ms: 10_000,
            idle_ms: 240_000,
            results_at_once: 4,
            results_bytes: 16 << 20,
            live_readers: 64,
            live_readers_per_user: 4,
            live_buffer_bytes: 2 << 20,
            live_slow_ms: 10_000,
            live_renew_ms: 600_000,
            shutdown_ms: 10_000,
            idempotency_hours: 24,
            cors_origins: Vec::new(),
            tls: None,
            oidc: None,
        }
    }
}

impl Settings {
    /// What cannot be as it is set, in words.
    ///
    /// # Errors
    /// The first such thing.
    pub fn check(&self) -> Result<(), String> {
        let listen = &self.listen;
        let port = listen.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        if !matches!(port, Some(Ok(_))) {
            return Err(format!(
                "api.listen = {listen:?}: write an address and a port, as in \"127.0.0.1:8780\""
            ));
        }
        if !(1..=720).contains(&self.idempotency_hours) {
            return Err("api.idempotency_hours must be from 1 to 720".to_owned());
        }
        if let Some(oidc) = &self.oidc {
            oidc.check()?;
        }
        match self
            .cors_origins
            .iter()
            .find(|origin| !headers::is_origin(origin))
        {
            Some(origin) => Err(format!(
                "api.cors_origins: {origin:?} is no origin; write scheme, host and port alone, as in \
                 \"https://example.org\", or \"*\" for every page"
            )),
            None => Ok(()),
        }
    }
}

/// A stream that filters may be made for.
#[derive(Clone)]
pub struct StreamInfo {
    /// Its name.
    pub name: Name,
    /// Its settings.
    pub settings: Arc<StreamSettings>,
    /// The lane that its filters run in.
    pub lane: String,
    /// The settings that this host judges the next alert by.
    pub live: Arc<dyn Fn() -> Vec<i64> + Send + Sync>,
}

/// Makes sure that the output topic of a stream's filter exists: `(stream, topic)`. May block.
pub type EnsureTopic = Arc<dyn Fn(&str, &str) -> Result<(), String> + Send + Sync>;

/// What the interface stands before.
pub struct Host {
    registry: Registry,
    streams: Vec<StreamInfo>,
    uploads: Arc<dyn UploadRoom>,
    ensure_topic: EnsureTopic,
    queue: queue::Queue,
    reading: reading::Reading,
    explain: Option<Arc<dyn ExplainRoom>>,
    explanations: queue::Queue,
    budgets: Budgets,
    paces: pace::Paces,
    issuer: Option<oidc::Issuer>,
    settings: Settings,
    backtests: backtest::Settings,
    notices: crate::notices::Settings,
    metrics: Arc<Metrics>,
}

impl Host {
    /// Joins the rooms that the interface needs.
    #[must_use]
    pub fn new(
        settings: Settings,
        registry: Registry,
        streams: Vec<StreamInfo>,
        uploads: Arc<dyn UploadRoom>,
        ensure_topic: EnsureTopic,
    ) -> Self {
        let limits = queue::Limits {
            inside: settings.uploads_at_once,
            waiting: settings.uploads_waiting,
            of_user: settings.uploads_of_user,
        };
        let queue = queue::Queue::new("uploads", limits);
        let reading = reading::Reading::new(&settings);
        Self {
            registry,
            streams,
            uploads,
            ensure_topic,
            queue,
            reading,
            explain: None,
            explanations: queue::Queue::new("explanations", explain::PLACES),
            budgets: Budgets::default(),
            paces: pace::Paces::default(),
            issuer: None,
            settings,
            backtests: backtest::Settings::default(),
            notices: crate::notices::Settings::default(),
            metrics: Arc::default(),
        }
    }

    /// With what the workers tell.
    #[must_use]
    pub fn with_metrics(self, metrics: Arc<Metrics>) -> Self {
        Self { metrics, ..self }
    }

    /// Under these bounds of back-tests.
    #[must_use]
    pub fn with_backtests(self, backtests: backtest::Settings) -> Self {
        Self { backtests, ..self }
    }

    /// From now on the results of the stream's filters can be read.
    #[must_use]
    pub fn with_results(mut self, stream: &str, results: StreamResults) -> Self {
        self.reading.put(stream, results);
        self
    }

    /// With the budgets that filters are held to.
    #[must_use]
    pub fn within(self, budgets: Budgets) -> Self {
        Self { budgets, ..self }
    }

    /// With a room that explains.
    #[must_use]
    pub fn explaining(self, room: Arc<dyn ExplainRoom>) -> Self {
        Self {
            explain: Some(room),
            ..self
        }
    }

    fn explain_room(&self) -> Result<Arc<dyn ExplainRoom>, Problem> {
        let room = self.explain.clone();
        room.ok_or_else(|| Problem::internal("this host explains nothing"))
    }

    /// Whether this host judges the next alert of a stream by a setting.
    fn is_live(&self, stream: &str, setting: i64) -> bool {
        let of_stream = |one: &&StreamInfo| one.name.as_str() == stream;
        let mut streams = self.streams.iter().filter(of_stream);
        streams.any(|one| (one.live)().contains(&setting))
    }

    /// The same, with what targets of notices may be.
    #[must_use]
    pub fn with_notices(self, notices: crate::notices::Settings) -> Self {
        Self { notices, ..self }
    }

    /// Takes the tokens of an issuer, too.
    #[must_use]
    pub fn with_issuer(self, issuer: Option<Issuer>) -> Self {
        Self { issuer, ..self }
    }

    fn stream(&self, name: &str) -> Result<Name, Problem> {
        Ok(self.stream_info(name)?.name.clone())
    }

    fn stream_info(&self, name: &str) -> Result<&StreamInfo, Problem> {
        let found = self
            .streams
            .iter()
            .find(|stream| stream.name.as_str() == name);
        found.ok_or_else(|| {
            let known: Vec<&str> = self
                .streams
                .iter()
                .map(|stream| stream.name.as_str())
                .collect();
            let shown: String = name.chars().take(80).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            Problem::new(Kind::UnknownStream, format!("there is no stream `{shown}`"))
                .advise(format!("the streams of this host: {known}"))
        })
    }
}

/// All routes.
pub fn router(host: Host) -> Router {
    let limit = |ms: u64| from_fn_with_state(Duration::from_millis(ms), around::within);
    let (upload, request) = (
        limit(host.settings.upload_ms),
        limit(host.settings.request_ms),
    );
    let over_tls = host.settings.tls.is_some();
    let origins = host.settings.cors_origins.clone();
    let host = Arc::new(host);
    let uploads = routes::uploads().route_layer(upload);
    let others = routes::others()
        .route_layer(request)
        .route_layer(from_fn_with_state(host.clone(), once::once));
    let mut router = Router::from(uploads.merge(others))
        .layer(Extension(Arc::new(openapi::Written::new())))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(tags::not_modified));
    if !origins.is_empty() {
        router = router.layer(headers::cross_origin(&origins));
    }
    router
        .layer(from_fn_with_state(over_tls, headers::harden))
        .layer(from_fn(around::identify))
        .with_state(host)
}

async fn no_route() -> Problem {
    Problem::new(Kind::NotFound, "there is nothing at this path")
        .advise("see /v1/docs for the paths there are")
}

async fn no_method() -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        "this path does not take this method",
    )
    .advise("the `Allow` header names those it takes")
}

/// An instant as clients see it: `2026-11-23T17:40:12.340Z`.
fn time(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms);
    time.map_or_else(|_| ms.to_string(), |time| format!("{time:.3}"))
}

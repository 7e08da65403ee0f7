//! The listening server: connections in, graceful end.
//!
//! In: an address, a [`Host`], a signal to stop. Out: answered requests. Never: a wait for a client without an
//! end.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use super::tls::Tls;
use super::{Host, Settings, connections, router};

/// Why the interface cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address cannot be listened on.
    #[error("cannot listen on api.listen = {address:?}: {error}; choose another address or port")]
    Listen {
        /// As it was set.
        address: String,
        /// Why.
        error: std::io::Error,
    },
    /// A file that the settings name cannot be used.
    #[error("{0}")]
    File(String),
}

/// The interface, listening.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
}

impl Server {
    /// Listens on `api.listen`; requests wait until [`Server::run`].
    ///
    /// # Errors
    /// When the address cannot be listened on, or the certificate cannot be used.
    pub async fn bind(settings: &Settings) -> Result<Self, ApiError> {
        let address = &settings.listen;
        let tls = settings
            .tls
            .as_ref()
            .map(Tls::open)
            .transpose()
            .map_err(ApiError::File)?;
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            Ok((listener.local_addr()?, listener))
        };
        match bound.await {
            Ok((address, listener)) => Ok(Self {
                listener,
                address,
                tls: tls.map(Arc::new),
            }),
            Err(error) => Err(ApiError::Listen {
                address: address.to_owned(),
                error,
            }),
        }
    }

    /// Where it listens: the port that was found where the settings say 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How clients speak to it: `https`, or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Answers requests until `shutdown` ends, then gives those under way some time.
    pub async fn run(self, host: Host, shutdown: impl Future<Output = ()> + Send + 'static) {
        if !self.address.ip().is_loopback() && self.tls.is_none() {
            tracing::warn!(
                address = %self.address,
                "others can reach this address, and tokens cross the network as they are: set api.tls, \
                 or let a proxy speak TLS before it"
            );
        }
        let settings = &host.settings;
        let idle = Duration::from_millis(settings.idle_ms);
        let grace = Duration::from_millis(settings.shutdown_ms);
        let head = Duration::from_millis(settings.head_ms);
        let mut listener = connections::Bounded::new(self.listener, settings.connections, idle);
        let (ending, readers) = (host.reading.ending.clone(), host.reading.ended());
        let service = TowerToHyperService::new(router(host));
        let connections = GracefulShutdown::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let stream = tokio::select! {
                (stream, _) = listener.accept() => stream,
                () = &mut shutdown => break,
            };
            let (service, watcher, tls) =
                (service.clone(), connections.watcher(), self.tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => serve(stream, service, watcher, head).await,
                    Some(tls) => {
                        if let Some(stream) = tls.shake(stream, head).await {
                            serve(stream, service, watcher, head).await;
                        }
                    }
                }
            });
        }
        drop(listener);
        // Who reads live would stay for ever.
        ending.send_replace(true);
        let all = async {
            connections.shutdown().await;
            readers.await;
        };
        tokio::select! {
            () = all => {}
            () = tokio::time::sleep(grace) => {}
        }
    }
}

/// Answers the requests of one connection. A client that breaks off is no matter of the host's.
async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    service: TowerToHyperService<Router>,
    watcher: Watcher,
    head: Duration,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Whoever sends a head byte by byte keeps a place for so long and no longer.
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service);
    _ = watcher.watch(connection).await;
}

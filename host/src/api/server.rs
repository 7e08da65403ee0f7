//! The listening server: connections in, graceful end.
//!
//! In: an address, a [`Host`], a signal to stop. Out: answered requests. Never: a wait for a client without an
//! end.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use super::{Host, connections, router};

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
}

/// The interface, listening.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `api.listen`; requests wait until [`Server::run`].
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(address: &str) -> Result<Self, ApiError> {
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            Ok((listener.local_addr()?, listener))
        };
        match bound.await {
            Ok((address, listener)) => Ok(Self { listener, address }),
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

    /// Answers requests until `shutdown` ends, then gives those under way some time.
    pub async fn run(self, host: Host, shutdown: impl Future<Output = ()> + Send + 'static) {
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
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                // Whoever sends a head byte by byte keeps a place for so long and no longer.
                .header_read_timeout(head)
                .serve_connection(TokioIo::new(stream), service.clone());
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                // A client that breaks off is no matter of the host's.
                _ = connection.await;
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

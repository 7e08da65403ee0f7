//! The listening server: connections in, graceful end.
//!
//! In: a [`Host`], a signal to stop. Out: answered requests. Never: a wait for a client without an
//! end.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{Host, connections, router};

/// Why the interface does not serve.
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
    /// The listener failed later.
    #[error("the HTTP interface failed: {0}")]
    Serve(#[from] std::io::Error),
}

/// The interface, listening.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    host: Host,
}

impl Server {
    /// Listens on the address of the settings; requests wait until [`Server::run`].
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(host: Host) -> Result<Self, ApiError> {
        let address = host.settings.listen.clone();
        let bound = async {
            let listener = TcpListener::bind(&address).await?;
            Ok((listener.local_addr()?, listener))
        };
        match bound.await {
            Ok((address, listener)) => Ok(Self {
                listener,
                address,
                host,
            }),
            Err(error) => Err(ApiError::Listen { address, error }),
        }
    }

    /// Where it listens: the port that was found where the settings say 0.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` ends, then gives those under way some time.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ApiError> {
        let settings = &self.host.settings;
        let idle = Duration::from_millis(settings.idle_ms);
        let grace = Duration::from_millis(settings.shutdown_ms);
        let listener = connections::Bounded::new(self.listener, settings.connections, idle);
        let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
        let signal = async move {
            shutdown.await;
            _ = stopping.send(());
        };
        let server = axum::serve(listener, router(self.host)).with_graceful_shutdown(signal);
        let patience = async {
            _ = stopped.await;
            tokio::time::sleep(grace).await;
        };
        tokio::select! {
            served = server => Ok(served?),
            () = patience => Ok(()),
        }
    }
}

//! POST to an address that somebody else named, without being sent to the host's own network.
//!
//! In: an address and a body. Out: the status. Never: a connection to an address that is not public
//! (unless the rules allow it), a redirect, a proxy, a look at the answer's body.
//!
//! The name is resolved once; what it leads to is judged, and the connection goes there: a name that
//! leads elsewhere a moment later changes nothing.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::http::header::RETRY_AFTER;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

use super::address::is_public;

/// Longest address that is taken [bytes].
const URL_LENGTH: usize = 2_000;
/// Longest head of an answer [bytes].
const HEAD_BYTES: usize = 16 << 10;
/// Buffers of one connection [bytes].
const BUFFER_BYTES: usize = 16 << 10;

/// What is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Addresses of this machine and its network, too.
    pub private: bool,
    /// `http://`, too: anybody on the way reads and changes what is sent.
    pub plain: bool,
    /// Longest time for one call, name and connection included.
    pub timeout: Duration,
}

/// What a server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum GuardedError {
    /// The address cannot be one of a receiver.
    #[error("{0}")]
    Url(&'static str),
    /// The name leads nowhere, or to no public address; both look alike on purpose.
    #[error("no public address has this name")]
    Address,
    /// The connection, TLS or the server failed.
    #[error("{0}")]
    Failed(String),
}

/// Calls servers under rules.
#[derive(Debug, Clone)]
pub struct Guarded {
    agent: Agent,
    rules: Rules,
}

impl Rules {
    /// Whether `url` has the form of a receiver's address. Where it leads is judged at each call.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, url: &str) -> Result<(), GuardedError> {
        self.parse(url).map(|_| ())
    }

    fn parse(&self, url: &str) -> Result<Uri, GuardedError> {
        let wrong = |why| Err(GuardedError::Url(why));
        if url.len() > URL_LENGTH {
            return wrong("the address is longer than 2000 characters");
        }
        let Ok(uri) = url.parse::<Uri>() else {
            return wrong("the address cannot be read; write it as in https://example.org/hook");
        };
        let plain = match uri.scheme_str() {
            Some("https") => false,
            Some("http") => true,
            _ => return wrong("the address must begin with https://"),
        };
        if plain && !self.plain {
            return wrong("this host sends to https:// alone");
        }
        let Some(authority) = uri.authority() else {
            return wrong("the address names no host");
        };
        if authority.as_str().contains('@') {
            return wrong("the address must not hold a user or password");
        }
        if authority.host().is_empty() {
            return wrong("the address names no host");
        }
        if url.contains('#') {
            return wrong("the address must not hold a fragment (`#`)");
        }
        Ok(uri)
    }
}

impl Guarded {
    /// A client under these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("skysieve/", env!("CARGO_PKG_VERSION")))
            .max_response_header_size(HEAD_BYTES)
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            // Each call by itself: nothing of one receiver's connection reaches another's.
            .max_idle_connections(0)
            .timeout_global(Some(rules.timeout))
            .build();
        let resolver = Public {
            inner: DefaultResolver::default(),
            private: rules.private,
        };
        Self {
            agent: Agent::with_parts(config, DefaultConnector::default(), resolver),
            rules,
        }
    }

    /// Sends `body`, JSON, with these headers. Blocks, at most for the time of the rules.
    ///
    /// # Errors
    /// Where there was no answer.
    pub fn post(
        &self,
        url: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Result<Answer, GuardedError> {
        let uri = self.rules.parse(url)?;
        let mut request = self.agent.post(uri).content_type("application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        // The body of the answer is not read: it is nothing to us, and might never end.
        let answer = request.send(body).map_err(explain)?;
        let retry_after = answer.headers().get(RETRY_AFTER);
        let seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Answer {
            status: answer.status().as_u16(),
            retry_after: seconds.map(Duration::from_secs),
        })
    }
}

fn explain(error: Error) -> GuardedError {
    match error {
        Error::HostNotFound => GuardedError::Address,
        Error::Io(error) if is_resolving(&error) => GuardedError::Address,
        Error::Timeout(_) => GuardedError::Failed("no answer in time".to_owned()),
        other => GuardedError::Failed(other.to_string()),
    }
}

/// Names that are not found come from the system as an error without a kind of its own.
fn is_resolving(error: &io::Error) -> bool {
    error.to_string().contains("lookup address")
}

/// Resolves names to public addresses alone.
#[derive(Debug)]
struct Public {
    inner: DefaultResolver,
    private: bool,
}

impl Resolver for Public {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let mut kept = self.empty();
        let may = |address: &&SocketAddr| self.private || is_public(address.ip());
        for address in found.iter().filter(may) {
            kept.push(*address);
        }
        if kept.is_empty() {
            return Err(Error::HostNotFound);
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests;

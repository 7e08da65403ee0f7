//! The HTTP interface of a host, as its users ask it.
//!
//! In: an address, a token, what is asked. Out: documents, or why there is none, in words that a command
//! line can end with. Never: a token sent elsewhere (redirects are not followed), or a document without
//! a bound.

use std::fmt::Write as _;
use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::{Request, Response};
use ureq::tls::{RootCerts, TlsConfig};

use super::refusal::{CallError, Refusal};

/// Longest wait for a connection, and for the answer to anything but an upload.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);
/// Longest wait for the answer to an upload: the host compiles meanwhile, and others may wait.
const UPLOAD: Duration = Duration::from_secs(240);
/// Longest silence of a live stream: the host speaks at least every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// Greatest document [bytes].
const DOCUMENT_BYTES: u64 = 64 << 20;

/// Pairs of a query; those without a value are left out.
pub type Query<'a> = [(&'a str, Option<String>)];

/// A host, asked in somebody's name.
#[derive(Debug, Clone)]
pub struct Api {
    pub(super) agent: Agent,
    base: String,
    token: String,
}

/// What is sent along.
enum Body<'a> {
    Nothing,
    Json(&'a Value),
    Bytes(&'a [u8]),
}

impl Api {
    /// The host at `base`, such as `https://sieve.example.org`; `token` says who asks.
    #[must_use]
    pub fn new(base: &str, token: &str) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("skysieve/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .build();
        Self {
            agent: Agent::new_with_config(config),
            base: base.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }
    }

    /// The host's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// GET a document.
    ///
    /// # Errors
    /// Where there is none.
    pub fn get(&self, path: &str, query: &Query<'_>) -> Result<Value, CallError> {
        self.ask("GET", path, query, &Body::Nothing, ANSWER)
            .map(|(_, document)| document)
    }

    /// POST a document, or nothing where it is null.
    ///
    /// # Errors
    /// Where the host says no, or does not answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.send("POST", path, body)
    }

    /// POST a document with a query.
    ///
    /// # Errors
    /// Where the host says no, or does not answer.
    pub fn post_with(
        &self,
        path: &str,
        query: &Query<'_>,
        body: &Value,
    ) -> Result<Value, CallError> {
        self.ask("POST", path, query, &Body::Json(body), ANSWER)
            .map(|(_, document)| document)
    }

    /// PUT, PATCH, POST or DELETE: `method`.
    ///
    /// # Errors
    /// Where the host says no, or does not answer.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, CallError> {
        let body = match body {
            Value::Null => Body::Nothing,
            document => Body::Json(document),
        };
        self.ask(method, path, &[], &body, ANSWER)
            .map(|(_, document)| document)
    }

    /// POST bytes; true where something new was made of them.
    ///
    /// # Errors
    /// Where the host says no, or does not answer.
    pub fn upload(
        &self,
        path: &str,
        query: &Query<'_>,
        bytes: &[u8],
    ) -> Result<(bool, Value), CallError> {
        let (status, document) = self.ask("POST", path, query, &Body::Bytes(bytes), UPLOAD)?;
        Ok((status == 201, document))
    }

    /// A stream without an end, as it comes; `after` is the last event that was read.
    ///
    /// # Errors
    /// Where there is none.
    pub fn stream(
        &self,
        path: &str,
        query: &Query<'_>,
        after: Option<&str>,
    ) -> Result<impl Read + 'static, CallError> {
        let mut request = self.request("GET", path, query);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let request = request.header("accept", "text/event-stream").body(());
        let request = request.map_err(|error| self.unreadable(&error.to_string()))?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(SILENCE))
            .build();
        let response = self.agent.run(request).map_err(|error| self.away(&error))?;
        match response.status().as_u16() {
            200 => Ok(response.into_body().into_reader()),
            _ => Err(self.refusal(response)),
        }
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        query: &Query<'_>,
        body: &Body<'_>,
        limit: Duration,
    ) -> Result<(u16, Value), CallError> {
        let request = self.request(method, path, query);
        let (request, bytes) = match body {
            Body::Nothing => (request, Vec::new()),
            Body::Json(document) => (
                request.header("content-type", "application/json"),
                document.to_string().into_bytes(),
            ),
            Body::Bytes(bytes) => (
                request.header("content-type", "application/octet-stream"),
                bytes.to_vec(),
            ),
        };
        let request = request
            .body(bytes)
            .map_err(|error| self.unreadable(&error.to_string()))?;
        let request = self
            .agent
            .configure_request(request)
            .timeout_global(Some(limit))
            .build();
        let mut response = self.agent.run(request).map_err(|error| self.away(&error))?;
        let status = response.status().as_u16();
        if !(200..300).contains(&status) {
            return Err(self.refusal(response));
        }
        let text = read(&mut response).map_err(|error| self.unreadable(&error.to_string()))?;
        if text.is_empty() {
            return Ok((status, Value::Null));
        }
        let document = serde_json::from_slice(&text);
        document
            .map(|document| (status, document))
            .map_err(|error| self.unreadable(&error.to_string()))
    }

    pub(super) fn request(
        &self,
        method: &str,
        path: &str,
        query: &Query<'_>,
    ) -> ureq::http::request::Builder {
        let mut url = format!("{}{path}", self.base);
        let mut sign = '?';
        for (name, value) in query {
            if let Some(value) = value {
                // Writing to a text cannot fail.
                _ = write!(url, "{sign}{name}={}", encoded(value));
                sign = '&';
            }
        }
        let request = Request::builder().method(method).uri(url);
        request.header("authorization", format!("Bearer {}", self.token))
    }

    pub(super) fn refusal(&self, mut response: Response<ureq::Body>) -> CallError {
        let status = response.status().as_u16();
        let document = read(&mut response).ok();
        let document = document.and_then(|text| serde_json::from_slice(&text).ok());
        CallError::Refused(Box::new(Refusal {
            status,
            document: document.unwrap_or_default(),
        }))
    }

    pub(super) fn away(&self, error: &ureq::Error) -> CallError {
        let (base, reason) = (self.base.clone(), error.to_string());
        match error {
            ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::Protocol(_) => {
                CallError::Unreadable { base, reason }
            }
            _ => CallError::Unreachable { base, reason },
        }
    }

    pub(super) fn unreadable(&self, reason: &str) -> CallError {
        CallError::Unreadable {
            base: self.base.clone(),
            reason: reason.to_owned(),
        }
    }
}

pub(super) fn read(response: &mut Response<ureq::Body>) -> Result<Vec<u8>, ureq::Error> {
    let body = response.body_mut().with_config();
    body.limit(DOCUMENT_BYTES).read_to_vec()
}

/// A text as it stands in a query, or as one part of a path.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        assert_eq!(encoded("a-b_c.d~9"), "a-b_c.d~9");
        assert_eq!(encoded("a b&c=d/ü"), "a%20b%26c%3Dd%2F%C3%BC");
    }
}

//! Somebody who asks a host over the loopback.
//!
//! In: an address, a token. Out: answers with the time that they took. Never: a wait without an end.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// More than an upload may take.
const CALL_LIMIT: Duration = Duration::from_mins(10);
/// Longest answer that is read [bytes].
const MOST_BYTES: u64 = 64 << 20;

/// A client that keeps its connection.
#[derive(Clone)]
pub struct Caller {
    agent: ureq::Agent,
    address: String,
    bearer: String,
}

/// An answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What Retry-After says [s]; 0 where it says nothing.
    pub again_in_s: u64,
    /// The body as it came.
    pub body: Vec<u8>,
    /// From the request's first byte to the answer's last.
    pub took: Duration,
}

impl Answer {
    /// The document of a good answer.
    pub fn json(&self) -> Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!(
            (200..300).contains(&self.status),
            "answered {}: {text}",
            self.status
        );
        Ok(serde_json::from_slice(&self.body)?)
    }
}

impl Caller {
    /// With a connection of its own.
    pub fn new(address: String, token: String) -> Self {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALL_LIMIT))
            .http_status_as_error(false)
            .build()
            .new_agent();
        let bearer = format!("Bearer {token}");
        Self {
            agent,
            address,
            bearer,
        }
    }

    /// GET `path`.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let call = self.agent.get(format!("{}{path}", self.address));
        let begun = Instant::now();
        answer(begun, call.header("Authorization", &self.bearer).call()?)
    }

    /// POST a document.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let call = self.agent.post(format!("{}{path}", self.address));
        let begun = Instant::now();
        answer(
            begun,
            call.header("Authorization", &self.bearer).send_json(body)?,
        )?
        .json()
    }

    /// Upload a version.
    pub fn upload(&self, filter: &str, wasm: &[u8]) -> Result<Answer> {
        let path = format!("{}/v1/filters/{filter}/versions", self.address);
        let call = self.agent.post(path).header("Authorization", &self.bearer);
        let begun = Instant::now();
        answer(
            begun,
            call.header("Content-Type", "application/wasm").send(wasm)?,
        )
    }

    /// How many settings the stream `ztf` judges by.
    pub fn live(&self) -> Result<usize> {
        let streams = self.get("/v1/streams")?.json()?;
        let live = streams["items"][0]["live"].as_array();
        Ok(live.context("a stream says what is live")?.len())
    }
}

fn answer(begun: Instant, mut response: ureq::http::Response<ureq::Body>) -> Result<Answer> {
    let body = response
        .body_mut()
        .with_config()
        .limit(MOST_BYTES)
        .read_to_vec()?;
    let took = begun.elapsed();
    let header = response.headers().get("retry-after");
    let again = header.and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer {
        status: response.status().as_u16(),
        again_in_s: again.unwrap_or(0),
        body,
        took,
    })
}

//! Pages of alerts: JSON lines, and where to go on.
//!
//! In: an address, a cursor. Out: one document for each alert, and the next cursor. Never: a page without a
//! bound.

use serde_json::Value;

use super::CallError;
use super::api::{Api, Query, read};

/// Alerts of one answer.
#[derive(Debug)]
pub struct Page {
    /// A line each.
    pub alerts: Vec<Value>,
    /// Where to go on, where there is more to read now.
    pub next: Option<String>,
}

impl Api {
    /// One page of alerts.
    ///
    /// # Errors
    /// Where the host says no, or does not answer.
    pub fn alerts(&self, path: &str, query: &Query<'_>) -> Result<Page, CallError> {
        let request = self.request("GET", path, query).body(());
        let request = request.map_err(|error| self.unreadable(&error.to_string()))?;
        let mut response = self.agent.run(request).map_err(|error| self.away(&error))?;
        if response.status().as_u16() != 200 {
            return Err(self.refusal(response));
        }
        let header = |name: &str| {
            let value = response.headers().get(name);
            value
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let more = header("skysieve-more").is_some_and(|more| more == "true");
        let next = header("skysieve-next").filter(|_| more);
        let bytes = read(&mut response).map_err(|error| self.away(&error))?;
        let alerts: serde_json::Result<Vec<Value>> = serde_json::Deserializer::from_slice(&bytes)
            .into_iter()
            .collect();
        let alerts = alerts.map_err(|error| self.unreadable(&error.to_string()))?;
        Ok(Page { alerts, next })
    }
}

//! What a host tells of itself to a monitoring system: all of prometheus-client.
//!
//! In: what workers met on their way, the active sets. Out: one text in the OpenMetrics format, and whether
//! the workers are alive and well. Never: a lock that the hot path waits for, or a series that outlives its
//! filter.
//!
//! Names and units follow <https://prometheus.io/docs/practices/naming/>; `docs/operations.md` has them in
//! one table.

mod labels;
mod series;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use series::Series;
pub use worker::WorkerMeter;
use worker::{Pulse, Shared};

/// A worker that has not come round for so long hangs: many times the longest batch and commit.
const HANGS_AFTER: Duration = Duration::from_secs(180);
/// A worker in trouble for so long makes the host not ready: shorter ones pass by themselves.
const TROUBLED_AFTER: Duration = Duration::from_secs(10);

/// Media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that one process tells.
pub struct Metrics {
    registry: Registry,
    series: Series,
    begun: Instant,
    workers: Mutex<Vec<Arc<Shared>>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("skysieve");
        let series = Series::register(&mut registry);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        registry.register("build", "The program's version", Info::new(version));
        Self {
            registry,
            series,
            begun: Instant::now(),
            workers: Mutex::default(),
        }
    }

    /// What the worker `number` of a stream's lane tells.
    #[must_use]
    pub fn worker(&self, stream: &str, lane: &str, number: usize) -> WorkerMeter {
        let name = format!("{stream}-{number}");
        let shared = Arc::new(Shared::new(name, self.series.of_stream(stream, lane)));
        self.lock().push(shared.clone());
        WorkerMeter::new(shared, self.series.clone(), self.begun)
    }

    /// All of it, in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let workers = self.lock();
        for worker in workers.iter() {
            worker.begin_scrape();
        }
        for worker in workers.iter() {
            worker.scrape();
        }
        let mut text = String::new();
        // Writing to a text does not fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }

    /// The first worker that hangs, by its name.
    #[must_use]
    pub fn hanging(&self) -> Option<String> {
        self.first(|pulse, now_ms| {
            pulse.is_running() && now_ms.saturating_sub(pulse.turned_ms()) > millis(HANGS_AFTER)
        })
    }

    /// The first worker whose source or sink has not answered for a while, by its name.
    #[must_use]
    pub fn troubled(&self) -> Option<String> {
        self.first(|pulse, now_ms| {
            let since_ms = pulse.troubled_since_ms();
            pulse.is_running()
                && since_ms
                    .is_some_and(|since| now_ms.saturating_sub(since) > millis(TROUBLED_AFTER))
        })
    }

    fn first(&self, is: impl Fn(&Pulse, u64) -> bool) -> Option<String> {
        let now_ms = millis(self.begun.elapsed());
        let workers = self.lock();
        let found = workers.iter().find(|worker| is(&worker.pulse, now_ms));
        found.map(|worker| worker.name.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Shared>>> {
        // Only ever added to.
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

//! Counts, read back from where they were committed, added to the registry.
//!
//! In: the log of counts that a sink keeps with its outputs. Out: totals by setting and night, each
//! commit in them once. Never: a count of something that was not committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::registry::{Registry, RegistryError};
use crate::sink::{CountLog, SinkError};

/// How long one look at the log waits for something new.
const WAIT: Duration = Duration::from_millis(200);
/// Pause after trouble, and the longest time that the last counts may take once told to stop.
const PAUSE: Duration = Duration::from_secs(1);
const LAST_COUNTS: Duration = Duration::from_secs(5);

/// Folds one stream's counts; lives on a thread of its own.
pub struct Fold {
    registry: Registry,
    runtime: Handle,
    log: Box<dyn CountLog>,
    stop: Arc<AtomicBool>,
}

#[derive(Debug, thiserror::Error)]
enum FoldError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Log(#[from] SinkError),
}

impl Fold {
    /// Folds `log` into `registry` until `stop` is set and the log is read to its end.
    #[must_use]
    pub fn new(
        registry: Registry,
        runtime: Handle,
        log: Box<dyn CountLog>,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self {
            registry,
            runtime,
            log,
            stop,
        }
    }

    /// Run until told to stop. What cannot be folded now waits in its log.
    pub fn run(mut self) {
        let mut stopping = None;
        loop {
            let ended = match self.fold() {
                Ok(ended) => ended,
                Err(error) => {
                    tracing::warn!(%error, "counts wait to be folded");
                    self.pause();
                    false
                }
            };
            if self.stop.load(Ordering::Relaxed) {
                let since = *stopping.get_or_insert_with(Instant::now);
                if ended || since.elapsed() > LAST_COUNTS {
                    return;
                }
            }
        }
    }

    /// From what the registry has to the end of the log; true when that was reached under a stop.
    fn fold(&mut self) -> Result<bool, FoldError> {
        let folded = self.runtime.block_on(self.registry.folded())?;
        self.log.start_after(&folded)?;
        loop {
            let stopping = self.stop.load(Ordering::Relaxed);
            let records = self.log.read(WAIT)?;
            if records.is_empty() {
                if stopping {
                    return Ok(true);
                }
                continue;
            }
            self.runtime.block_on(self.registry.fold(&records))?;
        }
    }

    fn pause(&self) {
        let until = Instant::now() + PAUSE;
        loop {
            std::thread::sleep(WAIT);
            if Instant::now() >= until || self.stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

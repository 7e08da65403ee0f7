//! What back-tests may use.
//!
//! In: the `[backtest]` table, and `[streams.backtest]`. Out: settings. Never: enforcement.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::evaluate;

/// How many times longer the guards of wall-clock time are than those of the live stream: a thread
/// of the lowest priority waits for the processor while workers are busy, and a filter must not
/// fail for that.
const PATIENCE: u64 = 20;

/// Bounds of back-tests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Back-tests that this host runs at once; 0 leaves them to other hosts.
    pub at_once: usize,
    /// Alerts of a back-test where nobody says how many, or what is left of the day's where that is
    /// less.
    pub alerts: i64,
    /// Back-tests of one owner that may wait or run.
    pub waiting_per_owner: i64,
    /// How far a back-test is, is saved this often [ms]; so much work is done again after a crash.
    pub save_ms: u64,
    /// A host that is silent for so long loses its back-tests to others [ms].
    pub lease_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            at_once: 1,
            alerts: 1_000_000,
            waiting_per_owner: 20,
            save_ms: 2_000,
            lease_ms: 15_000,
        }
    }
}

impl Settings {
    /// Time from one save to the next.
    #[must_use]
    pub fn save(&self) -> Duration {
        Duration::from_millis(self.save_ms.max(10))
    }

    /// What is wrong with it, in one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        let range = |key: &str, value: i64, least: i64, most: i64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(format!(
                "backtest.{key} = {value}: must be {least} to {most}"
            ))
        };
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        range("at_once", number(self.at_once as u64), 0, 64)?;
        range("alerts", self.alerts, 1, i64::MAX)?;
        range("save_ms", number(self.save_ms), 10, 600_000)?;
        range("lease_ms", self.lease_ms, 1_000, 3_600_000)
    }
}

/// What back-tests of one stream may read beside its source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamBacktest {
    /// A folder of archived packets (files, tars, tar.gz), or one file.
    pub archive: Option<PathBuf>,
}

/// The limits of sandboxes of back-tests: those of the live stream, with a small pool of their own
/// and longer guards of time.
#[must_use]
pub fn sandbox(live: &evaluate::Settings, at_once: usize) -> evaluate::Settings {
    // One call each, and one more for a filter that is being loaded.
    let places = u32::try_from(at_once).unwrap_or(u32::MAX).saturating_add(1);
    evaluate::Settings {
        deadline_ms: live.deadline_ms.saturating_mul(PATIENCE),
        batch_deadline_ms: live.batch_deadline_ms.saturating_mul(PATIENCE),
        pool_instances: places.min(live.pool_instances),
        ..live.clone()
    }
}

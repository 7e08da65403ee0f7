//! How many rows one call of a filter should get: as many as are expected to stay within half of
//! the budget.
//!
//! In: what calls cost. Out: rows of the next call. Never: an influence on a verdict; a wrong guess
//! costs a halving.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Measured cost of one filter, shared by all workers.
pub(super) struct Pace {
    /// Running average of fuel per alert; 0: not known yet.
    fuel_per_alert: AtomicU64,
    /// Rows that fit into memory and deadline as far as is known.
    rows: AtomicUsize,
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace {
            fuel_per_alert: AtomicU64::new(0),
            rows: AtomicUsize::new(usize::MAX),
        }
    }

    /// Rows of the next call.
    pub(super) fn rows(&self, budget: u64) -> usize {
        let by_fuel = (budget / 2)
            .checked_div(self.fuel_per_alert.load(Relaxed))
            .unwrap_or(u64::MAX);
        usize::try_from(by_fuel)
            .unwrap_or(usize::MAX)
            .min(self.rows.load(Relaxed))
            .max(1)
    }

    /// Running average of fuel per alert; 0 before the first verdict.
    pub(super) fn fuel_per_alert(&self) -> u64 {
        self.fuel_per_alert.load(Relaxed)
    }

    /// A call of `rows` rows was good and took `fuel`. Of two workers at once one may be forgotten.
    pub(super) fn good(&self, rows: usize, fuel: u64) {
        let each = fuel.div_ceil(rows.max(1) as u64).max(1);
        let average = match self.fuel_per_alert.load(Relaxed) {
            0 => each,
            average => (average * 7 + each).div_ceil(8),
        };
        self.fuel_per_alert.store(average, Relaxed);
        let fitting = self.rows.load(Relaxed);
        if rows >= fitting {
            self.rows
                .store(fitting.saturating_add(fitting / 8 + 1), Relaxed);
        }
    }

    /// A call of `rows` rows took more fuel than the budget.
    pub(super) fn over_fuel(&self, rows: usize, budget: u64) {
        self.fuel_per_alert
            .fetch_max(budget / rows.max(1) as u64, Relaxed);
    }

    /// A call of several rows took more memory or time than one alert may.
    pub(super) fn over_size(&self, rows: usize) {
        self.rows.store((rows / 2).max(1), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;

    #[test]
    fn calls_stay_within_half_the_budget() {
        let pace = Pace::new();
        assert_eq!(pace.rows(1000), usize::MAX);
        pace.good(10, 1000);
        assert_eq!(pace.rows(10_000), 50);
        pace.over_fuel(50, 10_000);
        assert_eq!(pace.rows(10_000), 25);
        for _ in 0..100 {
            pace.good(1, 1_000_000);
        }
        assert_eq!(pace.rows(10_000), 1);
    }

    #[test]
    fn size_recovers() {
        let pace = Pace::new();
        pace.good(1, 1);
        pace.over_size(64);
        assert_eq!(pace.rows(u64::MAX), 32);
        for _ in 0..20 {
            pace.good(pace.rows(u64::MAX), 1);
        }
        assert!(pace.rows(u64::MAX) > 200);
    }
}

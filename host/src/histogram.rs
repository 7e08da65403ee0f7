//! How a cost is distributed over alerts: a histogram of bounded size, and percentiles of it.
//!
//! In: one number per alert. Out: a [`Distribution`]. Never: more than some hundred bins, whatever
//! comes. Bins are an eighth of an octave wide (exact below 16), so a percentile is at most 12.5 %
//! too high.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Numbers below this have a bin each.
const EXACT: u64 = 16;
/// Bins of an octave.
const PARTS: u64 = 8;

/// Counts by size; adds up, and can be saved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    bins: BTreeMap<u16, u64>,
    max: u64,
}

/// How a cost is distributed over the alerts whose cost was measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Distribution {
    /// Alerts that were measured: each alone in a sandbox.
    pub alerts: u64,
    /// Half of them cost at most so much.
    pub p50: u64,
    /// Nine tenths.
    pub p90: u64,
    /// All but a hundredth.
    pub p99: u64,
    /// The dearest.
    pub max: u64,
    /// By powers of two, empty ones left out.
    pub histogram: Vec<Bin>,
}

/// Alerts of about the same cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Bin {
    /// The least cost of the bin.
    pub from: u64,
    /// The greatest.
    pub to: u64,
    /// Alerts in it.
    pub alerts: u64,
}

impl Histogram {
    /// Count one number.
    pub fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    /// Count the same number for several alerts.
    pub fn add_many(&mut self, value: u64, alerts: u64) {
        *self.bins.entry(bin(value)).or_default() += alerts;
        self.max = self.max.max(value);
    }

    /// Add what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (bin, alerts) in &other.bins {
            *self.bins.entry(*bin).or_default() += alerts;
        }
        self.max = self.max.max(other.max);
    }

    /// Bins that hold alerts, and how many.
    pub fn bins(&self) -> impl Iterator<Item = (u16, u64)> {
        self.bins.iter().map(|(bin, alerts)| (*bin, *alerts))
    }

    /// Of stored bins; the greatest number is the upper edge of the last one.
    #[must_use]
    pub fn of_bins(bins: impl IntoIterator<Item = (u16, u64)>) -> Self {
        let bins: BTreeMap<u16, u64> = bins.into_iter().collect();
        let max = bins.last_key_value().map_or(0, |(bin, _)| edges(*bin).1);
        Self { bins, max }
    }

    /// Its percentiles.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        Distribution {
            alerts: self.bins.values().sum(),
            p50: self.percentile(50),
            p90: self.percentile(90),
            p99: self.percentile(99),
            max: self.max,
            histogram: self.octaves(),
        }
    }

    /// The upper edge of the bin that holds it, but no more than the greatest number seen.
    fn percentile(&self, percent: u64) -> u64 {
        let count: u64 = self.bins.values().sum();
        let wanted = (count * percent).div_ceil(100);
        let mut below = 0;
        for (bin, alerts) in &self.bins {
            below += alerts;
            if below >= wanted {
                return edges(*bin).1.min(self.max);
            }
        }
        0
    }

    fn octaves(&self) -> Vec<Bin> {
        let mut octaves: Vec<Bin> = Vec::new();
        for (&bin, &alerts) in &self.bins {
            let bits = u64::BITS - edges(bin).0.leading_zeros();
            let from = if bits == 0 { 0 } else { 1 << (bits - 1) };
            let to = u64::MAX.checked_shr(u64::BITS - bits).unwrap_or(0);
            match octaves.last_mut() {
                Some(last) if last.from == from => last.alerts += alerts,
                _ => octaves.push(Bin { from, to, alerts }),
            }
        }
        octaves
    }
}

fn bin(value: u64) -> u16 {
    let number = if value < EXACT {
        value
    } else {
        let octave = u64::from(value.ilog2());
        let part = (value >> (octave - 3)) & (PARTS - 1);
        EXACT + (octave - 4) * PARTS + part
    };
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// The least and the greatest number of a bin.
fn edges(bin: u16) -> (u64, u64) {
    let bin = u64::from(bin);
    if bin < EXACT {
        return (bin, bin);
    }
    let (octave, part) = ((bin - EXACT) / PARTS + 4, (bin - EXACT) % PARTS);
    let width = 1 << (octave - 3);
    let least = (PARTS + part) << (octave - 3);
    (least, least + (width - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_lies_in_its_bin_and_the_bin_is_narrow(value: u64) {
            let (least, greatest) = edges(bin(value));
            prop_assert!(least <= value && value <= greatest);
            prop_assert!(greatest - least <= least / PARTS);
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_numbers() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|value| histogram.add(value));
        let found = histogram.distribution();
        assert_eq!((found.alerts, found.max), (1_000, 1_000));
        for (found, exact) in [(found.p50, 500), (found.p90, 900), (found.p99, 990)] {
            assert!((exact..=exact * 9 / 8).contains(&found), "{found} {exact}");
        }
        assert_eq!(
            found.histogram.iter().map(|bin| bin.alerts).sum::<u64>(),
            1_000
        );
        let last = Bin {
            from: 512,
            to: 1023,
            alerts: 489,
        };
        assert_eq!(found.histogram.last(), Some(&last));
    }

    #[test]
    fn nothing_measured_costs_nothing() {
        assert_eq!(Histogram::default().distribution(), Distribution::default());
        let mut zero = Histogram::default();
        zero.add(0);
        assert_eq!(
            zero.distribution().histogram,
            [Bin {
                from: 0,
                to: 0,
                alerts: 1
            }]
        );
    }
}

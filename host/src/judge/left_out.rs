//! Alerts that a filter is not handed, though nothing is missing: beyond its owner's rights, or after its
//! time of the night is used up.
//!
//! In: alerts, a filter. Out: rows. Never: a filter's answer.

use std::sync::Arc;

use super::{Alert, Judge};
use crate::evaluate::active::ActiveFilter;
use crate::rights::Rights;

impl Judge {
    /// The alerts beyond a filter's rights, ascending.
    pub(super) fn hidden(&self, filter: &ActiveFilter, alerts: &[Alert]) -> Vec<u32> {
        let rights = &filter.rights;
        if self.settings.programmes.is_none() || *rights == Rights::all() {
            return Vec::new();
        }
        let numbered = (0_u32..).zip(alerts);
        let beyond = numbered.filter(|(_, alert)| !rights.allow(alert.identity.programme));
        beyond.map(|(row, _)| row).collect()
    }

    /// Takes out of `rows` those of nights whose time the filter has used up.
    pub(super) fn skipped(
        &self,
        filter: &ActiveFilter,
        alerts: &[Alert],
        rows: &mut Vec<u32>,
    ) -> Vec<u32> {
        let limited = filter.destination.limits.cpu_ms_per_night < u64::MAX;
        let Some(out_of_time) = self.out_of_time.as_ref().filter(|_| limited) else {
            return Vec::new();
        };
        // Alerts of a batch are of one night, or two: each is asked for once.
        let mut nights: Vec<(&Arc<str>, bool)> = Vec::new();
        let mut is_out = |night| match nights.iter().find(|(known, _)| *known == night) {
            Some((_, is_out)) => *is_out,
            None => {
                nights.push((night, out_of_time(&filter.destination, night)));
                nights[nights.len() - 1].1
            }
        };
        let of = |row: u32| &alerts[row as usize].identity.night;
        let skipped: Vec<u32> = rows
            .iter()
            .copied()
            .filter(|row| is_out(of(*row)))
            .collect();
        if !skipped.is_empty() {
            rows.retain(|row| skipped.binary_search(row).is_err());
        }
        skipped
    }
}

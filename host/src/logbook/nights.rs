//! The nights of a batch: found once, for every filter to count by.
//!
//! In: the alerts of a batch, the rows that a filter judged. Out: how many of each night. Never: a
//! text compared for every filter.

use std::sync::Arc;

use crate::judge::Alert;

/// Which night each alert of a batch is of.
pub(super) struct Nights {
    names: Vec<Arc<str>>,
    /// Index into `names`, by row.
    of: Vec<usize>,
}

impl Nights {
    /// Of these alerts: mostly one night, near noon two.
    pub(super) fn of(alerts: &[Alert]) -> Self {
        let mut nights = Self {
            names: Vec::with_capacity(1),
            of: Vec::with_capacity(alerts.len()),
        };
        for alert in alerts {
            let night = &alert.identity.night;
            // Alerts of one night, one after the other, share its name.
            let is = |name: &Arc<str>| Arc::ptr_eq(name, night) || name == night;
            let place = nights.names.iter().position(is).unwrap_or_else(|| {
                nights.names.push(night.clone());
                nights.names.len() - 1
            });
            nights.of.push(place);
        }
        nights
    }

    /// How many of `rows` are of each night that has any.
    pub(super) fn count(&self, rows: &[u32]) -> Vec<(&Arc<str>, u64)> {
        if let [night] = &self.names[..] {
            return vec![(night, rows.len() as u64)];
        }
        let mut counts = vec![0; self.names.len()];
        for row in rows {
            counts[self.of[*row as usize]] += 1;
        }
        let counted = self.names.iter().zip(counts);
        counted.filter(|(_, alerts)| *alerts > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    fn alert(night: &str) -> Alert {
        Alert {
            packet: 0,
            record: 0,
            alone: None,
            identity: Identity {
                object_id: String::new(),
                alert_id: String::new(),
                night: night.into(),
                programme: None,
            },
        }
    }

    fn check(nights: &[&str], rows: &[u32], expected: &[(&str, u64)]) {
        let alerts: Vec<Alert> = nights.iter().map(|night| alert(night)).collect();
        let nights = Nights::of(&alerts);
        let counted = nights.count(rows);
        let counted: Vec<_> = counted
            .iter()
            .map(|(name, alerts)| (&***name, *alerts))
            .collect();
        assert_eq!(counted, expected);
    }

    #[test]
    fn rows_are_counted_by_their_night() {
        check(&["a", "a", "a"], &[0, 2], &[("a", 2)]);
        check(&["a", "b", "a", "b"], &[0, 1, 2], &[("a", 2), ("b", 1)]);
        check(&["a", "b", "c"], &[2], &[("c", 1)]);
    }
}

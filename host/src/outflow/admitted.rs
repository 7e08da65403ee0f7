//! What was let out of each filter's night and may yet be taken back. Pure.
//!
//! In: what goes out. Out: sums. Never: what was withheld.

use std::collections::HashMap;
use std::sync::Arc;

use super::Used;
use crate::delivery::Destination;

/// What was let out and may yet be taken back, where the commit fails.
#[derive(Debug, Default)]
pub struct Admitted(pub(super) HashMap<(i64, Arc<str>), (Arc<Destination>, Used)>);

impl Admitted {
    /// Together with what was let out later.
    pub fn append(&mut self, later: Self) {
        for ((_, night), (destination, used)) in later.0 {
            self.add(&destination, &night, &used);
        }
    }

    pub(super) fn add(&mut self, destination: &Arc<Destination>, night: &Arc<str>, used: &Used) {
        let key = (destination.setting, night.clone());
        let new = || (destination.clone(), Used::default());
        self.0.entry(key).or_insert_with(new).1.add(used);
    }
}

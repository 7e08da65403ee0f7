//! What was let out of each filter's night and may yet be taken back. Pure.
//!
//! In: what goes out, what the gate's windows counted. Out: sums. Never: what was withheld.

use std::collections::HashMap;
use std::sync::Arc;

use super::Used;
use super::window::Block;
use crate::delivery::Destination;

/// What was let out and may yet be taken back, where the commit fails.
#[derive(Debug, Default)]
pub struct Admitted {
    /// By setting and night.
    pub(super) nights: HashMap<(i64, Arc<str>), (Arc<Destination>, Used)>,
    /// By setting and number of the block: what it added to its gate's window.
    pub(super) windows: HashMap<(i64, u64), (Arc<Destination>, Block)>,
}

impl Admitted {
    /// Together with what was let out later.
    pub fn append(&mut self, later: Self) {
        for ((_, night), (destination, used)) in later.nights {
            self.add(&destination, &night, &used);
        }
        for ((_, number), (destination, block)) in later.windows {
            self.count(&destination, number, &block);
        }
    }

    pub(super) fn add(&mut self, destination: &Arc<Destination>, night: &Arc<str>, used: &Used) {
        let key = (destination.setting, night.clone());
        let new = || (destination.clone(), Used::default());
        self.nights.entry(key).or_insert_with(new).1.add(used);
    }

    pub(super) fn count(&mut self, destination: &Arc<Destination>, number: u64, block: &Block) {
        let key = (destination.setting, number);
        let new = || (destination.clone(), Block::default());
        self.windows.entry(key).or_insert_with(new).1.add(block);
    }
}

//! The last alerts that a filter judged: how many, and how many of them went out. Pure.
//!
//! In: what batches gave. Out: what went out of about the last so many alerts. Never: more blocks
//! than bounded.

use std::collections::VecDeque;

/// So many blocks make a window; the oldest leaves whole.
const BLOCKS: u64 = 16;

/// A sliding window, in blocks.
#[derive(Debug, Default)]
pub(super) struct Window {
    blocks: VecDeque<Block>,
    passing: u64,
}

#[derive(Debug, Default, Clone, Copy)]
struct Block {
    judged: u64,
    passing: u64,
}

impl Window {
    /// So many alerts more were judged, of a window of `alerts`.
    pub(super) fn judged(&mut self, judged: u64, alerts: u64) {
        let full = |block: &Block| block.judged >= (alerts / BLOCKS).max(1);
        if self.blocks.back().is_none_or(full) {
            self.blocks.push_back(Block::default());
        }
        if let Some(block) = self.blocks.back_mut() {
            block.judged += judged;
        }
        let mut total: u64 = self.blocks.iter().map(|block| block.judged).sum();
        while let Some(oldest) = self.blocks.front().copied() {
            // Without the oldest block there must still be a whole window.
            if self.blocks.len() < 2 || total - oldest.judged < alerts {
                break;
            }
            total -= oldest.judged;
            self.passing -= oldest.passing;
            self.blocks.pop_front();
        }
    }

    /// So many of them went out.
    pub(super) fn passed(&mut self, passing: u64) {
        if let Some(block) = self.blocks.back_mut() {
            block.passing += passing;
            self.passing += passing;
        }
    }

    /// How many of the window went out.
    pub(super) fn passing(&self) -> u64 {
        self.passing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_the_window_no_longer_counts() {
        let mut window = Window::default();
        for _ in 0..10 {
            window.judged(100, 1_000);
            window.passed(5);
        }
        assert_eq!(window.passing(), 50);
        for _ in 0..11 {
            window.judged(100, 1_000);
        }
        assert_eq!(window.passing(), 0);
        assert!(window.blocks.len() <= 17);
    }

    #[test]
    fn a_batch_larger_than_the_window_is_a_window() {
        let mut window = Window::default();
        window.judged(5_000, 1_000);
        window.passed(50);
        assert_eq!(window.passing(), 50);
        window.judged(5_000, 1_000);
        assert_eq!(window.passing(), 0);
    }
}

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
    /// Each with its number, ascending.
    blocks: VecDeque<(u64, Block)>,
    /// Of the block that comes next; none is given twice.
    next: u64,
    passing: u64,
}

/// A part of the window.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Block {
    /// Alerts that were judged.
    pub judged: u64,
    /// Those of them that went out.
    pub passing: u64,
}

impl Block {
    pub(super) fn add(&mut self, more: &Self) {
        self.judged += more.judged;
        self.passing += more.passing;
    }
}

impl Window {
    /// So many alerts more were judged, of a window of `alerts`; the number of their block.
    pub(super) fn judged(&mut self, judged: u64, alerts: u64) -> u64 {
        let full = |(_, block): &(u64, Block)| block.judged >= (alerts / BLOCKS).max(1);
        if self.blocks.back().is_none_or(full) {
            self.blocks.push_back((self.next, Block::default()));
            self.next += 1;
        }
        if let Some((_, block)) = self.blocks.back_mut() {
            block.judged += judged;
        }
        let mut total: u64 = self.blocks.iter().map(|(_, block)| block.judged).sum();
        while let Some((_, oldest)) = self.blocks.front().copied() {
            // Without the oldest block there must still be a whole window.
            if self.blocks.len() < 2 || total - oldest.judged < alerts {
                break;
            }
            total -= oldest.judged;
            self.passing -= oldest.passing;
            self.blocks.pop_front();
        }
        self.next - 1
    }

    /// So many of them went out; the number of the block that has them, if there is one.
    pub(super) fn passed(&mut self, passing: u64) -> Option<u64> {
        let (number, block) = self.blocks.back_mut()?;
        block.passing += passing;
        self.passing += passing;
        Some(*number)
    }

    /// What a block was given will come again. A block that has left the window has taken it along.
    pub(super) fn take_back(&mut self, number: u64, given: &Block) {
        let Ok(place) = self
            .blocks
            .binary_search_by_key(&number, |(known, _)| *known)
        else {
            return;
        };
        let (_, block) = &mut self.blocks[place];
        let passing = given.passing.min(block.passing);
        block.judged = block.judged.saturating_sub(given.judged);
        block.passing -= passing;
        self.passing -= passing;
        if block.judged == 0 && block.passing == 0 {
            self.blocks.remove(place);
        }
    }

    /// Begin afresh.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        self.passing = 0;
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

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let mut window = Window::default();
        for _ in 0..1_000 {
            let (mine, theirs) = (window.judged(100, 1_000), window.judged(100, 1_000));
            window.passed(7);
            let given = Block {
                judged: 100,
                passing: 0,
            };
            window.take_back(mine, &given);
            window.take_back(
                theirs,
                &Block {
                    passing: 7,
                    ..given
                },
            );
        }
        assert_eq!((window.passing(), window.blocks.len()), (0, 0));
        // A block that has left the window, or that another setting had.
        let old = window.judged(100, 1_000);
        window.passed(7);
        for _ in 0..20 {
            window.judged(100, 1_000);
        }
        window.passed(3);
        let given = Block {
            judged: 100,
            passing: 7,
        };
        window.take_back(old, &given);
        assert_eq!(window.passing(), 3);
        window.clear();
        window.judged(100, 1_000);
        window.passed(5);
        window.take_back(old, &given);
        window.take_back(0, &given);
        assert_eq!(window.passing(), 5);
    }
}

//! Collects the lines that a filter writes during a native run.
//!
//! What comes in: lines. What goes out: those of one alert. Never: more than the host keeps.

use std::cell::RefCell;

use crate::log::Level;

/// The host drops what exceeds its own bound; a native run keeps this many per alert.
const MOST_LINES: usize = 1000;

thread_local! {
    static LINES: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn write(level: Level, row: Option<u32>, message: String) {
    if row.is_some() {
        LINES.with_borrow_mut(|lines| {
            if lines.len() < MOST_LINES {
                lines.push((level, message));
            }
        });
    }
}

/// The lines since the last call.
pub(crate) fn take() -> Vec<(Level, String)> {
    LINES.take()
}

//! Lines for the owner: shown by `replay` and kept, bounded, by the host.
//!
//! What comes in: a message. What goes out: a line tied to the alert being judged. Never: a change
//! of verdict. Outside the sandbox and the module `testing` a line goes nowhere.

use std::cell::Cell;
use std::fmt::Display;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For looking closely.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is odd.
    Warning,
    /// Something is wrong.
    Error,
}

thread_local! {
    static ROW: Cell<Option<u32>> = const { Cell::new(None) };
}

/// From here on, lines belong to this row.
pub(crate) fn enter(row: u32) {
    ROW.set(Some(row));
}

/// From here on, lines belong to no row.
pub(crate) fn leave() {
    ROW.set(None);
}

/// Writes a line for looking closely: `log::debug(format_args!("slope {slope}"))`.
pub fn debug(message: impl Display) {
    write(Level::Debug, message);
}

/// Writes a line worth knowing.
pub fn info(message: impl Display) {
    write(Level::Info, message);
}

/// Writes a line about something odd.
pub fn warning(message: impl Display) {
    write(Level::Warning, message);
}

/// Writes a line about something wrong.
pub fn error(message: impl Display) {
    write(Level::Error, message);
}

/// Longest line that the host keeps [bytes]; the rest is cut off here, for it would cost fuel and
/// nobody would see it.
const LINE_BYTES: usize = 1024;

/// Writes a line of this level.
pub fn write(level: Level, message: impl Display) {
    let mut line = message.to_string();
    line.truncate(line.floor_char_boundary(LINE_BYTES));
    sink::write(level, ROW.get(), line);
}

#[cfg(target_arch = "wasm32")]
mod sink {
    use super::Level;
    use crate::guest::bindings::skysieve::filter::log;

    pub(super) fn write(level: Level, row: Option<u32>, message: String) {
        let level = match level {
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warning => log::Level::Warning,
            Level::Error => log::Level::Error,
        };
        log::write(level, row, &message);
    }
}

#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
mod sink {
    pub(super) use crate::testing::log::write;
}

#[cfg(not(any(feature = "testing", target_arch = "wasm32")))]
mod sink {
    use super::Level;

    pub(super) fn write(_: Level, _: Option<u32>, _: String) {}
}

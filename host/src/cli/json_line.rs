//! One alert as JSON, bounded.
//!
//! In: a row of decoded columns. Out: its text. Never: more memory than the bound, for a few bytes of
//! Avro may stand for millions of values.

use std::fmt::{self, Write};

use arrow_array::Array;
use skysieve_decode::write_json;

/// Longest text of one alert [bytes]; real ones take at most some megabytes.
const MOST_BYTES: usize = 256 << 20;

/// The text of an alert, or why there is none.
pub(super) type Alert = Result<String, TooLong>;

/// An alert whose text exceeds the bound.
#[derive(Debug, thiserror::Error)]
#[error("the record takes more than {MOST_BYTES} bytes as JSON")]
pub(super) struct TooLong;

/// Text up to a bound.
#[derive(Default)]
pub(super) struct Line(String);

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > MOST_BYTES - self.0.len() {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl Line {
    /// What was written, where all of it found room.
    pub(super) fn finish(self, written: fmt::Result) -> Alert {
        written.map(|()| self.0).map_err(|fmt::Error| TooLong)
    }
}

/// The value of one row.
pub(super) fn value(array: &dyn Array, row: usize) -> Alert {
    let mut line = Line::default();
    let written = write_json(&mut line, array, row);
    line.finish(written)
}

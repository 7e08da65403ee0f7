//! What a store knows of its guest: how much memory it has, and what it logged.
//!
//! In: requests to grow, log lines. Out: yes or no, bounded lines. Never: anything that outlives
//! the store.

use wasmtime::ResourceLimiter;

use super::limits::{LOG_LINE_BYTES, Settings};
use super::text;
use super::verdict::{LogLevel, LogLine};

/// The host's side of one sandbox.
pub(super) struct Guest {
    pub(super) memory: Memory,
    pub(super) logs: Logs,
}

impl Guest {
    pub(super) fn new(settings: &Settings) -> Guest {
        Guest {
            memory: Memory::new(settings),
            logs: Logs::new(settings),
        }
    }
}

/// A running total over all memories and tables; wasmtime asks per memory.
pub(super) struct Memory {
    bytes: usize,
    bytes_limit: usize,
    memories: usize,
    tables: usize,
    table_elements: usize,
    instances: usize,
    /// The guest was refused memory or table elements; a trap that follows has this cause.
    pub(super) refused: bool,
}

impl Memory {
    fn new(settings: &Settings) -> Memory {
        Memory {
            bytes: 0,
            bytes_limit: settings.memory_bytes,
            memories: settings.memories,
            tables: settings.tables,
            table_elements: settings.table_elements,
            instances: settings.core_instances,
            refused: false,
        }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.bytes.saturating_add(desired.saturating_sub(current));
        let granted = total <= self.bytes_limit && maximum.is_none_or(|maximum| desired <= maximum);
        if granted {
            self.bytes = total;
        } else {
            self.refused = true;
        }
        Ok(granted)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted =
            desired <= self.table_elements && maximum.is_none_or(|maximum| desired <= maximum);
        self.refused |= !granted;
        Ok(granted)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.tables
    }

    fn memories(&self) -> usize {
        self.memories
    }
}

/// The first lines of a batch, as many as fit; the others are counted.
pub(super) struct Logs {
    lines: Vec<LogLine>,
    bytes: usize,
    lines_limit: usize,
    bytes_limit: usize,
    dropped: u64,
}

impl Logs {
    fn new(settings: &Settings) -> Logs {
        Logs {
            lines: Vec::new(),
            bytes: 0,
            lines_limit: settings.log_lines,
            bytes_limit: settings.log_bytes,
            dropped: 0,
        }
    }

    /// Whether a further line would be dropped unread.
    pub(super) fn full(&self) -> bool {
        self.lines.len() >= self.lines_limit || self.bytes >= self.bytes_limit
    }

    /// Counts a line that nobody read.
    pub(super) fn drop_line(&mut self) {
        self.dropped += 1;
    }

    /// Keeps a line, cut and with its control characters escaped.
    pub(super) fn keep(&mut self, level: LogLevel, row: Option<u32>, message: &str) {
        let message = text::for_people(message, LOG_LINE_BYTES);
        if self.full() || self.bytes + message.len() > self.bytes_limit {
            return self.drop_line();
        }
        self.bytes += message.len();
        self.lines.push(LogLine {
            level,
            row,
            message,
        });
    }

    /// Hands over what was kept and dropped, and starts anew.
    pub(super) fn take(&mut self) -> (Vec<LogLine>, u64) {
        self.bytes = 0;
        (
            std::mem::take(&mut self.lines),
            std::mem::take(&mut self.dropped),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settings() -> Settings {
        Settings {
            memory_bytes: 1000,
            log_lines: 3,
            log_bytes: 20,
            ..Settings::default()
        }
    }

    #[test]
    fn memory_is_counted_over_all_memories() {
        let mut memory = Memory::new(&settings());
        assert!(memory.memory_growing(0, 600, None).unwrap());
        assert!(memory.memory_growing(0, 400, None).unwrap());
        assert!(!memory.refused);
        assert!(!memory.memory_growing(400, 401, None).unwrap());
        assert!(memory.refused);
    }

    #[test]
    fn a_table_beyond_the_limit_is_refused() {
        let mut memory = Memory::new(&settings());
        let limit = settings().table_elements;
        assert!(memory.table_growing(0, limit, None).unwrap());
        assert!(!memory.table_growing(0, limit + 1, None).unwrap());
        assert!(memory.refused);
    }

    #[test]
    fn lines_and_bytes_are_bounded_and_drops_counted() {
        let mut logs = Logs::new(&settings());
        for _ in 0..5 {
            logs.keep(LogLevel::Info, None, "six ch");
        }
        let (lines, dropped) = logs.take();
        assert_eq!((lines.len(), dropped), (3, 2));
        logs.keep(LogLevel::Info, Some(1), "a line of more than twenty bytes");
        assert_eq!(logs.take().1, 1);
        assert_eq!(logs.take(), (Vec::new(), 0));
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut logs = Logs::new(&settings());
        logs.keep(LogLevel::Info, None, "a\r\nb\u{1b}[1m");
        assert_eq!(logs.take().0[0].message, "a\\r\\nb\\u{1b}[1m");
    }
}

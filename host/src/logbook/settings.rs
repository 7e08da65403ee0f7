//! How much of what filters say and do is kept for their owners.
//!
//! In: the operator's choice. Out: bounds. Never: enforcement.

use serde::Deserialize;

/// Bounds of what is kept of each filter.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Log lines kept of one filter; the oldest give way.
    pub log_lines: u32,
    /// Causes of failure kept of one filter; failures of further ones count together.
    pub causes: u32,
    /// A longer packet is not kept as the example of a cause [bytes].
    pub example_bytes: usize,
    /// How long lines, causes and costs are kept [days].
    pub keep_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_lines: 10_000,
            causes: 100,
            example_bytes: 1 << 20,
            keep_days: 30,
        }
    }
}

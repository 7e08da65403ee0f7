//! What an upload may cost.
//!
//! In: the operator's settings. Out: bounds for every layer. Never: enforcement.

use serde::Deserialize;

use super::caps::Caps;

/// Limits of uploads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Size of a filter as uploaded, and as a component [bytes]; a Rust filter has 30 to 300 kB, with
    /// debug information some MB.
    pub component_bytes: usize,
    /// How entangled it may be.
    pub caps: Caps,
    /// Compile children at once.
    pub children: usize,
    /// Longest wait for one of them [ms].
    pub queue_ms: u64,
    /// Wall-clock time of one compilation [ms].
    pub compile_ms: u64,
    /// Processor time of one compilation [s].
    pub compile_cpu_s: u64,
    /// Address space of one compilation [bytes].
    pub compile_address_space_bytes: u64,
    /// Compiled code of one filter [bytes].
    pub compiled_bytes: u64,
    /// All compiled filters on disk [bytes]; the oldest give way and are compiled again when needed.
    pub cache_bytes: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            component_bytes: 8 << 20,
            caps: Caps::default(),
            children: 2,
            queue_ms: 60_000,
            compile_ms: 30_000,
            compile_cpu_s: 20,
            compile_address_space_bytes: 2 << 30,
            compiled_bytes: 64 << 20,
            cache_bytes: 4 << 30,
        }
    }
}

//! Limits that hold passing alerts back, and who met them. Pure.
//!
//! In: nothing. Out: the words that are counted and shown. Never: a decision.

use std::sync::Arc;

/// Why a passing alert does not go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Withheld {
    /// More passes than the stream's gate lets through.
    Gate,
    /// The night's alerts are used up.
    Alerts,
    /// The night's bytes are used up.
    Bytes,
    /// The night's time in the sandbox is used up: alerts are skipped, none is withheld.
    Cpu,
}

impl Withheld {
    /// The word that is counted and shown: the quota's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Alerts => "alerts_per_night",
            Self::Bytes => "bytes_per_night",
            Self::Cpu => "cpu_s_per_night",
        }
    }
}

/// A filter that met a limit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Met {
    /// Number of the setting that ran.
    pub setting: i64,
    /// The night.
    pub night: Arc<str>,
    /// Which limit.
    pub limit: Withheld,
}

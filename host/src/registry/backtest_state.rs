//! The states of a back-test, as they are stored and shown. Pure.
//!
//! In: words of the database. Out: [`BacktestState`]s. Never: SQL.

use super::error::RegistryError;

/// How far a back-test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BacktestState {
    /// It waits for a host.
    Queued,
    /// A host works on it, or will go on with it.
    Running,
    /// The source was read to its end, or to the number of alerts asked for.
    Done,
    /// It cannot be carried through.
    Failed,
    /// Somebody who may ended it.
    Cancelled,
}

impl BacktestState {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "queued" => Ok(Self::Queued),
            "running" => Ok(Self::Running),
            "done" => Ok(Self::Done),
            "failed" => Ok(Self::Failed),
            "cancelled" => Ok(Self::Cancelled),
            other => Err(RegistryError::Database(format!(
                "unknown state `{other}` of a back-test"
            ))),
        }
    }
}

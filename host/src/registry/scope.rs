//! What a token lets its bearer do.
//!
//! In: the stored word. Out: a [`Scope`]. Never: more than its user may.

use super::error::RegistryError;

/// What a token lets its bearer do.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All that its user may.
    #[default]
    Full,
    /// Read what its user may read, change nothing.
    Read,
}

impl Scope {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
        }
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "full" => Ok(Self::Full),
            "read" => Ok(Self::Read),
            other => Err(RegistryError::Database(format!("unknown scope `{other}`"))),
        }
    }
}

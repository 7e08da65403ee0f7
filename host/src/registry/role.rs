//! What a user may do.
//!
//! In: the stored word. Out: a [`Role`]. Never: a role that nobody gave.

use super::error::RegistryError;

/// What a user may do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uploads, changes and reads their own filters.
    Scientist,
    /// Reads and changes everybody's.
    Administrator,
}

impl Role {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scientist => "scientist",
            Self::Administrator => "administrator",
        }
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "scientist" => Ok(Self::Scientist),
            "administrator" => Ok(Self::Administrator),
            other => Err(RegistryError::Database(format!("unknown role `{other}`"))),
        }
    }
}

//! The kinds of notices, as words. Pure.
//!
//! In: stored or sent words. Out: [`NoticeKind`]s. Never: the database.

use crate::registry::RegistryError;

/// What a notice tells.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema,
)]
pub enum NoticeKind {
    /// A filter passes more than its gate allows; part of it is withheld.
    #[serde(rename = "filter.throttled")]
    Throttled,
    /// The host stopped a filter.
    #[serde(rename = "filter.suspended")]
    Suspended,
    /// A filter could not judge an alert.
    #[serde(rename = "filter.failing")]
    Failing,
    /// An owner or a filter has used up a quota.
    #[serde(rename = "quota.reached")]
    Quota,
    /// An activation that was set for a time took place, or could not.
    #[serde(rename = "activation.ended")]
    Activation,
    /// A back-test ended, well or not.
    #[serde(rename = "backtest.ended")]
    Backtest,
    /// An owner tries a target.
    #[serde(rename = "target.test")]
    Test,
    /// An e-mail address is asked whether it wants notices.
    #[serde(rename = "target.confirm")]
    Confirm,
}

impl NoticeKind {
    /// Those that an owner can choose among.
    pub const CHOICES: [Self; 6] = [
        Self::Throttled,
        Self::Suspended,
        Self::Failing,
        Self::Quota,
        Self::Activation,
        Self::Backtest,
    ];

    /// The word that is stored, shown and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "filter.throttled",
            Self::Suspended => "filter.suspended",
            Self::Failing => "filter.failing",
            Self::Quota => "quota.reached",
            Self::Activation => "activation.ended",
            Self::Backtest => "backtest.ended",
            Self::Test => "target.test",
            Self::Confirm => "target.confirm",
        }
    }

    /// The kind that an owner chose by this word.
    #[must_use]
    pub fn chosen(word: &str) -> Option<Self> {
        Self::CHOICES.into_iter().find(|kind| kind.as_str() == word)
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        let known = [Self::Test, Self::Confirm].into_iter();
        Self::chosen(word)
            .or_else(|| known.into_iter().find(|kind| kind.as_str() == word))
            .ok_or_else(|| RegistryError::Database(format!("unknown kind of notice `{word}`")))
    }
}

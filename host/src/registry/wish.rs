//! What somebody wants of a filter, and what follows from it. Pure.
//!
//! In: a wish, and what is switched on. Out: what is switched on from now, or why not. Never: SQL.

use super::error::RegistryError;

/// Whether an activated setting runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Running)]
pub enum State {
    /// It judges alerts.
    Active,
    /// Its owner paused it.
    Paused,
    /// The host or an administrator stopped it, for a reason.
    Suspended,
    /// Its owner switched it off; a new activation switches it on again.
    Retired,
}

impl State {
    /// The word that is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
        }
    }

    pub(super) fn from_stored(word: &str) -> Result<Self, RegistryError> {
        match word {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            "suspended" => Ok(Self::Suspended),
            "retired" => Ok(Self::Retired),
            other => Err(RegistryError::Database(format!("unknown state `{other}`"))),
        }
    }
}

/// What somebody wants of a filter.
pub(super) enum Wish<'a> {
    Run(i64),
    /// To this setting alone, where one is named.
    RollBack(Option<i64>),
    Pause,
    Resume,
    Suspend(i64, &'a str),
    Retire,
}

impl Wish<'_> {
    /// The word of history; with `filter.` before it, that of the audit log.
    pub(super) const fn action(&self) -> &'static str {
        match self {
            Self::Run(_) => "filter.activate",
            Self::RollBack(_) => "filter.rollback",
            Self::Pause => "filter.pause",
            Self::Resume => "filter.resume",
            Self::Suspend(..) => "filter.suspend",
            Self::Retire => "filter.retire",
        }
    }
}

/// What is switched on of a filter in a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) setting: i64,
    pub(super) state: State,
    pub(super) reason: String,
}

/// What follows from a wish: nothing, or what is switched on from now. `before` is what ran before.
pub(super) fn decide(
    wish: &Wish<'_>,
    before: Option<i64>,
    current: Option<Current>,
) -> Result<Option<Current>, RegistryError> {
    let on = current.as_ref().filter(|now| now.state != State::Retired);
    let next = match (wish, on) {
        (Wish::Run(setting), _) => Current::new(*setting, State::Active, ""),
        (Wish::RollBack(only), _) => {
            let setting = before.ok_or(RegistryError::NothingBefore)?;
            if only.is_some_and(|only| only != setting) {
                return Err(RegistryError::Changed);
            }
            Current::new(setting, State::Active, "")
        }
        (Wish::Suspend(setting, reason), Some(now)) if now.setting == *setting => {
            if now.state != State::Active {
                return Ok(None);
            }
            Current::new(*setting, State::Suspended, reason)
        }
        (Wish::Suspend(..), _) => return Ok(None),
        (Wish::Pause | Wish::Resume | Wish::Retire, None) => return Err(RegistryError::NotActive),
        (Wish::Retire, Some(now)) => Current::new(now.setting, State::Retired, ""),
        (Wish::Pause | Wish::Resume, Some(now)) if now.state == State::Suspended => {
            return Err(RegistryError::Suspended(now.reason.clone()));
        }
        (Wish::Pause, Some(now)) => Current::new(now.setting, State::Paused, ""),
        (Wish::Resume, Some(now)) => Current::new(now.setting, State::Active, ""),
    };
    Ok((current.as_ref() != Some(&next)).then_some(next))
}

impl Current {
    pub(super) fn new(setting: i64, state: State, reason: &str) -> Self {
        Self {
            setting,
            state,
            reason: reason.to_owned(),
        }
    }
}

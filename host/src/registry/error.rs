//! What can go wrong in the registry, in words its callers can act on.
//!
//! In: errors of the database. Out: [`RegistryError`]. Never: an HTTP status, or the text of a
//! statement in a message for users.

use sqlx::error::ErrorKind;

/// Why the registry did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database does not answer, or not in time: try again later.
    #[error("the database does not answer now: {0}")]
    Unavailable(String),
    /// There is no such thing (or it is not there for whoever asks).
    #[error("there is no {what} `{name}`")]
    Missing {
        /// `filter`, `version`, `setting`, `token` ...
        what: &'static str,
        /// As it was asked for.
        name: String,
    },
    /// The name is in use, by a filter that may have been deleted.
    #[error("the name `{name}` is in use")]
    NameTaken {
        /// The name.
        name: String,
        /// It belongs to a filter that was deleted and whose topic still holds its alerts.
        deleted: bool,
    },
    /// The filter was deleted: it can be read, not changed.
    #[error("the filter was deleted")]
    Deleted,
    /// Nothing of the filter is switched on.
    #[error("no setting of the filter is active")]
    NotActive,
    /// The host suspended the filter; only a new activation starts it again.
    #[error("the filter is suspended: {0}")]
    Suspended(String),
    /// Nobody could administrate any more.
    #[error("the last administrator stays one and stays enabled")]
    LastAdministrator,
    /// More than the owner may have or use.
    #[error("the quota `{quota}` is {most}")]
    Quota {
        /// Its name.
        quota: &'static str,
        /// How much it is.
        most: i64,
    },
    /// As many as there may be.
    #[error("there are at most {most} {what}")]
    Full {
        /// `members of a group` ...
        what: &'static str,
        /// How many.
        most: i64,
    },
    /// The change was made to something that has changed meanwhile.
    #[error("it was changed meanwhile")]
    Changed,
    /// An issuer vouches for somebody who is nobody here.
    #[error("{0}")]
    NotAdmitted(String),
    /// There is nothing to go back to.
    #[error("no other setting of the filter ran before the present one")]
    NothingBefore,
    /// A name that cannot be part of a topic.
    #[error(transparent)]
    Name(#[from] super::names::NameError),
    /// A parameter that the version does not take so.
    #[error(transparent)]
    Parameter(#[from] crate::evaluate::ParameterError),
    /// A target of notices that cannot be so.
    #[error(transparent)]
    Target(#[from] super::notices::TargetError),
    /// The database address cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The database refused or answered what it never should: a fault of ours.
    #[error("the registry's database: {0}")]
    Database(String),
}

impl From<sqlx::Error> for RegistryError {
    fn from(error: sqlx::Error) -> Self {
        if is_outage(&error) {
            Self::Unavailable(error.to_string())
        } else {
            Self::Database(error.to_string())
        }
    }
}

impl From<crate::payload::PayloadError> for RegistryError {
    /// What is stored was checked when it came in.
    fn from(error: crate::payload::PayloadError) -> Self {
        Self::Database(format!("a stored payload: {error}"))
    }
}

impl From<sqlx::migrate::MigrateError> for RegistryError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
        match error {
            Execute(inner) | ExecuteMigration(inner, _) if is_outage(&inner) => {
                Self::Unavailable(inner.to_string())
            }
            other => Self::Database(other.to_string()),
        }
    }
}

/// Whether the same call may succeed once the database is back.
fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(inner) => inner.code().is_some_and(|code| is_outage_code(&code)),
        _ => false,
    }
}

/// PostgreSQL: classes 08 (connection), 53 (resources), 57 (operator intervention), 40 (another
/// transaction won, the call may be repeated). SQLite: the low byte busy (5), locked (6), I/O (10),
/// full (13), cannot open (14).
fn is_outage_code(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "53", "57", "40"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|number| matches!(number & 0xff, 5 | 6 | 10 | 13 | 14))
}

/// Says which client error a violated constraint of one write is.
pub(super) trait OnViolation<T> {
    /// `error` where the write violated a constraint of this kind.
    fn on_violation(
        self,
        kind: ErrorKind,
        error: impl FnOnce() -> RegistryError,
    ) -> Result<T, RegistryError>;
}

impl<T> OnViolation<T> for Result<T, sqlx::Error> {
    fn on_violation(
        self,
        kind: ErrorKind,
        error: impl FnOnce() -> RegistryError,
    ) -> Result<T, RegistryError> {
        self.map_err(|raised| match raised.as_database_error() {
            Some(inner) if inner.kind() == kind => error(),
            _ => raised.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_outage_code;

    #[test]
    fn tells_outages_from_mistakes() {
        let cases = [
            ("57P01", true),  // admin shutdown
            ("08006", true),  // connection failure
            ("53300", true),  // too many connections
            ("40P01", true),  // deadlock
            ("23505", false), // unique violation
            ("42601", false), // syntax
            ("5", true),      // SQLITE_BUSY
            ("517", true),    // SQLITE_BUSY_SNAPSHOT
            ("10", true),     // SQLITE_IOERR
            ("2067", false),  // SQLITE_CONSTRAINT_UNIQUE
            ("1", false),     // SQLITE_ERROR
        ];
        for (code, expected) in cases {
            assert_eq!(is_outage_code(code), expected, "{code}");
        }
    }
}

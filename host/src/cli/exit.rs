//! How the program ends: one status for each kind of trouble.
//!
//! In: an error. Out: its status, and the words of it for `--help`. Never: a status that
//! `docs/command-line.md` does not know.

use std::error::Error;

use crate::api::ApiError;
use crate::client::CallError;
use crate::client::login::LoginError;
use crate::config::ConfigError;
use crate::notices::NoticesError;
use crate::opened::OpenError;
use crate::registry::RegistryError;

use super::Usage;

/// It did not work, and trying again will not help by itself.
pub(super) const FAILED: u8 = 1;
/// The command line, the configuration or the login is wrong.
pub(super) const WRONG_USAGE: u8 = 2;
/// There is no such thing, or not for you.
pub(super) const NOT_FOUND: u8 = 3;
/// The host knows you, or not, and does not let you.
pub(super) const NOT_ALLOWED: u8 = 4;
/// The host refuses it as things are: a quota, the gate, a name in use, a filter that it cannot take.
pub(super) const REFUSED: u8 = 5;
/// The host cannot do it now; trying again later may help.
pub(super) const AWAY: u8 = 6;

/// The same, for the end of `--help`.
pub(super) const HELP: &str = "\
Exit statuses:
  0  done
  1  failed
  2  the command line, the configuration or the login is wrong
  3  there is no such thing, or not for you
  4  not allowed: the token is wrong, or is not an administrator's
  5  refused as things are: a quota, the gate, a name in use, a filter that cannot be taken
  6  the host is away or busy: try again later";

/// The status that an error ends the program with; none where the reader of the output has gone.
pub(super) fn status(error: &anyhow::Error) -> Option<u8> {
    let gone = |cause: &(dyn Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(gone) {
        return None;
    }
    let call = error.chain().find_map(|cause| cause.downcast_ref());
    Some(match call {
        Some(error) => of_call(error),
        None if error.chain().any(is_wrong_usage) => WRONG_USAGE,
        None => FAILED,
    })
}

fn of_call(error: &CallError) -> u8 {
    match error {
        CallError::Unreachable { .. } => AWAY,
        CallError::Unreadable { .. } => FAILED,
        CallError::Refused(refusal) => match refusal.status {
            400 => WRONG_USAGE,
            401 | 403 => NOT_ALLOWED,
            404 => NOT_FOUND,
            429 | 502..=504 => AWAY,
            402..=499 => REFUSED,
            _ => FAILED,
        },
    }
}

/// Whether a setting has to change before a new start can help.
fn is_wrong_usage(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<ConfigError>()
        || matches!(cause.downcast_ref(), Some(RegistryError::Settings(_)))
        || cause.is::<ApiError>()
        || cause.is::<NoticesError>()
        || cause.is::<LoginError>()
        || cause.is::<Usage>()
        || cause.downcast_ref().is_some_and(OpenError::is_setting)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use serde_json::Value;

    use super::*;
    use crate::client::Refusal;

    #[test]
    fn every_kind_of_trouble_has_its_status() {
        let refused = |status| {
            let document = Value::Null;
            anyhow!(CallError::Refused(Box::new(Refusal { status, document }))).context("push")
        };
        let cases = [
            (refused(400), WRONG_USAGE),
            (refused(401), NOT_ALLOWED),
            (refused(403), NOT_ALLOWED),
            (refused(404), NOT_FOUND),
            (refused(409), REFUSED),
            (refused(412), REFUSED),
            (refused(413), REFUSED),
            (refused(422), REFUSED),
            (refused(429), AWAY),
            (refused(500), FAILED),
            (refused(503), AWAY),
            (anyhow!(LoginError::None), WRONG_USAGE),
            (anyhow!(Usage("x".to_owned())), WRONG_USAGE),
            (anyhow!("anything else"), FAILED),
        ];
        for (error, expected) in cases {
            assert_eq!(status(&error), Some(expected), "{error:#}");
        }
        let pipe = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(status(&anyhow!(pipe).context("table")), None);
    }

    #[test]
    fn help_names_every_status() {
        for status in [FAILED, WRONG_USAGE, NOT_FOUND, NOT_ALLOWED, REFUSED, AWAY] {
            assert!(HELP.contains(&format!("\n  {status}  ")), "{status}");
        }
    }
}

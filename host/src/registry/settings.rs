//! Where the registry's database is and how long to wait for it.
//!
//! In: the `[registry]` table of the configuration. Out: a checked address. Never: a password in a
//! log line.

use std::fmt;
use std::path::PathBuf;

use super::error::RegistryError;

/// Settings of the registry.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite://FILE` (made where it is missing) or `postgres://USER@HOST:PORT/DATABASE`. A
    /// password belongs in the environment: `PGPASSWORD`, or the whole address in
    /// `SKYSIEVE_REGISTRY_URL`.
    pub url: String,
    /// Greatest number of connections (SQLite: readers; writes go through one).
    pub connections: u32,
    /// Longest wait for a connection [ms].
    pub connect_ms: u64,
    /// Longest wait for a whole call, the connection included [ms].
    pub call_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: "sqlite://skysieve-data/registry.db".to_owned(),
            connections: 8,
            connect_ms: 2_000,
            call_ms: 10_000,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("url", &without_password(&self.url))
            .field("connections", &self.connections)
            .field("connect_ms", &self.connect_ms)
            .field("call_ms", &self.call_ms)
            .finish()
    }
}

/// Which engine, and what to tell sqlx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Sqlite { file: PathBuf, url: String },
    Postgres { url: String },
}

impl Settings {
    /// The checked address.
    pub(super) fn address(&self) -> Result<Address, RegistryError> {
        let url = self.url.trim();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Address::Postgres { url: url.to_owned() });
        }
        let Some(rest) = url.strip_prefix("sqlite://") else {
            return Err(refusal(url, "begin it with `sqlite://` or `postgres://`"));
        };
        let (file, query) = rest.split_once('?').unwrap_or((rest, ""));
        if file.is_empty() || file.starts_with(":memory:") || query.contains("mode=memory") {
            return Err(refusal(url, "name a file: a database in memory is lost on exit"));
        }
        let url = if query.is_empty() { format!("sqlite://{file}?mode=rwc") } else { url.to_owned() };
        Ok(Address::Sqlite { file: PathBuf::from(file), url })
    }
}

fn refusal(url: &str, advice: &str) -> RegistryError {
    let url = without_password(url);
    RegistryError::Settings(format!("registry.url `{url}` cannot be used: {advice}"))
}

/// `scheme://user:secret@host` without the secret.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split('/').next().unwrap_or(rest);
    let Some((credentials, _)) = authority.rsplit_once('@') else { return url.to_owned() };
    let Some((user, _)) = credentials.split_once(':') else { return url.to_owned() };
    format!("{scheme}://{user}:***{}", &rest[credentials.len()..])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(url: &str) -> Settings {
        Settings { url: url.to_owned(), ..Settings::default() }
    }

    #[test]
    fn knows_both_engines() {
        let sqlite = with("sqlite://data/r.db").address().unwrap();
        let expected = Address::Sqlite {
            file: PathBuf::from("data/r.db"),
            url: "sqlite://data/r.db?mode=rwc".to_owned(),
        };
        assert_eq!(sqlite, expected);
        assert!(matches!(with("postgres://a@b/c").address(), Ok(Address::Postgres { .. })));
    }

    #[test]
    fn refuses_what_would_lose_data_or_is_unknown() {
        for bad in ["", "mysql://a/b", "sqlite://", "sqlite://:memory:", "sqlite://x?mode=memory"] {
            assert!(with(bad).address().is_err(), "{bad}");
        }
    }

    #[test]
    fn never_shows_a_password() {
        let shown = format!("{:?}", with("postgres://anna:s3cret@db:5432/skysieve"));
        assert!(shown.contains("postgres://anna:***@db:5432/skysieve"), "{shown}");
        assert!(!shown.contains("s3cret"));
    }
}

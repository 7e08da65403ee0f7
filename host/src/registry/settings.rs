//! Where the registry's database is and how long to wait for it.
//!
//! In: the `[registry]` table of the configuration. Out: a checked address. Never: a password in a
//! log line.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::RegistryError;
use super::quota::Quotas;

/// Settings of the registry.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `sqlite://FILE` (made where it is missing) or `postgres://USER@HOST:PORT/DATABASE`; empty:
    /// the file `registry.db` in the host's data folder. A password belongs in the environment:
    /// `PGPASSWORD`, or the whole address.
    pub url: String,
    /// Greatest number of connections (SQLite: readers; writes go through one).
    pub connections: u32,
    /// Longest wait for a connection [ms].
    pub connect_ms: u64,
    /// Longest wait for a whole call, the connection included [ms].
    pub call_ms: u64,
    /// The quotas of whoever has none of their own.
    pub quotas: Quotas,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            connections: 8,
            connect_ms: 2_000,
            call_ms: 10_000,
            quotas: Quotas::default(),
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
            .field("quotas", &self.quotas)
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
    /// The checked address, for a host with this data folder.
    pub(super) fn address(&self, data: &Path) -> Result<Address, RegistryError> {
        let url = self.url.trim();
        if url.is_empty() {
            return Ok(sqlite(data.join("registry.db")));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Address::Postgres {
                url: url.to_owned(),
            });
        }
        let Some(rest) = url.strip_prefix("sqlite://") else {
            return Err(refusal(url, "begin it with `sqlite://` or `postgres://`"));
        };
        let (file, query) = rest.split_once('?').unwrap_or((rest, ""));
        if file.is_empty() || file.starts_with(":memory:") || query.contains("mode=memory") {
            return Err(refusal(
                url,
                "name a file: a database in memory is lost on exit",
            ));
        }
        if query.is_empty() {
            return Ok(sqlite(PathBuf::from(file)));
        }
        Ok(Address::Sqlite {
            file: PathBuf::from(file),
            url: url.to_owned(),
        })
    }
}

impl Address {
    /// As the driver takes it.
    pub(super) fn url(&self) -> &str {
        match self {
            Self::Sqlite { url, .. } | Self::Postgres { url } => url,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { file, .. } => write!(f, "{}", file.display()),
            Self::Postgres { url } => write!(f, "{}", without_password(url)),
        }
    }
}

/// The file, made where it is missing. In full, because the first part of a relative path would be
/// taken for a host.
fn sqlite(file: PathBuf) -> Address {
    let file = std::path::absolute(&file).unwrap_or(file);
    let url = format!("sqlite://{}?mode=rwc", encoded(&file.to_string_lossy()));
    Address::Sqlite { file, url }
}

/// A path as it stands in an address: what would end the path there is percent-encoded.
fn encoded(path: &str) -> String {
    path.replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
        .replace(' ', "%20")
}

fn refusal(url: &str, advice: &str) -> RegistryError {
    let url = without_password(url);
    RegistryError::Settings(format!("registry.url `{url}` cannot be used: {advice}"))
}

/// `scheme://user:secret@host` without the secret.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let Some((credentials, _)) = authority.rsplit_once('@') else {
        return url.to_owned();
    };
    let Some((user, _)) = credentials.split_once(':') else {
        return url.to_owned();
    };
    format!("{scheme}://{user}:***{}", &rest[credentials.len()..])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn with(url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            ..Settings::default()
        }
    }

    #[test]
    fn knows_both_engines() {
        let sqlite = with("sqlite://data/r.db").address(Path::new("d")).unwrap();
        let here = std::env::current_dir().unwrap();
        let expected = |file: &str, shown: &str| Address::Sqlite {
            file: here.join(file),
            url: format!(
                "sqlite://{}/{shown}?mode=rwc",
                encoded(here.to_str().unwrap())
            ),
        };
        assert_eq!(sqlite, expected("data/r.db", "data/r.db"));
        let postgres = with("postgres://a@b/c").address(Path::new("d"));
        assert!(matches!(postgres, Ok(Address::Postgres { .. })));
        let default = Settings::default().address(Path::new("a b")).unwrap();
        assert_eq!(default, expected("a b/registry.db", "a%20b/registry.db"));
    }

    #[test]
    fn refuses_what_would_lose_data_or_is_unknown() {
        for bad in [
            "mysql://a/b",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://x?mode=memory",
        ] {
            assert!(with(bad).address(Path::new("d")).is_err(), "{bad}");
        }
    }

    #[test]
    fn never_shows_a_password() {
        let shown = format!("{:?}", with("postgres://anna:s3cret@db:5432/skysieve"));
        assert!(
            shown.contains("postgres://anna:***@db:5432/skysieve"),
            "{shown}"
        );
        assert!(!shown.contains("s3cret"));
    }
}

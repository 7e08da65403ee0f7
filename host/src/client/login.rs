//! Where a user is logged in: a host and a token, in a file that they alone can read.
//!
//! In: the user's configuration folder, the environment. Out: a [`Login`]. Never: a token in a file that
//! others can read.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Variables that stand in for the file.
pub const URL_VARIABLE: &str = "SKYSIEVE_URL";
/// The token's.
pub const TOKEN_VARIABLE: &str = "SKYSIEVE_TOKEN";

/// Rights of the file, and those that nobody else may have.
const OWN_RIGHTS: u32 = 0o600;
const OTHERS_RIGHTS: u32 = 0o077;

/// A host, and who asks it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The host's address.
    pub url: String,
    /// Whose token it is; empty where nobody asked yet.
    #[serde(default)]
    pub user: String,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Login({} as {})", self.url, self.user)
    }
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// There is no file, and not both variables.
    #[error(
        "you are not logged in: run `skysieve login URL`, or set {URL_VARIABLE} and {TOKEN_VARIABLE}"
    )]
    None,
    /// Others can read the file.
    #[error("{path} can be read by others: `chmod 600` it, or log in again with a new token")]
    Open {
        /// The file.
        path: String,
    },
    /// The file cannot be used.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// There is no folder for it.
    #[error("neither XDG_CONFIG_HOME nor HOME says where your configuration lies")]
    NoFolder,
}

/// The file: `skysieve/login.toml` in the user's configuration folder.
///
/// # Errors
/// Where the environment names no folder.
pub fn file() -> Result<PathBuf, LoginError> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let configuration = folder("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = || folder("HOME").map(|home| Path::new(&home).join(".config"));
    configuration
        .or_else(home)
        .map(|folder| folder.join("skysieve/login.toml"))
        .ok_or(LoginError::NoFolder)
}

/// Who is logged in: as the variables say, else as `file` does.
///
/// # Errors
/// Where nobody is, or others can read the file.
pub fn read(file: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Login, LoginError> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let (url, token) = (variable(URL_VARIABLE), variable(TOKEN_VARIABLE));
    let kept = match (&url, &token) {
        (Some(_), Some(_)) => None,
        _ => kept(file)?,
    };
    match (url, token, kept) {
        (Some(url), Some(token), _) => Ok(Login {
            url,
            user: String::new(),
            token,
        }),
        // A token of one host is never sent to another.
        (Some(url), None, Some(kept)) if same(&url, &kept.url) => Ok(kept),
        (None, Some(token), Some(kept)) => Ok(Login {
            url: kept.url,
            user: String::new(),
            token,
        }),
        (None, None, Some(kept)) => Ok(kept),
        _ => Err(LoginError::None),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn kept(file: &Path) -> Result<Option<Login>, LoginError> {
    let wrong = |reason: String| LoginError::File {
        path: file.display().to_string(),
        reason,
    };
    let metadata = match fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    if metadata.permissions().mode() & OTHERS_RIGHTS != 0 {
        return Err(LoginError::Open {
            path: file.display().to_string(),
        });
    }
    let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    let login = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
    Ok(Some(login))
}

/// Keeps a login, in place of the one before.
///
/// # Errors
/// Where the file cannot be written.
pub fn keep(file: &Path, login: &Login) -> Result<(), LoginError> {
    write(file, login).map_err(|error| LoginError::File {
        path: file.display().to_string(),
        reason: error.to_string(),
    })
}

/// Under another name first: the file is whole, or as it was, and never open to others.
fn write(file: &Path, login: &Login) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let text = toml::to_string(login).map_err(std::io::Error::other)?;
    let unfinished = file.with_extension("toml.new");
    _ = fs::remove_file(&unfinished);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(OWN_RIGHTS);
    options.open(&unfinished)?.write_all(text.as_bytes())?;
    fs::rename(unfinished, file)
}

/// Forgets the login; false where there was none.
///
/// # Errors
/// Where the file cannot be removed.
pub fn forget(file: &Path) -> Result<bool, LoginError> {
    match fs::remove_file(file) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(LoginError::File {
            path: file.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn login(url: &str) -> Login {
        Login {
            url: url.to_owned(),
            user: "anna".to_owned(),
            token: "sksv_kept".to_owned(),
        }
    }

    #[test]
    fn a_login_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/skysieve/login.toml");
        let nothing = |_: &str| None;
        assert!(matches!(read(&file, nothing), Err(LoginError::None)));
        for url in ["https://a.org", "https://b.org"] {
            keep(&file, &login(url)).unwrap();
            assert_eq!(read(&file, nothing).unwrap(), login(url));
        }
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read(&file, nothing), Err(LoginError::Open { .. })));
        assert!(forget(&file).unwrap());
        assert!(!forget(&file).unwrap());
        assert!(!format!("{:?}", login("a")).contains("sksv_"));
    }

    #[test]
    fn variables_come_first_and_no_token_goes_to_another_host() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("login.toml");
        keep(&file, &login("https://a.org")).unwrap();
        let found = |url: &str, token: &str| {
            let (url, token) = (url.to_owned(), token.to_owned());
            let variable = move |name: &str| match name {
                URL_VARIABLE => Some(url.clone()),
                _ => Some(token.clone()),
            };
            read(&file, variable)
                .map(|login| (login.url, login.token))
                .ok()
        };
        let pair = |url: &str, token: &str| Some((url.to_owned(), token.to_owned()));
        assert_eq!(found("", ""), pair("https://a.org", "sksv_kept"));
        assert_eq!(
            found("https://a.org/", ""),
            pair("https://a.org", "sksv_kept")
        );
        assert_eq!(found("", "sksv_new"), pair("https://a.org", "sksv_new"));
        assert_eq!(
            found("https://b.org", "sksv_new"),
            pair("https://b.org", "sksv_new")
        );
        assert_eq!(found("https://b.org", ""), None);
    }
}

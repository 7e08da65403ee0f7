//! `skysieve login`, `skysieve logout`: which host, and who asks it.
//!
//! In: an address, a token on standard input. Out: a file that its user alone can read. Never: a token
//! on a command line, where others see it, or on a screen.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::Context as _;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::session::{Common, out, text};
use crate::cli::Usage;
use crate::client::Api;
use crate::client::login::{self, Login, TOKEN_VARIABLE, URL_VARIABLE};

/// Longest token [bytes].
const TOKEN_BYTES: u64 = 4_096;

/// Arguments of `skysieve login`.
#[derive(Debug, clap::Args)]
pub struct LoginArgs {
    /// The host's address, as in https://sieve.example.org; SKYSIEVE_URL where it is missing.
    url: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// Asks the host who the token is, and keeps both.
///
/// # Errors
/// Where the host does not know the token, or the file cannot be written.
pub fn run(arguments: &LoginArgs) -> anyhow::Result<ExitCode> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let url = arguments.url.clone().or_else(|| variable(URL_VARIABLE));
    let url =
        url.ok_or_else(|| Usage(format!("name the host's address, or set {URL_VARIABLE}")))?;
    let url = url.trim().trim_end_matches('/').to_owned();
    let (scheme, host) = url.split_once("://").unwrap_or(("", ""));
    if !["http", "https"].contains(&scheme) || host.is_empty() {
        return Err(Usage(format!(
            "{url:?} is no address; write it as in https://sieve.example.org"
        ))
        .into());
    }
    if scheme == "http" && !is_here(host) {
        eprintln!("skysieve: {url} is not encrypted: anybody on the way can read the token");
    }
    let token = match variable(TOKEN_VARIABLE) {
        Some(token) => token,
        None => ask()?,
    };
    let token = token.trim().to_owned();
    if token.is_empty() || token.contains(char::is_whitespace) {
        return Err(Usage("that is no token".to_owned()).into());
    }
    let me = Api::new(&url, &token).get("/v1/me", &[])?;
    let user = text(&me, "/user");
    let file = login::file()?;
    login::keep(
        &file,
        &Login {
            url: url.clone(),
            user: user.clone(),
            token,
        },
    )?;
    if arguments.common.json {
        out(&me.to_string())?;
    } else {
        out(&format!(
            "logged in to {url} as {user} ({}); kept in {}",
            text(&me, "/role"),
            file.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Arguments of `skysieve logout`.
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {}

/// Forgets the login. The token stays valid.
///
/// # Errors
/// Where the file cannot be removed.
pub fn forget(_: &LogoutArgs) -> anyhow::Result<ExitCode> {
    let file = login::file()?;
    if login::forget(&file)? {
        eprintln!(
            "{} is gone; the token stays valid until it ends or is revoked",
            file.display()
        );
    } else {
        eprintln!("you were not logged in");
    }
    Ok(ExitCode::SUCCESS)
}

fn is_here(host: &str) -> bool {
    let name = host.split('/').next().unwrap_or_default();
    ["localhost", "127.", "[::1]"]
        .iter()
        .any(|here| name.starts_with(here))
}

/// A line of standard input; a person's is not shown.
fn ask() -> anyhow::Result<String> {
    let input = std::io::stdin();
    let mut line = String::new();
    let hidden = input.is_terminal().then(|| {
        eprint!("token: ");
        Hidden::hide()
    });
    let read = input.lock().take(TOKEN_BYTES).read_line(&mut line);
    if hidden.is_some() {
        eprintln!();
    }
    drop(hidden);
    read.context("the token cannot be read from standard input")?;
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Option<nix::sys::termios::Termios>);

impl Hidden {
    fn hide() -> Self {
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(before) = &before {
            let mut silent = before.clone();
            silent.local_flags.remove(LocalFlags::ECHO);
            // A terminal that cannot be told shows it: no reason to stop.
            _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &silent);
        }
        Self(before)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, before);
        }
    }
}

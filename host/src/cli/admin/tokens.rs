//! `skysieve admin tokens`: tokens of users.
//!
//! In: a user, or a token's number. Out: a token on standard output, once. Never: the text of a token
//! that was made before.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::author::session::{Session, out, text};
use crate::client::encoded;

/// Arguments of `skysieve admin tokens`.
#[derive(Debug, clap::Args)]
pub struct TokensArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token of a user; prints it, once.
    Create {
        /// The user.
        user: String,
        /// What to call it.
        #[arg(long, value_name = "LABEL", default_value = "made by an administrator")]
        name: String,
        /// Days until it ends; without it, it does not end by itself.
        #[arg(long, value_name = "N")]
        days: Option<u32>,
        /// It reads and changes nothing.
        #[arg(long)]
        read_only: bool,
    },
    /// End a token now, whoever owns it.
    Revoke {
        /// Its number, as the audit log and `skysieve token list` have it.
        number: u64,
    },
}

pub fn run(arguments: &TokensArgs, session: &Session) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        Command::Create {
            user,
            name,
            days,
            read_only,
        } => {
            let scope = if *read_only { "read" } else { "full" };
            let new = json!({ "name": name, "scope": scope, "days": days });
            let path = format!("/v1/users/{}/tokens", encoded(user));
            let made = session.api.post(&path, &new)?;
            if session.json {
                out(&made.to_string())?;
            } else {
                let number = text(&made, "/id");
                session.note(&format!("token {number} of {user}; it is shown this once:"));
                out(&text(&made, "/secret"))?;
            }
        }
        Command::Revoke { number } => {
            let path = format!("/v1/tokens/{number}");
            session.api.send("DELETE", &path, &Value::Null)?;
            session.note(&format!("token {number} is revoked"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `skysieve admin quotas`: how much owners may have and use.
//!
//! In: an owner, a quota, a value and a reason. Out: the owner's quotas. Never: a value without a reason.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::author::quota::show;
use crate::cli::author::session::Session;
use crate::client::encoded;

/// Arguments of `skysieve admin quotas`.
#[derive(Debug, clap::Args)]
pub struct QuotasArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the quotas of a user or a group.
    Show {
        /// The user or group.
        owner: String,
    },
    /// Set a quota in place of its default.
    Set {
        /// The user or group.
        owner: String,
        /// Its name, as `show` has it.
        quota: String,
        /// How much.
        value: u64,
        /// Why; the owner reads it.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let the default hold again.
    Unset {
        /// The user or group.
        owner: String,
        /// Its name, as `show` has it.
        quota: String,
    },
}

pub fn run(arguments: &QuotasArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let path =
        |owner: &str, quota: &str| format!("/v1/quotas/{}/{}", encoded(owner), encoded(quota));
    let owner = match &arguments.command {
        Command::Show { owner } => owner,
        Command::Set {
            owner,
            quota,
            value,
            reason,
        } => {
            let set = json!({ "value": value, "reason": reason });
            session.api.send("PUT", &path(owner, quota), &set)?;
            owner
        }
        Command::Unset { owner, quota } => {
            session
                .api
                .send("DELETE", &path(owner, quota), &Value::Null)?;
            owner
        }
    };
    show(session, Some(owner))?;
    Ok(ExitCode::SUCCESS)
}

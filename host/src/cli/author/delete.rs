//! `skysieve delete`: a filter that is not wanted any more.
//!
//! In: a filter, and a word that it is meant. Out: nothing. Never: a deletion by a slip of the hand.

use std::process::ExitCode;

use serde_json::Value;

use super::session::{Common, Session};
use crate::cli::Usage;

/// Arguments of `skysieve delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// Do it: versions and counts can still be read, but the name is never free again.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub common: Common,
}

pub fn run(arguments: &DeleteArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    if !arguments.yes {
        let text = format!("{filter} would be gone for good, its name taken for ever; say --yes");
        return Err(Usage(text).into());
    }
    session.api.send("DELETE", &filter.path(""), &Value::Null)?;
    session.note(&format!(
        "{filter} is deleted; its history can still be read"
    ));
    Ok(ExitCode::SUCCESS)
}

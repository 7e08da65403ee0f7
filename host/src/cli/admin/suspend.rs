//! `skysieve admin suspend`: a filter that has to stop now.
//!
//! In: a filter, a reason. Out: how it is from now. Never: a suspension whose owner is not told why.

use std::process::ExitCode;

use serde_json::json;

use crate::cli::author::run_state::line;
use crate::cli::author::session::Session;

/// Arguments of `skysieve admin suspend`.
#[derive(Debug, clap::Args)]
pub struct SuspendArgs {
    /// The filter: OWNER/NAME.
    filter: String,
    /// Why; its owner reads it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub fn run(arguments: &SuspendArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let reason = json!({ "reason": arguments.reason });
    let answer = session.api.post(&filter.path("/suspend"), &reason)?;
    session.answer(&answer, line)?;
    Ok(ExitCode::SUCCESS)
}

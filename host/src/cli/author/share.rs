//! `skysieve share`: who may read what a filter is.
//!
//! In: a filter, public or private. Out: how it is from now. Never: its alerts, which stay its owner's.

use std::process::ExitCode;

use serde_json::json;

use super::session::{Common, Session, text};

/// Arguments of `skysieve share`.
#[derive(Debug, clap::Args)]
pub struct ShareArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// Public: everybody with a token reads what it is. Its alerts stay yours.
    visibility: Visibility,
    /// Everybody may fetch the bytes of its versions, too; `false`: no longer.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    open_bytes: Option<bool>,
    #[command(flatten)]
    pub common: Common,
}

/// Who may read what a filter is.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Visibility {
    Private,
    Public,
}

pub fn run(arguments: &ShareArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let visibility = match arguments.visibility {
        Visibility::Private => "private",
        Visibility::Public => "public",
    };
    let mut change = json!({ "visibility": visibility });
    if let Some(open) = arguments.open_bytes {
        change["open_bytes"] = json!(open);
    }
    let answer = session.api.send("PATCH", &filter.path(""), &change)?;
    session.answer(&answer, |answer| {
        let open = answer["visibility"] == "public" && answer["open_bytes"] == true;
        let bytes = if open { ", its bytes too" } else { "" };
        format!("{filter} is {}{bytes}", text(answer, "/visibility"))
    })?;
    Ok(ExitCode::SUCCESS)
}

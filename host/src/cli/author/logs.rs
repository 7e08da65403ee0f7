//! `skysieve logs`: what a filter said.
//!
//! In: a filter, a night, a level, a text. Out: its lines, the newest at the end. Never: a control
//! character of a guest on a terminal.

use std::process::ExitCode;

use serde_json::Value;

use super::session::{Common, Session, items, text};

/// Arguments of `skysieve logs`.
#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// Only this night: the local date of its evening.
    #[arg(long, value_name = "DATE")]
    night: Option<String>,
    /// Only this level and those that matter more: debug, info, warning, error.
    #[arg(long, value_name = "LEVEL")]
    level: Option<String>,
    /// Only lines that hold this text, to the letter.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// At most so many lines, the newest.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    pub common: Common,
}

pub fn run(arguments: &LogsArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let query = [
        ("night", arguments.night.clone()),
        ("level", arguments.level.clone()),
        ("text", arguments.text.clone()),
    ];
    let page = session.list(&filter.path("/logs"), &query, arguments.limit)?;
    session.answer(&page, |page| {
        let lines: Vec<String> = items(page, "/items").iter().rev().map(line).collect();
        if lines.is_empty() {
            format!("{filter} logged nothing of that kind")
        } else {
            lines.join("\n")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn line(line: &Value) -> String {
    let time: String = text(line, "/time").chars().take(19).collect();
    let alert = match text(line, "/alert_id") {
        alert if alert.is_empty() => alert,
        alert => format!(" alert {alert}:"),
    };
    let part = |pointer| text(line, pointer);
    let (level, version, message) = (part("/level"), part("/version"), part("/message"));
    format!(
        "{} {level:<7} v{version}{alert} {message}",
        time.replace('T', " ")
    )
}

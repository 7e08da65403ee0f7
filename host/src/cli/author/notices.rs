//! `skysieve notices`: what an owner was told.
//!
//! In: an owner. Out: a row for each notice, and what became of it. Never: another owner's.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::session::{Common, Session, items, text};
use super::table::{Column, Show, listing};

/// Arguments of `skysieve notices`.
#[derive(Debug, clap::Args)]
pub struct NoticesArgs {
    /// A group of yours; for administrators anybody.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// At most so many, the newest.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    pub common: Common,
}

const COLUMNS: [Column<'static>; 5] = [
    ("when", "/created", Show::Time),
    ("kind", "/kind", Show::Text),
    ("filter", "/filter", Show::Text),
    ("sent", "/sent", Show::Text),
    ("notice", "/text", Show::Text),
];

pub fn run(arguments: &NoticesArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let query = [("owner", arguments.owner.clone())];
    let page = session.list("/v1/notices", &query, arguments.limit)?;
    session.answer(&page, |page| {
        let rows: Vec<Value> = items(page, "/items").iter().map(with_sent).collect();
        let page = json!({ "items": rows, "next": page["next"] });
        listing(&page, &COLUMNS, "you were told nothing yet")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// With what became of its deliveries, in few words.
fn with_sent(notice: &Value) -> Value {
    let sent: Vec<String> = items(notice, "/deliveries")
        .iter()
        .map(|delivery| format!("{} {}", text(delivery, "/medium"), text(delivery, "/state")))
        .collect();
    let mut notice = notice.clone();
    notice["sent"] = json!(sent.join(", "));
    notice
}

//! `skysieve list`: filters.
//!
//! In: whose, of which stream. Out: a row for each. Never: a filter that one may not see.

use std::process::ExitCode;

use super::session::{Common, Session};
use super::table::{Column, Show, listing};

/// Arguments of `skysieve list`.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only of this user or group.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Only of this stream.
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// Deleted ones, too.
    #[arg(long)]
    deleted: bool,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 200)]
    limit: usize,
    #[command(flatten)]
    pub common: Common,
}

const COLUMNS: [Column<'static>; 9] = [
    ("owner", "/owner", Show::Text),
    ("filter", "/name", Show::Text),
    ("stream", "/stream", Show::Text),
    ("state", "/state", Show::Text),
    ("version", "/active/version", Show::Number),
    ("setting", "/active/setting", Show::Number),
    ("versions", "/versions", Show::Number),
    ("updated", "/updated", Show::Time),
    ("title", "/title", Show::Text),
];

pub fn run(arguments: &ListArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let query = [
        ("owner", arguments.owner.clone()),
        ("stream", arguments.stream.clone()),
        ("deleted", arguments.deleted.then(|| "true".to_owned())),
    ];
    let page = session.list("/v1/filters", &query, arguments.limit)?;
    let nothing = "no filters yet: `skysieve push` makes one";
    session.answer(&page, |page| listing(page, &COLUMNS, nothing))?;
    Ok(ExitCode::SUCCESS)
}

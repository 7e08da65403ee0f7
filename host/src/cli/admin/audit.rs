//! `skysieve admin audit`: what was done, by whom, to what.
//!
//! In: whose things, which deeds. Out: a row for each, the newest first. Never: a change of the log.

use std::process::ExitCode;

use crate::cli::author::session::Session;
use crate::cli::author::table::{Column, Show, listing};

/// Arguments of `skysieve admin audit`.
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// Only of this user's or group's things.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Only this, as in filter.activate.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

const COLUMNS: [Column<'static>; 6] = [
    ("when", "/at", Show::Time),
    ("who", "/actor", Show::Text),
    ("token", "/token", Show::Number),
    ("what", "/action", Show::Text),
    ("to", "/subject", Show::Text),
    ("detail", "/detail", Show::Text),
];

pub fn run(arguments: &AuditArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let query = [
        ("owner", arguments.owner.clone()),
        ("action", arguments.action.clone()),
    ];
    let page = session.list("/v1/audit", &query, arguments.limit)?;
    session.answer(&page, |page| listing(page, &COLUMNS, "nothing was done"))?;
    Ok(ExitCode::SUCCESS)
}

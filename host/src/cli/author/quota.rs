//! `skysieve quota`: how much there is, and what is left.
//!
//! In: an owner. Out: a row for each quota. Never: another owner's.

use std::process::ExitCode;

use super::session::{Common, Session};
use super::table::{Column, Show, listing};

/// Arguments of `skysieve quota`.
#[derive(Debug, clap::Args)]
pub struct QuotaArgs {
    /// A group of yours; for administrators anybody.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

const COLUMNS: [Column<'static>; 5] = [
    ("quota", "/quota", Show::Text),
    ("value", "/value", Show::Number),
    ("used", "/used", Show::Number),
    ("left", "/left", Show::Number),
    ("set because", "/reason", Show::Text),
];

pub fn run(arguments: &QuotaArgs, session: &Session) -> anyhow::Result<ExitCode> {
    show(session, arguments.owner.as_deref())?;
    Ok(ExitCode::SUCCESS)
}

/// The quotas of an owner; the asker's where nobody is named.
pub fn show(session: &Session, owner: Option<&str>) -> anyhow::Result<()> {
    let query = [("owner", owner.map(str::to_owned))];
    let page = session.api.get("/v1/quotas", &query)?;
    session.answer(&page, |page| listing(page, &COLUMNS, "no quotas"))
}

//! `skysieve withheld`: alerts that passed and did not go out.
//!
//! In: a filter, a night. Out: the nights in which something was held back, or the alerts of one of them.
//! Never: an alert twice in one reading.

use std::process::ExitCode;

use super::session::{Common, Session, out, text};
use super::table::{Column, Show, listing};
use super::tail::line;

/// Arguments of `skysieve withheld`.
#[derive(Debug, clap::Args)]
pub struct WithheldArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// Read the alerts of this night: the local date of its evening.
    #[arg(long, value_name = "DATE")]
    night: Option<String>,
    /// What to show of each alert in JSON: packet, without_cutouts, fields, reference. All but references
    /// count against the quotas of the night.
    #[arg(long, value_name = "CHOICE", requires = "night")]
    payload: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    pub common: Common,
}

/// Alerts that are asked for at once.
const PAGE: usize = 200;
const COLUMNS: [Column<'static>; 4] = [
    ("night", "/night", Show::Text),
    ("limit", "/quota", Show::Text),
    ("first", "/first", Show::Time),
    ("last", "/last", Show::Time),
];

pub fn run(arguments: &WithheldArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let path = filter.path("/withheld");
    let Some(night) = &arguments.night else {
        let page = session.list(&path, &[], arguments.limit)?;
        session.answer(&page, |page| {
            listing(page, &COLUMNS, "nothing was held back")
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    // Without JSON nobody sees the alert itself, so it need not count.
    let nothing = (!session.json).then(|| "reference".to_owned());
    let payload = arguments.payload.clone().or(nothing);
    let path = format!("{path}/{}/alerts", crate::client::encoded(night));
    let (mut left, mut after) = (arguments.limit, None);
    while left > 0 {
        let query = [
            ("after", after.take()),
            ("limit", Some(left.min(PAGE).to_string())),
            ("payload", payload.clone()),
        ];
        let page = session.api.alerts(&path, &query)?;
        left = left.saturating_sub(page.alerts.len());
        for alert in &page.alerts {
            if session.json {
                out(&alert.to_string())?;
            } else {
                out(&format!("{}  ({})", line(alert), text(alert, "/withheld")))?;
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(ExitCode::SUCCESS)
}

//! `skysieve counts`: the cut-flow, night by night.
//!
//! In: a filter, a night, a setting. Out: what each cut removed and what remained. Never: a sum over
//! settings, whose cuts differ.

use std::process::ExitCode;

use serde_json::Value;

use super::session::{Common, Session, items, text};
use super::table::cut_flow;

/// Arguments of `skysieve counts`.
#[derive(Debug, clap::Args)]
pub struct CountsArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// Only this night: the local date of its evening.
    #[arg(long, value_name = "DATE")]
    night: Option<String>,
    /// Only this setting.
    #[arg(long, value_name = "N")]
    setting: Option<u64>,
    /// At most so many nights and settings, the latest first.
    #[arg(long, value_name = "N", default_value_t = 7)]
    limit: usize,
    #[command(flatten)]
    pub common: Common,
}

pub fn run(arguments: &CountsArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let setting = arguments.setting.map(|setting| setting.to_string());
    let query = [("night", arguments.night.clone()), ("setting", setting)];
    let page = session.list(&filter.path("/counts"), &query, arguments.limit)?;
    session.answer(&page, |page| {
        let blocks: Vec<String> = items(page, "/items").iter().map(block).collect();
        if blocks.is_empty() {
            format!("{filter} has judged nothing yet")
        } else {
            blocks.join("\n\n")
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn block(item: &Value) -> String {
    let part = |pointer| text(item, pointer);
    let (night, setting, version) = (part("/night"), part("/setting"), part("/version"));
    let flow = cut_flow(item);
    format!("night {night}, version {version}, setting {setting}\n{flow}")
}

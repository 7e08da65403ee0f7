//! `skysieve backtest`: a version or a setting on alerts of the past.
//!
//! In: a filter, what to test, which alerts. Out: how far it is, and at the end what was found. Never: a
//! back-test that ends because nobody looks at it.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::activate::What;
use super::backtest_report::report;
use super::session::{Common, FilterName, Session, number, text};
use super::table::{Column, Show, listing};

/// How often progress is asked for.
const LOOK: Duration = Duration::from_secs(1);
/// Steps of the bar.
const STEPS: u64 = 1_000;

/// Arguments of `skysieve backtest`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("instead").conflicts_with_all(["setting", "version", "parameters"]))]
pub struct BacktestArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    #[command(flatten)]
    what: What,
    /// Observing nights, with commas between: the local dates of their evenings.
    #[arg(long, value_name = "DATES", value_delimiter = ',')]
    nights: Vec<String>,
    /// Of the broker's time, from here, as in 2026-11-23T00:00:00Z (topics alone).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Of the broker's time, up to here.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// `topics` or `archive`; without it what the stream has.
    #[arg(long, value_name = "PLACE")]
    from: Option<String>,
    /// At most so many alerts.
    #[arg(long, value_name = "N")]
    alerts: Option<u64>,
    /// Start it and do not wait for its end.
    #[arg(long)]
    detach: bool,
    /// List the back-tests of the filter instead.
    #[arg(long, group = "instead")]
    list: bool,
    /// Print this one instead, and wait for its end.
    #[arg(long, value_name = "N", group = "instead")]
    show: Option<u64>,
    /// End this one instead; what it has found stays.
    #[arg(long, value_name = "N", group = "instead")]
    cancel: Option<u64>,
    #[command(flatten)]
    pub common: Common,
}

const COLUMNS: [Column<'static>; 8] = [
    ("back-test", "/id", Show::Number),
    ("state", "/state", Show::Text),
    ("version", "/version", Show::Number),
    ("setting", "/setting", Show::Number),
    ("judged", "/progress/judged", Show::Number),
    ("passed", "/progress/passed", Show::Number),
    ("made", "/created", Show::Time),
    ("reason", "/reason", Show::Text),
];

pub fn run(arguments: &BacktestArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let path = filter.path("/backtests");
    if arguments.list {
        let page = session.list(&path, &[], 50)?;
        session.answer(&page, |page| listing(page, &COLUMNS, "no back-tests yet"))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(cancelled) = arguments.cancel {
        let answer = session
            .api
            .post(&format!("{path}/{cancelled}/cancel"), &Value::Null)?;
        session.answer(&answer, |_| format!("back-test {cancelled} ends"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let number = match arguments.show {
        Some(number) => number,
        None => start(arguments, session, &filter)?,
    };
    let one = format!("{path}/{number}");
    let answer = if arguments.detach {
        session.api.get(&one, &[])?
    } else {
        follow(session, &one)?
    };
    session.answer(&answer, report)?;
    ended(&answer)
}

fn start(arguments: &BacktestArgs, session: &Session, filter: &FilterName) -> anyhow::Result<u64> {
    let mut new = json!({ "setting": arguments.what.setting(session, filter)? });
    let source = source(arguments);
    if source.as_object().is_some_and(|source| !source.is_empty()) {
        new["source"] = source;
    }
    if let Some(alerts) = arguments.alerts {
        new["alerts"] = json!(alerts);
    }
    let made = session.api.post(&filter.path("/backtests"), &new)?;
    let made = number(&made, "/id");
    session.note(&format!(
        "back-test {made}; it goes on if you leave (skysieve backtest {filter} --show {made})"
    ));
    Ok(made)
}

fn source(arguments: &BacktestArgs) -> Value {
    let mut source = json!({});
    if !arguments.nights.is_empty() {
        source["nights"] = json!(arguments.nights);
    }
    let words = [
        ("since", &arguments.since),
        ("until", &arguments.until),
        ("from", &arguments.from),
    ];
    for (name, word) in words {
        if let Some(word) = word {
            source[name] = json!(word);
        }
    }
    source
}

/// Looks until it has ended, as long as that takes: whoever does not want to wait leaves.
fn follow(session: &Session, path: &str) -> anyhow::Result<Value> {
    let shown = !session.json && std::io::stderr().is_terminal();
    let bar = if shown {
        ProgressBar::new(STEPS)
    } else {
        ProgressBar::hidden()
    };
    bar.set_style(ProgressStyle::with_template("{bar:30} {percent} %  {msg}")?);
    loop {
        let answer = session.api.get(path, &[])?;
        if !["queued", "running"].contains(&text(&answer, "/state").as_str()) {
            bar.finish_and_clear();
            return Ok(answer);
        }
        let progress = &answer["progress"];
        let fraction = progress["fraction"].as_f64().unwrap_or_default();
        bar.set_position((fraction * STEPS as f64) as u64);
        bar.set_message(words(&answer));
        std::thread::sleep(LOOK);
    }
}

/// How far it is, in a few words.
fn words(answer: &Value) -> String {
    let left = answer["progress"]["seconds_left"].as_f64();
    let left = left.map_or_else(String::new, |seconds| {
        format!(", about {seconds:.0} s left")
    });
    let (state, judged) = (text(answer, "/state"), text(answer, "/progress/judged"));
    format!("{state}, {judged} alerts judged{left}")
}

fn ended(answer: &Value) -> anyhow::Result<ExitCode> {
    match text(answer, "/state").as_str() {
        "failed" => bail!("the back-test failed: {}", text(answer, "/reason")),
        "cancelled" => bail!("the back-test was cancelled"),
        _ => Ok(ExitCode::SUCCESS),
    }
}

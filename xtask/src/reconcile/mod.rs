//! `cargo xtask reconcile`: do the results follow from the packets, to the alert?
//!
//! In: a folder of packets, a folder of results, the counts that the host showed. Out: one line per
//! filter, or every difference and a non-zero status. Never: code of the host, or its word for
//! anything that can be counted in the folders.

mod ledger;
pub mod packets;
mod results;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use ledger::{Ledger, Shown};

/// More differences than these are counted, not printed.
const MOST_LINES: usize = 20;

/// Arguments of `cargo xtask reconcile`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The stream's name: for messages.
    #[arg(long)]
    stream: String,
    /// Folder that the host read.
    #[arg(long)]
    input: PathBuf,
    /// Folder that the host wrote.
    #[arg(long)]
    results: PathBuf,
    /// JSON document `{FILTER: [{setting, night, evaluated, ...}]}`, as shown by the host.
    #[arg(long)]
    shown: Option<PathBuf>,
}

/// Read both sides, compare, say what differs.
pub fn run(arguments: &Arguments) -> Result<()> {
    let packets = packets::read(&arguments.input)?;
    let results = results::read(&arguments.results)
        .with_context(|| format!("cannot read {}", arguments.results.display()))?;
    let shown: Option<Shown> = match &arguments.shown {
        Some(path) => Some(serde_json::from_slice(&std::fs::read(path)?)?),
        None => None,
    };
    let ledger = Ledger {
        packets: &packets,
        results: &results,
        shown: shown.as_ref(),
    };
    for setting in ledger.settings() {
        let nights = ledger.of(setting);
        let (eligible, passed) = nights.fold((0, 0), |(eligible, passed), (_, count)| {
            (eligible + count.eligible(), passed + count.passed)
        });
        println!(
            "   {}: {eligible} alerts, {passed} passed",
            ledger.name(setting)
        );
    }
    let differences = ledger.differences();
    for difference in differences.iter().take(MOST_LINES) {
        eprintln!("   {difference}");
    }
    match differences.len() {
        0 => Ok(()),
        count => bail!(
            "{}: {count} differences between packets and results",
            arguments.stream
        ),
    }
}

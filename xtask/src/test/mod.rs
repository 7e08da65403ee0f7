//! `cargo xtask test`: sets up what the tests need and runs them all.
//!
//! In: the machine as it is. Out: every test run; in the last line how many were skipped. Never: a
//! skip of Kafka or PostgreSQL under `CI=true`.

mod machine;
mod skips;

use anyhow::{Result, bail};

use crate::house::{House, step};

/// Names the file to which a test that cannot run appends one line, `what: why`.
const SKIPS: &str = "SKYSIEVE_TEST_SKIPS";

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Handed on to `cargo test`: `cargo xtask test -- --package skysieve-decode`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Set up, run, count the skips.
pub fn run(arguments: &Arguments) -> Result<()> {
    let house = House::open()?;
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    machine::prepare(ci)?;
    house.build_host()?;
    house.build_filters()?;
    let guests: Vec<_> = house.guests.iter().map(String::as_str).collect();
    house.build_wasm("build the tests' guests", &guests)?;
    let skips = house.target.join("skipped-tests.txt");
    std::fs::write(&skips, "")?;
    let mut test = house.cargo();
    test.args(["test", "--release", "--no-fail-fast"]);
    if !arguments
        .rest
        .iter()
        .any(|argument| argument == "--package" || argument == "-p")
    {
        test.arg("--workspace");
    }
    test.args(&arguments.rest).env(SKIPS, &skips);
    let outcome = step("test", &mut test);
    let skipped = skips::read(&skips)?;
    for line in &skipped {
        eprintln!("skipped: {line}");
    }
    let required = skipped.iter().find(|line| ci && skips::is_required(line));
    match (outcome, required) {
        (Ok(()), None) => println!("all tests passed, {} skipped", skipped.len()),
        (Ok(()), Some(line)) => bail!("skipped under CI=true: {line}; {} skipped", skipped.len()),
        (Err(error), _) => bail!("{error}; {} skipped", skipped.len()),
    }
    Ok(())
}

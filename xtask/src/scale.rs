//! `cargo xtask scale`: builds what is needed and measures how the host bears many users.
//!
//! In: a clone; PostgreSQL where it is installed. Out: a table, and `target/scale.json`. Never: a figure
//! of its own; the package `skysieve-bench` measures.

use std::process::Command;

use anyhow::Result;

use crate::house::{House, step};

/// The benchmark's own filter, beside the examples.
const FILTER: &str = "six-cuts";
/// The survey whose alerts the uploads are tried on.
const STREAM: &str = "ztf";
/// How many.
const ALERTS: &str = "64";

/// Arguments of `cargo xtask scale`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Fewer users, filters and requests: to see that it runs, not to quote from.
    #[arg(long)]
    quick: bool,
}

/// Build, then measure.
pub fn run(arguments: &Arguments) -> Result<()> {
    let house = House::open()?;
    house.build_host()?;
    house.build_filters()?;
    house.build_wasm("build the benchmark's filter", &[FILTER])?;
    let packets = house.target.join("scale-packets");
    let mut simulate = Command::new(house.skysieve());
    simulate.args(["simulate", "--survey", STREAM, "--alerts", ALERTS, "--out"]);
    step("simulate packets", simulate.arg(&packets))?;
    let mut scale = Command::new(house.target.join("release/skysieve-bench"));
    scale
        .current_dir(&house.root)
        .arg("--packets")
        .arg(&packets);
    scale.arg("--scale").arg(house.skysieve());
    for filter in house.filters.iter().filter(|one| one.stream == STREAM) {
        scale.arg("--example").arg(&filter.wasm);
    }
    scale.arg("--example").arg(house.wasm(FILTER));
    scale.arg("--out").arg(house.target.join("scale.json"));
    if arguments.quick {
        scale.arg("--quick");
    }
    step("measure", &mut scale)
}

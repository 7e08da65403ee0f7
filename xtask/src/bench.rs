//! `cargo xtask bench`: builds the benchmarks and runs them.
//!
//! In: where real packets lie, if anywhere. Out: a table, and `target/bench.json`. Never: a figure
//! of its own; the package `skysieve-bench` measures.

use anyhow::Result;

use crate::house::{House, step};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Fewer and shorter rounds: to see that it runs, not to quote from.
    #[arg(long)]
    quick: bool,
}

/// Build, then measure.
pub fn run(arguments: &Arguments) -> Result<()> {
    let house = House::open()?;
    house.build_filters()?;
    let build = ["build", "--release", "--package", "skysieve-bench"];
    step("build the benchmarks", house.cargo().args(build))?;
    let mut bench = std::process::Command::new(house.target.join("release/skysieve-bench"));
    bench
        .current_dir(&house.root)
        .arg("--out")
        .arg(house.target.join("bench.json"));
    bench
        .arg("--filters")
        .arg(house.target.join("wasm32-unknown-unknown/release"));
    if arguments.quick {
        bench.arg("--quick");
    }
    step("measure", &mut bench)
}

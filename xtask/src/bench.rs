//! `cargo xtask bench`: builds the benchmarks and runs them.
//!
//! In: where real packets lie, if anywhere. Out: a table, and `target/bench.json`. Never: a figure
//! of its own; the package `skysieve-bench` measures.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::house::{House, step};

/// What is measured: six cuts on nine fields.
const FILTER: &str = "six-cuts";
/// Simulated packets where there are no real ones.
const SIMULATED: &str = "256";

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of ZTF packets; without it the real ones where they are, else simulated ones.
    #[arg(long)]
    packets: Option<PathBuf>,
    /// Fewer and shorter rounds: to see that it runs, not to quote from.
    #[arg(long)]
    quick: bool,
}

/// Build, then measure.
pub fn run(arguments: &Arguments) -> Result<()> {
    let house = House::open()?;
    house.build_host()?;
    house.build_wasm("build the benchmark's filter", &[FILTER])?;
    let packets = match &arguments.packets {
        Some(packets) => packets.clone(),
        None => packets(&house)?,
    };
    let mut bench = Command::new(house.target.join("release/skysieve-bench"));
    bench.current_dir(&house.root).arg("--packets").arg(packets);
    bench.arg("--filter").arg(house.wasm(FILTER));
    bench.arg("--out").arg(house.target.join("bench.json"));
    if arguments.quick {
        bench.arg("--quick");
    }
    step("measure", &mut bench)
}

/// Real ZTF packets, else simulated ones.
fn packets(house: &House) -> Result<PathBuf> {
    let beside = || house.root.join("../shared/alerts");
    let real = std::env::var_os("SKYSIEVE_ALERTS")
        .map_or_else(beside, PathBuf::from)
        .join("ztf");
    if real.is_dir() {
        return Ok(real);
    }
    let simulated = house.target.join("bench-packets");
    let mut simulate = Command::new(house.skysieve());
    simulate
        .args([
            "simulate", "--survey", "ztf", "--alerts", SIMULATED, "--out",
        ])
        .arg(&simulated);
    step("simulate packets", &mut simulate)?;
    Ok(simulated)
}

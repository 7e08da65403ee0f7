//! `cargo xtask demo`: a whole night through the real program, then every count reconciled.
//!
//! In: a simulated night, or a folder of real packets. Out: what each example filter made of it, as
//! a table, and where the passing alerts lie; non-zero where a count does not reconcile. Never: a
//! look into the host; it is used as a scientist would, over HTTP and by the files it writes.

pub mod folder;
pub mod night;
pub mod scientist;
pub mod service;
mod table;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::house::{House, step};
use folder::Folder;
use night::Night;
use scientist::{Scientist, USER, Uploaded};
use service::Service;

/// The simulated night, where nobody asks for another.
const SEED: u64 = 20_181_029;

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Arguments {
    /// How many alerts the simulated night has.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    alerts: u32,
    /// Real packets instead of a simulated night: files, folders and tars in this folder.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Stay up afterwards: print the address and a token, end with Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Seed of the simulated night.
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

impl Arguments {
    /// A simulated night of so many alerts.
    pub fn of_alerts(alerts: u32) -> Self {
        Self {
            alerts,
            data: None,
            keep: false,
            seed: SEED,
        }
    }
}

/// Set up, run the night, reconcile, show.
pub fn run(arguments: &Arguments) -> Result<()> {
    let house = House::open()?;
    house.build_host()?;
    house.build_filters()?;
    let folder = Folder::fresh(&house.target, "demo")?;
    let nights = Night::prepare(&house, &folder, arguments)?;
    let service = Service::start(&house, &folder, &nights)?;
    let scientist = Scientist::new(&service, &house, &folder, USER, "scientist")?;
    let uploaded = upload(&house, &scientist, &nights)?;
    scientist.wait_until_live(&uploaded)?;
    for night in &nights {
        night.begin(&folder)?;
    }
    scientist.watch(&uploaded, &nights)?;
    let counts = scientist.counts(&uploaded)?;
    service.stop()?;
    std::fs::write(folder.counts(), serde_json::to_vec_pretty(&counts)?)?;
    let reconciled = reconcile(&house, &folder, &nights);
    table::print(&counts, &folder);
    reconciled?;
    if arguments.keep {
        Service::start(&house, &folder, &nights)?.stay(scientist.token())?;
    }
    Ok(())
}

/// Upload every example whose stream is on, and activate it.
pub fn upload(house: &House, scientist: &Scientist, nights: &[Night]) -> Result<Vec<Uploaded>> {
    let mut uploaded = Vec::new();
    for filter in &house.filters {
        if nights.iter().any(|night| night.stream == filter.stream) {
            let new = scientist.publish(filter);
            uploaded.push(new.with_context(|| format!("upload of {}", filter.name))?);
        }
    }
    ensure!(
        !uploaded.is_empty(),
        "no example filter reads any of the streams"
    );
    Ok(uploaded)
}

/// In a process of its own, which sees only the folders of packets and of results, and the counts
/// that were shown.
fn reconcile(house: &House, folder: &Folder, nights: &[Night]) -> Result<()> {
    // Not the path of the running process: the build may have put a newer file in its place.
    let program = house.xtask();
    for night in nights {
        let mut check = Command::new(&program);
        check.arg("reconcile").args(["--stream", night.stream]);
        check.arg("--input").arg(folder.incoming(night.stream));
        check.arg("--results").arg(folder.results(night.stream));
        check.arg("--shown").arg(folder.counts());
        step(&format!("reconcile {}", night.stream), &mut check)?;
    }
    Ok(())
}

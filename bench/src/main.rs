//! Skysieve's benchmarks: decoding, evaluation, memory, the whole way, scale; every figure of one run.
//!
//! In: a folder of packets, the benchmark filter built for the sandbox. Out: a table and
//! `bench.json`. Never: a comparison of figures from different runs.

mod beside;
mod columns;
mod decode;
mod evaluate;
mod fields;
mod memory;
mod packets;
mod report;
mod rounds;
mod scale;
mod whole_way;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;

use report::Report;
use rounds::Effort;

/// What to measure on, and where to write it.
#[derive(Parser)]
struct Arguments {
    /// Folder of packets with cutouts.
    #[arg(long)]
    packets: PathBuf,
    /// The benchmark filter `six_cuts.wasm`, built for the sandbox.
    #[arg(long, required_unless_present_any = ["load", "scale"])]
    filter: Option<PathBuf>,
    /// The document to write.
    #[arg(long, required_unless_present = "load")]
    out: Option<PathBuf>,
    /// For the measurement of memory alone: load the compiled copies in this folder.
    #[arg(long, hide = true)]
    load: Option<PathBuf>,
    /// Fewer and shorter rounds: to see that it runs, not to quote from.
    #[arg(long)]
    quick: bool,
    /// Only what a back-test beside the live stream costs it.
    #[arg(long)]
    beside: bool,
    /// Only scale: this `skysieve` program with many users, filters and uploads.
    #[arg(long, requires = "example")]
    scale: Option<PathBuf>,
    /// For scale: filters of ZTF's alerts, built for the sandbox.
    #[arg(long)]
    example: Vec<PathBuf>,
    /// For scale: only this engine.
    #[arg(long)]
    engine: Option<scale::Engine>,
    /// For scale: keep compiled filters in this folder from run to run.
    #[arg(long)]
    compiled: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick {
        Effort {
            rounds: 3,
            turn: Duration::from_millis(20),
        }
    } else {
        Effort {
            rounds: 9,
            turn: Duration::from_millis(100),
        }
    };
    let packets = packets::read(&arguments.packets)?;
    if let Some(folder) = &arguments.load {
        return memory::load(folder, &packets);
    }
    if let (Some(program), Some(out)) = (arguments.scale, &arguments.out) {
        let (filters, quick) = (arguments.example, arguments.quick);
        let scale = scale::Scale {
            program,
            filters,
            engines: arguments
                .engine
                .map_or(scale::Engine::ALL.to_vec(), |one| vec![one]),
            compiled: arguments.compiled,
            quick,
        };
        let mut report = Report::default();
        scale::run(&scale, &packets, &mut report)?;
        return report.publish(out);
    }
    let (Some(filter), Some(out)) = (arguments.filter, arguments.out) else {
        bail!("--filter and --out are needed");
    };
    let module = std::fs::read(&filter).with_context(|| filter.display().to_string())?;
    let mut report = Report::default();
    if arguments.beside {
        beside::run(&module, &packets, arguments.quick, &mut report)?;
        return report.publish(&out);
    }
    decode::run(&packets, effort, &mut report)?;
    evaluate::run(&module, &packets, effort, &mut report)?;
    memory::run(&module, &arguments.packets, &mut report)?;
    whole_way::run(&module, &packets, arguments.quick, &mut report)?;
    beside::run(&module, &packets, arguments.quick, &mut report)?;
    report.publish(&out)
}

//! Set-up and checks of the workspace: `cargo xtask demo`, `test`, `bench`, `scale`, `reconcile`,
//! `schemathesis`.
//!
//! In: a clone and what the machine has. Out: what is missing is set up, then the real programs
//! run; the exit status says whether all was well. Never: code of the host, the decoder or the SDK,
//! so that what is checked here is checked from outside.

mod bench;
mod demo;
mod house;
mod reconcile;
mod scale;
mod schemathesis;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up and checks of Skysieve.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulate a night, run the host on it, upload the example filters, reconcile every count.
    Demo(demo::Arguments),
    /// Set up what the tests need and run them all; arguments go to `cargo test`.
    Test(test::Arguments),
    /// Measure, print a table, write target/bench.json.
    Bench(bench::Arguments),
    /// Measure with many users, filters and uploads, write target/scale.json.
    Scale(scale::Arguments),
    /// Hold the host's answers against its OpenAPI document.
    Schemathesis(schemathesis::Arguments),
    /// Compare what lies in a results folder with the packets that went in and the counts shown.
    Reconcile(reconcile::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Scale(arguments) => scale::run(&arguments),
        Command::Schemathesis(arguments) => schemathesis::run(&arguments),
        Command::Reconcile(arguments) => reconcile::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

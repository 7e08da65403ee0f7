//! The `skysieve` program: reads the command line and calls one function.

use std::process::ExitCode;

use clap::Parser;
use skysieve::cli;

fn main() -> ExitCode {
    cli::run(&cli::Cli::parse()).unwrap_or_else(|error| {
        eprintln!("skysieve: {error:#}");
        ExitCode::from(2)
    })
}

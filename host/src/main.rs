//! The `skysieve` program: reads the command line and calls one function.

use std::process::ExitCode;

use clap::Parser;
use skysieve::cli;

fn main() -> ExitCode {
    // Before anything else: the compile child gives up its rights first.
    if std::env::args().nth(1).as_deref() == Some(skysieve::upload::COMPILE_SUBCOMMAND) {
        return skysieve::upload::compile_child();
    }
    cli::run(&cli::Cli::parse()).unwrap_or_else(|error| {
        eprintln!("skysieve: {error:#}");
        ExitCode::from(2)
    })
}

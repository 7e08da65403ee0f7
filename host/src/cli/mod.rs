//! The program's commands, one file each.
//!
//! In: the command line. Out: an exit status. Never: what the rooms behind it do themselves.

mod chosen;
pub mod describe;
pub mod show;
pub mod token;

use std::process::ExitCode;

/// Runs astronomers' sandboxed filters over a telescope's live alert stream.
#[derive(Debug, clap::Parser)]
#[command(name = "skysieve", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Print alerts as JSON, one line each
    Show(show::ShowArgs),
    /// Print what a filter declares: fields, parameters, reasons, annotations
    Describe(describe::DescribeArgs),
}

/// Runs the command.
///
/// # Errors
/// As the command says.
pub fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Show(args) => show::run(args),
        Command::Describe(args) => describe::run(args),
    }
}

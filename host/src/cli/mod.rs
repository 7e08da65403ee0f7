//! The command line: one file per subcommand.
//!
//! In: arguments. Out: an exit status: 0 done, 1 failed, 2 the command line or the configuration is
//! wrong. Never: work of its own.

mod admin;
mod chosen;
mod crew;
mod describe;
mod explaining;
mod filters;
mod interface;
mod json_line;
mod openapi;
mod replay;
mod report;
mod serve;
mod show;
mod simulate;
mod streams;
mod token;
mod verdicts;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::api::ApiError;
use crate::config::{Config, ConfigError};
use crate::notices::NoticesError;
use crate::opened::OpenError;
use crate::registry::{self, RegistryError};

/// Runs astronomers' sandboxed filters over a telescope's live alert stream.
#[derive(Debug, Parser)]
#[command(name = "skysieve", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run streams, filters and the HTTP interface.
    Serve(serve::ServeArgs),
    /// Judge packets on this machine as the host would.
    Replay(replay::ReplayArgs),
    /// Print packets as the host reads them, one JSON line per record.
    Show(show::ShowArgs),
    /// Print what a filter declares.
    Describe(describe::DescribeArgs),
    /// Make a night of survey-like alerts.
    Simulate(simulate::SimulateArgs),
    /// Print the OpenAPI document of the HTTP interface.
    Openapi,
    /// Add the first administrator.
    Admin(admin::AdminArgs),
    /// Give, list and withdraw tokens of the HTTP interface.
    Token(token::TokenArgs),
}

/// Parse the command line and run what it names.
#[must_use]
pub fn main() -> ExitCode {
    // Before anything else: the compile child gives up its rights first.
    if std::env::args().nth(1).as_deref() == Some(crate::upload::COMPILE_SUBCOMMAND) {
        return crate::upload::compile_child();
    }
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Replay(arguments) => replay::run(arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Describe(arguments) => describe::run(&arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::Openapi => openapi::run(),
        Command::Token(arguments) => token::run(arguments, registry),
        Command::Admin(arguments) => admin::run(arguments, registry),
    };
    result.unwrap_or_else(|error| {
        eprintln!("skysieve: {error:#}");
        ExitCode::from(if is_wrong_configuration(&error) { 2 } else { 1 })
    })
}

/// The registry's settings and the host's data folder, as the configuration at `path` has them.
fn registry(path: Option<&Path>) -> anyhow::Result<(registry::Settings, PathBuf)> {
    let config = Config::read(path)?;
    Ok((config.registry, config.data))
}

/// What is wrong with the command line beyond its form.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Notes of the rooms, such as files that are passed over, on standard error.
fn start_notes() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("skysieve=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .init();
}

/// Whether the administrator has to change a setting before a new start can help.
fn is_wrong_configuration(error: &anyhow::Error) -> bool {
    let wrong = |cause: &(dyn Error + 'static)| {
        cause.is::<ConfigError>()
            || matches!(cause.downcast_ref(), Some(RegistryError::Settings(_)))
            || cause.is::<ApiError>()
            || cause.is::<NoticesError>()
            || cause.is::<Usage>()
            || cause.downcast_ref().is_some_and(OpenError::is_setting)
    };
    error.chain().any(wrong)
}

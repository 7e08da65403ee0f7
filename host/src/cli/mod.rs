//! The command line: one file per subcommand.
//!
//! In: arguments. Out: an exit status, see `exit`. Never: work of its own.

mod admin;
mod author;
mod chosen;
mod completions;
mod crew;
mod describe;
mod exit;
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

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;
use crate::registry;

/// Runs astronomers' sandboxed filters over a telescope's live alert stream.
#[derive(Debug, Parser)]
#[command(name = "skysieve", version, about, disable_help_subcommand = true, after_help = exit::HELP)]
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
    /// Give, list and withdraw tokens, straight in the registry of this machine's host.
    Token(token::TokenArgs),
    /// Say which host you work with, and with which token (read from standard input).
    Login(author::login::LoginArgs),
    /// Forget the login.
    Logout(author::login::LogoutArgs),
    #[command(flatten)]
    Author(author::Command),
    /// Administrate a host: users, groups, quotas, gates, suspensions.
    Admin(admin::AdminArgs),
    /// Print a completion script for a shell.
    Completions(completions::CompletionsArgs),
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
        Command::Token(arguments) => token::run(arguments, registry_of),
        Command::Login(arguments) => author::login::run(&arguments),
        Command::Logout(arguments) => author::login::forget(&arguments),
        Command::Author(command) => command.run(),
        Command::Admin(arguments) => admin::run(&arguments, registry_of),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    result.unwrap_or_else(|error| match exit::status(&error) {
        None => ExitCode::SUCCESS,
        Some(status) => {
            eprintln!("skysieve: {error:#}");
            ExitCode::from(status)
        }
    })
}

/// The registry of this machine's host, and its data folder.
fn registry_of(path: Option<&Path>) -> anyhow::Result<(registry::Settings, PathBuf)> {
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/command-line.md");

    fn walk(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
        for inner in command.get_subcommands() {
            let path = format!("{path} {}", inner.get_name());
            if !DOCUMENT.contains(&path) {
                missing.push(path.clone());
            }
            walk(inner, &path, missing);
        }
    }

    #[test]
    fn the_command_line_is_sound_and_documented() {
        Arguments::command().debug_assert();
        let mut missing = Vec::new();
        walk(&Arguments::command(), "skysieve", &mut missing);
        assert!(missing.is_empty(), "docs/command-line.md lacks {missing:?}");
    }

    #[test]
    fn the_exit_statuses_are_documented() {
        for status in 0..=6 {
            assert!(DOCUMENT.contains(&format!("\n| {status} | ")), "{status}");
        }
    }
}

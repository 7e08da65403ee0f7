//! `skysieve admin`: people, groups, quotas, gates and suspensions of a host.
//!
//! In: the words of a command line, an administrator's login. Out: what the host answered. Never: the
//! registry itself, but for the first administrator, whom nobody could make otherwise.

mod audit;
mod gate;
mod groups;
mod init;
mod quotas;
mod suspend;
mod tokens;
mod users;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::author::session::Common;
use super::author::with_session;
use crate::registry;

/// Arguments of `skysieve admin`.
#[derive(Debug, clap::Args)]
pub struct AdminArgs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the first administrator, straight in the registry of this machine's host.
    Init(init::InitArgs),
    /// Add, list and change users.
    Users(users::UsersArgs),
    /// Make and end tokens of users.
    Tokens(tokens::TokensArgs),
    /// Make groups, say who is in them and what they may see.
    Groups(groups::GroupsArgs),
    /// Show and set quotas.
    Quotas(quotas::QuotasArgs),
    /// Show, lift and restore the gate of a filter.
    Gate(gate::GateArgs),
    /// Stop a filter for a reason; a new activation starts it again.
    Suspend(suspend::SuspendArgs),
    /// Print what was done, by whom, to what.
    Audit(audit::AuditArgs),
}

/// Does what the arguments say; `read` reads the configuration: the registry's settings and the host's
/// data folder.
///
/// # Errors
/// When nobody is logged in, or the host does not do it.
pub fn run(
    arguments: &AdminArgs,
    read: impl FnOnce(Option<&Path>) -> anyhow::Result<(registry::Settings, PathBuf)>,
) -> anyhow::Result<ExitCode> {
    if let Command::Init(init) = &arguments.command {
        return init::run(init, arguments.common.json, read);
    }
    with_session(&arguments.common, |session| match &arguments.command {
        Command::Init(_) => Ok(ExitCode::SUCCESS),
        Command::Users(users) => users::run(users, session),
        Command::Tokens(tokens) => tokens::run(tokens, session),
        Command::Groups(groups) => groups::run(groups, session),
        Command::Quotas(quotas) => quotas::run(quotas, session),
        Command::Gate(gate) => gate::run(gate, session),
        Command::Suspend(suspend) => suspend::run(suspend, session),
        Command::Audit(audit) => audit::run(audit, session),
    })
}

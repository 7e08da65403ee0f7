//! `skysieve admin users`: who may sign in, and as what.
//!
//! In: names, roles. Out: users. Never: a deleted user, for history names them.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::author::session::{Session, text};
use crate::cli::author::table::{Column, Show, listing};
use crate::client::encoded;

/// Arguments of `skysieve admin users`.
#[derive(Debug, clap::Args)]
pub struct UsersArgs {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List users; also where no word is said.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 200)]
        limit: usize,
    },
    /// Add a user; `skysieve admin tokens create` lets them in.
    Add {
        /// Lower-case letters, digits and hyphens: it becomes part of topic names.
        name: String,
        /// What they may do.
        #[arg(long, default_value = "scientist")]
        role: RoleChoice,
    },
    /// Give a user another role.
    Role {
        /// Their name.
        name: String,
        /// What they may do from now on.
        role: RoleChoice,
    },
    /// Let a user in no longer; their filters go on.
    Disable {
        /// Their name.
        name: String,
    },
    /// Let a user in again.
    Enable {
        /// Their name.
        name: String,
    },
}

/// What a user may do.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RoleChoice {
    Scientist,
    Administrator,
}

impl RoleChoice {
    const fn word(self) -> &'static str {
        match self {
            Self::Scientist => "scientist",
            Self::Administrator => "administrator",
        }
    }
}

const COLUMNS: [Column<'static>; 4] = [
    ("user", "/name", Show::Text),
    ("role", "/role", Show::Text),
    ("added", "/created", Show::Time),
    ("disabled", "/disabled", Show::Time),
];

pub fn run(arguments: &UsersArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let change = |name: &str, change: Value| {
        let path = format!("/v1/users/{}", encoded(name));
        session.api.send("PATCH", &path, &change)
    };
    let answer = match &arguments.command {
        None => return list(session, 200),
        Some(Command::List { limit }) => return list(session, *limit),
        Some(Command::Add { name, role }) => {
            let new = json!({ "name": name, "role": role.word() });
            session.api.post("/v1/users", &new)?
        }
        Some(Command::Role { name, role }) => change(name, json!({ "role": role.word() }))?,
        Some(Command::Disable { name }) => change(name, json!({ "disabled": true }))?,
        Some(Command::Enable { name }) => change(name, json!({ "disabled": false }))?,
    };
    session.answer(&answer, |user| {
        let disabled = if user["disabled"].is_null() {
            ""
        } else {
            ", disabled"
        };
        format!("{}: {}{disabled}", text(user, "/name"), text(user, "/role"))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn list(session: &Session, limit: usize) -> anyhow::Result<ExitCode> {
    let page = session.list("/v1/users", &[], limit)?;
    session.answer(&page, |page| listing(page, &COLUMNS, "no users"))?;
    Ok(ExitCode::SUCCESS)
}

//! `skysieve admin groups`: collaborations that own filters together.
//!
//! In: names, members, programme numbers. Out: groups. Never: a deleted group, for topics carry its
//! name.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::author::session::{Session, items, plain, text};
use crate::cli::author::table::{Column, Show, listing};
use crate::client::encoded;

/// Arguments of `skysieve admin groups`.
#[derive(Debug, clap::Args)]
pub struct GroupsArgs {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List groups; also where no word is said.
    List {
        /// At most so many.
        #[arg(long, value_name = "N", default_value_t = 200)]
        limit: usize,
    },
    /// Print who is in a group, and what it may see.
    Show {
        /// The group.
        group: String,
    },
    /// Make a group without members.
    Add {
        /// Lower-case letters, digits and hyphens: it becomes part of topic names.
        group: String,
        /// One line about it.
        #[arg(long, value_name = "TEXT", default_value = "")]
        summary: String,
    },
    /// Take a user into a group, or give a member another role.
    Member {
        /// The group.
        group: String,
        /// The user.
        user: String,
        /// They also say who is a member.
        #[arg(long)]
        manager: bool,
    },
    /// Take a user out of a group.
    Remove {
        /// The group.
        group: String,
        /// The user.
        user: String,
    },
    /// Say which programmes of a stream a group may see besides the public ones; none where no number
    /// is given.
    Programmes {
        /// The group.
        group: String,
        /// The stream.
        stream: String,
        /// Numbers of programmes.
        programmes: Vec<i64>,
    },
}

const COLUMNS: [Column<'static>; 3] = [
    ("group", "/name", Show::Text),
    ("made", "/created", Show::Time),
    ("summary", "/summary", Show::Text),
];

pub fn run(arguments: &GroupsArgs, session: &Session) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        None => list(session, 200)?,
        Some(Command::List { limit }) => list(session, *limit)?,
        Some(Command::Show { group }) => {
            let whole = session.api.get(&path(group, ""), &[])?;
            session.answer(&whole, show)?;
        }
        Some(Command::Add { group, summary }) => {
            let new = json!({ "name": group, "summary": summary });
            let made = session.api.post("/v1/groups", &new)?;
            session.answer(&made, |_| {
                format!("group {group} is made; it has no members yet")
            })?;
        }
        Some(Command::Member {
            group,
            user,
            manager,
        }) => {
            let role = if *manager { "manager" } else { "member" };
            let member = path(group, &format!("/members/{}", encoded(user)));
            session.api.send("PUT", &member, &json!({ "role": role }))?;
            session.note(&format!("{user} is a {role} of {group}"));
        }
        Some(Command::Remove { group, user }) => {
            let member = path(group, &format!("/members/{}", encoded(user)));
            session.api.send("DELETE", &member, &Value::Null)?;
            session.note(&format!("{user} is no member of {group}"));
        }
        Some(Command::Programmes {
            group,
            stream,
            programmes,
        }) => {
            let granted = path(group, &format!("/programmes/{}", encoded(stream)));
            let body = json!({ "programmes": programmes });
            session.api.send("PUT", &granted, &body)?;
            session.note(&format!(
                "{group} sees of {stream}, besides what is public: {programmes:?}"
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(group: &str, part: &str) -> String {
    format!("/v1/groups/{}{part}", encoded(group))
}

fn list(session: &Session, limit: usize) -> anyhow::Result<()> {
    let page = session.list("/v1/groups", &[], limit)?;
    session.answer(&page, |page| listing(page, &COLUMNS, "no groups"))
}

fn show(group: &Value) -> String {
    let mut lines = vec![format!(
        "{}: {}",
        text(group, "/name"),
        text(group, "/summary")
    )];
    for member in items(group, "/members") {
        lines.push(format!(
            "  {} ({})",
            text(member, "/user"),
            text(member, "/role")
        ));
    }
    for (stream, programmes) in group["programmes"].as_object().into_iter().flatten() {
        lines.push(format!(
            "  sees programmes {} of {}",
            text(programmes, ""),
            plain(stream)
        ));
    }
    lines.join("\n")
}

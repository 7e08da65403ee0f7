//! `skysieve targets`: where an owner wants to be told.
//!
//! In: addresses of webhooks, e-mail addresses, codes. Out: targets; a webhook's key, once. Never: a
//! call to an address.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::session::{Common, Session, out, text};
use super::table::{Column, Show, listing};

/// Arguments of `skysieve targets`.
#[derive(Debug, clap::Args)]
pub struct TargetsArgs {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List targets; also where no word is said.
    List {
        /// A group of yours; for administrators anybody.
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// Name a webhook (https://…) or an e-mail address; prints a webhook's key, once.
    Add {
        /// https://…, or an e-mail address.
        address: String,
        /// Only these kinds, with commas between, as in filter.suspended,filter.failing.
        #[arg(long, value_name = "KINDS", value_delimiter = ',')]
        kinds: Vec<String>,
        /// A group of yours that is told.
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
    },
    /// Remove a target.
    Remove {
        /// Its number in the list.
        number: u64,
    },
    /// Send a target a notice that says nothing else.
    Test {
        /// Its number in the list.
        number: u64,
    },
    /// Confirm an e-mail address by the code that was sent to it.
    Confirm {
        /// Its number in the list.
        number: u64,
        /// The code.
        code: String,
    },
}

const COLUMNS: [Column<'static>; 6] = [
    ("target", "/id", Show::Number),
    ("owner", "/owner", Show::Text),
    ("address", "/address", Show::Text),
    ("state", "/state", Show::Text),
    ("kinds", "/kinds", Show::Text),
    ("last failure", "/reason", Show::Text),
];

pub fn run(arguments: &TargetsArgs, session: &Session) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        None => list(session, None)?,
        Some(Command::List { owner }) => list(session, owner.as_deref())?,
        Some(Command::Add {
            address,
            kinds,
            owner,
        }) => add(session, address, kinds, owner.as_deref())?,
        Some(Command::Remove { number }) => {
            session
                .api
                .send("DELETE", &path(*number, ""), &Value::Null)?;
            session.note(&format!("target {number} is gone"));
        }
        Some(Command::Test { number }) => {
            let answer = session.api.post(&path(*number, "/test"), &Value::Null)?;
            let said = "it is on its way; `skysieve notices` says what becomes of it";
            session.answer(&answer, |_| said.to_owned())?;
        }
        Some(Command::Confirm { number, code }) => {
            let body = json!({ "code": code });
            let answer = session.api.post(&path(*number, "/confirm"), &body)?;
            session.answer(&answer, |answer| {
                format!("target {number} is {}", text(answer, "/state"))
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn path(number: u64, part: &str) -> String {
    format!("/v1/notice-targets/{number}{part}")
}

fn list(session: &Session, owner: Option<&str>) -> anyhow::Result<()> {
    let query = [("owner", owner.map(str::to_owned))];
    let page = session.api.get("/v1/notice-targets", &query)?;
    let nothing = "no targets: you are told nothing (`skysieve targets add ADDRESS`)";
    session.answer(&page, |page| listing(page, &COLUMNS, nothing))
}

fn add(
    session: &Session,
    address: &str,
    kinds: &[String],
    owner: Option<&str>,
) -> anyhow::Result<()> {
    let is_webhook = address.contains("://");
    let medium = if is_webhook { "webhook" } else { "email" };
    let mut new = json!({ "medium": medium, "address": address, "kinds": kinds });
    if let Some(owner) = owner {
        new["owner"] = json!(owner);
    }
    let made = session.api.post("/v1/notice-targets", &new)?;
    if session.json {
        return out(&made.to_string());
    }
    let number = text(&made, "/id");
    if is_webhook {
        session.note(&format!(
            "target {number}; its notices are signed with this key, which is shown this once:"
        ));
        return out(&text(&made, "/secret"));
    }
    session.note(&format!(
        "target {number}: a code was sent to {address}; `skysieve targets confirm {number} CODE`"
    ));
    Ok(())
}

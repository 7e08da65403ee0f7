//! `skysieve admin gate`: what a filter has to show before it goes live.
//!
//! In: a filter; a reason. Out: its gate. Never: a lift without a reason.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::author::session::{Session, minute, text};

/// Arguments of `skysieve admin gate`.
#[derive(Debug, clap::Args)]
pub struct GateArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print the gate of a filter.
    Show {
        /// The filter: OWNER/NAME.
        filter: String,
        /// What is known of this setting, too.
        #[arg(long, value_name = "N")]
        setting: Option<u64>,
    },
    /// Lift the gate for one filter.
    Lift {
        /// The filter: OWNER/NAME.
        filter: String,
        /// Why; kept for good.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// End the lift: the gate holds again.
    Restore {
        /// The filter: OWNER/NAME.
        filter: String,
    },
}

pub fn run(arguments: &GateArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let gate = |filter: &str| Ok::<_, anyhow::Error>(session.filter(filter)?.path("/gate"));
    let answer = match &arguments.command {
        Command::Show { filter, setting } => {
            let query = [("setting", setting.map(|setting| setting.to_string()))];
            session.api.get(&gate(filter)?, &query)?
        }
        Command::Lift { filter, reason } => {
            let body = json!({ "reason": reason });
            session.api.send("PUT", &gate(filter)?, &body)?
        }
        Command::Restore { filter } => {
            session.api.send("DELETE", &gate(filter)?, &Value::Null)?;
            session.note(&format!("the gate of {filter} holds again"));
            return Ok(ExitCode::SUCCESS);
        }
    };
    session.answer(&answer, show)?;
    Ok(ExitCode::SUCCESS)
}

fn show(gate: &Value) -> String {
    let part = |pointer| text(gate, pointer);
    let mut lines = vec![format!(
        "passes at most {} % in a test of at least {} alerts",
        part("/percent"),
        part("/alerts")
    )];
    if gate["lifted"].is_object() {
        let since = minute(&part("/lifted/since"));
        lines.push(format!(
            "lifted by {} since {since} UTC: {}",
            part("/lifted/by"),
            part("/lifted/reason")
        ));
    }
    if gate["setting"].is_object() {
        let may = if gate["setting"]["may_go_live"] == true {
            "may go live"
        } else {
            "may not go live"
        };
        lines.push(format!(
            "setting {} {may} {}",
            part("/setting/setting"),
            part("/setting/reason")
        ));
    }
    lines.join("\n")
}

//! `skysieve pause`, `resume`, `rollback`, `retire`: what runs of a filter.
//!
//! In: a filter. Out: how it is from now. Never: a choice of what runs; `activate` has that.

use std::process::ExitCode;

use serde_json::Value;

use super::session::{Common, Session, text};

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident $part:literal),+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, clap::Args)]
            pub struct $name {
                /// The filter: NAME, or OWNER/NAME.
                filter: String,
                #[command(flatten)]
                pub common: Common,
            }

            impl Action for $name {
                const PART: &'static str = $part;

                fn filter(&self) -> &str {
                    &self.filter
                }
            }
        )+
    };
}

/// One word of the interface that takes a filter and nothing else.
pub trait Action {
    const PART: &'static str;

    fn filter(&self) -> &str;
}

actions! {
    /// Arguments of `skysieve pause`.
    PauseArgs "/pause",
    /// Arguments of `skysieve resume`.
    ResumeArgs "/resume",
    /// Arguments of `skysieve rollback`.
    RollbackArgs "/rollback",
    /// Arguments of `skysieve retire`.
    RetireArgs "/retire"
}

pub fn run<A: Action>(action: &A, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(action.filter())?;
    let answer = session.api.post(&filter.path(A::PART), &Value::Null)?;
    session.answer(&answer, line)?;
    Ok(ExitCode::SUCCESS)
}

/// A filter and what runs of it, on one line.
pub fn line(filter: &Value) -> String {
    let (owner, name) = (text(filter, "/owner"), text(filter, "/name"));
    let name = format!("{owner}/{name}: {}", text(filter, "/state"));
    let setting = text(filter, "/active/setting");
    if setting.is_empty() {
        return name;
    }
    let reason = match text(filter, "/active/reason") {
        reason if reason.is_empty() => reason,
        reason => format!(" ({reason})"),
    };
    let version = text(filter, "/active/version");
    format!("{name}{reason}, version {version}, setting {setting}")
}

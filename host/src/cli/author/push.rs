//! `skysieve push`: from a crate to an uploaded version.
//!
//! In: a crate or a module, the name of a filter. Out: the version, and what its trial gave. Never: a
//! version that runs without being asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::build::{About, build};
use super::run_state::line;
use super::session::{Common, FilterName, Session, items, number, out, plain, text};
use super::table::cut_flow;
use crate::cli::Usage;
use crate::client::CallError;

/// Arguments of `skysieve push`.
#[derive(Debug, clap::Args)]
pub struct PushArgs {
    /// A crate's folder, which is built, or a .wasm file.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The filter: NAME, or OWNER/NAME; the crate's name where it is missing. It is made where it is
    /// not there yet.
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// The stream of a new filter; without it what the crate says under
    /// [package.metadata.skysieve], or the host's only stream.
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// What is new, for the list of versions.
    #[arg(long, value_name = "TEXT", default_value = "")]
    notes: String,
    /// A link to the source; without it the crate's repository.
    #[arg(long, value_name = "URL")]
    source: Option<String>,
    /// Activate it, too, with its default parameters.
    #[arg(long)]
    activate: bool,
    #[command(flatten)]
    pub common: Common,
}

pub fn run(arguments: &PushArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let built = build(&arguments.path)?;
    let name = arguments.filter.as_deref().unwrap_or(&built.about.name);
    let filter = session.filter(name)?;
    let made = ensure(session, &filter, arguments, &built.about)?;
    let source = arguments.source.clone().unwrap_or(built.about.source);
    let query = [
        (
            "notes",
            Some(arguments.notes.clone()).filter(|text| !text.is_empty()),
        ),
        ("source", Some(source).filter(|text| !text.is_empty())),
    ];
    let (new, version) = session
        .api
        .upload(&filter.path("/versions"), &query, &built.bytes)?;
    let activation = json!({ "version": version["number"] });
    let active = arguments
        .activate
        .then(|| session.api.post(&filter.path("/activate"), &activation));
    // The version is there, whether or not it may run: what its trial gave is to be read.
    if session.json {
        let document = json!({
            "filter": filter.to_string(), "new_filter": made, "new_version": new, "version": version,
            "active": active.as_ref().and_then(|active| active.as_ref().ok()),
        });
        out(&document.to_string())?;
    } else {
        out(&report(&filter, new, &version))?;
    }
    match active {
        None => session.note(&next(&filter, &version)),
        Some(active) => {
            let active = active?;
            if !session.json {
                out(&line(&active))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the filter where it is not there yet; true where it was made.
fn ensure(
    session: &Session,
    filter: &FilterName,
    arguments: &PushArgs,
    about: &About,
) -> anyhow::Result<bool> {
    match session.api.get(&filter.path(""), &[]) {
        Ok(_) => return Ok(false),
        Err(CallError::Refused(refusal)) if refusal.status == 404 => {}
        Err(other) => return Err(other.into()),
    }
    let asked = arguments.stream.clone().or_else(|| about.stream.clone());
    let stream = match asked {
        Some(stream) => stream,
        None => only_stream(session)?,
    };
    let summary: String = about.summary.chars().take(200).collect();
    let mut new = json!({ "name": filter.name, "stream": stream, "summary": summary });
    if filter.owner != session.user()? {
        new["owner"] = json!(filter.owner);
    }
    session.api.post("/v1/filters", &new)?;
    session.note(&format!("made the filter {filter} of stream {stream}"));
    Ok(true)
}

fn only_stream(session: &Session) -> anyhow::Result<String> {
    let streams = session.api.get("/v1/streams", &[])?;
    let names: Vec<String> = items(&streams, "/items")
        .iter()
        .map(|stream| text(stream, "/name"))
        .collect();
    match names.as_slice() {
        [only] => Ok(only.clone()),
        _ => {
            let text = format!("say --stream: the host has {}", names.join(", "));
            Err(Usage(text).into())
        }
    }
}

fn report(filter: &FilterName, new: bool, version: &Value) -> String {
    let (number, title) = (text(version, "/number"), text(version, "/title"));
    let there = if new {
        ""
    } else {
        " (the same bytes as before)"
    };
    let digest: String = text(version, "/digest").chars().take(12).collect();
    let head = format!("version {number} of {filter}{there}: {title}\nsha256 {digest}…");
    format!("{head}\n\n{}", trial(version))
}

/// What the trial gave: the cut-flow of sample alerts, and what they cost.
fn trial(version: &Value) -> String {
    let trial = &version["trial"];
    let note = text(trial, "/note");
    if !note.is_empty() {
        return format!("no trial: {note}");
    }
    let alerts = number(trial, "/alerts");
    let failed: u64 = trial["failed"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, failed)| number(failed, "/alerts"))
        .sum();
    let item = json!({
        "lacking": trial["lacking"], "evaluated": alerts, "failed": trial["failed"],
        "rejected": cuts(version, alerts.saturating_sub(failed)), "passed": trial["passed"],
    });
    let fuel = ["/fuel_min", "/fuel_median", "/fuel_max"].map(|pointer| text(trial, pointer));
    format!(
        "trial on {alerts} sample alerts\n{}\nfuel of an alert: {} to {}, median {}{}",
        cut_flow(&item),
        fuel[0],
        fuel[2],
        fuel[1],
        messages(trial)
    )
}

/// The declared cuts in their order.
fn cuts(version: &Value, judged: u64) -> Vec<Value> {
    let mut remaining = judged;
    let reasons = items(version, "/description/reasons").iter();
    let cut = reasons.map(|reason| {
        let name = text(reason, "/name");
        let alerts = version["trial"]["rejected"][&name]
            .as_u64()
            .unwrap_or_default();
        remaining = remaining.saturating_sub(alerts);
        json!({
            "reason": name, "summary": reason["summary"], "alerts": alerts, "remaining": remaining,
        })
    });
    cut.collect()
}

/// The first message of each kind of failure.
fn messages(trial: &Value) -> String {
    let failed: BTreeMap<String, String> = trial["failed"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(kind, failed)| (plain(kind), text(failed, "/message")))
        .collect();
    let lines = failed
        .iter()
        .map(|(kind, message)| format!("\n{kind}: {message}"));
    lines.collect()
}

fn next(filter: &FilterName, version: &Value) -> String {
    let number = text(version, "/number");
    format!(
        "next: skysieve backtest {filter} --version {number}, then skysieve activate {filter} --version {number}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trial_is_a_cut_flow() {
        let version = json!({
            "number": 3, "digest": "0123456789abcdef", "title": "Bright",
            "description": {"reasons": [
                {"name": "bogus", "summary": "not real"}, {"name": "faint", "summary": "too faint"},
            ]},
            "trial": {
                "alerts": 20, "lacking": 0, "passed": 3, "rejected": {"faint": 6, "bogus": 10},
                "failed": {"fuel": {"alerts": 1, "message": "too much"}}, "fuel_min": 10,
                "fuel_median": 20, "fuel_max": 30, "elapsed_ms": 5, "note": null,
            },
        });
        let filter = FilterName {
            owner: "anna".to_owned(),
            name: "nearby".to_owned(),
        };
        let shown = report(&filter, false, &version);
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "version 3 of anna/nearby (the same bytes as before): Bright",
            "failed: fuel 1",
            "bogus 10 9 not real",
            "faint 6 3 too faint",
            "passed 3",
            "fuel of an alert: 10 to 30, median 20",
            "fuel: too much",
        ] {
            assert!(flat.contains(words), "{words:?} in\n{shown}");
        }
    }
}

//! `skysieve explain`: why an alert passed, or did not.
//!
//! In: a filter, an alert by its id, its object or its packet. Out: the verdict, every field that was
//! read, parameters, annotations, fuel, logs. Never: a guess.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::session::{Common, Session, items, plain, text};
use super::table::{titled, trimmed};

/// Longest value that a table shows [characters].
const VALUE_LENGTH: usize = 60;

/// Arguments of `skysieve explain`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("alert-wanted").required(true))]
pub struct ExplainArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// The alert of this id, from the recent past.
    #[arg(long, value_name = "ID", group = "alert-wanted")]
    alert: Option<String>,
    /// The most recent alert of this object.
    #[arg(long, value_name = "ID", group = "alert-wanted")]
    object: Option<String>,
    /// A packet, byte for byte as the survey sends it.
    #[arg(long, value_name = "FILE", group = "alert-wanted")]
    packet: Option<PathBuf>,
    /// The setting; without it and --version what is switched on, else the last version.
    #[arg(long, value_name = "N", conflicts_with = "version")]
    setting: Option<u64>,
    /// The version, with its default parameters.
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// How far back to search, as in 2026-11-23T18:00:00Z; the last 24 hours without it.
    #[arg(long, value_name = "TIME", conflicts_with = "packet")]
    since: Option<String>,
    #[command(flatten)]
    pub common: Common,
}

pub fn run(arguments: &ExplainArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let query = [
        (
            "setting",
            arguments.setting.map(|setting| setting.to_string()),
        ),
        (
            "version",
            arguments.version.map(|version| version.to_string()),
        ),
        ("since", arguments.since.clone()),
    ];
    let path = filter.path("/explain");
    let answer = match &arguments.packet {
        Some(file) => {
            let packet = std::fs::read(file).with_context(|| file.display().to_string())?;
            session.api.upload(&path, &query, &packet)?.1
        }
        None => {
            let wanted = match (&arguments.alert, &arguments.object) {
                (Some(alert), _) => json!({ "alert_id": alert }),
                (None, object) => json!({ "object_id": object }),
            };
            session.api.post_with(&path, &query, &wanted)?
        }
    };
    session.answer(&answer, |answer| report(&filter.to_string(), answer))?;
    Ok(ExitCode::SUCCESS)
}

fn report(filter: &str, answer: &Value) -> String {
    let setting = match text(answer, "/setting") {
        setting if setting.is_empty() => setting,
        setting => format!(", setting {setting}"),
    };
    let mut lines = vec![format!(
        "{filter}, version {}{setting}",
        text(answer, "/version")
    )];
    for parameter in items(answer, "/parameters") {
        let part = |pointer| text(parameter, pointer);
        lines.push(
            format!("  {} = {} {}", part("/name"), part("/value"), part("/unit"))
                .trim_end()
                .to_owned(),
        );
    }
    let topic = text(answer, "/found/topic");
    if !topic.is_empty() {
        let part = |pointer| text(answer, pointer);
        lines.push(format!(
            "found in {topic}, partition {}, offset {}",
            part("/found/partition"),
            part("/found/offset")
        ));
    }
    for alert in items(answer, "/alerts") {
        lines.push(String::new());
        lines.push(explained(alert, &text(answer, "/fuel_budget")));
    }
    lines.join("\n")
}

fn explained(alert: &Value, budget: &str) -> String {
    let part = |pointer| text(alert, pointer);
    let verdict = match part("/verdict").as_str() {
        "pass" => "passes".to_owned(),
        verdict => {
            let word = if verdict == "fail" {
                "fails"
            } else {
                "is rejected"
            };
            let said: Vec<String> = [part("/reason"), part("/summary"), part("/message")]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect();
            format!("{word}: {}", said.join(": "))
        }
    };
    let (id, object, night) = (part("/alert_id"), part("/object_id"), part("/night"));
    let mut lines = vec![format!("alert {id} of {object}, night {night}, {verdict}")];
    if !items(alert, "/lacking").is_empty() {
        lines.push(format!("it lacks {}", part("/lacking")));
    }
    for (name, value) in alert["annotations"].as_object().into_iter().flatten() {
        lines.push(format!("annotation {} = {}", plain(name), text(value, "")));
    }
    lines.push(format!("fuel {} of {budget}", part("/fuel")));
    if !items(alert, "/fields").is_empty() {
        lines.push(fields(alert));
    }
    for line in items(alert, "/logs") {
        lines.push(format!(
            "log {:<7} {}",
            text(line, "/level"),
            text(line, "/message")
        ));
    }
    lines.join("\n")
}

fn fields(alert: &Value) -> String {
    let mut table = titled(["field", "type", "value", ""]);
    for field in items(alert, "/fields") {
        let value = match &field["value"] {
            Value::Null => "-".to_owned(),
            value => short(&plain(&value.to_string())),
        };
        table.add_row([
            text(field, "/path"),
            text(field, "/type"),
            value,
            text(field, "/note"),
        ]);
    }
    trimmed(&table)
}

fn short(text: &str) -> String {
    if text.chars().count() <= VALUE_LENGTH {
        return text.to_owned();
    }
    let begin: String = text.chars().take(VALUE_LENGTH).collect();
    format!("{begin}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_says_why() {
        let answer = json!({
            "version": 2, "setting": 7, "fuel_budget": 1000,
            "parameters": [{"name": "faintest_mag", "value": 18.5, "unit": "mag"}],
            "found": {"topic": "ztf", "partition": 3, "offset": 5},
            "alerts": [{
                "alert_id": "12", "object_id": "ZTF1", "night": "2026-11-23", "verdict": "reject",
                "reason": "faint", "summary": "too faint", "annotations": {}, "fuel": 34, "lacking": [],
                "fields": [{"path": "mag", "type": "float32", "value": 19.5, "required": true}],
                "logs": [{"level": "info", "message": "hm"}],
            }],
        });
        let shown = report("anna/nearby", &answer);
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in [
            "anna/nearby, version 2, setting 7",
            "faintest_mag = 18.5 mag",
            "found in ztf, partition 3, offset 5",
            "alert 12 of ZTF1, night 2026-11-23, is rejected: faint: too faint",
            "fuel 34 of 1000",
            "mag float32 19.5",
            "log info hm",
        ] {
            assert!(flat.contains(words), "{words:?} in\n{shown}");
        }
    }
}

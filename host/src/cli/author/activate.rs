//! `skysieve activate`: what runs on the live stream.
//!
//! In: a filter, and a version, a setting, or parameters. Out: how it is from now, or what is scheduled.
//! Never: an activation that the gate has not seen.

use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::run_state::line;
use super::session::{Common, FilterName, Session, minute, number, text};
use crate::cli::Usage;

/// Arguments of `skysieve activate`.
#[derive(Debug, clap::Args)]
pub struct ActivateArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    #[command(flatten)]
    what: What,
    /// Not now but then, as in 2026-12-01T20:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Forget what was scheduled.
    #[arg(long, conflicts_with_all = ["at", "version", "setting", "parameters", "payload", "fields"])]
    unschedule: bool,
    #[command(flatten)]
    pub common: Common,
}

/// What of a filter is meant: the last version with its default parameters where nothing is said.
#[derive(Debug, Clone, clap::Args)]
pub struct What {
    /// A setting that was made before.
    #[arg(long, value_name = "N", conflicts_with_all = ["version", "parameters", "payload", "fields"])]
    pub setting: Option<u64>,
    /// A version; the last one where it is missing.
    #[arg(long, value_name = "N")]
    pub version: Option<u64>,
    /// A parameter that is to differ from its default; may come several times.
    #[arg(long = "parameter", short = 'p', value_name = "NAME=VALUE")]
    pub parameters: Vec<String>,
    /// What goes out for an alert that passes: packet, without_cutouts, fields, reference.
    #[arg(long, value_name = "CHOICE")]
    pub payload: Option<String>,
    /// The parts that go out, with commas between; implies --payload fields.
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    pub fields: Vec<String>,
}

impl What {
    /// The number of the setting; it is made where it is not there yet.
    pub fn setting(&self, session: &Session, filter: &FilterName) -> anyhow::Result<u64> {
        if let Some(setting) = self.setting {
            return Ok(setting);
        }
        let mut new = json!({ "parameters": parameters(&self.parameters)? });
        if let Some(version) = self.version {
            new["version"] = json!(version);
        }
        if let Some(payload) = &self.payload {
            new["payload"] = json!(payload);
        }
        if !self.fields.is_empty() {
            new["fields"] = json!(self.fields);
        }
        let setting = session.api.post(&filter.path("/settings"), &new)?;
        Ok(number(&setting, "/setting"))
    }
}

/// `NAME=VALUE`: numbers and truth values as such, everything else as text.
fn parameters(words: &[String]) -> anyhow::Result<Map<String, Value>> {
    let mut parameters = Map::new();
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| Usage(format!("{word:?}: write a parameter as NAME=VALUE")))?;
        let value = match serde_json::from_str::<Value>(value) {
            Ok(plain @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => plain,
            _ => json!(value),
        };
        if parameters.insert(name.to_owned(), value).is_some() {
            return Err(Usage(format!("the parameter {name:?} comes twice")).into());
        }
    }
    Ok(parameters)
}

pub fn run(arguments: &ActivateArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let filter = session.filter(&arguments.filter)?;
    let schedule = filter.path("/schedule");
    if arguments.unschedule {
        session.api.send("DELETE", &schedule, &Value::Null)?;
        session.note(&format!("nothing is scheduled for {filter}"));
        return Ok(ExitCode::SUCCESS);
    }
    let setting = arguments.what.setting(session, &filter)?;
    if let Some(at) = &arguments.at {
        let planned = json!({ "setting": setting, "at": at });
        let answer = session.api.send("PUT", &schedule, &planned)?;
        session.answer(&answer, |answer| {
            let at = minute(&text(answer, "/at"));
            format!("{filter}: setting {setting} at {at} UTC")
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let activation = json!({ "setting": setting });
    let answer = session.api.post(&filter.path("/activate"), &activation)?;
    session.answer(&answer, line)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(words: &[&str]) -> anyhow::Result<Value> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Ok(json!(parameters(&words)?))
    }

    #[test]
    fn parameters_are_what_they_look_like() {
        let words = [
            "mag=18.5",
            "n=3",
            "on=true",
            "band=r",
            "text=\"5\"",
            "odd=a=b",
            "list=[1]",
        ];
        let expected = json!({
            "mag": 18.5, "n": 3, "on": true, "band": "r", "text": "5", "odd": "a=b", "list": "[1]",
        });
        assert_eq!(read(&words).unwrap(), expected);
        assert!(read(&["mag"]).unwrap_err().is::<Usage>());
        assert!(read(&["a=1", "a=2"]).unwrap_err().is::<Usage>());
    }
}

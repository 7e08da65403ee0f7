//! `skysieve tail`: passing alerts as they come.
//!
//! In: a filter, where to begin. Out: a line for each alert; with `--json` the alert itself. Never: an
//! alert twice, or one left out without a word, whatever becomes of the connection.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::session::{Common, FilterName, Session, out, plain, text};
use crate::client::{CallError, Event, Events};

/// How often a connection is tried again without any news, and the waits in between.
const TRIES: u32 = 20;
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Arguments of `skysieve tail`.
#[derive(Debug, clap::Args)]
pub struct TailArgs {
    /// The filter: NAME, or OWNER/NAME.
    filter: String,
    /// Begin behind this cursor, which stands in every line of JSON.
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Begin with what was delivered at this instant or later, as in 2026-11-24T03:00:00Z; without it
    /// and --after, with what passes from now on.
    #[arg(long, value_name = "TIME", conflicts_with = "after")]
    since: Option<String>,
    /// What to show of each alert in JSON: packet, without_cutouts, fields, reference.
    #[arg(long, value_name = "CHOICE")]
    payload: Option<String>,
    /// Paths, with commas between: these parts of each alert in JSON.
    #[arg(long, value_name = "PATHS")]
    fields: Option<String>,
    /// End after so many alerts.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    #[command(flatten)]
    pub common: Common,
}

/// How far it is.
struct Tail<'a> {
    arguments: &'a TailArgs,
    session: &'a Session,
    filter: FilterName,
    /// The last event; a new connection goes on behind it.
    cursor: Option<String>,
    alerts: u64,
    /// Connections since the last news.
    silent: u32,
}

/// What comes after a connection.
enum Next {
    Done,
    /// At once: the host asked for it.
    Again,
    /// After a while.
    Later(anyhow::Error),
}

pub fn run(arguments: &TailArgs, session: &Session) -> anyhow::Result<ExitCode> {
    let mut tail = Tail {
        arguments,
        session,
        filter: session.filter(&arguments.filter)?,
        cursor: None,
        alerts: 0,
        silent: 0,
    };
    let mut wait = FIRST_WAIT;
    while !tail.is_done() {
        match tail.connection()? {
            Next::Done => break,
            Next::Again => wait = FIRST_WAIT,
            Next::Later(error) if tail.silent > TRIES => return Err(error),
            Next::Later(error) => {
                if tail.silent <= 1 {
                    wait = FIRST_WAIT;
                }
                eprintln!("skysieve: {error:#}; again in {:.1} s", wait.as_secs_f64());
                std::thread::sleep(wait);
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Tail<'_> {
    fn is_done(&self) -> bool {
        self.arguments
            .limit
            .is_some_and(|limit| self.alerts >= limit)
    }

    /// One connection, until it ends. What the host refuses at the first one is the user's matter.
    fn connection(&mut self) -> anyhow::Result<Next> {
        let asked = self.arguments;
        let begins = self.cursor.is_none();
        let payload = asked.payload.clone().or_else(|| self.least());
        let query = [
            ("after", asked.after.clone().filter(|_| begins)),
            ("since", asked.since.clone().filter(|_| begins)),
            ("payload", payload),
            ("fields", asked.fields.clone()),
        ];
        self.silent += 1;
        let path = self.filter.path("/alerts/live");
        let stream = match self
            .session
            .api
            .stream(&path, &query, self.cursor.as_deref())
        {
            Ok(stream) => stream,
            Err(error) if begins || is_final(&error) => return Err(error.into()),
            Err(error) => return Ok(Next::Later(error.into())),
        };
        let mut events = Events::new(stream);
        while !self.is_done() {
            match events.read() {
                Ok(Some(event)) => {
                    if let Some(next) = self.take(event)? {
                        return Ok(next);
                    }
                }
                Ok(None) => return Ok(Next::Later(anyhow::anyhow!("the connection ended"))),
                Err(error) => {
                    return Ok(Next::Later(
                        anyhow::Error::msg(error.to_string()).context("the connection broke"),
                    ));
                }
            }
        }
        Ok(Next::Done)
    }

    /// Without JSON nobody sees the alert itself, so it need not travel.
    fn least(&self) -> Option<String> {
        let nothing = !self.session.json && self.arguments.fields.is_none();
        nothing.then(|| "reference".to_owned())
    }

    fn take(&mut self, event: Event) -> anyhow::Result<Option<Next>> {
        if !event.id.is_empty() {
            self.cursor = Some(event.id);
        }
        let document: Value = serde_json::from_str(&event.data).unwrap_or_default();
        match event.kind.as_str() {
            "alert" => {
                self.silent = 0;
                self.alerts += 1;
                if self.session.json {
                    out(&event.data)?;
                } else {
                    out(&line(&document))?;
                }
                Ok(None)
            }
            "gap" => {
                let (alerts, reason) = (text(&document, "/alerts"), text(&document, "/reason"));
                eprintln!("skysieve: {alerts} alerts are missing here: {reason}");
                // A reader that was too slow is cut off; what is not kept any more is only told.
                Ok((reason == "slow").then_some(Next::Again))
            }
            "end" => {
                let reason = text(&document, "/reason");
                if reason != "renew" {
                    let why = anyhow::anyhow!("the host ended the stream: {reason}");
                    return Ok(Some(Next::Later(why)));
                }
                self.silent = 0;
                Ok(Some(Next::Again))
            }
            _ => Ok(None),
        }
    }
}

/// Trying again would be refused again.
fn is_final(error: &CallError) -> bool {
    match error {
        CallError::Refused(refusal) => {
            (400..500).contains(&refusal.status) && refusal.status != 429
        }
        CallError::Unreachable { .. } | CallError::Unreadable { .. } => false,
    }
}

/// An alert on one line: night, object, alert, what judged it, what it was given.
pub(super) fn line(alert: &Value) -> String {
    let part = |pointer| text(alert, pointer);
    let annotations = alert["annotations"].as_object().into_iter().flatten();
    let annotations: String = annotations
        .map(|(name, value)| format!("  {}={}", plain(name), text(value, "")))
        .collect();
    let error = match part("/error") {
        error if error.is_empty() => error,
        error => format!("  ({error})"),
    };
    let (night, object, id) = (part("/night"), part("/object_id"), part("/alert_id"));
    let (version, setting) = (part("/version"), part("/setting"));
    format!("{night}  {object}  {id}  v{version}/s{setting}{annotations}{error}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_is_one_line() {
        let alert = json!({
            "night": "2026-11-23", "object_id": "ZTF18abudxnw", "alert_id": "662106261815010012",
            "version": 1, "setting": 2, "annotations": {"rise": 1.5, "class": "SN\u{1b}[2J"},
        });
        let expected =
            "2026-11-23  ZTF18abudxnw  662106261815010012  v1/s2  rise=1.5  class=SN [2J";
        assert_eq!(line(&alert), expected);
    }
}

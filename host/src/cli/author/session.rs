//! Who asks which host, and how the answer is to look.
//!
//! In: the login, `--json`. Out: documents of the host; filters by the names that people write. Never: a
//! control character of somebody else's text on a terminal.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::client::{Api, CallError, Query, login};
use crate::registry::Name;

use super::super::Usage;

/// Items of one page; the interface gives no more.
const PAGE: usize = 200;

/// What every command takes that asks a host.
#[derive(Debug, Clone, clap::Args)]
pub struct Common {
    /// Print what the host answered, as JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// A host, asked by somebody who is logged in.
pub struct Session {
    pub api: Api,
    pub json: bool,
    user: String,
}

/// A filter by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterName {
    pub owner: String,
    pub name: String,
}

impl std::fmt::Display for FilterName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}

impl FilterName {
    /// Where its `part` is: `/v1/filters/OWNER/NAME` and the part.
    pub fn path(&self, part: &str) -> String {
        format!("/v1/filters/{self}{part}")
    }
}

impl Session {
    /// As the environment or the login says.
    pub fn open(common: &Common) -> anyhow::Result<Self> {
        let login = login::read(&login::file()?, |name| std::env::var(name).ok())?;
        Ok(Self {
            api: Api::new(&login.url, &login.token),
            json: common.json,
            user: login.user,
        })
    }

    /// The filter of `NAME` (one's own) or `OWNER/NAME`.
    pub fn filter(&self, text: &str) -> anyhow::Result<FilterName> {
        let (owner, name) = match text.split_once('/') {
            Some((owner, name)) => (checked(owner)?, name),
            None => (self.user()?, text),
        };
        let name = checked(name)?;
        Ok(FilterName { owner, name })
    }

    /// Who asks; the host says where the login does not.
    pub fn user(&self) -> anyhow::Result<String> {
        if !self.user.is_empty() {
            return Ok(self.user.clone());
        }
        Ok(text(&self.api.get("/v1/me", &[])?, "/user"))
    }

    /// At most `limit` items of a listing, in as many pages as it takes: a document of `items` and
    /// `next`, like one page.
    pub fn list(&self, path: &str, query: &Query<'_>, limit: usize) -> Result<Value, CallError> {
        let (mut items, mut next) = (Vec::new(), None::<String>);
        while items.len() < limit {
            let mut asked = query.to_vec();
            asked.push(("limit", Some((limit - items.len()).min(PAGE).to_string())));
            asked.push(("cursor", next.take()));
            let mut page = self.api.get(path, &asked)?;
            let Some(found) = page["items"].as_array_mut() else {
                break;
            };
            items.append(found);
            next = page["next"].as_str().map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        Ok(json!({ "items": items, "next": next }))
    }

    /// The document as JSON where that is asked for, else as `show` says it.
    pub fn answer(
        &self,
        document: &Value,
        show: impl FnOnce(&Value) -> String,
    ) -> anyhow::Result<()> {
        if self.json {
            out(&document.to_string())
        } else {
            out(&show(document))
        }
    }

    /// A line for people; nothing where JSON is asked for.
    pub fn note(&self, line: &str) {
        if !self.json {
            eprintln!("{line}");
        }
    }
}

fn checked(text: &str) -> anyhow::Result<String> {
    let name = Name::parse(text).map_err(|error| Usage(error.to_string()))?;
    Ok(name.to_string())
}

/// Prints a text and a line's end. The error of a reader who has gone ends the program quietly.
pub fn out(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{}", text.trim_end_matches('\n'))?;
    output.flush()?;
    Ok(())
}

/// A text of a document without what could move a cursor; empty where there is none.
pub fn text(document: &Value, pointer: &str) -> String {
    match document.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => plain(text),
        Some(Value::Array(items)) => {
            let texts: Vec<String> = items.iter().map(|item| text(item, "")).collect();
            texts.join(", ")
        }
        Some(other) => plain(&other.to_string()),
    }
}

/// A number of a document; 0 where there is none.
pub fn number(document: &Value, pointer: &str) -> u64 {
    document
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

/// The items of a list; none where there is no list.
pub fn items<'a>(document: &'a Value, pointer: &str) -> &'a [Value] {
    let found = document.pointer(pointer).and_then(Value::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

/// Text of somebody else's on one line of a terminal.
pub fn plain(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// An instant to the minute, UTC.
pub fn minute(time: &str) -> String {
    plain(time)
        .chars()
        .take(16)
        .collect::<String>()
        .replace('T', " ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn session() -> Session {
        Session {
            api: Api::new("http://127.0.0.1:1", ""),
            json: false,
            user: "anna".to_owned(),
        }
    }

    #[test]
    fn filters_are_named_with_and_without_their_owner() {
        let named = |text: &str| session().filter(text).map(|name| name.to_string());
        assert_eq!(named("nearby").unwrap(), "anna/nearby");
        assert_eq!(named("sn/nearby").unwrap(), "sn/nearby");
        assert_eq!(
            session().filter("a/b").unwrap().path("/pause"),
            "/v1/filters/a/b/pause"
        );
        for wrong in ["", "a/b/c", "../etc", "Nearby", "a?b", "/a"] {
            assert!(named(wrong).unwrap_err().is::<Usage>(), "{wrong}");
        }
    }

    #[test]
    fn nothing_moves_the_cursor_of_a_terminal() {
        let document = json!({"a": "x\u{1b}[2Jy\nz", "b": [1, "t\u{7}"], "c": null, "d": 2.5});
        assert_eq!(text(&document, "/a"), "x [2Jy z");
        assert_eq!(text(&document, "/b"), "1, t ");
        assert_eq!(
            (text(&document, "/c"), text(&document, "/e")),
            (String::new(), String::new())
        );
        assert_eq!(text(&document, "/d"), "2.5");
        assert_eq!(minute("2026-11-23T17:40:12.340Z"), "2026-11-23 17:40");
    }
}

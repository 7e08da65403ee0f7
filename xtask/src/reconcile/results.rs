//! What lies in a folder of results, read without the host's help.
//!
//! In: the tars and lines of passing alerts, the lines of dead letters and failures, the journals.
//! Out: all of it in memory, a packet as its digest. Never: a repair; what does not fit together is
//! told.

mod journal;

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::packets::{self, Position, sha256};
pub use journal::{Count, Journals};

/// Folders beside those of the filters.
const DEAD_LETTERS: &str = "dead-letters/";
const FAILURES: &str = "failures/";
const JOURNALS: &str = ".journal";

/// An alert that passed.
pub struct Passing {
    /// Number of the setting that it passed.
    pub setting: i64,
    /// Its night.
    pub night: String,
    /// Where its packet stood.
    pub position: Position,
    /// Which record of the packet.
    pub record: u64,
    /// SHA-256 of what came out.
    pub sha256: String,
}

/// An alert that a filter failed on.
pub struct Failure {
    /// Number of the setting.
    pub setting: i64,
    /// Its night.
    pub night: String,
}

/// A packet, or the rest of one, that could not be decoded.
pub struct DeadLetter {
    /// Where it stood.
    pub position: Position,
    /// The first record that could not be read.
    pub record: u64,
    /// SHA-256 of what was kept.
    pub sha256: String,
}

/// Everything that lies there.
pub struct Results {
    /// What the workers committed.
    pub journals: Journals,
    /// Passing alerts, each a member of a tar with its line.
    pub passing: Vec<Passing>,
    /// Dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// Failures.
    pub failures: Vec<Failure>,
    /// Names of filters by setting, as the lines have them.
    pub names: HashMap<i64, String>,
    /// Tars and lines that do not fit together.
    pub misfits: Vec<String>,
}

/// Read a folder of results.
pub fn read(folder: &Path) -> Result<Results> {
    let mut results = Results {
        journals: journal::read(&folder.join(JOURNALS))?,
        passing: Vec::new(),
        dead_letters: Vec::new(),
        failures: Vec::new(),
        names: HashMap::new(),
        misfits: Vec::new(),
    };
    for file in packets::files(folder)?
        .iter()
        .filter(|file| file.ends_with(".jsonl"))
    {
        let lines = lines(&folder.join(file)).with_context(|| format!("cannot read {file}"))?;
        if file.starts_with(FAILURES) {
            results.failures.extend(lines.iter().map(|line| Failure {
                setting: line["setting"].as_i64().unwrap_or(-1),
                night: text(&line["night"]),
            }));
            continue;
        }
        let tar = folder.join(file).with_extension("tar");
        let mut members =
            members(&tar).with_context(|| format!("cannot read {}", tar.display()))?;
        for line in &lines {
            results.add(file, line, &mut members);
        }
        let misfits = members
            .into_keys()
            .map(|name| format!("{file}: no line for member {name}"));
        results.misfits.extend(misfits);
    }
    Ok(results)
}

impl Results {
    fn add(&mut self, file: &str, line: &Value, members: &mut HashMap<String, Vec<String>>) {
        let name = text(&line["member"]);
        let Some(sha256) = members.get_mut(&name).and_then(Vec::pop) else {
            self.misfits
                .push(format!("{file}: no member {name} for a line"));
            return;
        };
        if members.get(&name).is_some_and(Vec::is_empty) {
            members.remove(&name);
        }
        let source = &line["source"];
        let position = (
            text(&source["topic"]),
            source["offset"].as_i64().unwrap_or(-1),
        );
        let record = source["record"].as_u64().unwrap_or(0);
        if file.starts_with(DEAD_LETTERS) {
            self.dead_letters.push(DeadLetter {
                position,
                record,
                sha256,
            });
            return;
        }
        let setting = line["setting"].as_i64().unwrap_or(-1);
        self.names
            .entry(setting)
            .or_insert_with(|| text(&line["filter"]));
        self.passing.push(Passing {
            setting,
            night: text(&line["night"]),
            position,
            record,
            sha256,
        });
    }
}

/// The lines of a file, each a JSON document.
fn lines(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path)?;
    text.lines()
        .map(|line| serde_json::from_str(line).context("a line is no JSON"))
        .collect()
}

/// SHA-256 of each member, by name; a name may come more than once.
fn members(path: &Path) -> Result<HashMap<String, Vec<String>>> {
    let mut members: HashMap<String, Vec<String>> = HashMap::new();
    for member in tar::Archive::new(File::open(path)?).entries()? {
        let mut member = member?;
        let name = member.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut member, &mut bytes)?;
        members.entry(name).or_default().push(sha256(&bytes));
    }
    Ok(members)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

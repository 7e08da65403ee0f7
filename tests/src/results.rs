//! What lies in an archive of results: tars and lines of passing alerts.
//!
//! In: a folder. Out: each alert with its setting, source position, and bytes. Never: an alert that
//! has a line but no packet, or the other way round, without a word.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A passing alert.
#[derive(Debug)]
pub struct Passing {
    /// Its line.
    pub line: Value,
    /// Its packet.
    pub bytes: Vec<u8>,
}

impl Passing {
    /// The setting that it passed.
    ///
    /// # Errors
    /// When the line has none.
    pub fn setting(&self) -> Result<i64> {
        self.line["setting"]
            .as_i64()
            .context("a line has a setting")
    }

    /// Source file and number within it.
    ///
    /// # Errors
    /// When the line has none.
    pub fn position(&self) -> Result<(String, i64)> {
        let source = &self.line["source"];
        let topic = source["topic"].as_str().context("a line has a topic")?;
        Ok((
            topic.to_owned(),
            source["offset"].as_i64().context("a line has an offset")?,
        ))
    }
}

/// Every passing alert of the filter whose folder in the archive is `topic`.
///
/// # Errors
/// When tars and lines do not fit together.
pub fn passing(results: &Path, topic: &str) -> Result<Vec<Passing>> {
    let folder = results.join(topic);
    let mut found = Vec::new();
    if folder.is_dir() {
        for night in std::fs::read_dir(folder)? {
            for file in std::fs::read_dir(night?.path())? {
                let path = file?.path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "jsonl")
                {
                    read(&path, &mut found).with_context(|| path.display().to_string())?;
                }
            }
        }
    }
    Ok(found)
}

fn read(lines: &PathBuf, found: &mut Vec<Passing>) -> Result<()> {
    let mut members: HashMap<String, Vec<u8>> = HashMap::new();
    for member in tar::Archive::new(File::open(lines.with_extension("tar"))?).entries()? {
        let mut member = member?;
        let name = member.path()?.to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes)?;
        ensure!(
            members.insert(name.clone(), bytes).is_none(),
            "two members {name}"
        );
    }
    for line in std::fs::read_to_string(lines)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let name = line["member"].as_str().context("a line names its member")?;
        let bytes = members
            .remove(name)
            .with_context(|| format!("no member {name}"))?;
        found.push(Passing { line, bytes });
    }
    ensure!(
        members.is_empty(),
        "{} members without a line",
        members.len()
    );
    Ok(())
}

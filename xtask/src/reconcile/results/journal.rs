//! The workers' journals: what each commit counted.
//!
//! In: the folder of journals. Out: counts by setting and night, and totals, added up. Never: a torn
//! last line, which was never committed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What one setting did to the alerts of one night.
#[derive(Debug, Default)]
pub struct Count {
    /// Handed to the filter.
    pub evaluated: u64,
    /// Passed.
    pub passed: u64,
    /// Rejected, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Failed, by kind.
    pub failed: BTreeMap<String, u64>,
    /// Withheld: a required field is missing.
    pub lacking: u64,
}

/// All commits of all workers.
#[derive(Debug, Default)]
pub struct Journals {
    /// By setting and night.
    pub counts: BTreeMap<(i64, String), Count>,
    /// Packets that were read.
    pub packets: u64,
    /// Records that were decoded.
    pub alerts: u64,
}

impl Count {
    /// Rejected for any reason.
    pub fn rejected(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Failed in any way.
    pub fn failed(&self) -> u64 {
        self.failed.values().sum()
    }

    /// What the filter was to see.
    pub fn eligible(&self) -> u64 {
        self.evaluated + self.lacking
    }
}

/// Add up every journal in `folder`.
pub fn read(folder: &Path) -> Result<Journals> {
    let mut journals = Journals::default();
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("no journals in {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            let text = std::fs::read_to_string(&path)?;
            add_file(&text, &mut journals).with_context(|| path.display().to_string())?;
        }
    }
    Ok(journals)
}

fn add_file(text: &str, journals: &mut Journals) -> Result<()> {
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match serde_json::from_str::<Value>(line) {
            Ok(line) if line["commit"].is_object() => add(&line["commit"], journals),
            Ok(_) => {}
            Err(_) if !line.ends_with('\n') => {}
            Err(error) => bail!("line {}: {error}", index + 1),
        }
    }
    Ok(())
}

fn add(commit: &Value, journals: &mut Journals) {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    journals.packets += number(&commit["packets"]);
    journals.alerts += number(&commit["alerts"]);
    for entry in commit["counts"].as_array().into_iter().flatten() {
        let (key, counts) = (&entry[0], &entry[1]);
        let night = key["night"].as_str().unwrap_or_default().to_owned();
        let count = journals
            .counts
            .entry((key["setting"].as_i64().unwrap_or(-1), night));
        let count = count.or_default();
        count.evaluated += number(&counts["evaluated"]);
        count.passed += number(&counts["passed"]);
        count.lacking += number(&counts["lacking"]);
        add_names(&counts["rejected"], &mut count.rejected);
        add_names(&counts["failed"], &mut count.failed);
    }
}

fn add_names(names: &Value, total: &mut BTreeMap<String, u64>) {
    for (name, count) in names.as_object().into_iter().flatten() {
        *total.entry(name.clone()).or_default() += count.as_u64().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commits_add_up_and_a_torn_line_never_happened() {
        let commit = r#"{"commit":{"packets":3,"alerts":3,"counts":[[{"setting":1,"night":"n"},
            {"evaluated":2,"passed":1,"rejected":{"faint":1},"failed":{},"lacking":1}]]}}"#
            .replace('\n', "");
        let text = format!(
            "{{\"creating\":[\"a\"]}}\n{commit}\n{commit}\n{}",
            &commit[..40]
        );
        let mut journals = Journals::default();
        add_file(&text, &mut journals).unwrap();
        assert_eq!((journals.packets, journals.alerts), (6, 6));
        let count = &journals.counts[&(1, "n".to_owned())];
        assert_eq!(
            (count.eligible(), count.passed, count.rejected()),
            (6, 2, 2)
        );
    }

    #[test]
    fn a_broken_line_before_the_last_is_an_error() {
        assert!(add_file("{\"commit\n{}\n", &mut Journals::default()).is_err());
    }
}

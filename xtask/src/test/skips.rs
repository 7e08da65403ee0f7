//! Tests that could not run.
//!
//! In: the file to which each appended a line `what: why`. Out: the lines, each once, and which of
//! them a continuous check does not accept. Never: a guess why.

use std::path::Path;

use anyhow::{Context, Result};

/// What every machine that checks changes has to have.
const REQUIRED: [&str; 3] = ["kafka", "postgres", "python"];

/// The lines, sorted.
pub fn read(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the list of skips {}", path.display()))?;
    let mut lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .map(str::to_owned)
        .collect();
    lines.sort();
    Ok(lines)
}

/// Whether `line` must not be skipped under `CI=true`.
pub fn is_required(line: &str) -> bool {
    let line = line.to_lowercase();
    REQUIRED.iter().any(|what| line.contains(what))
}

#[cfg(test)]
mod tests {
    use super::is_required;

    #[test]
    fn brokers_and_databases_are_required_packets_are_not() {
        assert!(is_required("Kafka: no java"));
        assert!(is_required("PostgreSQL: no server binaries"));
        assert!(is_required("Python: python3 is not installed"));
        assert!(!is_required("alerts: ../shared/alerts is absent"));
    }
}

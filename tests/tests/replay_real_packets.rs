//! Replay on real ZTF packets against the independent reference, alert by alert.
//!
//! In: the packets, two example filters. Out: the same verdict and the same reason for each. Never:
//! the host's own decoder on both sides.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;
use skysieve_tests::host::{program, wasm};
use skysieve_tests::reference::{self, Reference, Verdict};

const FILTERS: [(&str, Reference); 2] = [
    ("solar-system", reference::solar_system),
    ("bright-supernova", reference::bright_supernova),
];

#[test]
fn every_verdict_and_reason_is_that_of_the_reference() {
    let packets = real_alerts::below("ztf");
    if packets.is_empty() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let verdicts = folder.path().join("verdicts.jsonl");
    let mut replay = Command::new(program());
    replay
        .arg("replay")
        .args(packets.iter().map(|file| &file.path));
    for (filter, _) in FILTERS {
        replay.arg("--filter").arg(wasm(filter));
    }
    let output = replay.arg("--verdicts").arg(&verdicts).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = read(&std::fs::read_to_string(verdicts).unwrap());
    assert_eq!(said.len(), FILTERS.len() * packets.len());
    for (filter, reference) in FILTERS {
        for file in &packets {
            let key = (file.path.display().to_string(), filter.replace('-', "_"));
            let expected = match reference(&file.bytes).unwrap() {
                Verdict::Pass => ("pass".to_owned(), None),
                Verdict::Reject(reason) => ("reject".to_owned(), Some(reason.to_owned())),
                Verdict::Lacking => ("reject".to_owned(), Some("lacking".to_owned())),
            };
            let said = &said[&key];
            let lacking = expected.1.as_deref() == Some("lacking");
            assert!(
                *said == expected || (lacking && said.0 == "reject"),
                "{key:?}: {said:?}, {expected:?}"
            );
        }
    }
}

/// (verdict, reason) by file and filter.
fn read(lines: &str) -> BTreeMap<(String, String), (String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut said = BTreeMap::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let key = (text(&line["file"]).unwrap(), text(&line["filter"]).unwrap());
        let verdict = (
            text(&line["verdict"]).unwrap_or_default(),
            text(&line["reason"]),
        );
        assert!(said.insert(key, verdict).is_none(), "twice: {line}");
    }
    said
}

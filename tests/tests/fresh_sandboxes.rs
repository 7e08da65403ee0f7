//! A guest that counts its calls in a static answers 1 for ever.
//!
//! In: many batches of alerts. Out: nothing but first calls, in the live stream, in a replay and in
//! the trial of an upload. Never: state that survives a batch.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use skysieve_tests::host::{Host, USER, program, wait, wasm};
use skysieve_tests::{numbered, results};

const ALERTS: i64 = 3_000;
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn in_the_trial_and_in_the_stream() {
    let host = Host::start(|folder| numbered::archive_stream(folder, 2).unwrap()).unwrap();
    let guest = std::fs::read(wasm("counts-calls")).unwrap();
    host.create("counter", numbered::STREAM).unwrap();
    // The trial judges samples one by one, together and in reverse: one surviving call, and some
    // verdict would differ from run to run, which it refuses.
    let answer = host
        .send(&format!("/v1/filters/{USER}/counter/versions"), &guest)
        .unwrap();
    let version = answer.created().unwrap();
    let trial = version["trial"].to_string();
    assert!(!trial.contains("called_before\":1"), "{trial}");
    let number = version["number"].as_i64().unwrap();
    let setting = host
        .activate("counter", number, &serde_json::json!({}))
        .unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    for tar in 0..3 {
        let (first, name) = (tar * ALERTS / 3, format!("{tar}.tar"));
        let incoming = host.folder().join("incoming");
        numbered::put_tar(&incoming, &name, first..first + ALERTS / 3).unwrap();
    }
    wait("every alert is counted", LIMIT, || {
        Ok((host.count("counter", "evaluated")? >= ALERTS.unsigned_abs()).then_some(()))
    })
    .unwrap();
    assert_eq!(host.rejected("counter").unwrap().len(), 0);
    let topic = host.topic("counter").unwrap();
    let passing = results::passing(&host.folder().join("results"), &topic).unwrap();
    assert_eq!(passing.len(), usize::try_from(ALERTS).unwrap());
    assert!(
        passing
            .iter()
            .all(|alert| alert.line["annotations"]["calls"] == 1)
    );
}

#[test]
fn in_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    numbered::put_tar(folder.path(), "night.tar", 0..ALERTS).unwrap();
    let verdicts = folder.path().join("verdicts.jsonl");
    let status = Command::new(program())
        .arg("replay")
        .arg(folder.path().join("night.tar"))
        .arg("--filter")
        .arg(wasm("counts-calls"))
        .arg("--verdicts")
        .arg(&verdicts)
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    let lines = std::fs::read_to_string(verdicts).unwrap();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), usize::try_from(ALERTS).unwrap());
    for line in lines {
        assert_eq!(
            (&line["verdict"], &line["annotations"]["calls"]),
            (&"pass".into(), &1.into())
        );
    }
}

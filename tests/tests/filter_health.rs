//! How filters are doing, told by running hosts.
//!
//! In: filters that log and fail, on one host and on two with one database. Out: their lines, causes
//! and costs, and a kept packet on which `skysieve replay` fails in the same way. Never: a stream that
//! waits for any of it.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::{Postgres, numbered};

const LIMIT: Duration = Duration::from_secs(120);
const ALERTS: i64 = 1_000;

fn get(host: &Host, filter: &str, what: &str) -> Value {
    let path = format!("/v1/filters/{USER}/{filter}/{what}");
    host.get(&path).unwrap().created().unwrap()
}

/// The hostile guest under `name`, misbehaving as `mode` says from the value `guilty_from` on.
fn publish(host: &Host, name: &str, mode: &str, guilty_from: f64) {
    host.create(name, numbered::STREAM).unwrap();
    let module = std::fs::read(wasm("hostile")).unwrap();
    let version = host.upload(name, &module).unwrap();
    let parameters = json!({"mode": mode, "guilty_from": guilty_from});
    let setting = host.activate(name, version, &parameters).unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
}

fn feed(host: &Host, name: &str, numbers: std::ops::Range<i64>) {
    numbered::put_tar(&host.folder().join("incoming"), name, numbers).unwrap();
}

/// Wait until the health of a filter is as `wanted`.
fn wait_for(host: &Host, filter: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let found = wait(what, LIMIT, || {
        last = get(host, filter, "health");
        Ok(wanted(&last).then(|| last.clone()))
    });
    found.unwrap_or_else(|error| panic!("{error:#}: {last:#}"))
}

#[test]
fn a_host_tells_how_its_filters_are_doing() {
    let host = Host::start(|folder| numbered::archive_stream(folder, 2).unwrap()).unwrap();
    publish(&host, "loud", "log", 0.5);
    publish(&host, "flooding", "log_flood", 0.5);
    publish(&host, "broken", "panic", 990.0);
    assert_eq!(get(&host, "broken", "health")["state"], "active");
    assert_eq!(get(&host, "broken", "health")["last_alert"], Value::Null);
    for start in (0..ALERTS).step_by(100) {
        feed(&host, &format!("{start:05}.tar"), start..start + 100);
    }
    let health = wait_for(&host, "broken", "all alerts are told of", |health| {
        let tonight = &health["tonight"];
        tonight["fuel"]["alerts"] == ALERTS && tonight["evaluated"] == ALERTS
    });
    let tonight = &health["tonight"];
    assert_eq!(tonight["failed"], 10, "{health:#}");
    assert_eq!(tonight["failure_rate"], 0.01);
    assert_eq!(tonight["night"], "unknown");
    let (p50, p99) = (&tonight["fuel"]["p50"], &tonight["fuel"]["p99"]);
    assert!(
        p50.as_u64().unwrap() > 0 && p50.as_u64() <= p99.as_u64(),
        "{health:#}"
    );
    assert!(health["last_alert"]["alert_id"].is_string(), "{health:#}");
    check_cause(&host);

    let flooding = wait_for(&host, "flooding", "lines are dropped", |health| {
        health["tonight"]["logs"]["dropped"].as_u64() > Some(0)
    });
    let kept = flooding["tonight"]["logs"]["lines"].as_u64().unwrap();
    assert!(kept > 0, "{flooding:#}");
    let lines = wait("lines about alerts", LIMIT, || {
        let lines = get(&host, "loud", "logs?level=warning&text=about%20it");
        Ok((!lines["items"].as_array().unwrap().is_empty()).then_some(lines))
    });
    let lines = lines.unwrap();
    assert_eq!(lines["items"][0]["message"], "a line\\nabout it");
    assert!(lines["items"][0]["alert_id"].is_string(), "{lines:#}");
    assert_eq!(get(&host, "loud", "logs?level=error")["items"], json!([]));
    assert_eq!(
        get(&host, "broken", "logs?level=debug&text=about")["items"],
        json!([])
    );
}

/// One cause, and its packet makes the filter fail on a laptop, too.
fn check_cause(host: &Host) {
    let page = get(host, "broken", "failures");
    let causes = page["items"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "{page:#}");
    let cause = &causes[0];
    assert_eq!(
        (&cause["kind"], &cause["alerts"]),
        (&json!("trap"), &json!(10)),
        "{page:#}"
    );
    assert_eq!(cause["rate"], 0.01);
    let alert = cause["example"]["alert_id"].as_str().unwrap();
    assert!((990..1_000).contains(&alert.parse().unwrap()), "{page:#}");
    let packet = host
        .bytes(cause["example"]["packet"].as_str().unwrap())
        .unwrap();
    let path = format!("/v1/filters/{USER}/broken/explain");
    let explained = host.send(&path, &packet).unwrap().created().unwrap();
    let explained = &explained["alerts"][0];
    assert_eq!(
        (&explained["alert_id"], &explained["reason"]),
        (&json!(alert), &json!("trap"))
    );
    let file = host.folder().join("example.avro");
    std::fs::write(&file, packet).unwrap();
    let mut replay =
        host.command("replay --json --parameter mode=panic --parameter guilty_from=990");
    let output = replay
        .arg("--filter")
        .arg(wasm("hostile"))
        .arg(&file)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["filters"][0]["failed"]["trap"], 1, "{report:#}");
}

/// What is told of a filter is that of all hosts together.
#[test]
fn two_hosts_with_one_database_tell_the_same() {
    let Some(database) = Postgres::start_or_skip().unwrap() else {
        return;
    };
    let start = || {
        let url = database.url().to_owned();
        Host::start(move |folder| {
            let stream = numbered::archive_stream(folder, 1).unwrap();
            format!("[registry]\nurl = {url:?}\n\n{stream}")
        })
        .unwrap()
    };
    let (one, other) = (start(), start());
    publish(&one, "broken", "panic", 990.0);
    let live = get(&one, "broken", "health")["setting"].as_i64().unwrap();
    other.wait_until_live(numbered::STREAM, live).unwrap();
    feed(&one, "0.tar", 500..ALERTS);
    feed(&other, "1.tar", 500..ALERTS);
    for host in [&one, &other] {
        wait_for(
            host,
            "broken",
            "the alerts of both hosts are told of",
            |health| health["tonight"]["fuel"]["alerts"] == ALERTS,
        );
        let causes = wait("both hosts' failures are told of", LIMIT, || {
            let causes = get(host, "broken", "failures");
            Ok((causes["items"][0]["alerts"] == 20).then_some(causes))
        });
        assert_eq!(causes.unwrap()["items"].as_array().unwrap().len(), 1);
    }
}

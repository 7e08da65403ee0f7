//! Data rights on every surface: what an owner may not see is nowhere.
//!
//! In: alerts that are programmes by their number, 1 and 2 public; a group that may see 3 and 4 as well, for
//! a while. Out: trial, back-test, verdicts, counts, the archive, results over HTTP and explanations, of
//! those alerts alone. Never: a number above zero that tells of another alert.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::person::Person;
use skysieve_tests::{numbered, results};

const LIMIT: Duration = Duration::from_secs(60);
const PUBLIC: [i64; 2] = [1, 2];
const GRANTED: [i64; 4] = [1, 2, 3, 4];

fn ids<'a>(alerts: impl IntoIterator<Item = &'a Value>, pointer: &str) -> Vec<i64> {
    let number = |alert: &Value| {
        let id = alert.pointer(pointer).unwrap();
        id.as_i64().or_else(|| id.as_str()?.parse().ok()).unwrap()
    };
    let mut ids: Vec<i64> = alerts.into_iter().map(number).collect();
    ids.sort_unstable();
    ids
}

/// What the trial of an upload sees, while no alert has come yet.
fn check_trial(person: &Person, filter: &str, visible: &[i64]) {
    let file = wasm("pass-all");
    let push = format!("push {} --filter {filter} --stream numbers", file.display());
    let trial = &person.json(&push)["version"]["trial"];
    // Samples are the alerts 0 to 4, and ten that are nobody's.
    assert_eq!(trial["alerts"], visible.len(), "{trial}");
}

fn check_backtest(person: &Person, filter: &str, visible: &[i64]) {
    let found = &person.json(&format!("backtest {filter}"))["result"];
    assert_eq!(found["alerts"], visible.len(), "{found}");
    assert_eq!(
        ids(found["passing"].as_array().unwrap(), "/alert_id"),
        visible
    );
    let nights = found["nights"].as_array().unwrap();
    assert_eq!(nights.len(), 1);
    assert_eq!(nights[0]["evaluated"], visible.len(), "{found}");
}

/// What the counts say of a filter and, read by itself, its folder of the archive.
fn check_live(host: &Host, person: &Person, filter: &str, visible: &[i64]) {
    let counts = &person.json(&format!("counts {filter}"))["items"][0];
    for key in ["eligible", "evaluated", "passed", "delivered"] {
        assert_eq!(counts[key], visible.len(), "{key} of {counts}");
    }
    let text = counts.to_string();
    assert!(!text.contains("programme"), "{text}");
    let topic = format!("skysieve.numbers.{}", filter.replace('/', "."));
    let passing = results::passing(&host.folder().join("results"), &topic).unwrap();
    assert_eq!(
        ids(passing.iter().map(|alert| &alert.line), "/alert_id"),
        visible,
        "{topic}"
    );
}

/// The alerts of the group's filter over HTTP.
fn read(host: &Host) -> Vec<i64> {
    let (status, _, body) = host
        .get_bytes("/v1/filters/sn/shared/alerts?limit=100")
        .unwrap();
    assert_eq!(status, 200);
    let lines = String::from_utf8(body).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines
        .filter(|line: &Value| line["alert"].is_object())
        .collect();
    ids(&lines, "/alert/id")
}

#[test]
fn what_an_owner_may_not_see_is_nowhere() {
    let mut host = Host::start(|folder| {
        let stream = numbered::archive_stream(folder, 1).unwrap();
        for number in 0..5 {
            let file = folder.join(format!("samples/{number}.avro"));
            std::fs::write(file, numbered::packet(number).unwrap()).unwrap();
        }
        format!("{stream}\n[streams.programmes]\npath = [\"id\"]\npublic = [1, 2]\n")
    })
    .unwrap();
    let incoming = host.folder().join("incoming");
    let root = Person::root(&host);
    let [anna, ada] = ["anna", USER].map(|name| {
        if name != USER {
            root.types(&format!("admin users add {name}")).ok();
        }
        let token = root.types(&format!("admin tokens create {name}")).ok();
        let person = Person::new();
        person.logs_in(&host, token.trim()).ok();
        person
    });
    root.types("admin groups add sn --summary supernovae").ok();
    root.types(&format!("admin groups member sn {USER}")).ok();
    root.types("admin groups programmes sn numbers 3 4").ok();

    check_trial(&anna, "anna/open", &PUBLIC);
    check_trial(&ada, "sn/shared", &GRANTED);
    numbered::put_tar(&incoming, "before.tar", 0..20).unwrap();
    check_backtest(&anna, "anna/open", &PUBLIC);
    check_backtest(&ada, "sn/shared", &GRANTED);
    for (person, filter) in [(&anna, "anna/open"), (&ada, "sn/shared")] {
        let now = person.json(&format!("activate {filter}"));
        let setting = now["active"]["setting"].as_i64().unwrap();
        host.wait_until_live(numbered::STREAM, setting).unwrap();
    }
    numbered::put_tar(&incoming, "live.tar", 0..20).unwrap();
    evaluated(&anna, "anna/open", 2);
    check_live(&host, &anna, "anna/open", &PUBLIC);
    check_live(&host, &ada, "sn/shared", &GRANTED);
    assert_eq!(read(&host), GRANTED);
    anna.types("explain anna/open --alert 2").ok();
    anna.types("explain anna/open --alert 3").ends(3, "3");
    ada.types("explain sn/shared --alert 3").ok();
    ada.types("explain sn/shared --alert 5").ends(3, "5");

    // The right goes: nothing of what passed under it is shown any more, or judged again.
    root.types("admin groups programmes sn numbers").ok();
    wait("results of before are hidden", LIMIT, || {
        Ok((read(&host) == PUBLIC).then_some(()))
    })
    .unwrap();
    ada.types("explain sn/shared --alert 3").ends(3, "3");
    assert!(host.stop().unwrap().success());
    host.restart().unwrap();
    numbered::put_tar(&incoming, "later.tar", 0..20).unwrap();
    evaluated(&anna, "anna/open", 4);
    let counts = &ada.json("counts sn/shared")["items"][0];
    assert_eq!(
        counts["eligible"],
        json!(GRANTED.len() + PUBLIC.len()),
        "{counts}"
    );
    assert_eq!(read(&host), [1, 1, 2, 2]);
}

fn evaluated(person: &Person, filter: &str, alerts: u64) {
    wait("the alerts are counted", LIMIT, || {
        let counts = person.json(&format!("counts {filter}"));
        Ok((counts["items"][0]["evaluated"] == alerts).then_some(()))
    })
    .unwrap();
}

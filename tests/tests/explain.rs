//! "Why did my alert not pass?", asked of a running host.
//!
//! In: alerts on an archive and on Kafka, a filter that logs. Out: the newest alert of an object,
//! found while the host remembers it and after it started anew. Never: an answer about another alert.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use serde_json::{Value, json};
use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Answer, Host, USER, wait, wasm};
use skysieve_tests::{Broker, numbered};

const LIMIT: Duration = Duration::from_secs(120);
const ALERTS: i64 = 1_200;

fn path(filter: &str, query: &str) -> String {
    format!("/v1/filters/{USER}/{filter}/explain{query}")
}

fn ask(host: &Host, query: &str, body: &Value) -> Answer {
    host.post(&path("loud", query), body).unwrap()
}

/// A filter that writes a line about each alert of value 1000 and more.
fn publish(host: &Host) -> i64 {
    let module = std::fs::read(wasm("hostile")).unwrap();
    host.create("loud", numbered::STREAM).unwrap();
    let version = host.upload("loud", &module).unwrap();
    let parameters = json!({"mode": "log", "guilty_from": 1_000.0});
    let setting = host.activate("loud", version, &parameters).unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    setting
}

fn wait_until_counted(host: &Host) {
    wait("every alert is counted", LIMIT, || {
        let evaluated = host.count("loud", "evaluated")?;
        Ok((evaluated >= ALERTS.unsigned_abs()).then_some(()))
    })
    .unwrap();
}

/// The alert in full, the newest of its object, and what is not there.
fn check(host: &Host, setting: i64) {
    let answer = ask(host, "", &json!({"alert_id": 1_003}))
        .created()
        .unwrap();
    assert_eq!(answer["setting"], setting, "{answer}");
    let alert = &answer["alerts"][0];
    assert_eq!(alert["alert_id"], "1003", "{answer}");
    assert_eq!(alert["object_id"], "object-200");
    assert_eq!(
        (&alert["verdict"], &alert["reason"]),
        (&json!("pass"), &Value::Null)
    );
    assert_eq!(alert["annotations"]["value"], 1_003.0);
    assert_eq!(alert["logs"][0]["message"], "a line\\nabout it");
    let fields = alert["fields"].as_array().unwrap();
    let value = |path: &str| {
        let field = fields.iter().find(|field| field["path"] == path);
        field.unwrap_or_else(|| panic!("no {path} in {answer}"))["value"].clone()
    };
    assert_eq!(value("value"), 1_003.0);
    assert_eq!(value("series[].x"), json!([1.0, 2.0]));
    assert_eq!(value("name"), "object-200");
    assert!(alert["fuel"].as_u64().unwrap() > 0);
    assert_eq!(answer["fuel_budget"], 20_000_000);
    assert_eq!(answer["parameters"][1]["value"], 1_000.0);
    assert!(answer["found"]["offset"].is_i64(), "{answer}");

    // Five alerts to an object: the last one is the newest. By the version: quiet defaults.
    let answer = ask(host, "?version=1", &json!({"object_id": "object-3"}));
    let answer = answer.created().unwrap();
    assert_eq!(answer["alerts"][0]["alert_id"], "19", "{answer}");
    assert_eq!(answer["setting"], Value::Null);
    assert_eq!(answer["alerts"][0]["logs"], json!([]));
    // Alert 0 has the value 0, which the filter rejects.
    let answer = ask(host, "", &json!({"object_id": "object-0"}))
        .created()
        .unwrap();
    assert_eq!(answer["alerts"][0]["verdict"], "pass");
    let answer = ask(host, "", &json!({"alert_id": "0"}));
    // Alert 0: the id 0 means "none", so nobody can ask for it.
    assert_eq!(answer.status, 404, "{answer:?}");

    let answer = ask(host, "", &json!({"alert_id": "999999999"}));
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (404, &json!("not_found"))
    );
}

/// What is refused, and a packet that is sent.
fn check_requests(host: &Host) {
    let send = |query: &str, packet: &[u8]| host.send(&path("loud", query), packet).unwrap();
    let answer = send("", &numbered::packet(77).unwrap()).created().unwrap();
    assert_eq!(answer["alerts"][0]["alert_id"], "77");
    assert_eq!(answer["found"], Value::Null);
    let rejected = send("", &numbered::packet(-5).unwrap()).created().unwrap();
    let alert = &rejected["alerts"][0];
    assert_eq!(alert["verdict"], "reject", "{rejected}");
    assert_eq!(alert["reason"], "reason_0");
    assert_eq!(alert["summary"], "not above 0");

    let torn = &numbered::packet(77).unwrap()[..1_000];
    let answer = send("", torn);
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (422, &json!("damaged_packet"))
    );
    for (query, body, status) in [
        ("", json!({}), 422),
        ("", json!({"alert_id": "1", "object_id": "a"}), 422),
        ("", json!({"alert": "1"}), 400),
        ("?version=1&setting=1", json!({"alert_id": "1"}), 400),
        ("?version=9", json!({"alert_id": "1"}), 404),
        ("?since=yesterday", json!({"alert_id": "1"}), 400),
    ] {
        let answer = ask(host, query, &body);
        assert_eq!(answer.status, status, "{query} {body}: {answer:?}");
    }
}

fn check_before_and_after_a_restart(host: &mut Host, setting: i64) {
    wait_until_counted(host);
    check(host, setting);
    // The places of the alerts are forgotten: they are searched for.
    host.kill().unwrap();
    host.restart().unwrap();
    check(host, setting);
    let body = json!({"alert_id": "7"});
    let late = ask(host, "?since=2100-01-01T00:00:00Z", &body);
    assert_eq!(late.status, 404, "{late:?}");
}

#[test]
fn an_alert_of_an_archive_is_explained() {
    let mut host = Host::start(|folder| numbered::archive_stream(folder, 2).unwrap()).unwrap();
    let setting = publish(&host);
    let incoming = host.folder().join("incoming");
    for start in (0..ALERTS).step_by(200) {
        let name = format!("{start:05}.tar");
        numbered::put_tar(&incoming, &name, start..start + 200).unwrap();
    }
    check_before_and_after_a_restart(&mut host, setting);
    check_requests(&host);
}

#[test]
fn an_alert_on_kafka_is_explained() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let source = format!("explained-{}", std::process::id());
    let settings = Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    };
    let mut publisher = Publisher::new(&settings, &source, 3).unwrap();
    let address = broker.address();
    let mut host =
        Host::start(|folder| numbered::kafka_stream(folder, 2, address, &source).unwrap()).unwrap();
    let setting = publish(&host);
    for number in 0..ALERTS {
        let publication = Publication {
            key: format!("object-{}", number / 5),
            bytes: numbered::packet(number).unwrap().into(),
            timestamp_ms: None,
        };
        publisher.publish(&publication).unwrap();
    }
    publisher.finish().unwrap();
    check_before_and_after_a_restart(&mut host, setting);
}

/// A stream whose alerts are programmes by their number: 1 and 2 are public, the others nobody's.
#[test]
fn an_alert_beyond_the_owners_rights_looks_like_none() {
    let mut host = Host::start(|folder| {
        let stream = numbered::archive_stream(folder, 1).unwrap();
        format!("{stream}\n[streams.programmes]\npath = [\"id\"]\npublic = [1, 2]\n")
    })
    .unwrap();
    let module = std::fs::read(wasm("hostile")).unwrap();
    host.create("loud", numbered::STREAM).unwrap();
    host.upload("loud", &module).unwrap();
    numbered::put_tar(&host.folder().join("incoming"), "0.tar", 0..20).unwrap();
    let check = |host: &Host, query: &str| {
        let seen = ask(host, query, &json!({"alert_id": "1"}))
            .created()
            .unwrap();
        assert_eq!(seen["alerts"][0]["alert_id"], "1", "{seen}");
        // Alerts 3 and 4 of the object are newer, and not hers to see.
        let newest = ask(host, query, &json!({"object_id": "object-0"}));
        let newest = newest.created().unwrap();
        assert_eq!(newest["alerts"][0]["alert_id"], "2", "{newest}");
        let hidden = ask(host, query, &json!({"alert_id": "7"}));
        let missing = ask(host, query, &json!({"alert_id": "777"}));
        assert_eq!((hidden.status, missing.status), (404, 404));
        let renamed = hidden.body.to_string().replace("`7`", "`777`");
        assert_eq!(renamed, missing.body.to_string());
        let hidden = ask(host, query, &json!({"object_id": "object-1"}));
        assert_eq!(hidden.status, 404, "{hidden:?}");
        let sent = host.send(&path("loud", query), &numbered::packet(7).unwrap());
        assert_eq!(sent.unwrap().status, 404);
        let sent = host.send(&path("loud", query), &numbered::packet(2).unwrap());
        assert_eq!(sent.unwrap().status, 200);
    };
    let setting = host.activate("loud", 1, &json!({})).unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    numbered::put_tar(&host.folder().join("incoming"), "1.tar", 0..20).unwrap();
    wait("both visible alerts are counted", LIMIT, || {
        Ok((host.count("loud", "evaluated")? >= 2).then_some(()))
    })
    .unwrap();
    check(&host, "");
    host.kill().unwrap();
    host.restart().unwrap();
    check(&host, "?version=1");
}

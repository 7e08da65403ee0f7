//! The gate while a filter is live.
//!
//! In: two filters that pass everything, one of them under the gate. Out: that one sends out no more than
//! the gate's part, its owner is told, and the other feels nothing. Never: an alert that passed and is
//! neither delivered nor withheld.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::person::Person;
use skysieve_tests::{numbered, results};

const LIMIT: Duration = Duration::from_secs(60);
const ALERTS: u64 = 1_000;
/// 5 % of the last 200 alerts go out, and no more.
const WINDOW: u64 = 200;
const PART: u64 = 10;

#[test]
fn a_filter_beyond_its_gate_is_throttled_alone() {
    let host = Host::start(|folder| {
        let stream = numbered::archive_stream(folder, 1).unwrap();
        let gate = format!("gate_percent = 5.0\ngate_window = {WINDOW}\n");
        stream.replacen("gate_percent = 100.0\n", &gate, 1)
    })
    .unwrap();
    let root = Person::root(&host);
    let ada = Person::new();
    let token = root.types(&format!("admin tokens create {USER}")).ok();
    ada.logs_in(&host, token.trim()).ok();
    for name in ["calm", "flood"] {
        let file = wasm("pass-all");
        let push = format!("push {} --filter {name} --stream numbers", file.display());
        ada.types(&push).ok();
        ada.types(&format!("activate {name}")).ends(5, "back-test");
        let gate = format!("gate lift {USER}/{name} --reason tested");
        root.types(&format!("admin {gate}")).ok();
        ada.types(&format!("activate {name}")).ok();
    }
    root.types(&format!("admin gate restore {USER}/flood")).ok();
    for name in ["calm", "flood"] {
        let setting = ada.json(&format!("health {name}"))["health"]["setting"].as_i64();
        host.wait_until_live(numbered::STREAM, setting.unwrap())
            .unwrap();
    }
    let incoming = host.folder().join("incoming");
    let total = i64::try_from(ALERTS).unwrap();
    numbered::put_tar(&incoming, "0.tar", 0..total).unwrap();
    wait("every alert is counted", LIMIT, || {
        let counted = ["calm", "flood"].map(|name| host.count(name, "evaluated"));
        Ok(counted
            .into_iter()
            .all(|count| count.is_ok_and(|count| count == ALERTS))
            .then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", host.words()));
    assert_eq!(host.count("calm", "delivered").unwrap(), ALERTS);
    let counts = &host.counts("flood").unwrap()[0];
    let withheld = counts["withheld"]["gate"].as_u64().unwrap();
    let delivered = counts["delivered"].as_u64().unwrap();
    assert_eq!(
        (counts["passed"].as_u64(), withheld + delivered),
        (Some(ALERTS), ALERTS)
    );
    // A part of each window, once each.
    assert!(
        (PART..=PART * ALERTS / WINDOW).contains(&delivered),
        "{counts}"
    );
    let topic = host.topic("flood").unwrap();
    let there = results::passing(&host.folder().join("results"), &topic).unwrap();
    assert_eq!(there.len() as u64, delivered);

    let state = |name: &str| ada.json(&format!("health {name}"))["health"]["state"].clone();
    wait("its state says so", LIMIT, || {
        Ok((state("flood") == "throttled").then_some(()))
    })
    .unwrap();
    assert_eq!(state("calm"), "active");
    let told = ada.types("notices").ok();
    assert!(
        told.contains("filter.throttled") && told.contains(&format!("{USER}/flood")),
        "{told}"
    );
    assert!(!told.contains("calm"), "{told}");
}

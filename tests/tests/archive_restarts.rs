//! An archive host that is killed and stopped at random moments.
//!
//! In: numbered alerts in tars, a host that dies forty times. Out: every alert once, byte for byte.
//! Never: a wait for the host to be quiet before it dies.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use skysieve_tests::host::{Host, wait, wasm};
use skysieve_tests::{numbered, results};

/// How often the host dies: 20 times by kill -9, 20 times by SIGTERM.
const DEATHS: u32 = 40;
/// Alerts that arrive before each death.
const ALERTS: i64 = 400;
const LIMIT: Duration = Duration::from_secs(120);

/// Numbers that look random and are the same in every run (Knuth's MMIX generator).
struct Moments(u64);

impl Moments {
    fn next_ms(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

#[test]
fn every_alert_comes_out_once_through_forty_deaths() {
    let mut host = Host::start(|folder| numbered::archive_stream(folder, 2).unwrap()).unwrap();
    let module = std::fs::read(wasm("pass-all")).unwrap();
    let setting = host
        .publish("everything", numbered::STREAM, &module)
        .unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    let incoming = host.folder().join("incoming");
    let mut moments = Moments(20_181_029);
    for death in 0..DEATHS {
        let first = i64::from(death) * ALERTS;
        let name = format!("{death:02}.tar");
        numbered::put_tar(&incoming, &name, first..first + ALERTS).unwrap();
        // Not a wait for a condition: the very point is that nobody knows what the host is at.
        std::thread::sleep(Duration::from_millis(moments.next_ms(400)));
        if death % 2 == 0 {
            host.kill().unwrap();
        } else {
            let status = host.stop().unwrap();
            assert!(status.success(), "{status}\n{}", host.words());
        }
        host.restart().unwrap();
    }
    let total = i64::from(DEATHS) * ALERTS;
    wait("every alert is counted", LIMIT, || {
        Ok((host.count("everything", "passed")? >= total.unsigned_abs()).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}\n{}", host.words()));
    let topic = host.topic("everything").unwrap();
    assert!(host.stop().unwrap().success());
    check(&host, &topic, total);
}

fn check(host: &Host, topic: &str, total: i64) {
    let passing = results::passing(&host.folder().join("results"), topic).unwrap();
    let mut positions: Vec<_> = passing
        .iter()
        .map(|alert| alert.position().unwrap())
        .collect();
    positions.sort_unstable();
    let expected =
        (0..total).map(|number| (format!("{:02}.tar", number / ALERTS), number % ALERTS));
    assert!(
        positions.iter().cloned().eq(expected),
        "{} came out",
        positions.len()
    );
    let sent = sent(&host.folder().join("incoming"));
    for alert in &passing {
        assert!(
            alert.bytes == sent[&alert.position().unwrap()],
            "{}",
            alert.line
        );
        assert_eq!(alert.line["filter"], "everything");
    }
}

/// What went in, by file and number.
fn sent(incoming: &Path) -> HashMap<(String, i64), Vec<u8>> {
    let mut sent = HashMap::new();
    for file in std::fs::read_dir(incoming).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut tar = tar::Archive::new(File::open(path).unwrap());
        for (number, member) in (0..).zip(tar.entries().unwrap()) {
            let mut bytes = Vec::new();
            member.unwrap().read_to_end(&mut bytes).unwrap();
            sent.insert((name.clone(), number), bytes);
        }
    }
    sent
}

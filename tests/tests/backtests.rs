//! Back-tests by the program: on an archive, on real Kafka, through kill -9, and the gate they open.
//!
//! In: simulated nights, example filters. Out: what a back-test found, compared with what the live
//! stream and `skysieve replay` made of the same alerts. Never: a wait for anything but a condition.

#![allow(clippy::unwrap_used)]

use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::Broker;
use skysieve_tests::host::{Host, USER, program, wait, wasm};

const LIMIT: Duration = Duration::from_secs(180);
/// Alerts of a simulated night, in two tars.
const ALERTS: u64 = 2_000;

/// A host that saves often and soon takes over what a dead one left.
const BACKTEST: &str = "[backtest]\nsave_ms = 20\nlease_ms = 1000\n\n";
const IDENTITIES: &str = "[[streams]]\nname = \"ztf\"\nobject_id = [\"objectId\"]\n\
    alert_id = [\"candid\"]\ncommit_interval_ms = 100\n";
const OBSERVED: &str = "[streams.observed]\npath = [\"candidate.jd\"]\nformat = \"jd\"\n\
    scale = \"utc\"\nlongitude_deg = -116.865\n\n";

fn simulate(out: &Path, alerts: u64, seed: u64, night: &str) {
    let mut simulate = Command::new(program());
    simulate.args(["simulate", "--alerts", &alerts.to_string()]);
    simulate.args(["--seed", &seed.to_string(), "--night", night, "--out"]);
    assert!(simulate.arg(out).output().unwrap().status.success());
}

/// Nights of the past in `past`, an empty `incoming`, a few `samples`.
fn archive(folder: &Path) -> String {
    for name in ["incoming", "results", "past", "samples"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    simulate(&folder.join("past/first"), ALERTS, 1, "2026-04-01");
    simulate(&folder.join("past/second"), ALERTS, 2, "2026-04-02");
    simulate(&folder.join("samples"), 32, 3, "2026-04-01");
    let path = |name: &str| folder.join(name);
    format!(
        "{BACKTEST}{IDENTITIES}samples = {:?}\n\n[streams.backtest]\narchive = {:?}\n\n{OBSERVED}\
         [streams.source]\nkind = \"archive\"\npath = {:?}\n\n\
         [streams.sink]\nkind = \"archive\"\npath = {:?}\n",
        path("samples"),
        path("past"),
        path("incoming"),
        path("results"),
    )
}

fn upload(host: &Host, filter: &str) -> i64 {
    host.create(filter, "ztf").unwrap();
    host.upload(filter, &std::fs::read(wasm(filter)).unwrap())
        .unwrap()
}

fn path(filter: &str) -> String {
    format!("/v1/filters/{USER}/{filter}")
}

fn begin(host: &Host, filter: &str, body: &Value) -> i64 {
    let made = host.post(&format!("{}/backtests", path(filter)), body);
    made.unwrap().created().unwrap()["id"].as_i64().unwrap()
}

fn look(host: &Host, filter: &str, id: i64) -> Value {
    let found = host.get(&format!("{}/backtests/{id}", path(filter)));
    found.unwrap().created().unwrap()
}

fn is_over(shown: &Value) -> bool {
    !["queued", "running"].contains(&shown["state"].as_str().unwrap())
}

fn wait_for_end(host: &Host, filter: &str, id: i64) -> Value {
    let ended = wait("the back-test ends", LIMIT, || {
        let shown = look(host, filter, id);
        Ok(is_over(&shown).then_some(shown))
    });
    ended.unwrap_or_else(|error| panic!("{error}\n{}", host.words()))
}

fn back_test(host: &Host, filter: &str, body: &Value) -> Value {
    let shown = wait_for_end(host, filter, begin(host, filter, body));
    assert_eq!(shown["state"], "done", "{shown}");
    shown["result"].clone()
}

/// What every run finds alike: all but time, and the fuel that depends on batch mates.
fn lasting(mut report: Value) -> Value {
    let whole = report.as_object_mut().unwrap();
    whole.remove("time_ns");
    for night in report["nights"].as_array_mut().unwrap() {
        let night = night.as_object_mut().unwrap();
        night.remove("fuel_per_alert");
        night.remove("ns_per_alert");
    }
    report
}

/// Verdicts of `skysieve replay`, alert by alert.
fn replay(filter: &str, packets: &Path, parameters: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("verdicts");
    let mut replay = Command::new(program());
    replay
        .args(["replay", "--json", "--filter"])
        .arg(wasm(filter));
    for parameter in parameters {
        replay.args(["--parameter", parameter]);
    }
    let output = replay.arg("--verdicts").arg(&file).arg(packets).output();
    assert!(output.unwrap().status.success());
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Two reports, without printing both in full where they differ.
fn check_same(found: &Value, expected: &Value) {
    let (found, expected) = (lasting(found.clone()), lasting(expected.clone()));
    for (key, value) in expected.as_object().unwrap() {
        let (found, value) = (found[key].to_string(), value.to_string());
        let differ = found
            .bytes()
            .zip(value.bytes())
            .position(|(one, other)| one != other);
        let about = |text: &str| {
            text.chars()
                .skip(differ.unwrap_or(0))
                .take(200)
                .collect::<String>()
        };
        assert!(
            found == value,
            "{key} differs: {} / {}",
            about(&found),
            about(&value)
        );
    }
}

fn passes(verdict: &Value) -> bool {
    verdict["verdict"] == "pass"
}

fn alert_ids<'a>(alerts: impl IntoIterator<Item = &'a Value>) -> Vec<&'a Value> {
    alerts.into_iter().map(|alert| &alert["alert_id"]).collect()
}

#[test]
fn a_back_test_opens_the_gate_and_gives_what_the_live_stream_gives() {
    let host = Host::start(archive).unwrap();
    let filter = "bright-supernova";
    let version = upload(&host, filter);
    let refused = host.post(
        &format!("{}/activate", path(filter)),
        &json!({"version": version}),
    );
    let refused = refused.unwrap();
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (409, &json!("gate"))
    );

    let report = back_test(&host, filter, &json!({"version": version}));
    let past = host.folder().join("past");
    let verdicts = replay(filter, &past, &[]);
    assert_eq!(report["alerts"], 2 * ALERTS);
    let passing: Vec<&Value> = verdicts.iter().filter(|one| passes(one)).collect();
    assert_eq!(report["passed"], passing.len());
    let listed = report["passing"].as_array().unwrap();
    assert_eq!(alert_ids(listed), alert_ids(passing.into_iter().take(100)));
    assert_eq!(listed.len(), 100);
    assert!(
        listed[0]["annotations"]
            .as_object()
            .is_some_and(|one| !one.is_empty())
    );
    let nights: Vec<&Value> = report["nights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["night"])
        .collect();
    assert_eq!(nights, ["2026-04-01", "2026-04-02"]);
    let fuel = &report["fuel"];
    assert!(
        fuel["alerts"].as_u64().unwrap() > 50 && fuel["p50"].as_u64() > Some(0),
        "{fuel}"
    );
    assert!(
        fuel["p50"].as_u64() <= fuel["p99"].as_u64()
            && fuel["p99"].as_u64() <= fuel["max"].as_u64()
    );

    // Of one night alone: the alerts' own, wherever they lie.
    let one = back_test(
        &host,
        filter,
        &json!({"version": version, "source": {"nights": ["2026-04-02"]}}),
    );
    assert_eq!(
        lasting(one.clone())["nights"][0],
        lasting(report.clone())["nights"][1]
    );
    assert_eq!(one["nights"].as_array().unwrap().len(), 1);
    let few = back_test(&host, filter, &json!({"version": version, "alerts": 300}));
    assert_eq!(few["alerts"], 300);

    // Live, the same alerts get the same verdicts.
    let setting = host.post(
        &format!("{}/activate", path(filter)),
        &json!({"version": version}),
    );
    let setting = setting.unwrap().created().unwrap()["active"]["setting"]
        .as_i64()
        .unwrap();
    host.wait_until_live("ztf", setting).unwrap();
    std::fs::rename(&past, host.folder().join("incoming/past")).unwrap();
    wait("every alert is counted", LIMIT, || {
        let (evaluated, lacking) = (
            host.count(filter, "evaluated")?,
            host.count(filter, "lacking")?,
        );
        Ok((evaluated + lacking == 2 * ALERTS).then_some(()))
    })
    .unwrap();
    let mut live = host.counts(filter).unwrap();
    live.reverse();
    for (live, tested) in live.iter().zip(report["nights"].as_array().unwrap()) {
        for key in [
            "night",
            "evaluated",
            "lacking",
            "failed",
            "rejected",
            "passed",
        ] {
            assert_eq!(live[key], tested[key], "{key}");
        }
    }
}

#[test]
fn another_setting_is_compared_with_the_active_one() {
    let host = Host::start(archive).unwrap();
    let filter = "bright-supernova";
    let version = upload(&host, filter);
    back_test(&host, filter, &json!({"version": version}));
    let active = host.post(
        &format!("{}/activate", path(filter)),
        &json!({"version": version}),
    );
    let active = active.unwrap().created().unwrap()["active"]["setting"].clone();
    let other =
        json!({"version": version, "parameters": {"faintest_mag": 18.5, "real_bogus": 0.2}});
    let other = host
        .post(&format!("{}/settings", path(filter)), &other)
        .unwrap()
        .created()
        .unwrap();
    let report = back_test(&host, filter, &json!({"setting": other["setting"]}));
    let difference = &report["difference"];
    assert_eq!(difference["setting"], active);
    let past = host.folder().join("past");
    let old = replay(filter, &past, &[]);
    let new = replay(filter, &past, &["faintest_mag=18.5", "real_bogus=0.2"]);
    let chosen = |wanted: (bool, bool)| -> Vec<&Value> {
        let both = old.iter().zip(&new);
        both.filter(|(old, new)| (passes(old), passes(new)) == wanted)
            .map(|(old, _)| old)
            .collect()
    };
    let (gained, lost) = (chosen((false, true)), chosen((true, false)));
    assert!(
        !gained.is_empty() && !lost.is_empty(),
        "the test compares nothing"
    );
    assert_eq!(difference["both"], chosen((true, true)).len());
    assert_eq!(
        (&difference["gained"], &difference["lost"]),
        (&json!(gained.len()), &json!(lost.len()))
    );
    for (listed, expected) in [("gained_alerts", gained), ("lost_alerts", lost)] {
        let listed = difference[listed].as_array().unwrap();
        assert_eq!(alert_ids(listed), alert_ids(expected.into_iter().take(100)));
        assert!(
            listed
                .iter()
                .all(|one| one["because"].as_str().unwrap().starts_with("rejected: "))
        );
    }
}

/// Kill the host as soon as the back-test has got on by a while, again and again, to its end.
fn kill_until_done(host: &mut Host, filter: &str, id: i64, alerts: u64) -> (Value, u32) {
    let (mut kills, mut reached) = (0, 0);
    loop {
        let shown = wait("the back-test gets on", LIMIT, || {
            let shown = look(host, filter, id);
            let judged = shown["progress"]["judged"].as_u64().unwrap();
            Ok((judged > reached + alerts / 10 || is_over(&shown)).then_some(shown))
        });
        let shown = shown.unwrap_or_else(|error| panic!("{error}\n{}", host.words()));
        if is_over(&shown) {
            assert_eq!(shown["state"], "done", "{shown}");
            return (shown, kills);
        }
        host.kill().unwrap();
        host.restart().unwrap();
        kills += 1;
        reached = look(host, filter, id)["progress"]["judged"]
            .as_u64()
            .unwrap();
        assert!(
            reached > 0,
            "what was done is done again from the beginning"
        );
    }
}

#[test]
fn killed_again_and_again_it_finds_the_same() {
    let mut host = Host::start(|folder| {
        let text = archive(folder);
        // The same tars under ten names: a longer past.
        for copy in 0..10 {
            let link = folder.join(format!("past/copy-{copy}.tar"));
            let tar = folder.join("past/first/ztf_2026-04-01_000.tar");
            std::os::unix::fs::symlink(tar, link).unwrap();
        }
        text
    })
    .unwrap();
    let filter = "image-shape";
    let version = upload(&host, filter);
    let body = json!({"version": version});
    let alerts = 10_000 + 2 * ALERTS;
    let undisturbed = back_test(&host, filter, &body);
    assert_eq!(undisturbed["alerts"], alerts);
    let id = begin(&host, filter, &body);
    let (shown, kills) = kill_until_done(&mut host, filter, id, alerts);
    assert!(kills >= 2, "killed {kills} times only");
    check_same(&shown["result"], &undisturbed);
    // A polite end saves and gives back: the next process goes on at once.
    let id = begin(&host, filter, &body);
    wait("it gets on", LIMIT, || {
        let judged = look(&host, filter, id)["progress"]["judged"].as_u64();
        Ok((judged > Some(0)).then_some(()))
    })
    .unwrap();
    assert!(host.stop().unwrap().success(), "{}", host.words());
    host.restart().unwrap();
    let shown = wait_for_end(&host, filter, id);
    assert_eq!(
        lasting(shown["result"].clone())["passed"],
        shown["progress"]["passed"]
    );
    assert_eq!(shown["result"]["alerts"], alerts);
}

#[test]
fn a_running_back_test_is_cancelled_with_what_it_found() {
    let host = Host::start(archive).unwrap();
    let version = upload(&host, "image-shape");
    for copy in 0..40 {
        let past = host.folder().join("past");
        let link = past.join(format!("copy-{copy}.tar"));
        std::os::unix::fs::symlink(past.join("first/ztf_2026-04-01_000.tar"), link).unwrap();
    }
    let id = begin(&host, "image-shape", &json!({"version": version}));
    let seen = wait("it gets on and says how long", LIMIT, || {
        let shown = look(&host, "image-shape", id);
        Ok(shown["progress"]["seconds_left"]
            .is_number()
            .then_some(shown))
    })
    .unwrap();
    let fraction = seen["progress"]["fraction"].as_f64().unwrap();
    assert!(fraction > 0.0 && fraction < 1.0, "{seen}");
    let cancel = format!("{}/backtests/{id}/cancel", path("image-shape"));
    host.post(&cancel, &json!({})).unwrap().created().unwrap();
    let shown = wait_for_end(&host, "image-shape", id);
    assert_eq!(shown["state"], "cancelled");
    let judged = shown["progress"]["judged"].as_u64().unwrap();
    assert!(judged > 0 && judged < 44_000, "{judged}");
    assert_eq!(shown["result"]["alerts"], judged);
    let gate = host.get(&format!(
        "{}/gate?setting={}",
        path("image-shape"),
        shown["setting"]
    ));
    let gate = gate.unwrap().created().unwrap();
    assert_eq!(
        gate["setting"]["backtest"],
        Value::Null,
        "a cancelled one speaks for nothing"
    );
}

const PARTITIONS: u32 = 3;
/// Time stamp of the first packet [ms since the Unix epoch], and from one to the next [ms].
const BEGIN_MS: i64 = 1_775_000_000_000;
const STEP_MS: i64 = 1_000;

/// The packets of the tars in `folder`, in order.
fn packets(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut packets = Vec::new();
    for file in files {
        let mut tar = tar::Archive::new(std::fs::File::open(file).unwrap());
        for member in tar.entries().unwrap() {
            let mut bytes = Vec::new();
            member.unwrap().read_to_end(&mut bytes).unwrap();
            packets.push(bytes);
        }
    }
    packets
}

fn publish(broker: &str, topic: &str, packets: &[Vec<u8>]) {
    let settings = Settings {
        brokers: broker.to_owned(),
        // The packets are older than a broker usually keeps them.
        retention_ms: -1,
        ..Settings::default()
    };
    let mut publisher = Publisher::new(&settings, topic, PARTITIONS).unwrap();
    for (number, bytes) in (0..).zip(packets) {
        let publication = Publication {
            key: format!("object-{}", number / 3),
            bytes: bytes.as_slice().into(),
            timestamp_ms: Some(BEGIN_MS + number * STEP_MS),
        };
        publisher.publish(&publication).unwrap();
    }
    publisher.finish().unwrap();
}

fn time(number: i64) -> String {
    let time = BEGIN_MS + number * STEP_MS;
    // Whole seconds since 2026-03-31T23:33:20Z.
    let seconds = time / 1_000 - 1_775_000_000 + 23 * 3_600 + 33 * 60 + 20;
    let (day, rest) = (seconds / 86_400, seconds % 86_400);
    let date = ["2026-03-31", "2026-04-01"][usize::try_from(day).unwrap()];
    format!(
        "{date}T{:02}:{:02}:{:02}Z",
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

#[test]
fn a_range_of_a_topic_is_read_in_the_order_of_sending() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let topic = format!("ztf-past-{}", std::process::id());
    let past = tempfile::tempdir().unwrap();
    simulate(past.path(), ALERTS, 1, "2026-04-01");
    let night = packets(past.path());
    // Three times over, so that it lasts long enough to be killed.
    let all: Vec<Vec<u8>> = night
        .iter()
        .cycle()
        .take(3 * night.len())
        .cloned()
        .collect();
    publish(broker.address(), &topic, &all);
    let mut host = Host::start(|folder| {
        simulate(&folder.join("samples"), 32, 3, "2026-04-01");
        format!(
            "{BACKTEST}{IDENTITIES}samples = {:?}\n\n{OBSERVED}\
             [streams.source]\nkind = \"kafka\"\nbrokers = {:?}\ntopics = [{topic:?}]\n\
             prefix = {topic:?}\nstart = \"latest\"\n\n[streams.sink]\nkind = \"kafka\"\n",
            folder.join("samples"),
            broker.address(),
        )
    })
    .unwrap();
    let filter = "image-shape";
    let version = upload(&host, filter);
    let verdicts = replay(filter, past.path(), &[]);

    let (since, until) = (500, 1_700);
    let source = json!({"since": time(since), "until": time(until)});
    let report = back_test(
        &host,
        filter,
        &json!({"version": version, "source": source}),
    );
    assert_eq!(report["alerts"], until - since);
    let range = usize::try_from(since).unwrap()..usize::try_from(until).unwrap();
    let passing: Vec<&Value> = verdicts[range].iter().filter(|one| passes(one)).collect();
    assert_eq!(report["passed"], passing.len());
    // In the order of sending, over all partitions.
    assert_eq!(
        alert_ids(report["passing"].as_array().unwrap()),
        alert_ids(passing.into_iter().take(100))
    );
    let of_partition = |partition| {
        let passing = report["passing"].as_array().unwrap().iter();
        passing
            .filter(|alert| alert["partition"] == partition)
            .count()
    };
    assert!((0..3).all(|partition| of_partition(partition) > 0));
    let later = json!({"since": time(20_000)});
    let none = back_test(&host, filter, &json!({"version": version, "source": later}));
    assert_eq!(none["alerts"], 0);

    let body = json!({"version": version});
    let undisturbed = back_test(&host, filter, &body);
    assert_eq!(undisturbed["alerts"], 3 * ALERTS);
    let id = begin(&host, filter, &body);
    let (shown, kills) = kill_until_done(&mut host, filter, id, 3 * ALERTS);
    assert!(kills >= 1, "never killed");
    check_same(&shown["result"], &undisturbed);
    // Beside the stream, which read from the topic's end on and has seen nothing of all this.
    assert_eq!(host.count(filter, "evaluated").unwrap(), 0);
}

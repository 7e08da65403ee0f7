//! The command line of authors and administrators against a real host.
//!
//! In: people with folders of their own for what they configure, the words that they type. Out: what
//! they read, as text and as JSON, and the exit statuses. Never: anything done to the host in another way.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use skysieve_tests::host::{Host, wait};
use skysieve_tests::numbered;
use skysieve_tests::person::{Person, Read};

const LIMIT: Duration = Duration::from_secs(60);

#[track_caller]
fn contains(text: &str, words: &[&str]) {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(flat.contains(word), "{word:?} is not in\n{text}");
    }
}

/// A host whose gate lets nothing through that passes more than 5 %, and its first administrator.
fn host() -> (Host, Person) {
    let host = Host::start(|folder| {
        let stream = numbered::archive_stream(folder, 1).unwrap();
        let stream = stream.replacen("gate_percent = 100.0\n", "", 1);
        stream.replacen("[[streams]]", "[[streams]]\ngate_alerts = 5", 1)
    })
    .unwrap();
    let root = Person::root(&host);
    let mut again = host.command("admin init");
    Read::of(&again.args(["--user", "other"]).output().unwrap()).ends(1, "already");
    (host, root)
}

/// A scientist whom the administrator added.
fn scientist(host: &Host, root: &Person, name: &str) -> Person {
    root.types(&format!("admin users add {name}")).ok();
    let token = root.types(&format!("admin tokens create {name}")).ok();
    let person = Person::new();
    let said = person.logs_in(host, token.trim()).ok();
    assert!(said.contains(&format!("as {name} (scientist)")), "{said}");
    let file = person.folder().join("skysieve/login.toml");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains(token.trim())
    );
    person
}

fn crate_folder() -> String {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.join("guests/pass-all").display().to_string()
}

#[test]
fn a_scientist_goes_from_a_crate_to_live_alerts() {
    let (host, root) = host();
    let anna = scientist(&host, &root, "anna");
    let incoming = host.folder().join("incoming");
    numbered::put_tar(&incoming, "before.tar", 0..50).unwrap();

    let said = anna
        .types(&format!("push {} --notes first", crate_folder()))
        .ok();
    contains(
        &said,
        &[
            "version 1 of anna/pass-all: Passes everything",
            "trial on",
            "nobody 0",
            "passed",
        ],
    );
    let again = anna.json(&format!("push {}", crate_folder()));
    assert_eq!(
        (&again["new_filter"], &again["new_version"]),
        (&Value::Bool(false), &Value::Bool(false))
    );
    contains(
        &anna.types("list").ok(),
        &["anna pass-all numbers ready", "Passes everything"],
    );

    let refused = anna.types(&format!("push {} --activate", crate_folder()));
    contains(&refused.text, &["version 1 of anna/pass-all", "passed"]);
    refused.ends(5, "%");

    // The gate: nothing goes live untested, and what passes everything does not go live at all.
    let refused = anna.types("activate pass-all --json");
    let problem: Value = serde_json::from_str(&refused.complaint).unwrap();
    assert_eq!(
        (refused.status, &problem["code"]),
        (5, &Value::from("gate")),
        "{problem}"
    );
    let tested = anna.json("backtest pass-all --version 1");
    assert_eq!(
        (&tested["state"], &tested["result"]["passed"]),
        (&Value::from("done"), &Value::from(50))
    );
    let report = anna.types("backtest pass-all --show 1").ok();
    contains(
        &report,
        &[
            "50 alerts judged, 50 passed",
            "50 of 50 alerts pass: 100.000 %",
            "an alert costs",
        ],
    );
    contains(&anna.types("backtest pass-all --list").ok(), &["1 done 1"]);
    anna.types("activate pass-all").ends(5, "%");
    anna.types("admin gate lift anna/pass-all --reason because")
        .ends(4, "administrator");
    contains(
        &root
            .types("admin gate lift anna/pass-all --reason field")
            .ok(),
        &["lifted by root", "field"],
    );
    contains(
        &anna.types("activate pass-all").ok(),
        &["anna/pass-all: active, version 1, setting"],
    );

    let setting = anna.json("list")["items"][0]["active"]["setting"]
        .as_i64()
        .unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    numbered::put_tar(&incoming, "live.tar", 100..140).unwrap();
    wait("the counts are there", LIMIT, || {
        let counts = anna.json("counts pass-all");
        Ok((counts["items"][0]["passed"] == 40).then_some(()))
    })
    .unwrap();
    let counts = anna.types("counts pass-all").ok();
    contains(
        &counts,
        &[
            "night unknown, version 1, setting",
            "evaluated 40 40",
            "nobody 0 40",
            "passed 40",
        ],
    );

    let lines = anna
        .types("tail pass-all --since 2020-01-01T00:00:00Z --limit 40")
        .ok();
    assert_eq!(lines.lines().count(), 40, "{lines}");
    let first = anna
        .types("tail pass-all --since 2020-01-01T00:00:00Z --limit 1 --json")
        .ok();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert!(first["alert"]["id"].is_i64(), "{first}");
    let cursor = first["cursor"].as_str().unwrap();
    let second = anna
        .types(&format!("tail pass-all --after {cursor} --limit 1 --json"))
        .ok();
    let second: Value = serde_json::from_str(&second).unwrap();
    assert_ne!(first["alert"]["id"], second["alert"]["id"]);

    let packet = host.folder().join("one.avro");
    std::fs::write(&packet, numbered::packet(7).unwrap()).unwrap();
    let why = anna
        .types(&format!("explain pass-all --packet {}", packet.display()))
        .ok();
    contains(
        &why,
        &[
            "alert 7 of object-1",
            "passes",
            "fuel",
            "name utf8 \"object-1\"",
        ],
    );
    let object = anna.types("explain pass-all --object object-20").ok();
    contains(&object, &["of object-20", "passes", "found in"]);
    contains(
        &anna.types("health pass-all").ok(),
        &["anna/pass-all is active", "version 1, setting"],
    );
    anna.types("logs pass-all").ok();

    contains(
        &anna.types("pause pass-all").ok(),
        &["anna/pass-all: paused"],
    );
    contains(
        &anna.types("resume pass-all").ok(),
        &["anna/pass-all: active"],
    );
    anna.types("rollback pass-all").ends(5, "before");
    let planned = anna
        .types("activate pass-all --at 2126-01-01T00:00:00Z")
        .ok();
    contains(&planned, &["2126-01-01 00:00 UTC"]);
    anna.types("activate pass-all --unschedule").ok();
    contains(
        &root
            .types("admin suspend anna/pass-all --reason flood")
            .ok(),
        &["suspended (flood)"],
    );
    let told = anna.types("notices").ok();
    contains(&told, &["filter.suspended", "anna/pass-all", "flood"]);
    contains(&anna.types("retire pass-all").ok(), &["retired"]);
    contains(&anna.types("share pass-all public").ok(), &["is public"]);
    anna.types("delete pass-all").ends(2, "--yes");
    anna.types("delete pass-all --yes").ok();
    anna.types("pause pass-all").ends(5, "deleted");
}

#[test]
fn an_administrator_sets_what_others_may() {
    let (host, root) = host();
    let (anna, berta) = (
        scientist(&host, &root, "anna"),
        scientist(&host, &root, "berta"),
    );
    contains(
        &root.types("admin users").ok(),
        &["anna scientist", "root administrator"],
    );
    root.types("admin groups add sn --summary supernovae").ok();
    root.types("admin groups member sn anna --manager").ok();
    anna.types("admin groups member sn berta").ok();
    root.types("admin groups programmes sn numbers 2 3").ok();
    contains(
        &root.types("admin groups show sn").ok(),
        &["anna (manager)", "berta (member)", "2, 3 of numbers"],
    );
    let push = format!(
        "push {} --filter sn/shared --stream numbers",
        crate_folder()
    );
    contains(&berta.types(&push).ok(), &["version 1 of sn/shared"]);
    root.types("admin groups remove sn berta").ok();
    berta.types("counts sn/shared").ends(3, "sn/shared");

    contains(
        &root
            .types("admin quotas set anna filters 0 --reason holidays")
            .ok(),
        &["filters 0", "holidays"],
    );
    let push = format!("push {} --filter another --stream numbers", crate_folder());
    anna.types(&push).ends(5, "quota");
    contains(&anna.types("quota").ok(), &["filters 0 0 0 holidays"]);
    root.types("admin quotas unset anna filters").ok();
    anna.types(&push).ok();

    root.types("admin users disable anna").ok();
    anna.types("list").ends(4, "token");
    root.types("admin users enable anna").ok();
    anna.types("list").ok();
    let audit = root.types("admin audit --action quota.set").ok();
    contains(&audit, &["root", "quota.set", "holidays"]);
    root.types("admin users role anna administrator").ok();
    anna.types("admin users").ok();

    let made = root.json("admin tokens create berta --read-only --days 3");
    let token = made["secret"].as_str().unwrap();
    let reader = Person::new();
    reader.logs_in(&host, token).ok();
    reader.types("list").ok();
    reader
        .types(&push.replace("another", "mine"))
        .ends(4, "only reads");
    root.types(&format!("admin tokens revoke {}", made["id"]))
        .ok();
    reader.types("list").ends(4, "token");

    let hook = anna
        .types("targets add https://example.org/hook --kinds filter.failing")
        .ok();
    assert!(hook.starts_with("whsec_"), "{hook}");
    contains(
        &anna.types("targets").ok(),
        &["1 anna https://example.org/hook unverified filter.failing"],
    );
    anna.types("targets add http://example.org/")
        .ends(5, "https");
    anna.types("targets remove 1").ok();
}

#[test]
fn every_kind_of_trouble_ends_as_documented() {
    let (mut host, root) = host();
    let nobody = Person::new();
    nobody.types("list").ends(2, "skysieve login");
    nobody.types("lists").ends(2, "list");
    nobody.logs_in(&host, "sksv_wrong").ends(4, "token");
    assert!(!nobody.folder().join("skysieve").exists());
    root.types("counts nowhere").ends(3, "nowhere");
    root.types("counts No/where").ends(2, "name");
    root.types("push /nowhere").ends(2, "no crate");
    root.types("activate a/b --setting 1 --version 2")
        .ends(2, "cannot be used with");

    // What others can read is not used; the environment stands in for it.
    let file = root.folder().join("skysieve/login.toml");
    let login = std::fs::read_to_string(&file).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    root.types("list").ends(2, "chmod 600");
    let token = login
        .split('"')
        .find(|part| part.starts_with("sksv_"))
        .unwrap();
    let mut list = nobody.command("list");
    list.env("SKYSIEVE_URL", host.address())
        .env("SKYSIEVE_TOKEN", token);
    Read::of(&list.output().unwrap()).ok();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();

    // A reader who goes is no trouble.
    let mut early = root.command("completions bash");
    early.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut early = early.spawn().unwrap();
    drop(early.stdout.take());
    let early = Read::of(&early.wait_with_output().unwrap());
    assert_eq!((early.status, early.complaint.as_str()), (0, ""));
    for shell in ["bash", "zsh", "fish"] {
        let script = nobody.types(&format!("completions {shell}")).ok();
        assert!(
            script.contains("backtest") && script.contains("quotas"),
            "{shell}"
        );
    }

    host.kill().unwrap();
    root.types("list").ends(6, "does not answer");
    root.types("logout").ok();
    root.types("list").ends(2, "not logged in");
}

/// An author whose host goes away and comes back reads on where they were.
#[test]
fn tail_outlives_a_restart_of_the_host() {
    let (mut host, root) = host();
    let anna = scientist(&host, &root, "anna");
    anna.types(&format!("push {}", crate_folder())).ok();
    root.types("admin gate lift anna/pass-all --reason field")
        .ok();
    anna.types("activate pass-all").ok();
    let setting = anna.json("list")["items"][0]["active"]["setting"]
        .as_i64()
        .unwrap();
    host.wait_until_live(numbered::STREAM, setting).unwrap();
    let incoming = host.folder().join("incoming");
    numbered::put_tar(&incoming, "one.tar", 0..30).unwrap();

    let file = host.folder().join("tail.jsonl");
    let mut tail = anna
        .command("tail pass-all --since 2020-01-01T00:00:00Z --limit 60 --json --payload packet");
    let log = std::fs::File::create(&file).unwrap();
    let mut tail = tail.stdout(log).stderr(Stdio::null()).spawn().unwrap();
    let lines = || std::fs::read_to_string(&file).unwrap().lines().count();
    wait("the first alerts", LIMIT, || {
        Ok((lines() == 30).then_some(()))
    })
    .unwrap();
    host.kill().unwrap();
    host.restart().unwrap();
    numbered::put_tar(&incoming, "two.tar", 30..60).unwrap();
    let status = wait("the last alerts", LIMIT, || Ok(tail.try_wait()?));
    let status = status.inspect_err(|_| tail.kill().unwrap()).unwrap();
    assert!(status.success());
    let text = std::fs::read_to_string(&file).unwrap();
    let mut seen: Vec<i64> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["alert"]["id"]
                .as_i64()
                .unwrap()
        })
        .collect();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..60), "every alert once");
}

//! Every wrong setting is named, every right one passes.
#![allow(clippy::unwrap_used)]

use super::*;

fn parsed(text: &str) -> Settings {
    toml::from_str(text).unwrap()
}

fn check(text: &str, expected: Option<&str>) {
    let outcome = parsed(&format!("topics = [\"alerts\"]\n{text}")).check();
    match (outcome, expected) {
        (Ok(()), None) => {}
        (Err(error), Some(expected)) => assert!(error.to_string().contains(expected), "{error}"),
        (outcome, expected) => panic!("{text}: {outcome:?} instead of {expected:?}"),
    }
}

#[test]
fn names_what_is_wrong() {
    check("", None);
    check("brokers = \"a.example:9092, b.example:9093\"", None);
    check("brokers = \"a.example\"", Some("brokers"));
    check("prefix = \"Sky Sieve\"", Some("prefix"));
    check("partitions = 0", Some("partitions"));
    check("replication = 0", Some("replication"));
    check("retention_ms = -1", None);
    check("retention_ms = 5", Some("retention_ms"));
    check("message_max_bytes = 100_000_000", Some("message_max_bytes"));
    check("session_timeout_ms = 10", Some("session_timeout_ms"));
    check(
        "transaction_timeout_ms = 900_000",
        Some("transaction_timeout_ms"),
    );
    check("security_protocol = \"tls\"", Some("security_protocol"));
    check("username = \"ann\"", Some("takes no user"));
    check("security_protocol = \"sasl_ssl\"", Some("needs a username"));
    check(
        "security_protocol = \"sasl_ssl\"\nusername = \"ann\"",
        Some("sasl_mechanism"),
    );
    check(
        "security_protocol = \"sasl_ssl\"\nusername = \"ann\"\nsasl_mechanism = \"SCRAM-SHA-512\"",
        None,
    );
    check("[properties]\n\"socket.keepalive.enable\" = \"true\"", None);
    check(
        "[properties]\n\"isolation.level\" = \"read_uncommitted\"",
        Some("isolation.level"),
    );
}

#[test]
fn topics_are_names_or_patterns() {
    for good in ["ztf", "^ztf_[0-9]{8}_programid1$"] {
        assert!(
            Settings {
                topics: vec![good.into()],
                ..Default::default()
            }
            .check()
            .is_ok()
        );
    }
    for bad in ["", "a b", "^ztf_[", &"a".repeat(250)] {
        assert!(
            Settings {
                topics: vec![bad.into()],
                ..Default::default()
            }
            .check()
            .is_err()
        );
    }
    assert!(Settings::default().check().is_err(), "no topics");
}

#[test]
fn unknown_settings_are_refused() {
    let error = toml::from_str::<Settings>("broker = \"x\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("broker"), "{error}");
}

//! Alerts that a quota held back, read later over HTTP, from an archive and from a topic.
//!
//! In: numbered alerts, a filter that passes all of them, a quota of fewer. Out: exactly the alerts that
//! did not go out, byte for byte, as far as the quota was raised. Never: an alert by both doors, or by
//! none.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use apache_avro::types::Value as Avro;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use serde_json::{Value, json};
use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::reading::Page;
use skysieve_tests::topic::read_all;
use skysieve_tests::{Broker, numbered, results};

const LIMIT: Duration = Duration::from_secs(120);
/// Alerts that may go out of a night, at first.
const QUOTA: i64 = 40;
/// Alerts that pass.
const PASSING: i64 = 150;

enum Way {
    Archive,
    Kafka(&'static Broker, String),
}

struct Stage {
    host: Host,
    administrator: String,
    filter: String,
    way: Way,
}

fn settings(broker: &Broker) -> Settings {
    Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    }
}

impl Stage {
    fn of(host: Host, filter: &str, way: Way) -> Self {
        let mut init = host.command("admin init");
        let made = init.args(["--user", "root"]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        let words = String::from_utf8(made.stdout).unwrap();
        let token = words
            .split_whitespace()
            .find(|word| word.starts_with("sksv_"));
        Self {
            administrator: token.unwrap().to_owned(),
            host,
            filter: filter.to_owned(),
            way,
        }
    }

    fn quota() -> (&'static str, String) {
        let name = "SKYSIEVE_REGISTRY__QUOTAS__ALERTS_PER_NIGHT";
        (name, QUOTA.to_string())
    }

    fn archive() -> Self {
        let (name, quota) = Self::quota();
        let host = Host::start_with(&[(name, &quota)], |folder| {
            numbered::archive_stream(folder, 2).unwrap()
        });
        Self::of(host.unwrap(), "everything", Way::Archive)
    }

    fn kafka() -> Option<Self> {
        let broker = Broker::shared()?;
        let source = format!("withheld-{}", std::process::id());
        Publisher::new(&settings(broker), &source, 4).unwrap();
        let (name, quota) = Self::quota();
        let host = Host::start_with(&[(name, &quota)], |folder| {
            numbered::kafka_stream(folder, 2, broker.address(), &source).unwrap()
        });
        Some(Self::of(
            host.unwrap(),
            "all-withheld",
            Way::Kafka(broker, source),
        ))
    }

    fn publish(&self, filter: &str) -> i64 {
        let module = std::fs::read(wasm("pass-all")).unwrap();
        let setting = self.host.publish(filter, numbered::STREAM, &module);
        let setting = setting.unwrap();
        self.host
            .wait_until_live(numbered::STREAM, setting)
            .unwrap();
        setting
    }

    fn feed(&self, numbers: std::ops::Range<i64>) {
        match &self.way {
            Way::Archive => {
                let name = format!("{:07}.tar", numbers.start);
                numbered::put_tar(&self.host.folder().join("incoming"), &name, numbers).unwrap();
            }
            Way::Kafka(broker, source) => {
                let mut publisher = Publisher::new(&settings(broker), source, 4).unwrap();
                for number in numbers {
                    let publication = Publication {
                        key: format!("object-{}", number / 5),
                        bytes: numbered::packet(number).unwrap().into(),
                        timestamp_ms: None,
                    };
                    publisher.publish(&publication).unwrap();
                }
                publisher.finish().unwrap();
            }
        }
    }

    fn passed(&self, filter: &str, alerts: i64) {
        wait("alerts are counted", LIMIT, || {
            let passed = self.host.count(filter, "passed")?;
            Ok((passed >= alerts.unsigned_abs()).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{error}\n{}", self.host.words()));
    }

    /// Numbers of the alerts that went out.
    fn delivered(&self) -> Vec<i64> {
        let topic = self.host.topic(&self.filter).unwrap();
        let mut ids: Vec<i64> = match &self.way {
            Way::Archive => {
                let passing = results::passing(&self.host.folder().join("results"), &topic);
                passing.unwrap().iter().map(|one| id(&one.line)).collect()
            }
            Way::Kafka(broker, ..) => {
                let records = read_all(broker.address(), &topic, LIMIT).unwrap();
                let id = |headers: &BTreeMap<String, String>| number(&headers["skysieve-alert-id"]);
                records.iter().map(|one| id(&one.headers)).collect()
            }
        };
        ids.sort_unstable();
        ids
    }

    fn allow(&self, quota: &str, value: i64) {
        let url = format!("{}/v1/quotas/{USER}/{quota}", self.host.address());
        let token = format!("Bearer {}", self.administrator);
        let body = json!({"value": value, "reason": "the night was busy"});
        let put = ureq::put(url).header("Authorization", token);
        assert_eq!(put.send_json(&body).unwrap().status(), 204);
    }

    fn page(&self, filter: &str, query: &str) -> Result<Page, (u16, Value)> {
        let path = format!("/v1/filters/{USER}/{filter}/withheld/unknown/alerts?{query}");
        let (status, headers, body) = self.host.get_bytes(&path).unwrap();
        if status != 200 {
            return Err((status, serde_json::from_slice(&body).unwrap()));
        }
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        Ok(Page {
            body,
            next: header("skysieve-next"),
            more: header("skysieve-more") == "true",
        })
    }

    /// All lines, page by page, and the problem that ended them, if one did.
    fn read(&self, filter: &str, query: &str) -> (Vec<Value>, Option<Value>) {
        let (mut lines, mut after) = (Vec::new(), String::new());
        for _ in 0..1_000 {
            let page = match self.page(filter, &format!("{query}{after}")) {
                Ok(page) => page,
                Err((status, problem)) => {
                    assert_eq!(status, 409, "{problem}\n{}", self.host.words());
                    return (lines, Some(problem));
                }
            };
            lines.append(&mut page.lines().unwrap());
            if !page.more {
                return (lines, None);
            }
            after = format!("&after={}", page.next);
        }
        panic!("no end of pages");
    }

    fn count(&self, key: &str) -> i64 {
        i64::try_from(self.host.count(&self.filter, key).unwrap()).unwrap()
    }

    fn withheld(&self) -> i64 {
        let counts = self.host.counts(&self.filter).unwrap();
        let of = |record: &Value| record["withheld"]["alerts_per_night"].as_i64().unwrap_or(0);
        counts.iter().map(of).sum()
    }
}

fn delete(broker: &Broker, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", broker.address())
        .create()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let deleted = admin.delete_topics(&[topic], &AdminOptions::new());
    let deleted = runtime.unwrap().block_on(deleted).unwrap();
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
}

fn id(line: &Value) -> i64 {
    number(line["alert_id"].as_str().unwrap())
}

/// An alert whose id is 0 has none.
fn number(id: &str) -> i64 {
    match id {
        "" => 0,
        id => id.parse().unwrap(),
    }
}

fn sorted(lines: &[Value]) -> Vec<i64> {
    let mut ids: Vec<i64> = lines.iter().map(id).collect();
    ids.sort_unstable();
    ids
}

fn avro(bytes: &[u8]) -> Vec<Avro> {
    let reader = apache_avro::Reader::new(bytes).unwrap();
    reader.map(Result::unwrap).collect()
}

fn what_was_withheld_is_read_later(stage: &Stage) {
    let filter = stage.filter.clone();
    let other = format!("{filter}-other");
    let setting = stage.publish(&filter);
    stage.publish(&other);
    stage.feed(0..100);
    stage.feed(100..PASSING);
    stage.passed(&filter, PASSING);
    stage.passed(&other, PASSING);
    assert_eq!(
        (stage.count("passed"), stage.count("delivered")),
        (PASSING, QUOTA)
    );
    assert_eq!(stage.withheld(), PASSING - QUOTA);
    let delivered = stage.delivered();
    assert_eq!(delivered.len() as i64, QUOTA);
    let others: Vec<i64> = (0..PASSING)
        .filter(|one| !delivered.contains(one))
        .collect();

    // Which they are can be seen at once; the alerts themselves once there is room for them.
    let (references, ended) = stage.read(&filter, "limit=33&payload=reference");
    assert_eq!((sorted(&references), ended), (others.clone(), None));
    let (none, ended) = stage.read(&filter, "");
    let ended = ended.unwrap();
    assert_eq!((none.len(), &ended["code"]), (0, &json!("quota")));
    assert!(
        ended["detail"]
            .as_str()
            .unwrap()
            .contains("alerts_per_night"),
        "{ended}"
    );

    stage.allow("alerts_per_night", QUOTA + 30);
    let (some, ended) = stage.read(&filter, "limit=20");
    assert_eq!((some.len(), &ended.unwrap()["code"]), (30, &json!("quota")));
    assert_eq!(stage.delivered(), delivered, "nothing of it goes out twice");

    stage.allow("alerts_per_night", PASSING);
    let (lines, ended) = stage.read(&filter, "limit=37");
    assert_eq!((sorted(&lines), ended), (others.clone(), None));
    assert_eq!(
        sorted(&lines[..30]),
        sorted(&some),
        "the first ones are the same"
    );
    for line in &lines {
        assert_eq!(
            (&line["withheld"], &line["payload"]),
            (&json!("alerts_per_night"), &json!("packet"))
        );
        assert_eq!(
            (&line["setting"], &line["night"]),
            (&json!(setting), &json!("unknown"))
        );
        assert_eq!(
            (&line["alert"]["id"], line.get("error")),
            (&json!(id(line)), None)
        );
        assert_eq!(line["object_id"], format!("object-{}", id(line) / 5));
        assert!(line["annotations"].is_object() && line["source"]["offset"].is_number());
    }
    // As Avro, the records are those of the packets that were sent.
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = stage
            .page(&filter, &format!("format=avro&limit=60{after}"))
            .unwrap();
        let metadata = apache_avro::Reader::new(&page.body[..]).unwrap();
        let alerts = &metadata.user_metadata()["skysieve.alerts"];
        let alerts: Vec<Value> = serde_json::from_slice(alerts).unwrap();
        for (alert, record) in alerts.iter().zip(avro(&page.body)) {
            let sent = avro(&numbered::packet(id(alert)).unwrap()).remove(0);
            assert_eq!(record, sent);
            found.push(id(alert));
        }
        if !page.more {
            break;
        }
        after = format!("&after={}", page.next);
    }
    found.sort_unstable();
    assert_eq!(found, others);
    // Counts say what they said; the quota says that all of it was had.
    assert_eq!(
        (stage.count("passed"), stage.count("delivered")),
        (PASSING, QUOTA)
    );
    let quotas = stage.host.get("/v1/quotas").unwrap().body;
    let named = |one: &&Value| one["quota"] == "alerts_per_night";
    let shown = quotas["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(named)
        .unwrap();
    assert_eq!(
        (&shown["used"], &shown["left"]),
        (&json!(PASSING), &json!(0))
    );
    // Reading again costs nothing; a night without anything withheld has nothing.
    assert_eq!(sorted(&stage.read(&filter, "").0), others);
    let path = format!("/v1/filters/{USER}/{filter}/withheld/2026-04-01/alerts");
    assert_eq!(stage.host.get_bytes(&path).unwrap().2, b"");
}

#[test]
fn what_was_withheld_is_read_later_from_an_archive() {
    let stage = Stage::archive();
    what_was_withheld_is_read_later(&stage);
    // A file of the source that is gone takes its alerts along, and that is said of each.
    std::fs::remove_file(stage.host.folder().join("incoming/0000100.tar")).unwrap();
    let (lines, _) = stage.read(&stage.filter, "");
    let (gone, there): (Vec<_>, Vec<_>) = lines.iter().partition(|line| id(line) >= 100);
    assert!(!gone.is_empty() && gone.len() + there.len() == lines.len());
    for line in gone {
        let why = line["error"].as_str().unwrap();
        assert!(
            why.contains("no longer kept") && line.get("alert").is_none(),
            "{line}"
        );
    }
    assert!(there.iter().all(|line| line["alert"]["id"] == id(line)));
}

#[test]
fn what_was_withheld_is_read_later_from_a_topic() {
    let Some(stage) = Stage::kafka() else {
        return;
    };
    what_was_withheld_is_read_later(&stage);
    // A source topic that was deleted takes its alerts along.
    let Way::Kafka(broker, source) = &stage.way else {
        panic!("it is on Kafka");
    };
    delete(broker, source);
    let lines = wait("the topic is gone", LIMIT, || {
        let page = stage.page(&stage.filter, "limit=1000").ok();
        let lines = page
            .map(|page| page.lines())
            .transpose()?
            .unwrap_or_default();
        let gone = |line: &Value| {
            line["error"]
                .as_str()
                .is_some_and(|why| why.contains("no longer kept"))
        };
        Ok((!lines.is_empty() && lines.iter().all(gone)).then_some(lines))
    });
    let lines = lines.unwrap_or_else(|error| panic!("{error}\n{}", stage.host.words()));
    assert_eq!(lines.len() as i64, PASSING - QUOTA);
}

/// A setting's payload is what is read later, too; and bytes count as those that go out.
#[test]
fn less_than_the_packet_is_less_later_too() {
    let stage = Stage::archive();
    let (filter, path) = (
        &stage.filter,
        format!("/v1/filters/{USER}/{}", stage.filter),
    );
    stage.publish(filter);
    let body = json!({"payload": "fields", "fields": ["id", "value"]});
    let made = stage.host.post(&format!("{path}/settings"), &body).unwrap();
    let setting = made.created().unwrap()["setting"].as_i64().unwrap();
    let body = json!({"setting": setting});
    stage
        .host
        .post(&format!("{path}/activate"), &body)
        .unwrap()
        .created()
        .unwrap();
    stage
        .host
        .wait_until_live(numbered::STREAM, setting)
        .unwrap();
    stage.feed(0..60);
    stage.passed(filter, 60);
    stage.allow("alerts_per_night", 60);
    let (lines, ended) = stage.read(filter, "");
    assert_eq!((lines.len(), ended), (20, None));
    for line in &lines {
        let keys: Vec<&String> = line["alert"].as_object().unwrap().keys().collect();
        assert_eq!(
            (&line["payload"], json!(keys)),
            (&json!("fields"), json!(["id", "value"]))
        );
    }
    let quotas = stage.host.get("/v1/quotas").unwrap().body;
    let named = |one: &&Value| one["quota"] == "bytes_per_night";
    let shown = quotas["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(named)
        .unwrap();
    let used = shown["used"].as_u64().unwrap();
    let sent = stage.host.count(filter, "bytes_out").unwrap();
    // Payloads of one shape are of about one size: 40 of 60 went out.
    assert!(
        used > sent && (sent * 59 / 40..=sent * 61 / 40).contains(&used),
        "{sent} {used}"
    );
}

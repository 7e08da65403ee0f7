//! Real ZTF packets through a real Kafka broker into the topics of two uploaded filters.
//!
//! In: the packets, the built program and filters. Out: what came out compared, alert by alert, with
//! a reference that shares no code with the host, as multisets of (filter, source position). Never:
//! a duplicate overlooked because something was a set.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use real_alerts::File;
use skysieve::kafka::Settings;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve_tests::Broker;
use skysieve_tests::host::{Host, USER, wait, wasm};
use skysieve_tests::reference::{self, Reference, Verdict};
use skysieve_tests::topic::{Record, read_all};

/// Partitions of the source topic.
const PARTITIONS: u32 = 4;
/// A thousand packets take seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// The filters and what they have to say.
const FILTERS: [(&str, Reference); 2] = [
    ("solar-system", reference::solar_system),
    ("bright-supernova", reference::bright_supernova),
];

fn streams(broker: &str, source: &str, samples: &[File]) -> String {
    let samples = samples.last().unwrap().path.parent().unwrap();
    format!(
        "[[streams]]\nname = \"ztf\"\nworkers = 2\nobject_id = [\"objectId\"]\nalert_id = [\"candid\"]\n\
         samples = {samples:?}\ngate_percent = 100.0\n\n\
         [streams.source]\nkind = \"kafka\"\nbrokers = \"{broker}\"\ntopics = [\"{source}\"]\n\
         prefix = \"{source}\"\n\n\
         [streams.sink]\nkind = \"kafka\"\n\n\
         [streams.observed]\npath = [\"candidate.jd\"]\nformat = \"jd\"\nscale = \"utc\"\n\
         longitude_deg = -116.865\n"
    )
}

/// Put every packet into the topic, several alerts to each key.
fn publish(mut publisher: Publisher, packets: &[File]) {
    for (number, file) in packets.iter().enumerate() {
        let bytes = file.bytes.clone().into();
        let key = format!("object-{}", number / 3);
        publisher
            .publish(&Publication {
                key,
                bytes,
                timestamp_ms: None,
            })
            .unwrap();
    }
    publisher.finish().unwrap();
}

#[test]
fn verdicts_and_bytes_are_those_of_the_reference() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let packets = real_alerts::below("ztf");
    if packets.is_empty() {
        return;
    }
    let source = format!("ztf-real-{}", std::process::id());
    let settings = Settings {
        brokers: broker.address().to_owned(),
        ..Settings::default()
    };
    let publisher = Publisher::new(&settings, &source, PARTITIONS).unwrap();
    let mut host = Host::start(|_| streams(broker.address(), &source, &packets)).unwrap();
    for (filter, _) in FILTERS {
        let setting = host
            .publish(filter, "ztf", &std::fs::read(wasm(filter)).unwrap())
            .unwrap();
        host.wait_until_live("ztf", setting).unwrap();
    }
    publish(publisher, &packets);
    let sent = read_all(broker.address(), &source, LIMIT).unwrap();
    assert_eq!(sent.len(), packets.len());
    for (filter, reference) in FILTERS {
        wait("every alert is judged", LIMIT, || {
            let seen = host.count(filter, "evaluated")? + host.count(filter, "lacking")?;
            Ok((seen >= sent.len() as u64).then_some(()))
        })
        .unwrap_or_else(|error| panic!("{filter}: {error}\n{}", host.words()));
        compare(broker, &host, &sent, filter, reference);
    }
    assert!(host.stop().unwrap().success(), "{}", host.words());
}

fn compare(broker: &Broker, host: &Host, sent: &[Record], filter: &str, reference: Reference) {
    let mut expected = Vec::new();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let mut lacking = 0;
    for record in sent {
        match reference(&record.value).unwrap() {
            Verdict::Pass => expected.push((record.partition, record.offset)),
            Verdict::Reject(reason) => *reasons.entry(reason.to_owned()).or_default() += 1,
            Verdict::Lacking => lacking += 1,
        }
    }
    let topic = host.topic(filter).unwrap();
    let came = read_all(broker.address(), &topic, LIMIT).unwrap();
    let mut positions: Vec<_> = came.iter().map(|record| record.origin().unwrap()).collect();
    positions.sort_unstable();
    expected.sort_unstable();
    assert_eq!(positions, expected, "{filter}: positions of passing alerts");
    assert!(
        !expected.is_empty(),
        "{filter}: the packets hold no alert that passes"
    );
    assert_eq!(
        host.rejected(filter).unwrap(),
        reasons,
        "{filter}: rejected by reason"
    );
    assert_eq!(
        host.count(filter, "lacking").unwrap(),
        lacking,
        "{filter}: lacking"
    );
    let bytes: HashMap<_, _> = sent
        .iter()
        .map(|r| ((r.partition, r.offset), &r.value))
        .collect();
    for record in &came {
        let position = record.origin().unwrap();
        assert!(
            &record.value == bytes[&position],
            "{filter}: bytes of {position:?}"
        );
        assert_eq!(
            record.headers["skysieve-filter"],
            format!("{USER}/{filter}")
        );
    }
}

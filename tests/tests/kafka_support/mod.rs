//! What the Kafka tests share: numbered messages, a judge that any reader can repeat, a worker's loop.
//!
//! In: a broker. Out: streams with known answers. Never: anything of the evaluating rooms.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use skysieve::delivery::{
    CountKey, Counts, DeadLetter, Delivery, Destination, Failure, Output, OutputLimits,
};
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve::kafka::{KafkaSink, KafkaSource, KafkaStream, Settings};
use skysieve::payload::Payload;
use skysieve::sink::{Sink, SinkError};
use skysieve::source::{BatchLimits, Packet, Polled, Source, SourceError};
use skysieve_tests::Stop;
use skysieve_tests::topic::{Record, read_all};

/// Names that no other test uses.
pub fn unique(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{name}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// Settings for one test's stream: a source topic named like the stream.
pub fn settings(broker: &str, stream: &str) -> Settings {
    Settings {
        brokers: broker.into(),
        topics: vec![stream.into()],
        instance: Some("test".into()),
        partitions: 2,
        ..Settings::default()
    }
}

/// The output topic of the test's filter.
pub fn output_topic(stream: &str) -> String {
    format!("skysieve.{stream}.tester.even")
}

/// The bytes of message `number`: some larger than others.
pub fn body(number: u64) -> Vec<u8> {
    let mut body = format!("{number} ").into_bytes();
    let length = 100 + usize::try_from(number % 7).unwrap() * 300;
    body.extend((0..length).map(|index| u8::try_from((number + index as u64) % 251).unwrap()));
    body
}

/// The number in a message.
pub fn number(body: &[u8]) -> Option<u64> {
    let end = body.iter().position(|byte| *byte == b' ')?;
    std::str::from_utf8(&body[..end]).ok()?.parse().ok()
}

/// Publish messages `from..to`, keyed so that they spread over `partitions`.
pub fn fill(settings: &Settings, topic: &str, partitions: u32, numbers: std::ops::Range<u64>) {
    let mut publisher = Publisher::new(settings, topic, partitions).unwrap();
    for number in numbers {
        let publication = Publication {
            key: format!("object-{number}"),
            bytes: body(number).into(),
            timestamp_ms: None,
        };
        publisher.publish(&publication).unwrap();
    }
    publisher.finish().unwrap();
}

/// Even numbers pass, multiples of 21 fail, multiples of 33 cannot be decoded.
pub fn judge(packets: &[Packet], destination: &Arc<Destination>) -> Delivery {
    let mut delivery = Delivery {
        generation: 7,
        ..Delivery::default()
    };
    let mut counts = Counts::default();
    for packet in packets {
        let position = packet.position.clone();
        let next = position.offset + 1;
        delivery
            .positions
            .entry(position.partition.clone())
            .or_insert((position.offset, next))
            .1 = next;
        delivery.packets += 1;
        let number = number(&packet.bytes).unwrap_or(33);
        if number.is_multiple_of(33) {
            let reason = "a multiple of 33".into();
            delivery.dead_letters.push(DeadLetter {
                packet: packet.clone(),
                record: 0,
                reason,
            });
            continue;
        }
        delivery.alerts += 1;
        counts.evaluated += 1;
        if number.is_multiple_of(21) {
            *counts.failed.entry("trap".into()).or_default() += 1;
            delivery.failures.push(failure(packet, destination, number));
        } else if number.is_multiple_of(2) {
            counts.passed += 1;
            delivery.outputs.push(output(packet, destination, number));
        } else {
            *counts.rejected.entry("odd".into()).or_default() += 1;
        }
    }
    if counts != Counts::default() {
        delivery.counts.insert(
            CountKey {
                setting: destination.setting,
                night: "2026-11-23".into(),
            },
            counts,
        );
    }
    delivery
}

fn output(packet: &Packet, destination: &Arc<Destination>, number: u64) -> Output {
    Output {
        destination: destination.clone(),
        payload: packet.bytes.clone(),
        holds: Payload::Packet.word(),
        position: packet.position.clone(),
        record: 0,
        timestamp_ms: packet.timestamp_ms,
        object_id: format!("object-{number}"),
        alert_id: number.to_string(),
        night: "2026-11-23".into(),
        programme: None,
        annotations: vec![(
            "half".into(),
            skysieve::delivery::AnnotationValue::Float64(number as f64 / 2.0),
        )],
    }
}

fn failure(packet: &Packet, destination: &Arc<Destination>, number: u64) -> Failure {
    Failure {
        destination: destination.clone(),
        position: packet.position.clone(),
        record: 0,
        alert_id: number.to_string(),
        object_id: format!("object-{number}"),
        night: "2026-11-23".into(),
        programme: None,
        kind: "trap",
        message: "a multiple of 21".into(),
    }
}

/// The test's filter.
pub fn destination(stream: &str) -> Arc<Destination> {
    Arc::new(Destination {
        setting: 5,
        owner: "tester".into(),
        filter: "even".into(),
        version: 3,
        topic: output_topic(stream),
        payload: Payload::Packet,
        reasons: vec!["odd".into()],
        limits: OutputLimits::NONE,
    })
}

/// One worker with what it has not committed.
pub struct Worker {
    pub source: KafkaSource,
    pub sink: KafkaSink,
    pub pending: Delivery,
    pub destination: Arc<Destination>,
    pub committed: u64,
    pub aborted: u64,
    due: Option<Instant>,
    interval: Duration,
}

impl Worker {
    pub fn new(stream: &KafkaStream, name: &str, place: usize, interval: Duration) -> Self {
        let (source, sink) = stream.worker(place).unwrap();
        Worker {
            source,
            sink,
            pending: Delivery::default(),
            destination: destination(name),
            committed: 0,
            aborted: 0,
            due: None,
            interval,
        }
    }

    /// One look at the source, and a commit when it is due.
    pub fn step(&mut self) -> Result<(), String> {
        self.read()?;
        if self.due.is_some_and(|due| due <= Instant::now()) {
            self.commit()?;
        }
        Ok(())
    }

    pub fn read(&mut self) -> Result<(), String> {
        let limits = BatchLimits {
            rows: 256,
            bytes: 32 << 20,
            age: Duration::from_millis(20),
        };
        match self.source.poll(&limits) {
            Ok(Polled::Packets(packets)) if packets.is_empty() => {}
            Ok(Polled::Packets(packets)) => {
                self.due
                    .get_or_insert_with(|| Instant::now() + self.interval);
                add(&mut self.pending, judge(&packets, &self.destination));
            }
            Ok(Polled::Rebalanced) => self.pending = Delivery::default(),
            Ok(Polled::End) => unreachable!("a topic has no end"),
            Err(SourceError::Retry(why)) => {
                eprintln!("source: {why}");
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(SourceError::Fatal(why)) => return Err(why),
        }
        Ok(())
    }

    pub fn commit(&mut self) -> Result<(), String> {
        self.due = None;
        let delivery = std::mem::take(&mut self.pending);
        if delivery.packets == 0 {
            return Ok(());
        }
        let positions = delivery.positions.clone();
        let packets = delivery.packets;
        match self.sink.commit(delivery) {
            Ok(()) => {
                self.source.committed(&positions);
                self.committed += packets;
                Ok(())
            }
            Err(SinkError::Aborted(why)) => {
                eprintln!("aborted: {why}");
                self.aborted += 1;
                self.source.rewind().map_err(|error| error.to_string())
            }
            Err(SinkError::Fatal(why)) => Err(why),
        }
    }

    /// Until told to stop; what is pending is committed then.
    pub fn run(&mut self, stop: &Stop) -> Result<(), String> {
        while !stop.is_told() {
            self.step()?;
        }
        self.commit()
    }
}

/// Append a delivery to another.
pub fn add(into: &mut Delivery, more: Delivery) {
    into.outputs.extend(more.outputs);
    into.dead_letters.extend(more.dead_letters);
    into.failures.extend(more.failures);
    for (key, counts) in more.counts {
        let sum = into.counts.entry(key).or_default();
        sum.evaluated += counts.evaluated;
        sum.passed += counts.passed;
        for (reason, count) in counts.rejected {
            *sum.rejected.entry(reason).or_default() += count;
        }
        for (kind, count) in counts.failed {
            *sum.failed.entry(kind).or_default() += count;
        }
    }
    for (partition, (first, next)) in more.positions {
        into.positions.entry(partition).or_insert((first, next)).1 = next;
    }
    into.packets += more.packets;
    into.alerts += more.alerts;
    into.generation = more.generation;
}

/// Look until it is so, at most `limit`.
pub fn eventually(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so() {
        assert!(
            Instant::now() < deadline,
            "{what}: not within {} s",
            limit.as_secs()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sum of the committed next positions of a group, as the broker has them: how far it has read.
pub fn progress(broker: &str, group: &str, topic: &str, partitions: i32) -> i64 {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::{ClientConfig, Offset, TopicPartitionList};
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("group.id", group)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    let Ok(list) = consumer.committed_offsets(list, Duration::from_secs(2)) else {
        return -1;
    };
    let offsets = list.elements();
    offsets
        .iter()
        .map(|element| {
            if let Offset::Offset(at) = element.offset() {
                at
            } else {
                0
            }
        })
        .sum()
}

/// Every message of `numbers` came out once, as it went in, with dead letters, failures and counts
/// that agree; compared as multisets, nothing is deduplicated.
pub fn check_exactly_once(broker: &str, stream: &str, numbers: std::ops::Range<u64>) {
    let limit = Duration::from_secs(60);
    let source = read_all(broker, stream, limit).unwrap();
    assert_eq!(source.len() as u64, numbers.end - numbers.start);
    let wanted = |pick: &dyn Fn(u64) -> bool| -> Vec<(i32, i64, Vec<u8>)> {
        let picked = source
            .iter()
            .filter(|record| pick(number(&record.value).unwrap()));
        let mut wanted: Vec<_> = picked
            .map(|record| (record.partition, record.offset, record.value.clone()))
            .collect();
        wanted.sort();
        wanted
    };
    let passing = |n: u64| n.is_multiple_of(2) && !n.is_multiple_of(21) && !n.is_multiple_of(33);
    let outputs = read_all(broker, &output_topic(stream), limit).unwrap();
    compare("outputs", &origins(&outputs), &wanted(&passing));
    for record in &outputs {
        check_headers(record, stream);
    }
    let letters = read_all(broker, &format!("skysieve.{stream}.dead-letters"), limit).unwrap();
    compare(
        "dead letters",
        &origins(&letters),
        &wanted(&|n| n.is_multiple_of(33)),
    );
    let failures = read_all(broker, &format!("skysieve.{stream}.failures"), limit).unwrap();
    assert_eq!(
        failures.len(),
        wanted(&|n| n.is_multiple_of(21) && !n.is_multiple_of(33)).len(),
        "failures"
    );
    check_counts(
        broker,
        stream,
        &source,
        outputs.len() as u64,
        failures.len() as u64,
    );
}

fn origins(records: &[Record]) -> Vec<(i32, i64, Vec<u8>)> {
    let header = |record: &Record, name: &str| record.headers[name].clone();
    let mut origins: Vec<_> = records
        .iter()
        .map(|record| {
            let partition = header(record, "skysieve-partition").parse().unwrap();
            let offset = header(record, "skysieve-offset").parse().unwrap();
            (partition, offset, record.value.clone())
        })
        .collect();
    origins.sort();
    origins
}

fn compare(what: &str, found: &[(i32, i64, Vec<u8>)], wanted: &[(i32, i64, Vec<u8>)]) {
    let mut tally: BTreeMap<_, i64> = BTreeMap::new();
    for one in wanted {
        *tally.entry(one).or_default() += 1;
    }
    for one in found {
        *tally.entry(one).or_default() -= 1;
    }
    let missing: i64 = tally.values().filter(|count| **count > 0).sum();
    let surplus: i64 = -tally.values().filter(|count| **count < 0).sum::<i64>();
    assert_eq!(
        (missing, surplus),
        (0, 0),
        "{what}: {missing} missing, {surplus} too many of {}",
        wanted.len()
    );
}

fn check_headers(record: &Record, stream: &str) {
    let number = number(&record.value).unwrap();
    let expected = [
        ("skysieve-filter", "tester/even".to_owned()),
        ("skysieve-version", "3".into()),
        ("skysieve-setting", "5".into()),
        ("skysieve-stream", stream.into()),
        ("skysieve-topic", stream.into()),
        ("skysieve-record", "0".into()),
        ("skysieve-alert-id", number.to_string()),
        ("skysieve-night", "2026-11-23".into()),
        (
            "skysieve-annotations",
            format!("{{\"half\":{:?}}}", number as f64 / 2.0),
        ),
    ];
    for (name, value) in expected {
        assert_eq!(record.headers.get(name), Some(&value), "{name}");
    }
    assert_eq!(record.key, format!("object-{number}"));
    assert!(record.headers.contains_key("skysieve-cluster"));
    assert!(
        record.headers["skysieve-timestamp-ms"]
            .parse::<i64>()
            .unwrap()
            > 1_600_000_000_000
    );
}

/// The counts sum up to what lies in the topics, and their positions cover the source without gap
/// or overlap.
fn check_counts(broker: &str, stream: &str, source: &[Record], passed: u64, failed: u64) {
    use skysieve::kafka::CountsRecord;
    let records = read_all(
        broker,
        &format!("skysieve.{stream}.counts"),
        Duration::from_secs(60),
    )
    .unwrap();
    let mut ranges: BTreeMap<i32, Vec<(i64, i64)>> = BTreeMap::new();
    let mut sum = Counts::default();
    let mut packets = 0;
    for record in &records {
        let record: CountsRecord = serde_json::from_slice(&record.value).unwrap();
        assert_eq!(
            (
                record.stream.as_str(),
                record.lane.as_str(),
                record.generation
            ),
            (stream, "main", 7)
        );
        packets += record.packets;
        for range in record.positions {
            ranges
                .entry(range.partition)
                .or_default()
                .push((range.first, range.next));
        }
        for of in record.counts {
            sum.passed += of.counts.passed;
            sum.evaluated += of.counts.evaluated;
            sum.failed
                .entry("trap".into())
                .and_modify(|n| *n += 0)
                .or_default();
            *sum.failed.get_mut("trap").unwrap() += of.counts.failed.values().sum::<u64>();
        }
    }
    assert_eq!(packets, source.len() as u64, "packets counted");
    assert_eq!(sum.passed, passed, "passed counted");
    assert_eq!(sum.failed.values().sum::<u64>(), failed, "failed counted");
    for (partition, mut of_partition) in ranges {
        of_partition.sort_unstable();
        let mut next = 0;
        for (first, end) in of_partition {
            assert_eq!(
                first, next,
                "partition {partition}: positions have a gap or overlap"
            );
            next = end;
        }
        let length = source
            .iter()
            .filter(|record| record.partition == partition)
            .count();
        assert_eq!(
            next,
            i64::try_from(length).unwrap(),
            "partition {partition}"
        );
    }
}

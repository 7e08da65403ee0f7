//! How fast packets come and go, beside a bare consumer of the same run; prints figures, judges none.
#![allow(clippy::unwrap_used)]

mod kafka_support;

use std::time::{Duration, Instant};

use kafka_support::*;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use skysieve::delivery::Delivery;
use skysieve::kafka::publish::{Publication, Publisher};
use skysieve::kafka::{KafkaStream, Settings};
use skysieve::sink::Sink;
use skysieve::source::{BatchLimits, Polled, Source};
use skysieve_tests::{Broker, Stop};

const PACKETS: u64 = 10_000;
const BYTES: usize = 74_000;

fn packet(number: u64) -> Vec<u8> {
    let mut body = format!("{number} ").into_bytes();
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while body.len() < BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        body.extend(state.to_le_bytes());
    }
    body
}

fn rate(packets: u64, since: Instant) -> u64 {
    (packets as f64 / since.elapsed().as_secs_f64()) as u64
}

fn bare(settings: &Settings, topic: &str) -> u64 {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set("group.id", "bare")
        .set("fetch.message.max.bytes", "10000000")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, 3);
    list.set_all_offsets(Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let (mut seen, mut since, mut bytes) = (0, Instant::now(), 0);
    while seen < PACKETS {
        let Some(message) = consumer.poll(Duration::from_secs(5)) else {
            continue;
        };
        if seen == 0 {
            since = Instant::now();
        }
        bytes += message.unwrap().payload().unwrap().len();
        seen += 1;
    }
    assert!(bytes > BYTES);
    rate(seen, since)
}

/// The whole way but for the judging: one in a hundred passes.
fn whole(stream: &KafkaStream, name: &str, commit: bool) -> (u64, Vec<Duration>) {
    let (mut source, mut sink) = stream.worker(usize::from(commit)).unwrap();
    let destination = destination(name);
    let limits = BatchLimits {
        rows: 256,
        bytes: 32 << 20,
        age: Duration::from_millis(20),
    };
    let (mut seen, mut since, mut times) = (0, Instant::now(), Vec::new());
    let mut pending = Delivery::default();
    let mut due = Instant::now();
    while seen < PACKETS || pending.packets > 0 {
        match source.poll(&limits).unwrap() {
            Polled::Packets(packets) => {
                if seen == 0 {
                    since = Instant::now();
                    due = since;
                }
                seen += packets.len() as u64;
                let passing: Vec<_> = packets
                    .iter()
                    .filter(|p| p.position.offset % 100 == 0)
                    .cloned()
                    .collect();
                let mut delivery = judge(&packets, &destination);
                delivery.outputs = judge(&passing, &destination).outputs;
                (delivery.failures, delivery.dead_letters) = (Vec::new(), Vec::new());
                add(&mut pending, delivery);
            }
            Polled::Rebalanced => pending = Delivery::default(),
            Polled::End => unreachable!(),
        }
        if commit && pending.packets > 0 && due.elapsed() >= Duration::from_millis(100) {
            let positions = pending.positions.clone();
            let begin = Instant::now();
            sink.commit(std::mem::take(&mut pending)).unwrap();
            source.committed(&positions);
            times.push(begin.elapsed());
            due = Instant::now();
        }
        if !commit {
            pending = Delivery::default();
        }
    }
    (rate(seen, since), times)
}

#[test]
#[ignore = "prints figures; takes a minute"]
fn rates() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let name = unique("rates");
    let settings = Settings {
        partitions: 4,
        ..settings(broker.address(), &name)
    };
    let mut publisher = Publisher::new(&settings, &name, 4).unwrap();
    let since = Instant::now();
    for number in 0..PACKETS {
        let bytes = packet(number).into();
        let publication = Publication {
            key: format!("object-{number}"),
            bytes,
            timestamp_ms: None,
        };
        publisher.publish(&publication).unwrap();
    }
    publisher.finish().unwrap();
    println!("publish: {} packets/s", rate(PACKETS, since));
    let stream = KafkaStream::open(&settings, &name, "main").unwrap();
    stream.ensure_topic(&output_topic(&name)).unwrap();
    for _ in 0..2 {
        println!("bare consumer: {} packets/s", bare(&settings, &name));
        let (source, _) = whole(
            &KafkaStream::open(&settings, &name, &unique("look")).unwrap(),
            &name,
            false,
        );
        let (all, mut times) = whole(
            &KafkaStream::open(&settings, &name, &unique("lane")).unwrap(),
            &name,
            true,
        );
        times.sort();
        println!(
            "source alone: {source} packets/s; source and sink: {all} packets/s, {} commits, median {:?}, \
             longest {:?}",
            times.len(),
            times[times.len() / 2],
            times[times.len() - 1]
        );
    }
}

#[test]
#[ignore = "prints figures; takes half a minute"]
fn latency() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let name = unique("latency");
    let settings = Settings {
        partitions: 4,
        ..settings(broker.address(), &name)
    };
    fill(&settings, &name, 4, 0..100);
    let stream = KafkaStream::open(&settings, &name, "main").unwrap();
    stream.ensure_topic(&output_topic(&name)).unwrap();
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        scope.spawn(|| {
            let mut worker = Worker::new(&stream, &name, 0, Duration::from_millis(100));
            let mut log = Vec::new();
            while !stop.is_told() {
                let (before, begin) = (worker.committed, Instant::now());
                worker.step().unwrap();
                if worker.committed > before {
                    log.push((begin.elapsed().as_millis(), worker.committed - before));
                }
            }
            worker.commit().unwrap();
            println!("commits (ms, packets): {log:?}");
        });
        eventually(Duration::from_secs(30), "the worker reads", || {
            progress(&settings.brokers, &settings.group(&name, "main"), &name, 4) == 100
        });
        scope.spawn(|| {
            let mut publisher = Publisher::new(&settings, &name, 4).unwrap();
            let begin = Instant::now();
            for number in 0..5_000_u64 {
                let due = begin + Duration::from_millis(2 * number);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let publication = Publication {
                    key: number.to_string(),
                    // One in twenty passes.
                    bytes: packet(2 * number + 1001 - u64::from(number.is_multiple_of(20))).into(),
                    timestamp_ms: None,
                };
                publisher.publish(&publication).unwrap();
            }
            publisher.finish().unwrap();
        });
        let mut delays = read_delays(&settings, &output_topic(&name));
        stop.now();
        delays.sort_unstable();
        let at = |share: f64| delays[(delays.len() as f64 * share) as usize];
        println!(
            "500 packets/s: median {} ms, 99 % {} ms, {} seen",
            at(0.5),
            at(0.99),
            delays.len()
        );
    });
}

/// Milliseconds from the source's broker timestamp to a read-committed reader.
fn read_delays(settings: &Settings, topic: &str) -> Vec<i64> {
    use rdkafka::message::Headers as _;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &settings.brokers)
        .set("group.id", "scientist")
        .set("isolation.level", "read_committed")
        .set("fetch.message.max.bytes", "10000000")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, 3);
    list.set_all_offsets(Offset::End).unwrap();
    consumer.assign(&list).unwrap();
    let mut delays = Vec::new();
    let mut quiet = 0;
    while quiet < 30 {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            quiet += i32::from(!delays.is_empty());
            continue;
        };
        quiet = 0;
        let message = message.unwrap();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis();
        let sent = message
            .headers()
            .unwrap()
            .iter()
            .find(|header| header.key == "skysieve-timestamp-ms");
        let sent: i64 = std::str::from_utf8(sent.unwrap().value.unwrap())
            .unwrap()
            .parse()
            .unwrap();
        delays.push(i64::try_from(now).unwrap() - sent);
    }
    delays
}

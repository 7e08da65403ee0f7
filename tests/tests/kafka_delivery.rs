//! The promise within one process: every message once, whatever joins, leaves or gives up.
#![allow(clippy::unwrap_used)]

mod kafka_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kafka_support::*;
use skysieve::kafka::{KafkaInput, KafkaStream, Settings};
use skysieve::sink::CountLog;
use skysieve::source::{BatchLimits, Polled, Source};
use skysieve_tests::{Broker, Stop};

const INTERVAL: Duration = Duration::from_millis(100);

/// A stream with `count` messages over `partitions`.
fn stream(
    broker: &Broker,
    name: &str,
    partitions: u32,
    count: u64,
) -> (String, Settings, KafkaStream) {
    let name = unique(name);
    let settings = settings(broker.address(), &name);
    fill(&settings, &name, partitions, 0..count);
    let stream = KafkaStream::open(&settings, &name, "main").unwrap();
    stream.ensure_topic(&output_topic(&name)).unwrap();
    stream.ensure_topic(&output_topic(&name)).unwrap();
    (name, settings, stream)
}

fn read_to(settings: &Settings, name: &str, partitions: i32) -> i64 {
    progress(
        &settings.brokers,
        &settings.group(name, "main"),
        name,
        partitions,
    )
}

#[test]
fn two_workers_deliver_every_message_once() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, stream) = stream(broker, "two", 4, 5_000);
    let stop = Stop::default();
    let committed = std::thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        let workers = [0, 1].map(|place| {
            let (stream, name, stop) = (&stream, &name, &stop);
            scope.spawn(move || {
                let mut worker = Worker::new(stream, name, place, INTERVAL);
                worker.run(stop).unwrap();
                worker.committed
            })
        });
        eventually(Duration::from_secs(60), "all is read", || {
            read_to(&settings, &name, 4) == 5_000
        });
        stop.now();
        workers.map(|worker| worker.join().unwrap())
    });
    assert_eq!(committed.iter().sum::<u64>(), 5_000);
    check_exactly_once(broker.address(), &name, 0..5_000);
    check_count_log(&stream);
}

/// The count log gives every record once, and after a restart only what is new.
fn check_count_log(stream: &KafkaStream) {
    let mut log = stream.count_log().unwrap();
    log.start_after(&Default::default()).unwrap();
    let mut records = Vec::new();
    eventually(Duration::from_secs(30), "the counts", || {
        records.extend(log.read(Duration::from_millis(200)).unwrap());
        records
            .iter()
            .flat_map(|record| record.counts.values())
            .map(|counts| counts.evaluated)
            .sum::<u64>()
            == 5_000 - 5_000_u64.div_ceil(33)
    });
    assert!(log.read(Duration::from_millis(300)).unwrap().is_empty());
    let middle = records.len() / 2;
    let mut folded = std::collections::BTreeMap::new();
    for record in &records[..middle] {
        folded.insert(record.log.clone(), record.sequence);
    }
    log.start_after(&folded).unwrap();
    let mut again = Vec::new();
    eventually(Duration::from_secs(30), "the rest of the counts", || {
        again.extend(log.read(Duration::from_millis(200)).unwrap());
        again.len() >= records.len() - middle
    });
    let key = |record: &skysieve::sink::CountRecord| (record.log.clone(), record.sequence);
    let (mut again, mut rest): (Vec<_>, Vec<_>) = (
        again.iter().map(key).collect(),
        records[middle..].iter().map(key).collect(),
    );
    again.sort();
    rest.sort();
    assert_eq!(again, rest);
}

#[test]
fn a_commit_of_an_older_generation_is_refused_and_read_again() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, _) = stream(broker, "older", 2, 3_000);
    // Once, between the records and the positions, another member joins and the group moves on.
    let (armed, joined) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let observer = {
        let (armed, joined) = (armed.clone(), joined.clone());
        move |call: &str| {
            if call == "send_offsets_to_transaction" && armed.swap(false, Ordering::SeqCst) {
                joined.store(1, Ordering::SeqCst);
                eventually(Duration::from_secs(30), "the group has moved on", || {
                    joined.load(Ordering::SeqCst) == 2
                });
            }
        }
    };
    let stream =
        KafkaStream::open_observed(&settings, &name, "main", Some(Arc::new(observer))).unwrap();
    let stop = Stop::default();
    let aborted = std::thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        let first = scope.spawn(|| {
            let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
            while worker.committed == 0 {
                worker.step().unwrap();
            }
            // The next commit has something to commit, however much the first one took.
            armed.store(true, Ordering::SeqCst);
            fill(&settings, &name, 2, 3_000..6_000);
            worker.run(&stop).unwrap();
            worker.aborted
        });
        eventually(Duration::from_secs(60), "a commit is under way", || {
            joined.load(Ordering::SeqCst) == 1
        });
        let other = KafkaStream::open(&settings, &name, "main").unwrap();
        let mut second = Worker::new(&other, &name, 1, INTERVAL);
        // The first answers for the group's new generation in the background, its thread stands still.
        let deadline = Instant::now() + Duration::from_secs(30);
        let moved = |group: &str| generation_moved(broker.address(), group);
        while !moved(&settings.group(&name, "main")) {
            assert!(Instant::now() < deadline, "the second member joins");
            second.step().unwrap();
        }
        joined.store(2, Ordering::SeqCst);
        let end = Instant::now() + Duration::from_secs(60);
        while read_to(&settings, &name, 2) < 6_000 {
            assert!(Instant::now() < end, "all is read");
            second.step().unwrap();
        }
        stop.now();
        first.join().unwrap()
    });
    assert!(aborted >= 1, "the older generation was refused");
    check_exactly_once(broker.address(), &name, 0..6_000);
}

/// Two members, and the group is past collecting them.
fn generation_moved(broker: &str, group: &str) -> bool {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let consumer: BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", broker)
        .create()
        .unwrap();
    let Ok(groups) = consumer.fetch_group_list(Some(group), Duration::from_secs(5)) else {
        return false;
    };
    groups
        .groups()
        .iter()
        .any(|group| group.members().len() == 2 && group.state() != "PreparingRebalance")
}

#[test]
fn nothing_is_lost_or_repeated_while_workers_join_and_leave() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, stream) = stream(broker, "joining", 6, 2_000);
    let stop = Stop::default();
    std::thread::scope(|scope| {
        let _ends = stop.at_the_latest_here();
        for place in 0..4_usize {
            let (stream, name, stop) = (&stream, &name, &stop);
            scope.spawn(move || {
                // Each place comes and goes: 1.0, 1.4, 1.8, 2.2 s at a time.
                while !stop.is_told() {
                    let mut worker = Worker::new(stream, name, place, Duration::from_millis(30));
                    let leave = Instant::now() + Duration::from_millis(1_000 + 400 * place as u64);
                    while Instant::now() < leave && !stop.is_told() {
                        worker.step().unwrap();
                    }
                    // Two of four leave without committing what they hold.
                    if place % 2 == 0 {
                        worker.commit().unwrap();
                    }
                }
            });
        }
        for burst in 1..10 {
            std::thread::sleep(Duration::from_millis(800));
            fill(&settings, &name, 6, burst * 2_000..(burst + 1) * 2_000);
        }
        eventually(Duration::from_secs(90), "all is read", || {
            read_to(&settings, &name, 6) == 20_000
        });
        stop.now();
    });
    check_exactly_once(broker.address(), &name, 0..20_000);
}

#[test]
fn a_successor_of_the_same_place_fences_its_predecessor() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, stream) = stream(broker, "fenced", 2, 2_000);
    let mut old = Worker::new(&stream, &name, 0, Duration::from_secs(3_600));
    eventually(Duration::from_secs(30), "the first worker reads", || {
        old.read().unwrap();
        old.pending.packets > 100
    });
    let mut new = Worker::new(&stream, &name, 0, INTERVAL);
    let error = old.commit().unwrap_err();
    assert!(error.to_lowercase().contains("fenced"), "{error}");
    drop(old);
    eventually(Duration::from_secs(60), "all is read", || {
        new.step().unwrap();
        new.committed >= 2_000
    });
    new.commit().unwrap();
    assert_eq!(read_to(&settings, &name, 2), 2_000);
    check_exactly_once(broker.address(), &name, 0..2_000);
}

#[test]
fn a_worker_that_forgets_packets_is_made_to_read_them_again() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, stream) = stream(broker, "forgetful", 2, 500);
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    for part in 1..4 {
        eventually(Duration::from_secs(60), "all is committed", || {
            worker.step().unwrap();
            worker.committed == part * 500
        });
        fill(&settings, &name, 2, part * 500..part * 500 + 500);
        eventually(Duration::from_secs(60), "some are read", || {
            worker.read().unwrap();
            worker.pending.packets > 0
        });
        worker.pending = Default::default();
    }
    // What comes next does not begin where the last commit ended.
    fill(&settings, &name, 2, 2_000..2_100);
    eventually(Duration::from_secs(60), "all is read", || {
        worker.step().unwrap();
        read_to(&settings, &name, 2) == 2_100
    });
    assert!(worker.aborted > 0);
    check_exactly_once(broker.address(), &name, 0..2_100);
}

#[test]
fn expired_positions_are_recovered_from_the_records() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, stream) = stream(broker, "expired", 3, 1_000);
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    eventually(Duration::from_secs(60), "half is read", || {
        worker.step().unwrap();
        worker.committed >= 1_000
    });
    drop(worker);
    forget_group(broker.address(), &settings.group(&name, "main"));
    fill(&settings, &name, 3, 1_000..2_000);
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    eventually(Duration::from_secs(60), "the rest is read", || {
        worker.step().unwrap();
        worker.committed >= 1_000
    });
    assert_eq!(worker.committed, 1_000, "nothing was read again");
    check_exactly_once(broker.address(), &name, 0..2_000);
}

/// What `offsets.retention.minutes` does to a group that was away for too long.
fn forget_group(broker: &str, group: &str) {
    use rdkafka::admin::{AdminClient, AdminOptions};
    let admin: AdminClient<rdkafka::client::DefaultClientContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", broker)
        .create()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    eventually(Duration::from_secs(30), "the group is deleted", || {
        let outcome = runtime.block_on(admin.delete_groups(&[group], &AdminOptions::new()));
        outcome.is_ok_and(|groups| groups.iter().all(Result::is_ok))
    });
}

#[test]
fn a_topic_made_again_under_its_name_is_not_read_as_if_it_were_the_same() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, stream) = stream(broker, "remade", 1, 500);
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    eventually(Duration::from_secs(60), "all is read", || {
        worker.step().unwrap();
        worker.committed >= 500
    });
    drop(worker);
    delete_topic(broker.address(), &name);
    eventually(Duration::from_secs(30), "the topic is made again", || {
        let again = skysieve::kafka::publish::Publisher::new(&settings, &name, 1);
        again.is_ok()
            && skysieve_tests::topic::read_all(broker.address(), &name, Duration::from_secs(5))
                .is_ok_and(|records| records.is_empty())
    });
    fill(&settings, &name, 1, 500..600);
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        worker.step().unwrap();
    }
    assert_eq!(worker.committed, 0, "it waits for a decision");
    drop(worker);
    // The decision: begin at the beginning.
    let decided = Settings {
        out_of_range: skysieve::kafka::OutOfRange::Earliest,
        ..settings
    };
    let stream = KafkaStream::open(&decided, &name, "main").unwrap();
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    eventually(Duration::from_secs(60), "the new topic is read", || {
        worker.step().unwrap();
        worker.committed >= 100
    });
}

fn delete_topic(broker: &str, topic: &str) {
    use rdkafka::admin::{AdminClient, AdminOptions};
    let admin: AdminClient<rdkafka::client::DefaultClientContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", broker)
        .create()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(admin.delete_topics(&[topic], &AdminOptions::new()))
        .unwrap();
}

#[test]
fn nightly_topics_are_found_by_their_pattern_and_large_packets_pass() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let name = unique("nightly");
    let settings = Settings {
        topics: vec![format!("^{name}_2026[0-9]+$")],
        ..settings(broker.address(), &name)
    };
    fill(&settings, &format!("{name}_20261122"), 2, 0..100);
    let stream = KafkaStream::open(&settings, &name, "main").unwrap();
    stream.ensure_topic(&output_topic(&name)).unwrap();
    let samples = KafkaInput::samples(&settings, 10, Duration::from_secs(20)).unwrap();
    assert_eq!(samples.len(), 10);
    assert!(
        samples
            .iter()
            .all(|sample| number(sample).is_some_and(|number| number >= 60)),
        "the newest"
    );
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    eventually(Duration::from_secs(60), "the first night", || {
        worker.step().unwrap();
        worker.committed == 100
    });
    // The next night appears, with packets of 3 MB.
    let large = |number: u64| {
        let mut body = format!("{number} ").into_bytes();
        body.resize(3_000_000, b'x');
        body
    };
    let packets = (0..4).map(|number| skysieve::kafka::publish::Publication {
        key: format!("object-{number}"),
        bytes: large(200 + 2 * number).into(),
        timestamp_ms: Some(1_700_000_000_000),
    });
    let topic = format!("{name}_20261123");
    assert_eq!(
        skysieve::kafka::publish::publish(&settings, &topic, 2, packets).unwrap(),
        4
    );
    eventually(Duration::from_secs(30), "the next night", || {
        worker.step().unwrap();
        worker.committed == 104
    });
    let outputs = skysieve_tests::topic::read_all(
        broker.address(),
        &output_topic(&name),
        Duration::from_secs(30),
    )
    .unwrap();
    let large = outputs
        .iter()
        .filter(|record| record.value.len() == 3_000_000)
        .count();
    assert_eq!(large, 4);
    assert_eq!(
        outputs
            .iter()
            .filter(|record| record.headers["skysieve-topic"] == topic)
            .count(),
        4
    );
}

#[test]
fn a_new_group_may_start_at_the_end() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, _) = stream(broker, "latest", 2, 300);
    let settings = Settings {
        start: skysieve::kafka::Start::Latest,
        ..settings
    };
    let stream = KafkaStream::open(&settings, &name, "main").unwrap();
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    eventually(
        Duration::from_secs(30),
        "the end is taken as the start",
        || {
            worker.step().unwrap();
            read_to(&settings, &name, 2) == 300
        },
    );
    assert_eq!(worker.committed, 0);
    fill(&settings, &name, 2, 300..400);
    eventually(Duration::from_secs(30), "what is new is read", || {
        worker.step().unwrap();
        worker.committed == 100
    });
}

#[test]
fn a_topic_that_someone_removed_is_made_again() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, stream) = stream(broker, "removed", 1, 100);
    let mut worker = Worker::new(&stream, &name, 0, INTERVAL);
    eventually(Duration::from_secs(60), "all is read", || {
        worker.step().unwrap();
        worker.committed == 100
    });
    delete_topic(broker.address(), &output_topic(&name));
    fill(&settings, &name, 1, 100..200);
    eventually(Duration::from_secs(60), "what is new is delivered", || {
        worker.step().unwrap();
        worker.committed == 200
    });
    let outputs = skysieve_tests::topic::read_all(
        broker.address(),
        &output_topic(&name),
        Duration::from_secs(30),
    );
    let numbers = outputs
        .unwrap()
        .iter()
        .filter_map(|record| number(&record.value))
        .count();
    let passing = (100..200_u64)
        .filter(|n| n % 2 == 0 && n % 21 != 0 && n % 33 != 0)
        .count();
    assert_eq!(numbers, passing);
}

#[test]
fn a_packet_over_the_bound_is_a_dead_letter() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let (name, settings, _) = stream(broker, "large", 1, 10);
    let small = Settings {
        message_max_bytes: 1_000,
        ..settings.clone()
    };
    let stream = KafkaStream::open(&small, &name, "main").unwrap();
    let (mut source, _sink) = stream.worker(0).unwrap();
    let mut packets = Vec::new();
    eventually(Duration::from_secs(60), "all is read", || {
        let limits = BatchLimits {
            rows: 64,
            bytes: 1 << 20,
            age: Duration::from_millis(20),
        };
        if let Polled::Packets(more) = source.poll(&limits).unwrap() {
            packets.extend(more);
        }
        packets.len() == 10
    });
    for (number, packet) in packets.iter().enumerate() {
        let sent = body(number as u64);
        assert_eq!(
            packet.damage.is_some(),
            sent.len() > 1_000,
            "{number}: {} bytes",
            sent.len()
        );
        assert_eq!(&packet.bytes[..], &sent[..sent.len().min(1_000)]);
    }
}

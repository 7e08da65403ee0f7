//! What lies in an archive after commits, crashes, restarts and full disks.
#![allow(clippy::unwrap_used)]

mod crash;
mod full_disk;
mod longer;
mod results;

use std::collections::BTreeSet;
use std::path::Path;

use super::*;
use crate::delivery::{AnnotationValue, CountKey, DeadLetter, Destination, Output, OutputLimits};
use crate::sink::CountLog;
use crate::source::{Packet, Partition, Position};

fn settings(path: &Path) -> Settings {
    Settings {
        path: path.to_owned(),
        ..Settings::default()
    }
}

fn one(path: &Path) -> (ArchiveSink, Progress) {
    let (mut sinks, progress) = open(&settings(path), "ztf", "main", 1).unwrap();
    (sinks.remove(0), progress)
}

fn partition(file: &str) -> Partition {
    Partition {
        topic: file.into(),
        index: 0,
    }
}

fn output(topic: &str, file: &str, offset: i64) -> Output {
    let destination = Destination {
        setting: 7,
        owner: "ann".into(),
        filter: topic.into(),
        version: 2,
        topic: topic.into(),
        payload: crate::payload::Payload::Packet,
        reasons: vec![],
        limits: OutputLimits::NONE,
    };
    Output {
        destination: Arc::new(destination),
        payload: format!("{topic} of {file} {offset}").into_bytes().into(),
        holds: "packet",
        position: Position {
            partition: partition(file),
            offset,
        },
        record: 0,
        timestamp_ms: None,
        object_id: "ZTF18abudxnw".into(),
        alert_id: "2695378462115010012".into(),
        night: "2026-04-01".into(),
        programme: None,
        annotations: vec![("score".into(), AnnotationValue::Float64(0.5))],
    }
}

/// Packets `from..to` of `file`, which pass every one of `topics`; every third is a dead letter.
fn delivery(topics: &[&str], file: &str, from: i64, to: i64) -> Delivery {
    let mut delivery = Delivery {
        packets: (to - from) as u64,
        ..Delivery::default()
    };
    for offset in from..to {
        if offset % 3 == 2 {
            let position = Position {
                partition: partition(file),
                offset,
            };
            let bytes = format!("damaged {file} {offset}").into_bytes().into();
            let packet = Packet {
                bytes,
                position,
                timestamp_ms: None,
                damage: None,
            };
            let letter = DeadLetter {
                packet,
                record: 0,
                reason: "no Avro".into(),
            };
            delivery.dead_letters.push(letter);
            continue;
        }
        delivery
            .outputs
            .extend(topics.iter().map(|topic| output(topic, file, offset)));
        delivery.alerts += 1;
        let counts = delivery.counts.entry(CountKey {
            setting: 7,
            night: "2026-04-01".into(),
        });
        counts.or_default().passed += 1;
    }
    delivery.positions.insert(partition(file), (from, to));
    delivery
}

/// Every packet in every tar: folder of the tar, bytes. A multiset: nothing is deduplicated.
fn packets(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in files(root)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "tar"))
    {
        let folder = path
            .strip_prefix(root)
            .unwrap()
            .components()
            .next()
            .unwrap();
        let folder = folder.as_os_str().to_str().unwrap().to_owned();
        let mut names = BTreeSet::new();
        for entry in tar::Archive::new(File::open(&path).unwrap())
            .entries()
            .unwrap()
        {
            let mut entry = entry.unwrap();
            let mut bytes = String::new();
            std::io::Read::read_to_string(&mut entry, &mut bytes).unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} twice");
            found.push((folder.clone(), bytes));
        }
        let lines = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        let members: BTreeSet<String> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["member"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(members, names, "lines and members of {}", path.display());
        assert_eq!(lines.lines().count(), names.len());
    }
    found.sort();
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

fn expected(deliveries: &[Delivery]) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut expected: Vec<_> = deliveries
        .iter()
        .flat_map(|delivery| {
            let outputs = delivery.outputs.iter();
            let outputs = outputs.map(|o| (o.destination.topic.clone(), text(&o.payload)));
            let letters = delivery.dead_letters.iter();
            outputs.chain(letters.map(|l| ("dead-letters".to_owned(), text(&l.packet.bytes))))
        })
        .collect();
    expected.sort();
    expected
}

fn passed(root: &Path) -> u64 {
    let mut log = ArchiveCountLog::new(root, "ztf");
    let records = log.read(Duration::ZERO).unwrap();
    assert_eq!(log.read(Duration::ZERO).unwrap(), []);
    records
        .iter()
        .flat_map(|record| record.counts.values())
        .map(|counts| counts.passed)
        .sum()
}

#[test]
fn what_is_committed_lies_there_and_is_known_after_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let parts = || {
        [
            delivery(&["a.x", "b.y"], "n/1.tar", 0, 5),
            delivery(&["a.x"], "n/1.tar", 5, 9),
            delivery(&["b.y"], "n/2.tar", 0, 4),
        ]
    };
    for part in parts() {
        let (mut sink, _) = one(root.path());
        sink.commit(part).unwrap();
    }
    let (sink, progress) = one(root.path());
    assert_eq!(progress.next(&partition("n/1.tar")), Some(Next::At(9)));
    assert_eq!(progress.next(&partition("n/2.tar")), Some(Next::At(4)));
    assert_eq!(progress.next(&partition("n/3.tar")), None);
    drop(sink);
    assert_eq!(packets(root.path()), expected(&parts()));
    assert_eq!(passed(root.path()), 4 + 2 + 3);
    let line = fs::read_to_string(root.path().join("a.x/2026-04-01/ztf.main.0.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert_eq!(line["member"], "2695378462115010012_1-b58dade6_0_0.avro");
    assert_eq!(line["source"]["topic"], "n/1.tar");
    assert_eq!(line["setting"], 7);
    assert_eq!(line["annotations"], serde_json::json!({"score": 0.5}));
}

#[test]
fn a_finished_file_is_known_as_finished() {
    use crate::source::archive::{ArchiveSource, Share};
    use crate::source::{BatchLimits, Polled, Source};
    let (root, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut bytes = Vec::new();
    (0..3).for_each(|n| tarball::push(&mut bytes, &format!("{n}.avro"), b"x", 1));
    fs::write(data.path().join("n.tar"), bytes).unwrap();
    let source_settings = crate::source::archive::Settings {
        path: data.path().to_owned(),
        follow: false,
        ..Default::default()
    };
    let (mut sink, progress) = one(root.path());
    let mut source = ArchiveSource::new(&source_settings, Share::WHOLE, progress);
    let limits = BatchLimits {
        rows: 2,
        bytes: 1 << 20,
        age: Duration::from_secs(1),
    };
    let mut batches = 0;
    while let Polled::Packets(packets) = source.poll(&limits).unwrap() {
        let first = packets[0].position.offset;
        let part = delivery(&["a"], "n.tar", first, first + packets.len() as i64);
        sink.commit(part).unwrap();
        batches += 1;
    }
    assert_eq!(batches, 2);
    drop(sink);
    assert_eq!(
        one(root.path()).1.next(&partition("n.tar")),
        Some(Next::Finished)
    );
}

#[test]
fn the_number_of_workers_may_change() {
    let root = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for (round, workers) in [3_usize, 1, 2].into_iter().enumerate() {
        let (mut sinks, progress) = open(&settings(root.path()), "ztf", "main", workers).unwrap();
        for file in 0..6 {
            let name = format!("{file}.tar");
            let from = match progress.next(&partition(&name)) {
                Some(Next::At(next)) => next,
                _ => 0,
            };
            assert_eq!(from, round as i64 * 4);
            let part = || delivery(&["a"], &name, from, from + 4);
            sinks[file % workers].commit(part()).unwrap();
            all.push(part());
        }
    }
    assert_eq!(packets(root.path()), expected(&all));
    assert_eq!(
        passed(root.path()),
        all.iter().map(|part| part.alerts).sum::<u64>()
    );
}

#[test]
fn two_processes_never_write_the_same_results() {
    let root = tempfile::tempdir().unwrap();
    let (sink, _) = one(root.path());
    let second = open(&settings(root.path()), "ztf", "main", 1);
    assert!(matches!(second, Err(ArchiveError::Locked { .. })));
    let other = open(&settings(root.path()), "ztf", "slow", 1).unwrap();
    drop((sink, other));
    one(root.path());
}

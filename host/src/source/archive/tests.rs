//! What a source gives of sound, torn and damaged files, and of a folder that is followed.
#![allow(clippy::unwrap_used)]
use std::fs;
use std::io::Write;
use std::path::Path;

use super::*;

const LIMITS: BatchLimits = BatchLimits {
    rows: 100,
    bytes: 1 << 20,
    age: Duration::from_millis(2000),
};

fn tar(members: &[&[u8]], ended: bool) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (number, bytes) in members.iter().enumerate() {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let name = format!("{}/{number}.avro", "long".repeat(40));
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    if ended {
        builder.into_inner().unwrap()
    } else {
        std::mem::take(builder.get_mut())
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn finite(path: &Path) -> Settings {
    Settings {
        path: path.to_owned(),
        follow: false,
        packet_bytes: 5000,
    }
}

/// (file, offset, bytes or the reason why not)
fn drain(source: &mut ArchiveSource) -> Vec<(String, i64, String)> {
    let mut seen = Vec::new();
    while let Polled::Packets(packets) = source.poll(&LIMITS).unwrap() {
        seen.extend(packets.iter().map(describe));
    }
    seen
}

fn describe(packet: &Packet) -> (String, i64, String) {
    let text = match &packet.damage {
        Some(reason) => format!("damage: {reason}"),
        None => String::from_utf8_lossy(&packet.bytes).into_owned(),
    };
    (
        packet.position.partition.topic.to_string(),
        packet.position.offset,
        text,
    )
}

fn whole(path: &Path) -> ArchiveSource {
    ArchiveSource::new(&finite(path), Share::WHOLE, Progress::default())
}

fn check(file: &str, bytes: &[u8], expected: &[&str]) {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(file), bytes).unwrap();
    let seen = drain(&mut whole(root.path()));
    assert_eq!(seen.len(), expected.len(), "{seen:?}");
    for (number, ((name, offset, text), expected)) in seen.iter().zip(expected).enumerate() {
        assert_eq!((name.as_str(), *offset), (file, number as i64));
        assert!(text.starts_with(expected), "{text} is not {expected}");
    }
}

#[test]
fn loose_packets_and_tars_are_read() {
    check("a.avro", b"anything", &["anything"]);
    check("a.bin", b"Obj\x01...", &["Obj\x01"]);
    check("a.bin", &[0, 0, 0, 3, 232, 9], &["\0\0\0\u{3}"]);
    check("README.md", b"# Not a packet", &[]);
    check("empty.avro", b"", &[""]);
    check(
        "a.tar",
        &tar(&[b"one", b"two", b""], true),
        &["one", "two", ""],
    );
    check("a.tar", &tar(&[b"one", b"two"], false), &["one", "two"]);
    check("a.tar", &tar(&[], true), &[]);
    check(
        "a.tar.gz",
        &gzip(&tar(&[b"one", b"two"], true)),
        &["one", "two"],
    );
    check("a.tgz", &gzip(&tar(&[b"one"], false)), &["one"]);
}

#[test]
fn what_cannot_be_read_is_said_once_and_the_rest_is_read() {
    let long = [7; 5001];
    check(
        "long.avro",
        &long,
        &["damage: the file is longer than the 5000 bytes"],
    );
    let member = "damage: member longlong";
    check(
        "a.tar",
        &tar(&[b"one", &long, b"two"], true),
        &["one", member, "two"],
    );
    check("a.tar", b"this is no tar", &["damage: the tar is damaged"]);
    check(
        "a.tar.gz",
        b"this is no gzip",
        &["damage: the tar is damaged"],
    );
    let mut after = tar(&[b"one"], true);
    after.extend(tar(&[b"two"], true));
    check("a.tar", &after, &["one", "damage: behind the last member"]);
}

#[test]
fn a_tar_cut_anywhere_gives_what_it_has_and_says_so() {
    let sound = tar(&[b"one", b"two", &[b'x'; 700]], false);
    let root = tempfile::tempdir().unwrap();
    for length in (1..sound.len()).step_by(3) {
        fs::write(root.path().join("a.tar"), &sound[..length]).unwrap();
        let seen = drain(&mut whole(root.path()));
        let damages = seen
            .iter()
            .filter(|(_, _, text)| text.starts_with("damage"))
            .count();
        let read: Vec<&str> = seen
            .iter()
            .map(|(_, _, text)| text.as_str())
            .take(seen.len() - damages)
            .collect();
        assert!(
            ["one", "two"].starts_with(&read[..read.len().min(2)]),
            "{length}: {read:?}"
        );
        assert!(damages <= 1, "{length}: {seen:?}");
        assert!(
            damages == 1 || read.len() == 3 || length % 512 == 0,
            "{length}"
        );
    }
}

#[test]
fn a_gzip_damaged_anywhere_never_passes_in_silence() {
    /// Checksum and length of what was compressed (RFC 1952).
    const GZIP_TRAILER_BYTES: usize = 8;
    let sound = gzip(&tar(&[b"one", &[b'y'; 900]], true));
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a.tar.gz"), &sound).unwrap();
    let undamaged = drain(&mut whole(root.path()));
    for at in 10..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x55;
        fs::write(root.path().join("a.tar.gz"), &damaged).unwrap();
        let seen = drain(&mut whole(root.path()));
        // A repetition may be copied from another place and be the same: the checksum vouches for it.
        let same = at < sound.len() - GZIP_TRAILER_BYTES && seen == undamaged;
        assert!(
            same || seen.iter().any(|(_, _, text)| text.starts_with("damage")),
            "{at}: {seen:?}"
        );
    }
}

#[test]
fn reading_goes_on_behind_what_was_committed() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a.tar"), tar(&[b"0", b"1", b"2"], true)).unwrap();
    fs::write(root.path().join("b.avro"), b"b").unwrap();
    let mut source = whole(root.path());
    let progress = source.progress();
    let commit = |source: &mut ArchiveSource, topic: &str, next: i64| {
        let partition = Partition {
            topic: topic.into(),
            index: 0,
        };
        source.committed(&BTreeMap::from([(partition, (0, next))]));
    };
    assert_eq!(drain(&mut source).len(), 4);
    commit(&mut source, "a.tar", 2);
    source.rewind().unwrap();
    assert_eq!(
        drain(&mut source),
        [
            ("a.tar".into(), 2, "2".into()),
            ("b.avro".into(), 0, "b".into())
        ]
    );
    commit(&mut source, "a.tar", 3);
    commit(&mut source, "b.avro", 1);
    source.rewind().unwrap();
    assert_eq!(drain(&mut source), []);
    // A finished file is not opened again: here it could not be.
    fs::write(root.path().join("a.tar"), b"no tar any more").unwrap();
    let mut again = ArchiveSource::new(&finite(root.path()), Share::WHOLE, progress);
    assert_eq!(drain(&mut again), []);
}

#[test]
fn workers_share_the_files_out() {
    let root = tempfile::tempdir().unwrap();
    for file in 0..50 {
        fs::write(root.path().join(format!("{file}.avro")), b"x").unwrap();
    }
    let mut seen = Vec::new();
    for worker in 0..3 {
        let share = Share { worker, workers: 3 };
        let mut source = ArchiveSource::new(&finite(root.path()), share, Progress::default());
        let part = drain(&mut source);
        assert!(part.len() > 5);
        seen.extend(part);
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 50);
}

#[test]
fn a_followed_folder_gives_new_files_and_never_ends() {
    let root = tempfile::tempdir().unwrap();
    let settings = Settings {
        follow: true,
        ..finite(root.path())
    };
    let mut source = ArchiveSource::new(&settings, Share::WHOLE, Progress::default());
    let brief = BatchLimits {
        age: Duration::from_millis(1),
        ..LIMITS
    };
    let Polled::Packets(none) = source.poll(&brief).unwrap() else {
        panic!("it ended")
    };
    assert!(none.is_empty());
    for name in ["b", "a"] {
        let partial = root.path().join(format!("{name}.avro.partial"));
        fs::write(&partial, name).unwrap();
        fs::rename(&partial, root.path().join(format!("{name}.avro"))).unwrap();
    }
    let begun = Instant::now();
    let Polled::Packets(packets) = source.poll(&LIMITS).unwrap() else {
        panic!("it ended")
    };
    assert!(begun.elapsed() < Duration::from_millis(1000));
    let names: Vec<_> = packets.iter().map(|packet| describe(packet).0).collect();
    assert_eq!(names, ["a.avro", "b.avro"]);
}

#[test]
fn batches_end_at_rows_and_bytes() {
    let root = tempfile::tempdir().unwrap();
    let members: Vec<&[u8]> = vec![&[1; 400]; 10];
    fs::write(root.path().join("a.tar"), tar(&members, true)).unwrap();
    let sizes = |limits: BatchLimits| {
        let mut source = whole(root.path());
        let mut sizes = Vec::new();
        while let Polled::Packets(packets) = source.poll(&limits).unwrap() {
            sizes.push(packets.len());
        }
        sizes
    };
    assert_eq!(sizes(BatchLimits { rows: 4, ..LIMITS }), [4, 4, 2]);
    assert_eq!(
        sizes(BatchLimits {
            bytes: 900,
            ..LIMITS
        }),
        [2, 2, 2, 2, 2]
    );
    assert_eq!(
        sizes(BatchLimits {
            bytes: 100,
            ..LIMITS
        }),
        [1; 10]
    );
}

#[test]
fn a_missing_archive_is_retried_when_followed_and_fatal_when_not() {
    let mut once = whole(Path::new("/nowhere/at/all"));
    assert!(matches!(once.poll(&LIMITS), Err(SourceError::Fatal(_))));
    let settings = Settings {
        follow: true,
        ..finite(Path::new("/nowhere/at/all"))
    };
    let mut followed = ArchiveSource::new(&settings, Share::WHOLE, Progress::default());
    assert!(matches!(followed.poll(&LIMITS), Err(SourceError::Retry(_))));
}

#[test]
fn replay_calls_files_as_they_were_given() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("x"), b"named, so it is a packet").unwrap();
    fs::create_dir(root.path().join("n")).unwrap();
    fs::write(root.path().join("n/y.avro"), b"y").unwrap();
    let paths = [root.path().join("x"), root.path().join("n")];
    let seen = drain(&mut ArchiveSource::replay(paths.clone()));
    let names: Vec<_> = seen.into_iter().map(|(name, _, _)| name).collect();
    assert_eq!(
        names,
        [
            paths[0].display().to_string(),
            paths[1].join("y.avro").display().to_string()
        ]
    );
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture a_million_loose_files"]
fn a_million_loose_files() {
    let root = tempfile::tempdir().unwrap();
    for folder in 0..10 {
        let path = root.path().join(folder.to_string());
        fs::create_dir(&path).unwrap();
        for file in 0..100_000 {
            fs::write(path.join(format!("{file}.avro")), b"Obj\x01").unwrap();
        }
    }
    let resident_kb = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = resident_kb();
    let settings = Settings {
        follow: true,
        ..finite(root.path())
    };
    let mut source = ArchiveSource::new(&settings, Share::WHOLE, Progress::default());
    let begun = Instant::now();
    let mut seen = 0;
    while seen < 1_000_000 {
        let Polled::Packets(packets) = source.poll(&LIMITS).unwrap() else {
            panic!("it ended")
        };
        if seen == 0 {
            let (time, memory) = (begun.elapsed(), resident_kb() - before);
            println!(
                "listed in {time:?}, {} waiting, {memory} kB",
                source.waiting_files()
            );
        }
        seen += packets.len();
        let positions = packets
            .iter()
            .map(|packet| (packet.position.partition.clone(), (0, 1)));
        source.committed(&positions.collect());
    }
    println!(
        "read in {:?}, {} kB",
        begun.elapsed(),
        resident_kb() - before
    );
    let begun = Instant::now();
    source.rewind().unwrap();
    assert!(matches!(source.poll(&LIMITS).unwrap(), Polled::Packets(none) if none.is_empty()));
    println!("listed again, all finished, in {:?}", begun.elapsed());
}

//! Passing alerts read back from an archive, against what was committed to it.

use std::time::{Duration, Instant};

use super::*;
use crate::results::{Begin, Cursor, Found, Look, Looked, Reader, Results};
use crate::rights::Rights;
use crate::sink::archive::ArchiveResults;

const ALL: usize = 10_000;

fn look(alerts: usize) -> Look {
    Look {
        alerts,
        bytes: usize::MAX,
        night: None,
        rights: Rights::all(),
        wait: Duration::ZERO,
        deadline: Instant::now() + Duration::from_secs(20),
    }
}

fn reader(path: &Path, topic: &str, begin: &Begin) -> Box<dyn Reader> {
    ArchiveResults::new(path, "ztf").open(topic, begin).unwrap()
}

fn all(path: &Path, topic: &str, begin: &Begin) -> Looked {
    let looked = reader(path, topic, begin).look(&look(ALL)).unwrap();
    assert!(!looked.more);
    looked
}

/// Payloads as `output` makes them.
fn texts(found: &[Found]) -> Vec<String> {
    let text = |one: &Found| String::from_utf8(one.payload.clone()).unwrap();
    found.iter().map(text).collect()
}

/// What passes of `delivery(&[topic], file, from, to)`.
fn wanted(topic: &str, file: &str, numbers: std::ops::Range<i64>) -> Vec<String> {
    let passing = numbers.filter(|number| number % 3 != 2);
    passing
        .map(|number| format!("{topic} of {file} {number}"))
        .collect()
}

#[test]
fn what_was_committed_is_read_once_in_any_steps() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(folder.path());
    let mut expected = Vec::new();
    for round in 0..20 {
        let topics: &[&str] = if round % 3 == 0 { &["a", "b"] } else { &["b"] };
        sink.commit(delivery(topics, "one.tar", round * 7, round * 7 + 7))
            .unwrap();
        if round % 3 == 0 {
            expected.extend(wanted("a", "one.tar", round * 7..round * 7 + 7));
        }
    }
    let found = all(folder.path(), "a", &Begin::Oldest).found;
    assert_eq!(texts(&found), expected);
    assert_eq!(
        texts(&all(folder.path(), "b", &Begin::Oldest).found),
        wanted("b", "one.tar", 0..140)
    );
    assert!(all(folder.path(), "c", &Begin::Oldest).found.is_empty());
    let one = &found[0];
    assert_eq!(
        (&*one.object_id, &*one.alert_id),
        ("ZTF18abudxnw", "2695378462115010012")
    );
    assert_eq!((one.version, one.setting, &*one.holds), (2, 7, "packet"));
    assert_eq!((&*one.source.topic, one.source.offset), ("one.tar", 0));
    assert_eq!(one.annotations["score"], 0.5);

    for step in [1, 2, 5, 100] {
        // One reader that goes on, and a new one behind each look.
        let mut going = reader(folder.path(), "a", &Begin::Oldest);
        let (mut seen, mut again, mut cursor) = (Vec::new(), Vec::new(), Cursor::default());
        for _ in 0..expected.len() + 1 {
            seen.extend(texts(&going.look(&look(step)).unwrap().found));
            let mut fresh = reader(folder.path(), "a", &Begin::After(cursor));
            let looked = fresh.look(&look(step)).unwrap();
            again.extend(texts(&looked.found));
            cursor = fresh.cursor();
            assert_eq!(cursor, going.cursor());
            assert!(looked.found.len() == step || !looked.more);
        }
        assert_eq!((&seen, &again), (&expected, &expected), "steps of {step}");
    }
    // Behind each alert, the next one comes.
    let mut cursor = Cursor::default();
    for (at, one) in found.iter().enumerate() {
        cursor.put(&one.partition, one.after);
        let rest = all(folder.path(), "a", &Begin::After(cursor.clone())).found;
        assert_eq!(texts(&rest), expected[at + 1..]);
    }
}

#[test]
fn nothing_uncommitted_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(folder.path());
    sink.commit(delivery(&["a"], "one.tar", 0, 3)).unwrap();
    // Written and on disk, but its record is not.
    sink.write(&delivery(&["a"], "one.tar", 3, 6)).unwrap();
    let expected = wanted("a", "one.tar", 0..3);
    assert_eq!(
        texts(&all(folder.path(), "a", &Begin::Oldest).found),
        expected
    );
    // A record that is only half there.
    let journal = sink.journal.path().to_owned();
    let text = fs::read(&journal).unwrap();
    let torn: Vec<u8> = [&text[..], b"{\"commit\":{\"sequence\":2,\"generation\""].concat();
    fs::write(&journal, torn).unwrap();
    assert_eq!(
        texts(&all(folder.path(), "a", &Begin::Oldest).found),
        expected
    );
    std::mem::forget(sink);
}

#[test]
fn a_reader_goes_on_over_journals_and_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let small = Settings {
        journal_bytes: 2_000,
        ..settings(folder.path())
    };
    let mut live = reader(folder.path(), "a", &Begin::Now);
    let (mut seen, mut expected) = (Vec::new(), Vec::new());
    let mut cursor = live.cursor();
    for start in 0..6 {
        let (mut sinks, _) = open(&small, "ztf", "main", 2).unwrap();
        for round in 0..10 {
            let from = start * 100 + round * 5;
            let file = format!("{}.tar", round % 2);
            sinks[round as usize % 2]
                .commit(delivery(&["a"], &file, from, from + 5))
                .unwrap();
            expected.extend(wanted("a", &file, from..from + 5));
            if round % 3 == 0 {
                seen.extend(texts(&live.look(&look(ALL)).unwrap().found));
            }
        }
        drop(sinks);
        let mut fresh = reader(folder.path(), "a", &Begin::After(cursor));
        let found = fresh.look(&look(ALL)).unwrap().found;
        assert_eq!(
            found.len(),
            (0..10)
                .map(|round| wanted(
                    "a",
                    "",
                    start * 100 + round * 5..start * 100 + round * 5 + 5
                )
                .len())
                .sum::<usize>()
        );
        cursor = fresh.cursor();
    }
    seen.extend(texts(&live.look(&look(ALL)).unwrap().found));
    assert!(
        fs::read_dir(folder.path().join(".journal"))
            .unwrap()
            .count()
            > 8
    );
    seen.sort_unstable();
    expected.sort_unstable();
    assert_eq!(seen, expected);
    let mut whole = texts(&all(folder.path(), "a", &Begin::Oldest).found);
    whole.sort_unstable();
    assert_eq!(whole, expected);
}

#[test]
fn what_was_taken_away_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(folder.path());
    sink.commit(delivery(&["a"], "one.tar", 0, 3)).unwrap();
    drop(sink);
    fs::remove_dir_all(folder.path().join("a")).unwrap();
    let (mut sink, _) = one(folder.path());
    sink.commit(delivery(&["a"], "one.tar", 3, 4)).unwrap();
    sink.commit(delivery(&["a"], "one.tar", 4, 9)).unwrap();
    let looked = all(folder.path(), "a", &Begin::Oldest);
    assert!(looked.lost > 0);
    assert_eq!(texts(&looked.found), wanted("a", "one.tar", 3..9));
}

#[test]
fn nights_and_times_are_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(folder.path());
    for (from, night) in [
        (0, "2026-04-01"),
        (3, "2026-04-02"),
        (6, "2026-04-01"),
        (9, "unknown"),
    ] {
        let mut delivery = delivery(&["a"], "one.tar", from, from + 3);
        delivery
            .outputs
            .iter_mut()
            .for_each(|output| output.night = night.into());
        sink.commit(delivery).unwrap();
    }
    let of = |night: &str| {
        let look = Look {
            night: Some(night.to_owned()),
            ..look(3)
        };
        let mut reader = reader(folder.path(), "a", &Begin::Oldest);
        let first = reader.look(&look).unwrap();
        let mut fresh = self::reader(folder.path(), "a", &Begin::After(reader.cursor()));
        [
            texts(&first.found),
            texts(&fresh.look(&look).unwrap().found),
        ]
        .concat()
    };
    let expected = [wanted("a", "one.tar", 0..3), wanted("a", "one.tar", 6..9)].concat();
    assert_eq!(of("2026-04-01"), expected);
    assert_eq!(of("2026-04-02"), wanted("a", "one.tar", 3..6));
    assert_eq!(of("unknown"), wanted("a", "one.tar", 9..12));
    assert_eq!(of("2026-04-03"), Vec::<String>::new());

    let now_ms = jiff::Timestamp::now().as_millisecond();
    assert_eq!(
        all(folder.path(), "a", &Begin::Since(now_ms - 3_600_000))
            .found
            .len(),
        8
    );
    assert_eq!(
        all(folder.path(), "a", &Begin::Since(now_ms + 3_600_000))
            .found
            .len(),
        0
    );
    assert_eq!(all(folder.path(), "a", &Begin::Now).found.len(), 0);
}

/// Names of topics and streams that begin alike are not mixed up.
#[test]
fn neighbours_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    for stream in ["ztf", "ztf-2"] {
        let (mut sinks, _) = open(&settings(folder.path()), stream, "main", 1).unwrap();
        sinks[0]
            .commit(delivery(&["a", "a.b", "ab"], "one.tar", 0, 3))
            .unwrap();
    }
    assert_eq!(
        texts(&all(folder.path(), "a", &Begin::Oldest).found),
        wanted("a", "one.tar", 0..3)
    );
    assert_eq!(all(folder.path(), "", &Begin::Oldest).found.len(), 0);
}

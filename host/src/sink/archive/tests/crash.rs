//! A process or a machine that dies in the middle of a commit.

use proptest::prelude::*;

use super::*;
use crate::sink::archive::journal::Segment;

/// One append: file below the archive, length before, bytes.
type Append = (PathBuf, u64, Vec<u8>);

fn first() -> Delivery {
    delivery(&["old"], "n.tar", 0, 3)
}

fn second() -> Delivery {
    delivery(&["old", "new"], "n.tar", 3, 6)
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, &target).unwrap();
    }
}

/// The archive after the first commit, and what the second appends, in the order it does: the
/// journal's announcement of new files, the files, the journal's record.
fn history() -> (tempfile::TempDir, Vec<Append>) {
    let (root, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut sink, _) = one(root.path());
    sink.commit(first()).unwrap();
    copy(root.path(), before.path());
    sink.commit(second()).unwrap();
    let mut appends = Vec::new();
    let mut record = None;
    let mut paths = files(root.path());
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(root.path()).unwrap().to_owned();
        let length = fs::metadata(before.path().join(&name)).map_or(0, |data| data.len());
        let bytes = fs::read(&path).unwrap()[length as usize..].to_vec();
        if name.starts_with(".journal") && !bytes.is_empty() {
            let announced = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            appends.insert(0, (name.clone(), length, bytes[..announced].to_vec()));
            record = Some((name, length + announced as u64, bytes[announced..].to_vec()));
        } else if !bytes.is_empty() {
            appends.push((name, length, bytes));
        }
    }
    appends.extend(record);
    (before, appends)
}

fn apply(root: &Path, append: &Append, bytes: &[u8]) {
    let path = root.join(&append.0);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, bytes, append.1).unwrap();
}

/// Start on what is there, do what the positions ask for, and compare everything.
fn check(root: &Path, case: &str) {
    let (mut sink, progress) = one(root);
    match progress.next(&partition("n.tar")) {
        Some(Next::At(3)) => {
            assert_eq!(
                packets(root),
                expected(&[first()]),
                "{case}: nothing half is visible"
            );
            sink.commit(second()).unwrap();
        }
        next => assert_eq!(next, Some(Next::At(6)), "{case}"),
    }
    drop(sink);
    assert_eq!(packets(root), expected(&[first(), second()]), "{case}");
    assert_eq!(passed(root), first().alerts + second().alerts, "{case}");
}

#[test]
fn a_process_killed_after_any_byte_leaves_each_alert_once() {
    let (before, appends) = history();
    let total: usize = appends.iter().map(|append| append.2.len()).sum();
    let ends: Vec<usize> = appends
        .iter()
        .scan(0, |sum, append| {
            *sum += append.2.len();
            Some(*sum)
        })
        .collect();
    // Every byte near the ends of what is written one after the other, every 89th between.
    let near = |at: &usize| at.is_multiple_of(89) || ends.iter().any(|end| at.abs_diff(*end) < 3);
    for at in (0..=total).filter(near) {
        let root = tempfile::tempdir().unwrap();
        copy(before.path(), root.path());
        let mut left = at;
        for append in &appends {
            let written = left.min(append.2.len());
            apply(root.path(), append, &append.2[..written]);
            left -= written;
            if left == 0 {
                break;
            }
        }
        check(root.path(), &format!("killed after byte {at} of {total}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Before the record is on disk, the files may hold any part of what was written, and blocks
    /// of zeros or of something else in place of it.
    #[test]
    fn a_machine_that_lost_power_leaves_each_alert_once(
        parts in prop::collection::vec((0.0..=1.0, 0..3), 12),
        record in 0.0..=0.999,
        zeros in any::<bool>(),
    ) {
        let (before, appends) = history();
        let root = tempfile::tempdir().unwrap();
        copy(before.path(), root.path());
        let (last, others) = appends.split_last().unwrap();
        for (number, append) in others.iter().enumerate() {
            let (share, damage) = parts[number % parts.len()];
            // The announcement was brought to disk before anything else was done.
            let whole = number == 0;
            let length = if whole { append.2.len() } else { (append.2.len() as f64 * share) as usize };
            let mut bytes = append.2[..length].to_vec();
            match damage {
                1 if !whole => bytes.fill(0),
                2 if !whole => bytes.fill(0xA5),
                _ => {}
            }
            apply(root.path(), append, &bytes);
        }
        let length = (last.2.len() as f64 * record) as usize;
        let mut torn = last.2[..length].to_vec();
        if zeros && !torn.is_empty() {
            let half = torn.len() / 2;
            torn[half..].fill(0);
        }
        apply(root.path(), last, &torn);
        check(root.path(), "power");
    }
}

#[test]
fn a_torn_last_line_is_cut_and_an_earlier_one_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(root.path());
    sink.commit(first()).unwrap();
    drop(sink);
    let segment = Segment::list(&root.path().join(".journal"), "ztf.main.")
        .unwrap()
        .remove(0);
    let path = root.path().join(".journal").join(segment.file_name());
    let sound = fs::read(&path).unwrap();
    for tail in [
        &b"{\"commit\":{\"sequ"[..],
        b"\0\0\0\0",
        b"{\"commit\":{}}\n",
        b"\xff\xfe\n",
    ] {
        fs::write(&path, [&sound, tail].concat()).unwrap();
        let mut log = ArchiveCountLog::new(root.path(), "ztf");
        assert_eq!(log.read(Duration::ZERO).unwrap().len(), 1);
        drop(one(root.path()));
        assert_eq!(fs::read(&path).unwrap(), sound);
    }
    fs::write(&path, [b"{\"commit\":{}}\n", &sound[..]].concat()).unwrap();
    let refused = open(&settings(root.path()), "ztf", "main", 1);
    assert!(matches!(
        refused,
        Err(ArchiveError::Journal { line: 1, .. })
    ));
}

//! What an archive is over a long time: other readers, many filters, long journals, other hands.

use std::collections::BTreeMap;
use std::process::Command;

use super::*;
use crate::delivery::{Counts, Failure};
use crate::sink::archive::journal::Segment;

#[test]
fn gnu_tar_and_python_read_a_tar_while_it_grows_and_after() {
    let root = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(root.path());
    sink.commit(delivery(&["a"], "n.tar", 0, 5)).unwrap();
    let path = root.path().join("a/2026-04-01/ztf.main.0.tar");
    let list = |path: &Path| {
        let script = "import sys, tarfile\nfor m in tarfile.open(sys.argv[1]): print(m.name)";
        let runs: [(&str, &[&str]); 2] = [("tar", &["-tf"]), ("python3", &["-c", script])];
        for (program, arguments) in runs {
            let Ok(run) = Command::new(program).args(arguments).arg(path).output() else {
                println!("skipped: {program} is not installed");
                continue;
            };
            let complaint = String::from_utf8_lossy(&run.stderr).into_owned();
            assert!(
                run.status.success() && complaint.is_empty(),
                "{program}: {complaint}"
            );
            assert_eq!(
                String::from_utf8_lossy(&run.stdout).lines().count(),
                4,
                "{program}"
            );
        }
    };
    let growing = fs::metadata(&path).unwrap().len();
    list(&path);
    drop(sink);
    assert_eq!(fs::metadata(&path).unwrap().len(), growing + 1024);
    list(&path);
    // The end survives a start and goes with the next append.
    let (mut sink, _) = one(root.path());
    assert_eq!(fs::metadata(&path).unwrap().len(), growing + 1024);
    sink.commit(delivery(&["a"], "n.tar", 5, 6)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), growing + 1024);
    sink.commit(delivery(&["a"], "n.tar", 6, 7)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), growing + 1024);
}

#[test]
fn many_filters_need_few_open_files() {
    let root = tempfile::tempdir().unwrap();
    let few = Settings {
        open_files: 64,
        ..settings(root.path())
    };
    let names: Vec<String> = (0..150).map(|n| format!("ann.f{n}")).collect();
    let topics: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut all = Vec::new();
    let (mut sinks, _) = open(&few, "ztf", "main", 1).unwrap();
    for from in [0, 3] {
        sinks[0]
            .commit(delivery(&topics, "n.tar", from, from + 2))
            .unwrap();
        all.push(delivery(&topics, "n.tar", from, from + 2));
        assert!(sinks[0].files.open_count() <= 64);
    }
    drop(sinks);
    assert_eq!(packets(root.path()), expected(&all));
}

#[test]
fn a_long_journal_goes_on_in_a_new_one_and_keeps_its_counts() {
    let root = tempfile::tempdir().unwrap();
    let short = Settings {
        journal_bytes: 3000,
        ..settings(root.path())
    };
    let (mut log, mut seen) = (ArchiveCountLog::new(root.path(), "ztf"), BTreeMap::new());
    for part in 0..60 {
        let (mut sinks, progress) = open(&short, "ztf", "main", 1).unwrap();
        let next = progress.next(&partition("n.tar"));
        assert_eq!(next, (part > 0).then_some(Next::At(part * 3)));
        sinks[0]
            .commit(delivery(&["a"], "n.tar", part * 3, part * 3 + 3))
            .unwrap();
        if part % 7 == 0 {
            for record in log.read(Duration::ZERO).unwrap() {
                assert!(seen.insert(record.sequence, record.counts).is_none());
            }
        }
        if part == 30 {
            let folded = BTreeMap::from([(sinks[0].log().to_owned(), *seen.keys().max().unwrap())]);
            log = ArchiveCountLog::new(root.path(), "ztf");
            log.start_after(&folded).unwrap();
        }
    }
    for record in log.read(Duration::ZERO).unwrap() {
        assert!(seen.insert(record.sequence, record.counts).is_none());
    }
    let segments = Segment::list(&root.path().join(".journal"), "ztf.main.").unwrap();
    assert!(segments.len() > 3, "{segments:?}");
    assert!(seen.keys().copied().eq(1..=60));
    assert_eq!(packets(root.path()).len(), 180);
    let counts = Counts {
        passed: 2,
        ..Counts::default()
    };
    assert!(seen.values().all(|record| record.values().eq([&counts])));
}

#[test]
fn failures_have_their_line() {
    let root = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(root.path());
    let output = output("a", "n.tar", 3);
    let failure = Failure {
        destination: output.destination,
        position: output.position,
        record: 1,
        alert_id: output.alert_id,
        object_id: output.object_id,
        night: output.night,
        programme: None,
        kind: "fuel",
        message: "one alert's budget was spent".into(),
    };
    sink.commit(Delivery {
        failures: vec![failure],
        ..Delivery::default()
    })
    .unwrap();
    let text = fs::read_to_string(root.path().join("failures/ztf.main.0.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&line["kind"], &line["source"]["offset"]),
        (&"fuel".into(), &3.into())
    );
}

#[test]
fn results_that_somebody_changed_are_refused_and_taken_away_are_not() {
    let root = tempfile::tempdir().unwrap();
    let (mut sink, _) = one(root.path());
    sink.commit(delivery(&["a"], "n.tar", 0, 2)).unwrap();
    drop(sink);
    let path = root.path().join("a/2026-04-01/ztf.main.0.tar");
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(512)
        .unwrap();
    let refused = open(&settings(root.path()), "ztf", "main", 1);
    assert!(matches!(refused, Err(ArchiveError::Changed { .. })));
    fs::remove_dir_all(root.path().join("a")).unwrap();
    let (mut sink, _) = one(root.path());
    sink.commit(delivery(&["a"], "n.tar", 3, 4)).unwrap();
    assert_eq!(packets(root.path()).len(), 1);
    drop(sink);
    // Results without a journal are not overwritten.
    fs::remove_dir_all(root.path().join(".journal")).unwrap();
    let (mut sink, _) = one(root.path());
    assert!(matches!(
        sink.commit(delivery(&["a"], "n.tar", 0, 1)),
        Err(SinkError::Fatal(_))
    ));
    assert_eq!(packets(root.path()).len(), 1);
}

#[test]
#[ignore = "a measurement: cargo test --release -- --ignored --nocapture commits_of_many_filters"]
fn commits_of_many_filters() {
    for filters in [1, 10, 100, 200, 1000] {
        let root = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..filters).map(|n| format!("ann.f{n}")).collect();
        let topics: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut sink, _) = one(root.path());
        let mut times = Vec::new();
        for from in 0..5 {
            let part = delivery(&topics, "n.tar", from * 3, from * 3 + 2);
            let begun = Instant::now();
            sink.commit(part).unwrap();
            times.push(begun.elapsed().as_millis());
        }
        println!("{filters} filters, 2 alerts each: commits took {times:?} ms");
    }
}

//! Counts: folded once, whoever folds and however often.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::stage::Stage;
use crate::delivery::{CountKey, Counts};
use crate::registry::{CountsQuery, Filter, NightCounts, Registry};
use crate::sink::CountRecord;

super::on_both_engines!(
    records_are_folded_once,
    two_hosts_fold_the_same_logs,
    any_repetition_gives_the_same_totals,
    long_logs_are_folded_in_parts,
    counts_are_listed_latest_night_first,
);

const ALL: CountsQuery = CountsQuery {
    night: None,
    setting: None,
    after: None,
    limit: 100,
};

async fn filter_with_settings(stage: &Stage) -> Filter {
    let anna = stage.user("anna").await;
    let filter = stage.filter(&anna, "nearby").await;
    stage.version(&filter, "one").await;
    for detections in 1..=3 {
        stage
            .setting(&filter, json!({"detections": detections}))
            .await;
    }
    filter
}

fn counts(passed: u64) -> Counts {
    Counts {
        evaluated: passed + 3,
        passed,
        rejected: BTreeMap::from([("a_faint".to_owned(), 2)]),
        failed: BTreeMap::from([("trap".to_owned(), 1)]),
        lacking: 4,
        fuel: 1_000,
        elapsed_ns: 50,
        withheld: BTreeMap::from([("gate".to_owned(), 1)]),
        bytes_out: 700,
        skipped: 9,
    }
}

fn record(log: &str, sequence: i64, setting: i64, night: &str, passed: u64) -> CountRecord {
    let key = CountKey {
        setting,
        night: night.into(),
    };
    let counts = BTreeMap::from([(key, counts(passed))]);
    CountRecord {
        log: log.to_owned(),
        sequence,
        counts,
    }
}

async fn records_are_folded_once(stage: &Stage) {
    let registry = &stage.registry;
    let filter = filter_with_settings(stage).await;
    let records = [
        record("j", 1, 1, "2026-11-23", 10),
        record("j", 5, 1, "2026-11-23", 7),
    ];
    registry.fold(&[]).await.unwrap();
    registry.fold(&records).await.unwrap();
    registry.fold(&records).await.unwrap();
    registry.fold(&records[..1]).await.unwrap();
    let expected = NightCounts {
        setting: 1,
        version: 1,
        night: "2026-11-23".to_owned(),
        counts: Counts {
            evaluated: 23,
            passed: 17,
            rejected: BTreeMap::from([("a_faint".to_owned(), 4)]),
            failed: BTreeMap::from([("trap".to_owned(), 2)]),
            lacking: 8,
            fuel: 2_000,
            elapsed_ns: 100,
            withheld: BTreeMap::from([("gate".to_owned(), 2)]),
            bytes_out: 1_400,
            skipped: 18,
        },
    };
    assert_eq!(registry.counts(filter.id, &ALL).await.unwrap(), [expected]);
    assert_eq!(
        registry.folded().await.unwrap(),
        BTreeMap::from([("j".to_owned(), 5)])
    );
    // A setting that this registry does not know stops nothing.
    registry
        .fold(&[record("j", 6, 777, "2026-11-23", 1)])
        .await
        .unwrap();
    assert_eq!(
        registry.folded().await.unwrap(),
        BTreeMap::from([("j".to_owned(), 6)])
    );
}

async fn two_hosts_fold_the_same_logs(stage: &Stage) {
    let filter = filter_with_settings(stage).await;
    let other = stage.another_host().await;
    let records: Vec<CountRecord> = (0..60)
        .map(|n| {
            record(
                ["a", "b", "c"][n % 3],
                n as i64,
                (n % 2) as i64 + 1,
                "2026-11-23",
                1,
            )
        })
        .collect();
    let mut tasks = Vec::new();
    for registry in [stage.registry.clone(), other] {
        let records = records.clone();
        tasks.push(tokio::spawn(async move {
            for part in records.chunks(7) {
                fold_until_done(&registry, part).await;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let totals = stage.registry.counts(filter.id, &ALL).await.unwrap();
    let passed: Vec<u64> = totals.iter().map(|night| night.counts.passed).collect();
    assert_eq!(passed, [30, 30]);
}

/// More records than one transaction takes, and one record that alone is more.
async fn long_logs_are_folded_in_parts(stage: &Stage) {
    let filter = filter_with_settings(stage).await;
    let many: BTreeMap<CountKey, Counts> = (1..=2_500)
        .map(|setting| {
            (
                CountKey {
                    setting,
                    night: "2026-11-23".into(),
                },
                counts(1),
            )
        })
        .collect();
    let records: Vec<CountRecord> = (0..3)
        .map(|sequence| CountRecord {
            log: "j".to_owned(),
            sequence,
            counts: many.clone(),
        })
        .chain((3..503).map(|sequence| record("j", sequence, 1, "2026-11-23", 1)))
        .collect();
    stage.registry.fold(&records).await.unwrap();
    let nights = stage.registry.counts(filter.id, &ALL).await.unwrap();
    let passed: Vec<u64> = nights.iter().map(|night| night.counts.passed).collect();
    assert_eq!(passed, [3, 3, 503]);
    assert_eq!(nights[2].counts.rejected["a_faint"], 2 * 503);
}

/// A host that meets another one at the same log tries again, as the folding thread does.
async fn fold_until_done(registry: &Registry, records: &[CountRecord]) {
    for _ in 0..50 {
        match registry.fold(records).await {
            Ok(()) => return,
            Err(crate::registry::RegistryError::Unavailable(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    panic!("no end of waiting for the other host");
}

/// Folding any runs of a log, in order, overlapping and repeated, gives what folding it once gives.
async fn any_repetition_gives_the_same_totals(stage: &Stage) {
    filter_with_settings(stage).await;
    let runtime = tokio::runtime::Handle::current();
    let registry = stage.registry.clone();
    let runs = prop::collection::vec((0_usize..20, 1_usize..8), 0..6);
    let work = move || {
        let mut runner = TestRunner::new(Config {
            cases: 12,
            failure_persistence: None,
            ..Config::default()
        });
        runner
            .run(
                &(runs, prop::collection::vec(0_u64..100, 20)),
                |(runs, passed)| {
                    let night = format!(
                        "night-{}",
                        CASE.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
                    );
                    let log = |sequence: usize| {
                        record(&night, sequence as i64, 1, &night, passed[sequence])
                    };
                    runtime.block_on(async {
                        let mut reached = 0;
                        for (start, length) in runs {
                            // A reader never skips: it starts at or before what was folded.
                            let start = start.min(reached);
                            let end = (start + length).min(20);
                            let part: Vec<_> = (start..end).map(log).collect();
                            registry.fold(&part).await.unwrap();
                            reached = reached.max(end);
                        }
                        let rest: Vec<_> = (0..20).map(log).collect();
                        registry.fold(&rest).await.unwrap();
                        let query = CountsQuery {
                            night: Some(night.clone()),
                            ..ALL
                        };
                        let totals = registry
                            .counts(crate::registry::FilterId(1), &query)
                            .await
                            .unwrap();
                        prop_assert_eq!(totals[0].counts.passed, passed.iter().sum::<u64>());
                        prop_assert_eq!(totals[0].counts.lacking, 80);
                        Ok(())
                    })
                },
            )
            .unwrap();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

static CASE: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

async fn counts_are_listed_latest_night_first(stage: &Stage) {
    let registry = &stage.registry;
    let filter = filter_with_settings(stage).await;
    let records = [
        record("j", 1, 1, "2026-11-21", 1),
        record("j", 2, 2, "2026-11-22", 2),
        record("j", 3, 1, "2026-11-22", 3),
    ];
    registry.fold(&records).await.unwrap();
    let listed = async |query: CountsQuery| -> Vec<(String, i64)> {
        let nights = registry.counts(filter.id, &query).await.unwrap();
        nights
            .into_iter()
            .map(|night| (night.night, night.setting))
            .collect()
    };
    let expected = [("2026-11-22", 2), ("2026-11-22", 1), ("2026-11-21", 1)]
        .map(|(night, n)| (night.to_owned(), n));
    assert_eq!(listed(ALL).await, expected);
    let first = listed(CountsQuery { limit: 1, ..ALL }).await;
    let rest = listed(CountsQuery {
        after: first.first().cloned(),
        ..ALL
    })
    .await;
    assert_eq!([first, rest].concat(), expected);
    let night = Some("2026-11-21".to_owned());
    assert_eq!(listed(CountsQuery { night, ..ALL }).await, expected[2..]);
    assert_eq!(
        listed(CountsQuery {
            setting: Some(2),
            ..ALL
        })
        .await,
        expected[..1]
    );
}

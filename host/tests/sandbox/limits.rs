//! The limits that depend on settings: deadlines, logs, memory, the pool.

use std::time::{Duration, Instant};

use skysieve::evaluate::{FaultKind, LogLevel, Settings};

use super::guest::{
    evaluate, kinds, message, own_program, program, program_with, settings, with_guilty,
};

/// Fuel for hours, so that only the clock stops a loop.
fn clocked() -> Settings {
    Settings {
        fuel_per_alert: u64::MAX / 4,
        deadline_ms: 30,
        batch_deadline_ms: 2_000,
        ..settings()
    }
}

#[test]
fn the_deadline_stops_a_loop_and_its_neighbours_stand() {
    let program = program_with(&clocked());
    let evaluation = evaluate(&program, "spin", &with_guilty(8, &[5]));
    let expected: Vec<_> = (0..8)
        .map(|row| (row == 5).then_some(FaultKind::Deadline))
        .collect();
    assert_eq!(kinds(&evaluation), expected);
    assert!(message(&evaluation).contains("longer than 30 ms"));
    // Whole, half, quarter, alone, and once more alone before it counts; three halves without it.
    assert_eq!(evaluation.runs, 8);
}

#[test]
fn a_batch_has_an_end() {
    let started = Instant::now();
    let program = program_with(&Settings {
        batch_deadline_ms: 300,
        ..clocked()
    });
    let guilty: Vec<_> = (0..1000).collect();
    let evaluation = evaluate(&program, "spin", &with_guilty(1000, &guilty));
    assert_eq!(kinds(&evaluation), vec![Some(FaultKind::Deadline); 1000]);
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn log_lines_are_tied_to_the_callers_rows() {
    let evaluation = evaluate(program(), "log", &with_guilty(64, &[37]));
    assert_eq!(evaluation.logs.len(), 1);
    let line = &evaluation.logs[0];
    assert_eq!(
        (line.level, line.row, line.message.as_str()),
        (LogLevel::Warning, Some(37), "a line\\nabout it")
    );
    assert_eq!(evaluation.dropped_logs, 0);
}

#[test]
fn a_flood_of_lines_is_bounded_and_counted_and_no_fault() {
    let evaluation = evaluate(program(), "log_flood", &with_guilty(64, &[37]));
    assert_eq!(kinds(&evaluation), vec![None; 64]);
    assert_eq!((evaluation.logs.len(), evaluation.dropped_logs), (64, 936));
    let evaluation = evaluate(program(), "log_long", &with_guilty(64, &[37]));
    assert_eq!(kinds(&evaluation), vec![None; 64]);
    assert_eq!(
        (evaluation.logs[0].message.len(), evaluation.logs[0].row),
        (1024, None)
    );
}

#[test]
fn without_a_pool_the_verdicts_are_the_same() {
    let on_demand = program_with(&Settings {
        pooling: false,
        ..settings()
    });
    for mode in ["honest", "panic", "allocate", "spin", "nan"] {
        let values = with_guilty(64, &[11]);
        assert_eq!(
            evaluate(&on_demand, mode, &values).verdicts,
            evaluate(program(), mode, &values).verdicts,
            "{mode}"
        );
    }
}

#[test]
fn a_pool_that_cannot_be_reserved_is_done_without() {
    let greedy = Settings {
        pool_instances: 2_000_000,
        ..settings()
    };
    let sandbox = super::guest::sandbox(&greedy);
    assert!(!sandbox.pooled());
    assert!(super::guest::sandbox(&settings()).pooled());
}

#[test]
fn memory_is_enough_just_above_and_not_just_below() {
    let needed = 4 << 20;
    let enough = program_with(&Settings {
        memory_bytes: needed,
        ..settings()
    });
    assert_eq!(kinds(&evaluate(&enough, "honest", &[1.0])), [None]);
    // The guest's own data and stack take a little more than 1 MiB.
    let code = skysieve::evaluate::compile(&super::guest::describing(b'0')).unwrap();
    let tight = super::guest::sandbox(&Settings {
        memory_bytes: 1 << 20,
        ..settings()
    });
    let error = tight
        .load(&skysieve::evaluate::Vouched::from_our_compiler(code))
        .unwrap_err();
    assert!(error.to_string().contains("memory"), "{error}");
}

#[test]
fn compiled_code_fits_every_engine_of_this_process() {
    let pooled = super::guest::sandbox(&settings());
    let on_demand = super::guest::sandbox(&Settings {
        pooling: false,
        ..settings()
    });
    assert_eq!(pooled.compatibility(), on_demand.compatibility());
    assert_eq!(
        pooled.compatibility(),
        skysieve::evaluate::compile_compatibility().unwrap()
    );
    assert_eq!(pooled.compatibility().len(), 32);
}

/// An owner's quota tightens the sandbox's limits for their filters alone.
#[test]
fn a_programs_own_limits_are_tighter_or_nothing() {
    let program = own_program();
    let tight = program.within(300_000, 4 << 20);
    let (lavish, spin) = (program.within(u64::MAX, u64::MAX), with_guilty(4, &[2]));
    assert!(message(&evaluate(&tight, "spin", &spin)).contains("its 300000 units"));
    assert!(message(&evaluate(&lavish, "spin", &spin)).contains("its 5000000 units"));
    assert!(message(&evaluate(&tight, "allocate", &spin)).contains("more than 4 MiB"));
    assert!(message(&evaluate(&program, "allocate", &spin)).contains("more than 16 MiB"));
    assert_eq!(kinds(&evaluate(&tight, "honest", &spin)), vec![None; 4]);
}

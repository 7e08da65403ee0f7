//! What a faulty filter gets: its faults named and blamed on the guilty alerts alone.

use skysieve::evaluate::{FaultKind, Settings, Verdict};

use super::guest::{evaluate, kinds, message, own_program, program_with, settings, with_guilty};

/// Alert 37 of 64 is guilty: it alone fails, with this kind and words, within 2 log2 64 + 2 runs.
fn check(mode: &str, kind: FaultKind, words: &str) {
    let evaluation = evaluate(&own_program(), mode, &with_guilty(64, &[37]));
    let expected: Vec<_> = (0..64).map(|row| (row == 37).then_some(kind)).collect();
    assert_eq!(kinds(&evaluation), expected, "{mode}");
    let message = message(&evaluation);
    assert!(message.contains(words), "{mode}: {message}");
    assert!(evaluation.runs <= 14, "{mode}: {} runs", evaluation.runs);
    let others =
        |verdict: &Verdict| matches!(verdict, Verdict::Pass(annotations) if annotations.len() == 1);
    assert_eq!(
        evaluation
            .verdicts
            .iter()
            .filter(|verdict| others(verdict))
            .count(),
        63,
        "{mode}"
    );
}

#[test]
fn traps() {
    check("panic", FaultKind::Trap, "by a panic");
    check("wild_pointer", FaultKind::Trap, "out of bounds");
    check("recurse", FaultKind::Trap, "too deep a recursion");
}

#[test]
fn limits_of_one_alert() {
    check(
        "spin",
        FaultKind::Fuel,
        "more than its 5000000 units of fuel",
    );
    check("allocate", FaultKind::Memory, "more than 16 MiB");
}

#[test]
fn malformed_answers() {
    let malformed = [
        ("few", "0 verdicts for 1"),
        ("many", "2 verdicts for 1"),
        ("none", "0 verdicts for 1"),
        ("reserved", "verdict 200 of row 0 belongs to the host"),
        ("reserved_last", "verdict 254"),
        ("undeclared", "only 1 reasons are declared"),
        (
            "nan",
            "annotation `calls` of row 0 is not of its declared type, int64",
        ),
        (
            "infinite",
            "annotation `value` of row 0 is not a finite number",
        ),
        (
            "wrong_type",
            "annotation `word` of row 0 is not of its declared type, utf8",
        ),
        (
            "kind",
            "annotation kind 3 of row 0, but only 3 are declared",
        ),
        ("twice", "annotation `value` occurs twice"),
        ("row", "row 1, but the batch has 1 rows"),
        // The batch has the next row; alone there is none.
        ("descending", "row 1, but the batch has 1 rows"),
        ("text", "longer than 4096 bytes"),
        ("flood", "is larger than 256 KiB"),
        ("huge_answer", ""),
        ("no_message", "0 failures for 1 verdicts of 255"),
        ("message_too_many", "1 failures for 0 verdicts"),
    ];
    for (mode, words) in malformed {
        match mode {
            "huge_answer" => check(mode, FaultKind::Memory, words),
            _ => check(mode, FaultKind::Malformed, words),
        }
    }
}

#[test]
fn an_answer_within_the_bounds_is_good() {
    let evaluation = evaluate(&own_program(), "text_fits", &with_guilty(64, &[37]));
    assert_eq!(kinds(&evaluation), vec![None; 64]);
    assert_eq!(evaluation.runs, 1);
}

#[test]
fn messages_are_cut_and_on_one_line() {
    let evaluation = evaluate(&own_program(), "long_message", &with_guilty(8, &[3]));
    assert_eq!(kinds(&evaluation)[3], Some(FaultKind::NotJudged));
    let message = message(&evaluation);
    assert!(
        message.len() <= 1024 && message.starts_with("m\\nm\\n"),
        "{message}"
    );
    assert_eq!(
        evaluation.runs, 1,
        "an alert that could not be judged costs the batch nothing"
    );
}

#[test]
fn every_guilty_alert_is_found() {
    let guilty: Vec<_> = (0..64).step_by(7).collect();
    let evaluation = evaluate(&own_program(), "panic", &with_guilty(64, &guilty));
    let failed: Vec<_> = (0..64)
        .filter(|row| kinds(&evaluation)[*row].is_some())
        .collect();
    assert_eq!(failed, guilty);
}

#[test]
fn no_alert_spends_its_neighbours_fuel() {
    // Each slow alert fits the budget alone, two together do not.
    let program = program_with(&Settings {
        fuel_per_alert: 40_000_000,
        ..settings()
    });
    let evaluation = evaluate(&program, "slow", &with_guilty(16, &[2, 3, 9, 14]));
    assert_eq!(kinds(&evaluation), vec![None; 16]);
    assert!(evaluation.runs > 1);
    let again = evaluate(&program, "slow", &with_guilty(16, &[2, 3, 9, 14]));
    assert_eq!(
        again.verdicts, evaluation.verdicts,
        "however the batch was cut"
    );
}

#[test]
fn a_hopeless_filter_ends_and_every_alert_has_its_own_failure() {
    let guilty: Vec<_> = (0..64).collect();
    let evaluation = evaluate(&own_program(), "spin", &with_guilty(64, &guilty));
    assert_eq!(kinds(&evaluation), vec![Some(FaultKind::Fuel); 64]);
    assert!(evaluation.runs <= 64 + 16, "{} runs", evaluation.runs);
}

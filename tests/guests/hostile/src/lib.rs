//! A guest that does what nobody should.
//!
//! In: batches with the fields `value`, `series[].x` and `name`. Its parameter `mode` says what it
//! does wrong, to alerts whose value is at least `guilty_from`. Out: honest answers about the other
//! alerts: values above 0 pass, annotated; others are rejected; without a value it cannot judge.
//! A letter in its data, which tests overwrite, says how it describes itself.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

wit_bindgen::generate!({ path: "../../../wit", world: "skysieve:filter/filter@0.1.0" });

use exports::skysieve::filter::program::{Batch, Description, Guest, Outcome, ParameterValue};
use skysieve::filter::log;
use skysieve::filter::types::{
    Annotation, AnnotationKind, AnnotationType, AnnotationValue, ElementType, Failure, Field,
    Parameter, Reason, Values,
};

/// The last byte says how `describe` behaves; tests overwrite it.
static DESCRIBE: [u8; 24] = *b"hostile-describe-mode: 0";
/// The default of the parameter `mode`, blanks at its end left out; tests overwrite it.
static DEFAULT_MODE: [u8; 34] = *b"hostile-default-mode: honest      ";
static CALLS: AtomicU32 = AtomicU32::new(0);

struct Hostile;

export!(Hostile);

impl Guest for Hostile {
    fn describe() -> Description {
        let mut description = honest_description();
        match black_box(&DESCRIBE)[23] {
            b'1' => description.title = format!("call {}", CALLS.fetch_add(1, Relaxed)),
            b'2' => spin(),
            b'3' => panic!("no description today"),
            b'4' => description.fields = vec![description.fields[0].clone(); 257],
            b'5' => description.reasons[0].name = "Not a name".to_owned(),
            b'6' => description.reasons = vec![description.reasons[0].clone(); 2],
            b'7' => description.parameters[1].minimum = Some(ParameterValue::Float64(1e12)),
            b'8' => description.title = "long ".repeat(1000),
            b'9' => description.fields[0].paths = vec!["value..x".to_owned()],
            b'a' => description.fields[0].paths = vec!["value".to_owned(), "values[]".to_owned()],
            b'b' => description.title = "two\nlines".to_owned(),
            b'c' => description.parameters[1].default = ParameterValue::Float64(f64::NAN),
            b'd' => description.reasons = reasons(200),
            b'e' => description.reasons = reasons(199),
            b'f' => description.title = "x".repeat(8 << 20),
            b'g' => description.fields[0].paths = vec!["valeu".to_owned()],
            b'h' => allocate(),
            _ => {}
        }
        description
    }

    fn evaluate(batch: Batch, parameters: Vec<ParameterValue>) -> Outcome {
        let mode = match &parameters[0] {
            ParameterValue::Utf8(mode) => mode.clone(),
            _ => unreachable!("the host has checked the type"),
        };
        let ParameterValue::Float64(guilty_from) = parameters[1] else {
            unreachable!("the host has checked the type")
        };
        let values = values(&batch);
        let guilty: Vec<u32> = (0..batch.rows)
            .filter(|row| values[*row as usize] >= Some(guilty_from))
            .collect();
        let mut outcome = honest(&values);
        if let Some(first) = guilty.first() {
            misbehave(&mode, *first, &guilty, &batch, &mut outcome);
        }
        match mode.as_str() {
            "batch_order" if batch.rows > 1 => outcome.verdicts.rotate_left(1),
            "batch_size" if batch.rows > 1 => outcome.verdicts.fill(1),
            _ => {}
        }
        if outcome.verdicts.iter().any(|code| *code != 0)
            && matches!(mode.as_str(), "batch_order" | "batch_size")
        {
            outcome.annotations.clear();
            outcome.failures.clear();
            outcome
                .verdicts
                .iter_mut()
                .filter(|code| **code == 255)
                .for_each(|code| *code = 1);
        }
        outcome
    }
}

fn honest_description() -> Description {
    let field = |path: &str, element| Field {
        paths: vec![path.to_owned()],
        element,
        required: false,
    };
    Description {
        title: "Hostile".to_owned(),
        built_with: "by hand".to_owned(),
        fields: vec![
            field("value", ElementType::Float64),
            field("series[].x", ElementType::Float32),
            field("name", ElementType::Utf8),
        ],
        parameters: vec![
            parameter("mode", ParameterValue::Utf8(default_mode())),
            guilty_from(),
        ],
        reasons: reasons(1),
        annotations: vec![
            kind("value", AnnotationType::Float64),
            kind("calls", AnnotationType::Int64),
            kind("word", AnnotationType::Utf8),
        ],
    }
}

fn default_mode() -> String {
    String::from_utf8_lossy(&black_box(&DEFAULT_MODE)[22..])
        .trim_end()
        .to_owned()
}

fn guilty_from() -> Parameter {
    let minimum = Some(ParameterValue::Float64(-1e6));
    Parameter {
        minimum,
        ..parameter("guilty_from", ParameterValue::Float64(1e9))
    }
}

fn parameter(name: &str, default: ParameterValue) -> Parameter {
    Parameter {
        name: name.to_owned(),
        unit: String::new(),
        summary: String::new(),
        default,
        minimum: None,
        maximum: None,
        choices: Vec::new(),
    }
}

fn reasons(count: u32) -> Vec<Reason> {
    (0..count)
        .map(|number| Reason {
            name: format!("reason_{number}"),
            summary: "not above 0".to_owned(),
        })
        .collect()
}

fn kind(name: &str, element: AnnotationType) -> AnnotationKind {
    AnnotationKind {
        name: name.to_owned(),
        unit: String::new(),
        summary: String::new(),
        element,
    }
}

/// The first column, null where its bit is 0.
fn values(batch: &Batch) -> Vec<Option<f64>> {
    let column = &batch.columns[0];
    let Values::Float64(values) = &column.values else {
        unreachable!("the host keeps the declared type")
    };
    let present = |row: usize| {
        column
            .validity
            .as_ref()
            .is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1)
    };
    values
        .iter()
        .enumerate()
        .map(|(row, value)| present(row).then_some(*value))
        .collect()
}

fn honest(values: &[Option<f64>]) -> Outcome {
    let mut outcome = Outcome {
        verdicts: Vec::new(),
        annotations: Vec::new(),
        failures: Vec::new(),
    };
    for (row, value) in (0..).zip(values) {
        match value {
            Some(value) if *value > 0.0 => {
                outcome.verdicts.push(0);
                outcome.annotations.push(number(row, 0, *value));
            }
            Some(_) => outcome.verdicts.push(1),
            None => {
                outcome.verdicts.push(255);
                outcome.failures.push(Failure {
                    row,
                    message: "no value".to_owned(),
                });
            }
        }
    }
    outcome
}

fn number(row: u32, kind: u32, value: f64) -> Annotation {
    Annotation {
        row,
        kind,
        value: AnnotationValue::Float64(value),
    }
}

fn word(row: u32, bytes: usize) -> Annotation {
    Annotation {
        row,
        kind: 2,
        value: AnnotationValue::Utf8("w".repeat(bytes)),
    }
}

/// Adds an annotation where it belongs: behind those of the rows up to its own.
fn annotate(outcome: &mut Outcome, annotation: Annotation) {
    let place = outcome
        .annotations
        .iter()
        .filter(|other| other.row <= annotation.row)
        .count();
    outcome.annotations.insert(place, annotation);
}

fn misbehave(mode: &str, row: u32, guilty: &[u32], batch: &Batch, outcome: &mut Outcome) {
    match mode {
        "spin" => spin(),
        "allocate" => allocate(),
        "recurse" => drop(black_box(recurse(u64::from(row)))),
        "panic" => panic!("this alert is too much for me"),
        "wild_pointer" => wild_pointer(),
        "few" => drop(outcome.verdicts.pop()),
        "many" => outcome.verdicts.push(0),
        "none" => outcome.verdicts.clear(),
        "reserved" => outcome.verdicts[row as usize] = 200,
        "reserved_last" => outcome.verdicts[row as usize] = 254,
        "undeclared" => outcome.verdicts[row as usize] = 2,
        "nan" => annotate(outcome, number(row, 1, f64::NAN)),
        "infinite" => replace_value(outcome, row, f64::INFINITY),
        "wrong_type" => annotate(outcome, number(row, 2, 1.0)),
        "kind" => annotate(outcome, number(row, 3, 1.0)),
        "twice" => annotate(outcome, number(row, 0, 1.0)),
        "row" => outcome.annotations.push(number(batch.rows, 0, 1.0)),
        "descending" => outcome.annotations.insert(0, number(row + 1, 0, 1.0)),
        "text" => annotate(outcome, word(row, 5000)),
        "text_fits" => annotate(outcome, word(row, 4096)),
        "flood" => outcome.annotations = (0..20_000).map(|_| number(row, 0, 1.0)).collect(),
        "no_message" => outcome.verdicts[row as usize] = 255,
        "message_too_many" => outcome.failures.push(Failure {
            row,
            message: String::new(),
        }),
        "long_message" => not_judged(outcome, row, "m\n".repeat(5000)),
        "huge_answer" => outcome.verdicts = vec![0; 32 << 20],
        "slow" => guilty.iter().for_each(|_| work(3_000_000)),
        "log" => log::write(log::Level::Warning, Some(row), "a line\nabout it"),
        "log_flood" => {
            (0..1000).for_each(|_| log::write(log::Level::Info, None, "again and again"))
        }
        "log_long" => log::write(
            log::Level::Error,
            Some(row + 1_000_000),
            &"l".repeat(1 << 20),
        ),
        "count_calls" => count_calls(guilty, outcome),
        _ => {}
    }
}

fn spin() {
    let mut number = 1_u64;
    loop {
        number = black_box(number.wrapping_mul(3));
    }
}

fn work(rounds: u32) {
    let mut number = 1_u64;
    for _ in 0..rounds {
        number = black_box(number.wrapping_mul(3));
    }
}

/// Until it is refused; without writing, so that it costs memory and hardly any fuel.
fn allocate() {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    loop {
        hoard.push(black_box(Vec::with_capacity(1 << 20)));
    }
}

/// Needs the engine's stack more than the one that Rust keeps in memory.
fn recurse(number: u64) -> u64 {
    if black_box(number) == u64::MAX {
        0
    } else {
        recurse(number + 1).wrapping_mul(3) + 1
    }
}

fn wild_pointer() {
    let pointer = black_box(0xffff_0000_usize) as *const u64;
    // SAFETY: none; that is the point. The sandbox has to catch it.
    black_box(unsafe { pointer.read_volatile() });
}

fn replace_value(outcome: &mut Outcome, row: u32, value: f64) {
    outcome
        .annotations
        .retain(|annotation| annotation.row != row);
    annotate(outcome, number(row, 0, value));
}

fn not_judged(outcome: &mut Outcome, row: u32, message: String) {
    outcome.verdicts[row as usize] = 255;
    outcome
        .annotations
        .retain(|annotation| annotation.row != row);
    let place = outcome
        .failures
        .iter()
        .filter(|failure| failure.row < row)
        .count();
    outcome.failures.insert(place, Failure { row, message });
}

fn count_calls(guilty: &[u32], outcome: &mut Outcome) {
    let calls = i64::from(CALLS.fetch_add(1, Relaxed) + 1);
    for row in guilty {
        annotate(
            outcome,
            Annotation {
                row: *row,
                kind: 1,
                value: AnnotationValue::Int64(calls),
            },
        );
    }
}

//! The hostile guest, built and loaded, and batches for it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::{Array, ArrayRef, Float64Array, StringArray};
use skysieve::evaluate::{
    EvaluateError, Evaluation, FaultKind, ParameterValue, Program, Sandbox, Settings, Verdict,
    Vouched, compile,
};
use skysieve::upload::check;

/// Built once by cargo, in the workspace's own target folder.
pub fn module() -> &'static [u8] {
    static MODULE: OnceLock<Vec<u8>> = OnceLock::new();
    MODULE.get_or_init(|| {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let built = Command::new(env!("CARGO"))
            .current_dir(&root)
            .args([
                "build",
                "--quiet",
                "--release",
                "--target",
                "wasm32-unknown-unknown",
                "-p",
                "hostile",
            ])
            .status()
            .unwrap();
        assert!(built.success(), "the hostile guest does not build");
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        std::fs::read(target.join("wasm32-unknown-unknown/release/hostile.wasm")).unwrap()
    })
}

/// The guest with another way to describe itself: one byte of its data overwritten.
pub fn describing(how: u8) -> Vec<u8> {
    let mut module = module().to_vec();
    let mark = b"hostile-describe-mode: ";
    let place = module
        .windows(mark.len())
        .position(|window| window == mark)
        .unwrap();
    module[place + mark.len()] = how;
    let limits = skysieve::upload::Settings::default();
    check(&module, limits.component_bytes, &limits.caps).unwrap()
}

fn compiled() -> &'static [u8] {
    static COMPILED: OnceLock<Vec<u8>> = OnceLock::new();
    COMPILED.get_or_init(|| compile(&describing(b'0')).unwrap())
}

/// Limits small enough for tests to be quick.
pub fn settings() -> Settings {
    Settings {
        fuel_per_alert: 5_000_000,
        memory_bytes: 16 << 20,
        answer_bytes: 256 << 10,
        pool_instances: 4,
        ..Settings::default()
    }
}

pub fn sandbox(settings: &Settings) -> Arc<Sandbox> {
    Sandbox::new(settings).unwrap()
}

pub fn program_with(settings: &Settings) -> Program {
    sandbox(settings)
        .load(&Vouched::from_our_compiler(compiled()))
        .unwrap()
}

/// A program that nobody else uses, so that its runs can be counted.
pub fn own_program() -> Program {
    program_with(&settings())
}

/// One program for all tests that need no limits of their own and count no runs.
pub fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| program_with(&settings()))
}

/// What a sandbox says of a component that describes itself in a certain way.
pub fn load(how: u8) -> Result<Program, EvaluateError> {
    let code = compile(&describing(how)).unwrap();
    sandbox(&settings()).load(&Vouched::from_our_compiler(code))
}

/// The guest's three fields from values: a series of as many elements as the row's number.
pub fn columns(values: &[Option<f64>]) -> Vec<ArrayRef> {
    let mut series = ListBuilder::new(Float32Builder::new());
    for (row, value) in values.iter().enumerate() {
        (0..row % 5).for_each(|x| series.values().append_value(x as f32));
        series.append(value.is_some());
    }
    let names: StringArray = values
        .iter()
        .map(|value| value.map(|value| format!("object {value}")))
        .collect();
    vec![
        Arc::new(Float64Array::from(values.to_vec())),
        Arc::new(series.finish()),
        Arc::new(names),
    ]
}

pub fn parameters(mode: &str, guilty_from: f64) -> Vec<ParameterValue> {
    vec![
        ParameterValue::Utf8(mode.to_owned()),
        ParameterValue::Float64(guilty_from),
    ]
}

/// Values 1, 2, ... of which those from `1000` on are guilty.
pub const GUILTY: f64 = 1000.0;

pub fn evaluate(program: &Program, mode: &str, values: &[f64]) -> Evaluation {
    let values: Vec<_> = values.iter().copied().map(Some).collect();
    let columns = columns(&values);
    let rows: Vec<u32> = (0..u32::try_from(columns[0].len()).unwrap()).collect();
    program.evaluate(&columns, &rows, &parameters(mode, GUILTY))
}

/// `innocent` alerts with the guilty ones at the given rows.
pub fn with_guilty(innocent: usize, guilty: &[usize]) -> Vec<f64> {
    (0..innocent)
        .map(|row| {
            if guilty.contains(&row) {
                GUILTY + row as f64
            } else {
                1.0 + row as f64 / 1000.0
            }
        })
        .collect()
}

/// Kind of failure per row, none where there is a verdict.
pub fn kinds(evaluation: &Evaluation) -> Vec<Option<FaultKind>> {
    let kind = |verdict: &Verdict| match verdict {
        Verdict::Fail(fault) => Some(fault.kind),
        _ => None,
    };
    evaluation.verdicts.iter().map(kind).collect()
}

/// The message of the first failure.
pub fn message(evaluation: &Evaluation) -> String {
    let message = |verdict: &Verdict| match verdict {
        Verdict::Fail(fault) => Some(fault.message.clone()),
        _ => None,
    };
    evaluation.verdicts.iter().find_map(message).unwrap()
}

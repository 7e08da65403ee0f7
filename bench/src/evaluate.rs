//! Six cuts on columns: in fresh sandboxes, in reused ones, and natively.
//!
//! In: the benchmark filter built for the sandbox, distinct packets. Out: nanoseconds per evaluation
//! at several batch sizes. Never: decoding within the time measured.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow_array::ArrayRef;
use six_cuts::keep;
use skysieve::evaluate::{ParameterValue, Program, Sandbox, Settings, Verdict, Vouched, compile};
use skysieve::upload::wrap::component_of;
use skysieve_decode::flat::FlatColumn;
use skysieve_decode::{Decoder, Limits, NoSchemas};
use skysieve_sdk::{Column, Filter};

use crate::columns::lend;
use crate::fields;
use crate::report::Report;
use crate::rounds::{Case, Effort, measure};

/// The filter's own default of its only parameter [mag].
pub const FAINTEST_MAG: f64 = 19.0;
const NATIVE: [skysieve_sdk::ParameterValue<'static>; 1] =
    [skysieve_sdk::ParameterValue::Float64(FAINTEST_MAG)];
/// Alerts of a batch.
const BATCHES: [usize; 5] = [1, 8, 32, 256, 1024];

/// Measure every batch size in every way and report it.
///
/// # Errors
/// When the filter cannot be loaded, or does not judge natively as it does in the sandbox.
pub fn run(module: &[u8], packets: &[Vec<u8>], effort: Effort, report: &mut Report) -> Result<()> {
    let code = compile(&component(module)?)?;
    let fresh = load(&code, Settings::default())?;
    let reused = load(
        &code,
        Settings {
            batches_per_instance: u32::MAX,
            pooling: false,
            ..Settings::default()
        },
    )?;
    let batches: Vec<Batch> = BATCHES
        .iter()
        .map(|&rows| Batch::of(packets, rows))
        .collect::<Result<_>>()?;
    let flat: Vec<Vec<FlatColumn<'_>>> = batches.iter().map(Batch::flat).collect();
    let native: Vec<Vec<Column<'_>>> = flat
        .iter()
        .map(|flat| flat.iter().map(lend).collect())
        .collect();
    let mut cases = Vec::new();
    for (batch, columns) in batches.iter().zip(&native) {
        let count = batch.rows.len();
        agree(&fresh, batch, columns)?;
        cases.push(case(&format!("evaluate_fresh_{count}_ns"), &fresh, batch));
        cases.push(case(&format!("evaluate_reused_{count}_ns"), &reused, batch));
        let rows = u32::try_from(count)?;
        cases.push(Case::new(
            format!("evaluate_native_{count}_ns"),
            count,
            move || {
                black_box(keep::judge(black_box(columns), 0..rows, &NATIVE));
            },
        ));
    }
    for (name, ns) in measure(&mut cases, effort) {
        report.figure(&name, ns, "ns/evaluation");
    }
    let of = |name: &str| report.value(name).context("measured above");
    let (fresh, native) = (of("evaluate_fresh_256_ns")?, of("evaluate_native_256_ns")?);
    report.figure("evaluate_native_ns", native, "ns/evaluation");
    report.figure(
        "evaluate_fresh_256_added_ns",
        fresh - native,
        "ns/evaluation",
    );
    report.ratio(
        "evaluate_fresh_256_over_native",
        "evaluate_fresh_256_ns",
        "evaluate_native_ns",
    );
    report.ratio(
        "evaluate_reused_256_over_native",
        "evaluate_reused_256_ns",
        "evaluate_native_ns",
    );
    Ok(())
}

/// A core module as the host wraps it on upload.
///
/// # Errors
/// When it is not one of ours.
pub fn component(module: &[u8]) -> Result<Vec<u8>> {
    component_of(module).map_err(anyhow::Error::msg)
}

fn load(code: &[u8], settings: Settings) -> Result<Program> {
    let sandbox = Sandbox::new(&settings)?;
    Ok(sandbox.load(&Vouched::from_our_compiler(code))?)
}

/// Decoded alerts.
pub struct Batch {
    /// One per field of the filter.
    pub columns: Vec<ArrayRef>,
    /// All of them.
    pub rows: Vec<u32>,
}

impl Batch {
    /// `count` alerts; the packets over again where there are fewer.
    ///
    /// # Errors
    /// When a packet cannot be decoded.
    pub fn of(packets: &[Vec<u8>], count: usize) -> Result<Self> {
        let packets: Vec<&[u8]> = packets
            .iter()
            .map(Vec::as_slice)
            .cycle()
            .take(count)
            .collect();
        let mut decoder =
            Decoder::new(fields::projected()?, Arc::new(NoSchemas), Limits::default())?;
        let batch = decoder.decode(&packets);
        ensure!(
            batch.damages.is_empty() && batch.rows.len() == count,
            "damaged packets"
        );
        Ok(Self {
            columns: batch.columns,
            rows: (0..u32::try_from(count)?).collect(),
        })
    }

    fn flat(&self) -> Vec<FlatColumn<'_>> {
        let flat = |column| FlatColumn::of(column).expect("the decoder gives these types");
        self.columns.iter().map(|column| flat(column)).collect()
    }
}

/// The filter's own default.
fn parameters() -> [ParameterValue; 1] {
    [ParameterValue::Float64(FAINTEST_MAG)]
}

fn case<'a>(name: &str, program: &'a Program, batch: &'a Batch) -> Case<'a> {
    let parameters = parameters();
    Case::new(name, batch.rows.len(), move || {
        black_box(program.evaluate(black_box(&batch.columns), &batch.rows, &parameters));
    })
}

/// What is compared must do the same.
fn agree(program: &Program, batch: &Batch, columns: &[Column<'_>]) -> Result<()> {
    let evaluation = program.evaluate(&batch.columns, &batch.rows, &parameters());
    let outcome = keep::judge(columns, 0..u32::try_from(batch.rows.len())?, &NATIVE);
    let code = |verdict: &Verdict| match verdict {
        Verdict::Pass(_) => 0,
        Verdict::Reject { code, .. } => *code,
        Verdict::Fail(_) => u8::MAX,
    };
    let codes: Vec<u8> = evaluation.verdicts.iter().map(code).collect();
    ensure!(
        codes == outcome.verdicts,
        "native and sandboxed verdicts differ"
    );
    Ok(())
}

//! The trial: a new filter judges sample alerts one by one, together and in reverse.
//!
//! In: a program, sample packets. Out: what it made of them and what an alert costs, or a refusal
//! when verdicts depend on batch mates. Never: more alerts or time than bounded.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arrow_array::{Array, ArrayRef};
use serde::Serialize;
use skysieve_decode::{Decoder, Limits};
use utoipa::ToSchema;

use super::refusal::Refusal;
use super::samples::StreamSamples;
use crate::evaluate::{Evaluation, Fault, FaultKind, ParameterValue, Program, Verdict};

/// Sample alerts judged at most.
const ALERTS: usize = 256;
/// Time for judging alerts alone, after which the rest of them is left out.
const ALONE: Duration = Duration::from_secs(10);

/// What a trial gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = Trial)]
pub struct TrialReport {
    /// Alerts judged.
    pub alerts: usize,
    /// Alerts not handed over, for want of a required field.
    pub lacking: usize,
    /// Alerts that passed.
    pub passed: usize,
    /// Alerts rejected, by the name of the reason.
    pub rejected: BTreeMap<String, usize>,
    /// Alerts that the filter failed on, by kind.
    pub failed: BTreeMap<String, Failed>,
    /// Fuel of the cheapest alert, alone.
    pub fuel_min: u64,
    /// Fuel of the median alert, alone.
    pub fuel_median: u64,
    /// Fuel of the dearest alert, alone.
    pub fuel_max: u64,
    /// Time of the whole trial [ms].
    pub elapsed_ms: u64,
    /// What could not be tried, and why.
    pub note: Option<String>,
}

/// Failures of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Failed {
    /// How many.
    pub alerts: usize,
    /// Of the first one.
    pub message: String,
}

/// Tries a program, with the default parameters.
///
/// # Errors
/// When verdicts differ from order to order, or there is none at all.
pub(super) fn trial(program: &Program, samples: &StreamSamples) -> Result<TrialReport, Refusal> {
    let started = Instant::now();
    let mut report = TrialReport::default();
    if samples.schemas.is_empty() && samples.packets.is_empty() {
        report.note = Some("nothing is known of this stream's alerts yet: fields are unchecked, and there was no trial".to_owned());
        return Ok(report);
    }
    let Some(tried) = Tried::new(program, samples, &mut report) else {
        report.note = Some("there is no sample alert that the filter could judge: its fields are checked, but there was no trial".to_owned());
        return Ok(report);
    };
    let alone = tried.alone();
    tried.compare(&alone, &tried.together(false), "together with the others")?;
    tried.compare(&alone, &tried.together(true), "in reverse order")?;
    report.count(program, &alone)?;
    report.elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// A program and the alerts that it judges.
struct Tried<'a> {
    program: &'a Program,
    parameters: Vec<ParameterValue>,
    columns: Vec<ArrayRef>,
    rows: Vec<u32>,
}

impl<'a> Tried<'a> {
    /// None without an alert that has all required fields.
    fn new(
        program: &'a Program,
        samples: &StreamSamples,
        report: &mut TrialReport,
    ) -> Option<Tried<'a>> {
        let description = program.description();
        let packets: Vec<&[u8]> = samples.packets.iter().map(|packet| &**packet).collect();
        let decoder = Decoder::new(
            description.decode_fields(),
            samples.source.clone(),
            Limits::default(),
        );
        let batch = decoder
            .expect("the description's fields have been checked")
            .decode(&packets);
        let count = u32::try_from(batch.rows.len().min(ALERTS)).unwrap_or(0);
        let required =
            std::iter::zip(&description.fields, &batch.columns).filter(|(field, _)| field.required);
        let required: Vec<_> = required.map(|(_, column)| column).collect();
        let has_all = |row: &u32| required.iter().all(|column| column.is_valid(*row as usize));
        let rows: Vec<u32> = (0..count).filter(has_all).collect();
        report.lacking = count as usize - rows.len();
        let parameters = description
            .parameters
            .iter()
            .map(|parameter| parameter.default.clone())
            .collect();
        (!rows.is_empty()).then_some(Tried {
            program,
            parameters,
            columns: batch.columns,
            rows,
        })
    }

    fn evaluate(&self, rows: &[u32]) -> Evaluation {
        self.program.evaluate(&self.columns, rows, &self.parameters)
    }

    /// Verdict and fuel of every alert in a batch of its own, as many as there is time for.
    fn alone(&self) -> Vec<(Verdict, u64)> {
        let started = Instant::now();
        let in_time = self.rows.iter().take_while(|_| started.elapsed() < ALONE);
        in_time
            .filter_map(|row| {
                let mut evaluation = self.evaluate(&[*row]);
                Some((evaluation.verdicts.pop()?, evaluation.fuel))
            })
            .collect()
    }

    /// Verdicts in the order of the alerts, judged as one batch.
    fn together(&self, reverse: bool) -> Vec<Verdict> {
        if !reverse {
            return self.evaluate(&self.rows).verdicts;
        }
        let reversed: Vec<u32> = self.rows.iter().rev().copied().collect();
        let mut verdicts = self.evaluate(&reversed).verdicts;
        verdicts.reverse();
        verdicts
    }

    fn compare(
        &self,
        alone: &[(Verdict, u64)],
        together: &[Verdict],
        how: &'static str,
    ) -> Result<(), Refusal> {
        let differ =
            |(_, ((one, _), other)): &(usize, (&(Verdict, u64), &Verdict))| !same(one, other);
        match alone.iter().zip(together).enumerate().find(differ) {
            None => Ok(()),
            Some((index, ((one, _), other))) => Err(Refusal::BatchMates {
                alert: index + 1,
                alone: self.words(one),
                together: self.words(other),
                how,
            }),
        }
    }

    fn words(&self, verdict: &Verdict) -> String {
        match verdict {
            Verdict::Pass(annotations) if annotations.is_empty() => "passed".to_owned(),
            Verdict::Pass(annotations) => format!("passed with {} annotations", annotations.len()),
            Verdict::Reject { code, .. } => {
                let reason = self.program.description().reason(*code);
                format!("rejected as `{}`", reason.map_or("", |reason| &reason.name))
            }
            Verdict::Fail(fault) => format!("failed ({})", fault.kind),
        }
    }
}

/// Whether two verdicts on one alert agree. A deadline is wall time and says nothing.
fn same(one: &Verdict, other: &Verdict) -> bool {
    let deadline = |verdict: &Verdict| matches!(verdict, Verdict::Fail(fault) if fault.kind == FaultKind::Deadline);
    one == other || deadline(one) || deadline(other)
}

impl TrialReport {
    fn count(&mut self, program: &Program, alone: &[(Verdict, u64)]) -> Result<(), Refusal> {
        self.alerts = alone.len();
        for (verdict, _) in alone {
            match verdict {
                Verdict::Pass(_) => self.passed += 1,
                Verdict::Reject { code, .. } => {
                    let reason = program.description().reason(*code);
                    *self
                        .rejected
                        .entry(reason.map_or(String::new(), |reason| reason.name.clone()))
                        .or_default() += 1;
                }
                Verdict::Fail(fault) => self.count_failure(fault),
            }
        }
        let mut fuel: Vec<u64> = alone.iter().map(|(_, fuel)| *fuel).collect();
        fuel.sort_unstable();
        self.fuel_min = fuel.first().copied().unwrap_or(0);
        self.fuel_median = fuel.get(fuel.len() / 2).copied().unwrap_or(0);
        self.fuel_max = fuel.last().copied().unwrap_or(0);
        self.refuse_if_useless(alone)
    }

    fn count_failure(&mut self, fault: &Fault) {
        let failed = self.failed.entry(fault.kind.to_string()).or_default();
        failed.alerts += 1;
        if failed.alerts == 1 {
            failed.message.clone_from(&fault.message);
        }
    }

    /// A filter that breaks on every alert is not ready; one that says "I cannot judge" may wait for
    /// better alerts.
    fn refuse_if_useless(&self, alone: &[(Verdict, u64)]) -> Result<(), Refusal> {
        let broken = |verdict: &Verdict| matches!(verdict, Verdict::Fail(fault) if fault.kind != FaultKind::NotJudged);
        match alone.first() {
            Some((Verdict::Fail(first), _)) if alone.iter().all(|(verdict, _)| broken(verdict)) => {
                Err(Refusal::AlwaysFails {
                    alerts: alone.len(),
                    message: first.message.clone(),
                })
            }
            _ => Ok(()),
        }
    }
}

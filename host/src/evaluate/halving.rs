//! Who is to blame when a batch fails: halves, in fresh sandboxes, down to single alerts.
//!
//! In: a program, chosen rows, parameters. Out: one verdict per row, each judged exactly once for
//! the records. Never: a verdict that depends on batch mates, an alert tried for ever.
//!
//! A whole batch runs on the budget of one alert; whatever fault it has, it is cut in two. One
//! guilty alert among n costs about 2 log2 n runs. Three rules bound the whole:
//!
//! - a deadline trip of a single alert is wall time on a shared machine, and is tried once more;
//! - after [`HOPELESS`] alerts in a row over fuel or deadline the filter counts as hopeless: its
//!   rows run one by one, without a batch before and without a second try, until one is good;
//! - after `batch_deadline_ms` the rows left over fail with the kind `deadline` unseen.

use std::time::{Duration, Instant};

use super::bindings::types;
use super::columns::Chosen;
use super::filter::Program;
use super::run::{Run, run};
use super::verdict::{Evaluation, Fault, FaultKind, Verdict};

/// Alerts in a row over fuel or deadline after which batches are not tried any more.
const HOPELESS: u32 = 3;

/// A run of consecutive rows.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    rows: usize,
    /// It is one alert and has tripped the deadline once.
    retried: bool,
}

/// One call of `Program::evaluate`.
pub(super) struct Halving<'a> {
    program: &'a Program,
    chosen: &'a Chosen,
    rows: &'a [u32],
    parameters: &'a [&'a types::ParameterValue],
    started: Instant,
    exhausted: u32,
    evaluation: Evaluation,
}

impl<'a> Halving<'a> {
    pub(super) fn new(
        program: &'a Program,
        chosen: &'a Chosen,
        rows: &'a [u32],
        parameters: &'a [&'a types::ParameterValue],
    ) -> Halving<'a> {
        let evaluation = Evaluation {
            verdicts: Vec::with_capacity(rows.len()),
            ..Evaluation::default()
        };
        Halving {
            program,
            chosen,
            rows,
            parameters,
            started: Instant::now(),
            exhausted: 0,
            evaluation,
        }
    }

    /// Judges every row.
    pub(super) fn judge(mut self) -> Evaluation {
        // In the order of rows, the next one last.
        let mut parts = Vec::new();
        while let Some(part) = parts.pop().or_else(|| self.next_part()) {
            if self.is_over() {
                self.give_up();
                break;
            }
            self.judge_part(part, &mut parts);
        }
        self.evaluation.elapsed_ns =
            u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.evaluation
    }

    /// The rows after the last verdict, as many as are expected to stay within half the budget.
    fn next_part(&self) -> Option<Part> {
        let start = self.evaluation.verdicts.len();
        let left = self.rows.len() - start;
        let fitting = self
            .program
            .pace()
            .rows(self.program.settings().fuel_per_alert);
        let rows = if self.is_hopeless() {
            1
        } else {
            left.min(fitting)
        };
        (left > 0).then_some(Part {
            start,
            rows,
            retried: false,
        })
    }

    fn judge_part(&mut self, part: Part, parts: &mut Vec<Part>) {
        if self.is_hopeless() && part.rows > 1 {
            return split_off_first(part, parts);
        }
        let chosen = self.chosen.slice(part.start, part.rows);
        let run = run(
            self.program,
            &chosen,
            part.rows,
            self.parameters,
            &mut self.evaluation.verdicts,
        );
        self.evaluation.fuel += run.fuel;
        self.evaluation.runs += 1;
        self.measure(part, &run);
        match &run.result {
            Ok(()) => {
                self.exhausted = 0;
                self.keep_logs(part, run);
            }
            Err(_) if part.rows > 1 => halve(part, parts),
            Err(fault)
                if fault.kind == FaultKind::Deadline && !part.retried && !self.is_hopeless() =>
            {
                parts.push(Part {
                    retried: true,
                    ..part
                });
            }
            Err(fault) => {
                let exhausted = matches!(fault.kind, FaultKind::Fuel | FaultKind::Deadline);
                self.exhausted = if exhausted { self.exhausted + 1 } else { 0 };
                self.evaluation.verdicts.push(Verdict::Fail(fault.clone()));
                self.keep_logs(part, run);
            }
        }
    }

    fn measure(&self, part: Part, run: &Run) {
        let pace = self.program.pace();
        match run.result.as_ref().map_err(|fault| fault.kind) {
            Ok(()) => pace.good(part.rows, run.fuel),
            Err(FaultKind::Fuel) if part.rows > 1 => {
                pace.over_fuel(part.rows, self.program.settings().fuel_per_alert);
            }
            Err(FaultKind::Memory | FaultKind::Deadline) if part.rows > 1 => {
                pace.over_size(part.rows)
            }
            Err(_) => {}
        }
    }

    /// Keeps what a run logged whose verdicts count, its rows put into the caller's numbers.
    fn keep_logs(&mut self, part: Part, run: Run) {
        let settings = &self.program.sandbox().settings;
        self.evaluation.dropped_logs += run.dropped_logs;
        for mut line in run.logs {
            let bytes: usize = self
                .evaluation
                .logs
                .iter()
                .map(|line| line.message.len())
                .sum();
            if self.evaluation.logs.len() >= settings.log_lines
                || bytes + line.message.len() > settings.log_bytes
            {
                self.evaluation.dropped_logs += 1;
                continue;
            }
            let row = line
                .row
                .map(|row| row as usize)
                .filter(|row| *row < part.rows);
            line.row = row.map(|row| self.rows[part.start + row]);
            self.evaluation.logs.push(line);
        }
    }

    fn is_hopeless(&self) -> bool {
        self.exhausted >= HOPELESS
    }

    fn is_over(&self) -> bool {
        let limit = Duration::from_millis(self.program.sandbox().settings.batch_deadline_ms);
        self.evaluation.runs > 0 && self.started.elapsed() >= limit
    }

    /// Fails every row that has no verdict yet.
    fn give_up(&mut self) {
        let limit_ms = self.program.sandbox().settings.batch_deadline_ms;
        let message = format!(
            "not judged: the filter had used up the {limit_ms} ms of its batch on other alerts"
        );
        let fault = Fault {
            kind: FaultKind::Deadline,
            message,
        };
        self.evaluation
            .verdicts
            .resize(self.rows.len(), Verdict::Fail(fault));
    }
}

fn halve(part: Part, parts: &mut Vec<Part>) {
    let first = part.rows / 2;
    parts.push(Part {
        start: part.start + first,
        rows: part.rows - first,
        retried: false,
    });
    parts.push(Part {
        start: part.start,
        rows: first,
        retried: false,
    });
}

fn split_off_first(part: Part, parts: &mut Vec<Part>) {
    parts.push(Part {
        start: part.start + 1,
        rows: part.rows - 1,
        retried: false,
    });
    parts.push(Part {
        start: part.start,
        rows: 1,
        retried: false,
    });
}

//! One call into a guest, in a sandbox of its own.
//!
//! In: a program, lent columns, a budget. Out: what it answered, what it cost, what it logged.
//! Never: a second try; `halving.rs` decides on that.

use wasmtime::Store;

use super::bindings::{Filter, types};
use super::columns::{Chosen, lend, levels};
use super::fault::fault;
use super::filter::Program;
use super::limits::{MESSAGE_BYTES, Settings};
use super::outcome;
use super::slots::Slot;
use super::store::Guest;
use super::text::for_people;
use super::verdict::{Fault, FaultKind, LogLevel, LogLine, Verdict};

/// A store and the instance in it.
pub(super) struct Instance {
    store: Store<Guest>,
    filter: Filter,
    batches: u32,
}

/// What one call gave.
pub(super) struct Run {
    /// Whether verdicts were appended.
    pub(super) result: Result<(), Fault>,
    /// Units spent.
    pub(super) fuel: u64,
    /// Lines, their rows those of the call.
    pub(super) logs: Vec<LogLine>,
    /// Lines beyond the bound.
    pub(super) dropped_logs: u64,
}

impl Instance {
    /// A fresh sandbox with the whole budget of one alert.
    ///
    /// # Errors
    /// What the program did at its start, and the fuel it spent.
    pub(super) fn new(program: &Program) -> Result<Instance, (Fault, u64)> {
        let (sandbox, settings) = (program.sandbox(), program.settings());
        let mut store = Store::new(&sandbox.engine, Guest::new(settings));
        store.limiter(|guest| &mut guest.memory);
        arm(&mut store, settings, 1);
        match program.pre().instantiate(&mut store) {
            Ok(filter) => Ok(Instance {
                store,
                filter,
                batches: 0,
            }),
            Err(error) => {
                let fault = fault(&error, store.data().memory.refused, settings);
                Err((fault, spent(&store, settings)))
            }
        }
    }

    /// What the program says of itself.
    ///
    /// # Errors
    /// What it did instead.
    pub(super) fn describe(&mut self, settings: &Settings) -> Result<types::Description, Fault> {
        arm(&mut self.store, settings, 1);
        let described = self
            .filter
            .skysieve_filter_program()
            .call_describe(&mut self.store);
        described.map_err(|error| fault(&error, self.store.data().memory.refused, settings))
    }

    /// Gives a kept instance a new budget; a fresh one goes on with what its start has left.
    fn rearm(&mut self, settings: &Settings, rows: usize) {
        if self.batches > 0 {
            arm(&mut self.store, settings, rows);
        }
        self.store
            .set_hostcall_fuel(settings.answer_bytes_for(rows));
    }

    fn evaluate(
        &mut self,
        program: &Program,
        chosen: &Chosen,
        rows: usize,
        parameters: &[&types::ParameterValue],
        verdicts: &mut Vec<Verdict>,
    ) -> Result<(), Fault> {
        let settings = program.settings();
        let flat = chosen.flat().map_err(not_a_column)?;
        let levels: Vec<_> = flat.iter().map(levels).collect();
        let columns: Vec<_> = flat
            .iter()
            .zip(&levels)
            .map(|(column, levels)| lend(column, levels))
            .collect();
        let batch = types::Batch {
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            columns: &columns,
        };
        let answer =
            self.filter
                .skysieve_filter_program()
                .call_evaluate(&mut self.store, batch, parameters);
        let answer =
            answer.map_err(|error| fault(&error, self.store.data().memory.refused, settings))?;
        outcome::check(answer, rows, program.description(), settings, verdicts).map_err(Fault::from)
    }
}

/// Judges `rows` chosen rows in one call and appends their verdicts.
pub(super) fn run(
    program: &Program,
    chosen: &Chosen,
    rows: usize,
    parameters: &[&types::ParameterValue],
    verdicts: &mut Vec<Verdict>,
) -> Run {
    let (sandbox, settings) = (program.sandbox(), program.settings());
    let _slot: Option<Slot<'_>> = sandbox.slots.as_ref().map(super::slots::Slots::take);
    let mut instance = match program.kept().map_or_else(|| Instance::new(program), Ok) {
        Ok(instance) => instance,
        Err((fault, fuel)) => {
            return Run {
                result: Err(fault),
                fuel,
                logs: Vec::new(),
                dropped_logs: 0,
            };
        }
    };
    instance.rearm(settings, rows);
    let result = instance.evaluate(program, chosen, rows, parameters, verdicts);
    let fuel = spent(&instance.store, settings);
    let (logs, dropped_logs) = instance.store.data_mut().logs.take();
    let result = result.map_err(|fault| with_last_words(fault, &logs));
    instance.batches += 1;
    if result.is_ok() && instance.batches < settings.batches_per_instance {
        program.keep(instance);
    }
    Run {
        result,
        fuel,
        logs,
        dropped_logs,
    }
}

/// A program that broke off has often said why: the SDK logs a panic's message and place.
fn with_last_words(mut fault: Fault, logs: &[LogLine]) -> Fault {
    let last = logs.iter().rfind(|line| line.level == LogLevel::Error);
    if let (FaultKind::Trap, Some(line)) = (fault.kind, last) {
        let message = format!("{}: {}", fault.message, line.message);
        fault.message = for_people(&message, MESSAGE_BYTES);
    }
    fault
}

fn arm(store: &mut Store<Guest>, settings: &Settings, rows: usize) {
    store
        .set_fuel(settings.fuel_per_alert)
        .expect("the engine counts fuel: engine.rs");
    store.set_epoch_deadline(settings.deadline_ticks());
    store.set_hostcall_fuel(settings.answer_bytes_for(rows));
}

fn spent(store: &Store<Guest>, settings: &Settings) -> u64 {
    let left = store.get_fuel().expect("the engine counts fuel: engine.rs");
    settings.fuel_per_alert.saturating_sub(left)
}

/// A column of a type that no decoder gives: the host's mistake, told as such.
fn not_a_column(what: String) -> Fault {
    Fault {
        kind: FaultKind::Malformed,
        message: format!("the host prepared a wrong batch, not the filter's fault: {what}"),
    }
}

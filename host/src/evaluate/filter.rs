//! A filter's program, loaded and described, ready to judge.
//!
//! In: compiled code that our own compile child made. Out: [`Program`]: what it says of itself, and
//! evaluations. Never: state between two evaluations (unless the operator asks for reuse).

use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::ArrayRef;
use wasmtime::component::Component;

use super::bindings::{FilterPre, types};
use super::columns::Chosen;
use super::description::Description;
use super::engine::Sandbox;
use super::halving::Halving;
use super::limits::Settings;
use super::pace::Pace;
use super::parameter_value::ParameterValue;
use super::run::Instance;
use super::store::Guest;
use super::verdict::Evaluation;
use super::{EvaluateError, check};

/// A filter ready to judge; clones share it, any thread may use it.
#[derive(Clone)]
pub struct Program {
    shared: Arc<Shared>,
    /// The sandbox's, or tighter.
    settings: Arc<Settings>,
    /// Sandboxes kept between batches; empty unless the operator asked for reuse.
    kept: Arc<Mutex<Vec<Instance>>>,
}

struct Shared {
    sandbox: Arc<Sandbox>,
    pre: FilterPre<Guest>,
    description: Description,
    pace: Pace,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("title", &self.shared.description.title)
            .finish_non_exhaustive()
    }
}

impl Program {
    /// Links a component and asks it what it is: three times, twice in one sandbox and once in
    /// another, for a filter must say the same of itself at every call.
    pub(super) fn new(
        sandbox: &Arc<Sandbox>,
        component: &Component,
    ) -> Result<Program, EvaluateError> {
        let pre = sandbox
            .linker
            .instantiate_pre(component)
            .map_err(EvaluateError::load)?;
        let pre = FilterPre::new(pre).map_err(EvaluateError::load)?;
        let settings = Arc::new(sandbox.settings.clone());
        let shared = Arc::new(Shared {
            sandbox: sandbox.clone(),
            pre,
            description: Description::default(),
            pace: Pace::new(),
        });
        let program = Program {
            shared,
            settings: settings.clone(),
            kept: Arc::default(),
        };
        let description = program.describe(2)?;
        if program.describe(1)? != description {
            return Err(EvaluateError::Unstable);
        }
        let shared = Arc::into_inner(program.shared).expect("nobody has seen the program yet");
        Ok(Program {
            shared: Arc::new(Shared {
                description,
                ..shared
            }),
            settings,
            kept: program.kept,
        })
    }

    /// The same program, with no more than so much fuel for an alert and so many bytes of memory; where
    /// the sandbox gives less, that holds.
    #[must_use]
    pub fn within(&self, fuel_per_alert: u64, memory_bytes: u64) -> Self {
        let of = &self.shared.sandbox.settings;
        let memory_bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        let settings = Settings {
            fuel_per_alert: of.fuel_per_alert.min(fuel_per_alert),
            memory_bytes: of.memory_bytes.min(memory_bytes),
            ..of.clone()
        };
        if settings == *self.settings {
            return self.clone();
        }
        Self {
            shared: self.shared.clone(),
            settings: Arc::new(settings),
            kept: Arc::default(),
        }
    }

    /// What the filter says of itself.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.shared.description
    }

    /// Running average of fuel per alert over the calls so far; 0 before the first.
    #[must_use]
    pub fn fuel_per_alert(&self) -> u64 {
        self.shared.pace.fuel_per_alert()
    }

    /// Judges `rows` of `columns`, which stand in the order of the declared fields; `parameters`
    /// are those of `Description::parameters_from`. Every row gets one verdict, whatever the filter
    /// does, in the order of `rows`.
    ///
    /// # Panics
    /// When a row is not below the number of rows of the columns, or a value is missing: the
    /// caller's mistakes, not the filter's.
    #[must_use]
    pub fn evaluate(
        &self,
        columns: &[ArrayRef],
        rows: &[u32],
        parameters: &[ParameterValue],
    ) -> Evaluation {
        assert_eq!(
            columns.len(),
            self.description().fields.len(),
            "one column for each declared field"
        );
        assert_eq!(
            parameters.len(),
            self.description().parameters.len(),
            "one value for each parameter"
        );
        let chosen = Chosen::new(columns, rows);
        let parameters: Vec<_> = parameters.iter().map(lend).collect();
        let parameters: Vec<_> = parameters.iter().collect();
        Halving::new(self, &chosen, rows, &parameters).judge()
    }

    pub(super) fn sandbox(&self) -> &Sandbox {
        &self.shared.sandbox
    }

    /// The limits that it runs under.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn pre(&self) -> &FilterPre<Guest> {
        &self.shared.pre
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.shared.pace
    }

    /// A sandbox that has judged before, where reuse is on.
    pub(super) fn kept(&self) -> Option<Instance> {
        if self.settings.batches_per_instance <= 1 {
            return None;
        }
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
    }

    /// Keeps a sandbox for another batch.
    pub(super) fn keep(&self, instance: Instance) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(instance);
    }

    fn describe(&self, times: u32) -> Result<Description, EvaluateError> {
        let sandbox = self.sandbox();
        let _slot = sandbox.slots.as_ref().map(super::slots::Slots::take);
        let mut instance =
            Instance::new(self).map_err(|(fault, _)| EvaluateError::Describe(fault))?;
        let mut ask = || {
            let said = instance
                .describe(&self.settings)
                .map_err(EvaluateError::Describe)?;
            check::description(said).map_err(EvaluateError::Description)
        };
        let first = ask()?;
        for _ in 1..times {
            if ask()? != first {
                return Err(EvaluateError::Unstable);
            }
        }
        Ok(first)
    }
}

fn lend(value: &ParameterValue) -> types::ParameterValue {
    match value {
        ParameterValue::Boolean(value) => types::ParameterValue::Boolean(*value),
        ParameterValue::Int64(value) => types::ParameterValue::Int64(*value),
        ParameterValue::Float64(value) => types::ParameterValue::Float64(*value),
        ParameterValue::Utf8(value) => types::ParameterValue::Utf8(value.clone()),
    }
}

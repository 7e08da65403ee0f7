//! The sandbox: all of wasmtime.
//!
//! In: compiled components, columns, chosen rows, parameters. Out: one verdict per row, with
//! annotations, typed failures, fuel and time. Never: IO, state from one batch to the next, or an
//! error of one filter in another.

pub mod active;
mod bindings;
mod check;
mod columns;
mod description;
mod engine;
mod fault;
mod filter;
mod halving;
mod invalid;
mod limits;
mod load;
mod outcome;
mod pace;
mod parameter;
mod parameter_value;
mod run;
mod slots;
mod store;
mod text;
mod verdict;

pub use bindings::{LOG_INTERFACE, PROGRAM_INTERFACE, TYPES_INTERFACE};
pub use description::{AnnotationKind, DeclaredField, Description, ElementType, Reason, ValueType};
pub use engine::{Sandbox, compile, compile_compatibility};
pub use filter::Program;
pub use invalid::InvalidDescription;
pub use limits::Settings;
pub use load::Vouched;
pub use parameter::{Parameter, ParameterError};
pub use parameter_value::ParameterValue;
pub use text::for_people;
pub use verdict::{
    Annotation, AnnotationValue, Evaluation, Fault, FaultKind, LogLevel, LogLine, Verdict,
};

/// Why a component cannot be compiled, loaded or used at all. What a filter does with an alert is
/// a [`Fault`], not this.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// This machine cannot run the engine.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// wasmtime refuses the component.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// Compiled code that does not fit this engine, its limits or our world.
    #[error("the compiled component cannot be loaded: {0}")]
    Load(String),
    /// The filter failed when it was asked what it is.
    #[error("asked to describe itself, the filter failed: {0}")]
    Describe(Fault),
    /// What it said breaks a rule.
    #[error(transparent)]
    Description(#[from] InvalidDescription),
    /// It says something else at every call.
    #[error(
        "the filter describes itself differently from call to call; its description has to be fixed"
    )]
    Unstable,
}

impl EvaluateError {
    fn engine(error: wasmtime::Error) -> EvaluateError {
        EvaluateError::Engine(format!("{error:#}"))
    }

    fn load(error: wasmtime::Error) -> EvaluateError {
        EvaluateError::Load(format!("{error:#}"))
    }
}

//! Why an upload is refused, in words that say what to change.
//!
//! In: what a layer found. Out: a stable code for programs, a message for astronomers. Never: an
//! HTTP status.

use skysieve_decode::FieldError;

use crate::evaluate::InvalidDescription;

/// The upload cannot become a filter as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More bytes than a filter may have.
    #[error(
        "the file has {bytes} bytes and a filter may have {most}; build with `--release`, and strip debug information (`strip = true` in the profile)"
    )]
    TooLarge {
        /// Size [bytes].
        bytes: usize,
        /// Greatest size [bytes].
        most: usize,
    },
    /// Something else than WebAssembly.
    #[error(
        "this is not a compiled WebAssembly file: it looks like {looks_like}; upload the .wasm file that `cargo build --release --target wasm32-unknown-unknown` leaves in target/wasm32-unknown-unknown/release/"
    )]
    NotWasm {
        /// In words.
        looks_like: &'static str,
    },
    /// A module that says nothing of its component.
    #[error(
        "the module was not built against the interface of filters; write it with the crate skysieve-sdk (`#[filter]` on a function) and build it with `cargo build --release --target wasm32-unknown-unknown`"
    )]
    NoComponentType,
    /// An import of the system.
    #[error(
        "the filter wants `{import}` of the operating system (WASI), and filters have no files, clock or network; build it for the target wasm32-unknown-unknown instead of wasm32-wasip1 or wasm32-wasip2"
    )]
    Wasi {
        /// Name of the import.
        import: String,
    },
    /// An import of something else.
    #[error(
        "the filter wants `{import}`, which no filter gets: filters see alerts and their parameters, write log lines, and nothing else{advice}"
    )]
    ForeignImport {
        /// Name of the import.
        import: String,
        /// What it probably comes from; begins with `; ` or is empty.
        advice: &'static str,
    },
    /// Built for a world that this host does not know.
    #[error(
        "the filter was built for `{found}` and this host knows `{known}`; build it with a version of skysieve-sdk that fits this host"
    )]
    WorldVersion {
        /// Interface with version.
        found: String,
        /// Interface with version.
        known: &'static str,
    },
    /// A component that is no filter.
    #[error(
        "the component does not offer `{interface}`, so it is no filter; write it with skysieve-sdk, where `#[filter]` on a function does this"
    )]
    NoProgram {
        /// What a filter exports.
        interface: &'static str,
    },
    /// Broken, or built with features that filters may not use.
    #[error(
        "the WebAssembly is damaged or uses features that filters may not use (threads, 64-bit memory, garbage collection, exceptions, tail calls, relaxed SIMD): {reason}"
    )]
    Invalid {
        /// The validator's words.
        reason: String,
    },
    /// More than a filter may have.
    #[error("the filter has {found} {what} and may have {most}; {advice}")]
    Limit {
        /// Functions, imports ...
        what: &'static str,
        /// How many it has.
        found: u64,
        /// How many it may.
        most: u64,
        /// What to do.
        advice: &'static str,
    },
    /// What the compile child found, told by it.
    #[error("{message}")]
    Told {
        /// As [`Refusal::code`].
        code: String,
        /// As shown.
        message: String,
    },
    /// The compiler does not like it.
    #[error("the filter cannot be compiled: {reason}")]
    Compile {
        /// The compiler's words.
        reason: String,
    },
    /// The compiler needed more than it may.
    #[error(
        "compiling the filter took {what}, so it was stopped; split very large functions, and build with `--release`"
    )]
    CompileLimit {
        /// In words: more than so many seconds.
        what: String,
    },
    /// Compiled code that does not fit.
    #[error("the filter does not fit the interface or the limits of filters: {reason}")]
    Load {
        /// wasmtime's words.
        reason: String,
    },
    /// The filter fails when asked what it is.
    #[error("{0}")]
    Describe(String),
    /// What it says of itself breaks a rule.
    #[error(transparent)]
    Description(#[from] InvalidDescription),
    /// It asks for what the stream's alerts do not have.
    #[error("field {number}: {error}")]
    Field {
        /// From 1, in the order of declaration.
        number: usize,
        /// What is wrong, and the nearest right ones.
        error: FieldError,
    },
    /// Its verdicts depend on batch mates.
    #[error(
        "the verdict on sample alert {alert} depends on the other alerts of its batch: {alone} alone, {together} {how}; a verdict may depend on the alert and the parameters only, so keep nothing from one alert to the next"
    )]
    BatchMates {
        /// Number of the sample, from 1.
        alert: usize,
        /// Verdict alone, in words.
        alone: String,
        /// Verdict in the batch, in words.
        together: String,
        /// `together with the others`, `in reverse order`.
        how: &'static str,
    },
    /// It fails on everything.
    #[error("the filter failed on all {alerts} sample alerts; on the first: {message}")]
    AlwaysFails {
        /// How many there were.
        alerts: usize,
        /// Of the first failure.
        message: String,
    },
}

impl Refusal {
    /// Stable, for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Refusal::Told { code, .. } => code,
            Refusal::TooLarge { .. } => "too_large",
            Refusal::NotWasm { .. } => "not_wasm",
            Refusal::NoComponentType => "no_component_type",
            Refusal::Wasi { .. } => "wasi_import",
            Refusal::ForeignImport { .. } => "foreign_import",
            Refusal::WorldVersion { .. } => "world_version",
            Refusal::NoProgram { .. } => "no_program",
            Refusal::Invalid { .. } => "invalid_wasm",
            Refusal::Limit { .. } => "limit",
            Refusal::Compile { .. } => "compile",
            Refusal::CompileLimit { .. } => "compile_limit",
            Refusal::Load { .. } => "does_not_fit",
            Refusal::Describe(_) => "describe",
            Refusal::Description(_) => "description",
            Refusal::Field {
                error: FieldError::Missing { .. },
                ..
            } => "unknown_field",
            Refusal::Field { .. } => "field_type",
            Refusal::BatchMates { .. } => "batch_mates",
            Refusal::AlwaysFails { .. } => "always_fails",
        }
    }
}

/// Why an upload did not become a filter.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The filter has to change.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The host could not judge it now; the same upload may be good later.
    #[error("the host cannot check the filter now: {0}")]
    Host(String),
}

impl UploadError {
    /// An error of the host's own files or processes.
    pub(super) fn host(what: &str, error: impl std::fmt::Display) -> UploadError {
        UploadError::Host(format!("{what}: {error}"))
    }
}

//! The layers of an upload in their order.
//!
//! In: bytes and samples, or the digest of a filter accepted before. Out: an accepted filter, or a
//! loaded program. Never: a layer left out.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::caps::Caps;
use super::compiler::Compiler;
use super::look::{Kind, look};
use super::refusal::{Refusal, UploadError};
use super::samples::StreamSamples;
use super::settings::Settings;
use super::trial::{TrialReport, trial};
use super::{validate, wrap};
use crate::evaluate::{Description, EvaluateError, Program, Sandbox, Vouched};

/// A filter that is ready to be stored and run.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The component that runs.
    pub component: Vec<u8>,
    /// SHA-256 of the bytes as uploaded, hexadecimal: the version's identity.
    pub sha256: String,
    /// What the filter says of itself.
    pub description: Description,
    /// What it made of the sample alerts.
    pub trial: TrialReport,
    /// Loaded.
    pub program: Program,
}

/// The layers before compiling: size, kind, soundness, our world alone. A hostile file may take the
/// time, memory or stack of whoever runs them: in a host that is the compile child.
///
/// # Errors
/// The first thing that has to change.
pub fn check(bytes: &[u8], component_bytes: usize, caps: &Caps) -> Result<Vec<u8>, Refusal> {
    small_enough(bytes, component_bytes)?;
    let component = match look(bytes)? {
        Kind::Component => bytes.to_vec(),
        Kind::Module => {
            validate::module(bytes, caps)?;
            wrap::component_of(bytes)?
        }
    };
    small_enough(&component, component_bytes)?;
    validate::component(&component, caps)?;
    Ok(component)
}

/// Takes filters in; shared by all who upload, replay or load.
pub struct Uploader {
    sandbox: Arc<Sandbox>,
    compiler: Compiler,
    cache: Cache,
    settings: Settings,
}

impl Uploader {
    /// Compiled filters are kept in `cache`; `program` is this program's own file (or another that
    /// calls [`super::compile_child`]).
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(
        sandbox: Arc<Sandbox>,
        cache: &Path,
        program: PathBuf,
        settings: &Settings,
    ) -> Result<Uploader, UploadError> {
        let cache =
            Cache::open(cache, sandbox.compatibility(), settings.cache_bytes).map_err(|error| {
                UploadError::host(&format!("the folder {}", cache.display()), error)
            })?;
        let compiler = Compiler::new(program, settings);
        Ok(Uploader {
            sandbox,
            compiler,
            cache,
            settings: settings.clone(),
        })
    }

    /// The sandbox that programs run in.
    #[must_use]
    pub fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// Takes a filter through all layers. Blocks for as long as compiling and the trial take.
    ///
    /// # Errors
    /// The first thing that has to change, or what the host could not do.
    pub fn accept(&self, bytes: &[u8], stream: &StreamSamples) -> Result<Accepted, UploadError> {
        small_enough(bytes, self.settings.component_bytes)?;
        look(bytes)?;
        let sha256 = sha256(bytes);
        let known = self.cache.get(&sha256).is_some();
        let compiled = self.compiler.compile(bytes)?;
        let tried = self
            .load(&self.sandbox, &sha256, &compiled.code)
            .and_then(|program| Ok((tried(&program, stream)?, program)));
        let (trial, program) = tried.inspect_err(|_| {
            // A filter that is refused leaves nothing behind; one that was accepted before stays.
            if !known {
                self.cache.remove(&sha256);
            }
        })?;
        let description = program.description().clone();
        Ok(Accepted {
            component: compiled.component,
            sha256,
            description,
            trial,
            program,
        })
    }

    /// Loads the program of a filter that was accepted before: compiled code from the cache, else
    /// compiled again from `component`.
    ///
    /// # Errors
    /// As for `accept`; a filter that was good may be refused by a host with tighter limits.
    pub fn program(
        &self,
        sha256: &str,
        component: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Program, UploadError> {
        self.program_in(&self.sandbox, sha256, component)
    }

    /// The same in another sandbox than the live stream's, under limits of its own.
    ///
    /// # Errors
    /// As for `program`.
    pub fn program_in(
        &self,
        sandbox: &Arc<Sandbox>,
        sha256: &str,
        component: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Program, UploadError> {
        if let Some(path) = self.cache.get(sha256) {
            match sandbox.load_file(&Vouched::from_our_compiler(path)) {
                Err(EvaluateError::Load(reason)) => {
                    tracing::warn!(
                        sha256,
                        reason,
                        "cached code does not load; the filter is compiled again"
                    );
                    self.cache.remove(sha256);
                }
                loaded => return loaded.map_err(refused),
            }
        }
        let component = component().map_err(UploadError::Host)?;
        self.load(sandbox, sha256, &self.compiler.compile(&component)?.code)
    }

    /// Keeps fresh code and loads it from where it is kept.
    fn load(
        &self,
        sandbox: &Arc<Sandbox>,
        sha256: &str,
        code: &[u8],
    ) -> Result<Program, UploadError> {
        let path = self
            .cache
            .put(sha256, code)
            .map_err(|error| UploadError::host("keeping compiled code", error))?;
        sandbox
            .load_file(&Vouched::from_our_compiler(path))
            .map_err(refused)
    }
}

/// The layers after loading: fields against the stream's schemas, the trial.
fn tried(program: &Program, stream: &StreamSamples) -> Result<TrialReport, Refusal> {
    stream.check(program.description())?;
    trial(program, stream)
}

fn small_enough(bytes: &[u8], most: usize) -> Result<(), Refusal> {
    if bytes.len() > most {
        Err(Refusal::TooLarge {
            bytes: bytes.len(),
            most,
        })
    } else {
        Ok(())
    }
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn refused(error: EvaluateError) -> UploadError {
    match error {
        EvaluateError::Engine(_) => UploadError::Host(error.to_string()),
        EvaluateError::Compile(reason) => Refusal::Compile { reason }.into(),
        EvaluateError::Load(reason) => Refusal::Load {
            reason: crate::evaluate::for_people(&reason, 1000),
        }
        .into(),
        EvaluateError::Describe(_) | EvaluateError::Unstable => {
            Refusal::Describe(error.to_string()).into()
        }
        EvaluateError::Description(invalid) => Refusal::Description(invalid).into(),
    }
}

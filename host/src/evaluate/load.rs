//! From compiled code to a program: the one unsafe step of the whole host.
//!
//! In: code that our own compiler made, vouched for. Out: a [`Program`]. Never: bytes that anybody
//! else could have written.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Component;

use super::EvaluateError;
use super::engine::Sandbox;
use super::filter::Program;

/// Compiled code whose origin somebody answers for.
pub struct Vouched<T>(T);

impl<T> Vouched<T> {
    /// Says that `code` is, byte for byte, what [`super::compile`] gave in this process or in our
    /// compile child, and that nobody else could have changed it since: it came through the child's
    /// pipe, or from the cache with its keyed digest checked. Loading it is as powerful as running
    /// native code.
    pub fn from_our_compiler(code: T) -> Vouched<T> {
        Vouched(code)
    }
}

impl Sandbox {
    /// Loads compiled code and asks the filter what it is.
    ///
    /// # Errors
    /// When the code does not fit this engine, its limits or our world, or the description breaks a
    /// rule.
    pub fn load(
        self: &Arc<Self>,
        code: &Vouched<impl AsRef<[u8]>>,
    ) -> Result<Program, EvaluateError> {
        // SAFETY: `deserialize` requires bytes that wasmtime's own compiler has serialized and that
        // nobody has changed. `Vouched::from_our_compiler` is the only way to get here and demands
        // just that; its callers are the upload room (child's pipe, cache with keyed digest), tests
        // and benchmarks (the same process). wasmtime itself refuses code of another version,
        // configuration or processor.
        #[allow(unsafe_code)]
        let component = unsafe { Component::deserialize(&self.engine, code.0.as_ref()) };
        Program::new(self, &component.map_err(EvaluateError::load)?)
    }

    /// The same from a file, which is mapped instead of copied: many filters then cost little memory.
    ///
    /// # Errors
    /// As above, and when the file cannot be mapped.
    pub fn load_file(
        self: &Arc<Self>,
        code: &Vouched<impl AsRef<Path>>,
    ) -> Result<Program, EvaluateError> {
        // SAFETY: as above; and since the file stays mapped, nobody may write into it while the
        // program lives. The cache (its only owner, mode 0600 in a folder of mode 0700) never
        // changes a file in place: it writes another one and renames, which leaves the mapped one
        // as it was.
        #[allow(unsafe_code)]
        let component = unsafe { Component::deserialize_file(&self.engine, code.0.as_ref()) };
        Program::new(self, &component.map_err(EvaluateError::load)?)
    }
}

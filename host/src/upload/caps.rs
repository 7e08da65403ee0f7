//! How large and entangled a filter may be: what makes a compiler slow is bounded before it starts.
//!
//! In: counts. Out: nothing, or the first bound that is passed. Never: a look at bytes.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// Bounds on what a component holds, its inner modules and components together. wasmparser's own
/// are far wider (7.6 MB for a function, a million functions).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Functions with a body; a Rust filter has some hundreds.
    pub functions: u64,
    /// Bytes of one function's body; the largest of real filters, an inflate loop, has 20 kB.
    pub function_bytes: u64,
    /// Local variables of one function.
    pub locals: u64,
    /// Blocks within each other in one function.
    pub block_depth: u64,
    /// Targets of all `br_table` of one function.
    pub branch_targets: u64,
    /// Types.
    pub types: u64,
    /// Imports, of core modules too.
    pub imports: u64,
    /// Exports, of core modules too.
    pub exports: u64,
    /// Globals.
    pub globals: u64,
    /// Segments of data and of table elements.
    pub segments: u64,
    /// Core modules and components within the component.
    pub parts: u64,
    /// Instances and aliases.
    pub instances: u64,
    /// Components within each other.
    pub nesting: u64,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps {
            functions: 20_000,
            function_bytes: 256 << 10,
            locals: 5_000,
            block_depth: 1_000,
            branch_targets: 20_000,
            types: 5_000,
            imports: 1_000,
            exports: 1_000,
            globals: 2_000,
            segments: 10_000,
            parts: 16,
            instances: 2_000,
            nesting: 4,
        }
    }
}

const SMALLER: &str = "leave out what it does not need";
const SPLIT: &str =
    "split it into several functions (a very large `match` or table often is the cause)";

/// Running counts.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    caps: &'a Caps,
    functions: u64,
    types: u64,
    imports: u64,
    exports: u64,
    globals: u64,
    segments: u64,
    parts: u64,
    instances: u64,
}

impl<'a> Tally<'a> {
    pub(super) fn new(caps: &'a Caps) -> Tally<'a> {
        Tally {
            caps,
            functions: 0,
            types: 0,
            imports: 0,
            exports: 0,
            globals: 0,
            segments: 0,
            parts: 0,
            instances: 0,
        }
    }

    pub(super) fn functions(&mut self, count: u32) -> Result<(), Refusal> {
        add(&mut self.functions, count, self.caps.functions, "functions")
    }

    pub(super) fn types(&mut self, count: u32) -> Result<(), Refusal> {
        add(&mut self.types, count, self.caps.types, "types")
    }

    pub(super) fn imports(&mut self, count: u32) -> Result<(), Refusal> {
        add(&mut self.imports, count, self.caps.imports, "imports")
    }

    pub(super) fn exports(&mut self, count: u32) -> Result<(), Refusal> {
        add(&mut self.exports, count, self.caps.exports, "exports")
    }

    pub(super) fn globals(&mut self, count: u32) -> Result<(), Refusal> {
        add(&mut self.globals, count, self.caps.globals, "globals")
    }

    pub(super) fn segments(&mut self, count: u32) -> Result<(), Refusal> {
        add(
            &mut self.segments,
            count,
            self.caps.segments,
            "data and element segments",
        )
    }

    pub(super) fn part(&mut self) -> Result<(), Refusal> {
        add(
            &mut self.parts,
            1,
            self.caps.parts,
            "modules and components in it",
        )
    }

    pub(super) fn instances(&mut self, count: u32) -> Result<(), Refusal> {
        add(
            &mut self.instances,
            count,
            self.caps.instances,
            "instances and aliases",
        )
    }

    pub(super) fn nesting(&self, depth: u64) -> Result<(), Refusal> {
        within(
            depth,
            self.caps.nesting,
            "components within each other",
            SMALLER,
        )
    }

    /// One function's body.
    pub(super) fn function(&self, shape: &Shape) -> Result<(), Refusal> {
        within(
            shape.bytes,
            self.caps.function_bytes,
            "bytes in one function",
            SPLIT,
        )?;
        within(
            shape.locals,
            self.caps.locals,
            "local variables in one function",
            SPLIT,
        )?;
        within(
            shape.depth,
            self.caps.block_depth,
            "blocks within each other in one function",
            SPLIT,
        )?;
        within(
            shape.branch_targets,
            self.caps.branch_targets,
            "branch targets in one function",
            SPLIT,
        )
    }
}

/// What makes one function hard to compile.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) bytes: u64,
    pub(super) locals: u64,
    pub(super) depth: u64,
    pub(super) branch_targets: u64,
}

fn add(total: &mut u64, count: u32, most: u64, what: &'static str) -> Result<(), Refusal> {
    *total += u64::from(count);
    within(*total, most, what, SMALLER)
}

fn within(found: u64, most: u64, what: &'static str, advice: &'static str) -> Result<(), Refusal> {
    if found > most {
        Err(Refusal::Limit {
            what,
            found,
            most,
            advice,
        })
    } else {
        Ok(())
    }
}

//! Is it sound WebAssembly of our world, and small enough to be compiled?
//!
//! In: the bytes of a module or component. Out: nothing, or why it is refused. Never: compiling.

use wasmparser::{
    FuncValidatorAllocations, FunctionBody, Operator, Parser, Payload, ValidPayload, Validator,
    WasmFeatures,
};

use super::caps::{Caps, Shape, Tally};
use super::refusal::Refusal;
use super::world::{check_core_import, check_exports, check_import};
use crate::evaluate::for_people;

/// What filters may be built with: what Rust and componentize-py emit. The engine allows the same
/// (`evaluate/engine.rs`); here it is said before anything else looks at the bytes.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Validates a core module as it was uploaded.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn module(bytes: &[u8], caps: &Caps) -> Result<(), Refusal> {
    Walk::new(caps).run(bytes, |walk, payload| match payload {
        Payload::ImportSection(imports) => walk.core_imports(imports.clone()),
        _ => Ok(()),
    })
}

/// Validates a component, uploaded or wrapped.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn component(bytes: &[u8], caps: &Caps) -> Result<(), Refusal> {
    let mut exports = Vec::new();
    Walk::new(caps).run(bytes, |walk, payload| match payload {
        Payload::ComponentImportSection(imports) if walk.depth == 1 => imports
            .clone()
            .into_iter()
            .try_for_each(|import| check_import(import.map_err(invalid)?.name.name)),
        Payload::ComponentExportSection(section) if walk.depth == 1 => {
            for export in section.clone() {
                exports.push(export.map_err(invalid)?.name.name);
            }
            Ok(())
        }
        _ => Ok(()),
    })?;
    check_exports(&exports)
}

/// One pass over the bytes.
struct Walk<'a> {
    validator: Validator,
    allocations: FuncValidatorAllocations,
    tally: Tally<'a>,
    /// Modules and components around the present place, the outermost included.
    depth: u64,
}

impl<'a> Walk<'a> {
    fn new(caps: &'a Caps) -> Walk<'a> {
        Walk {
            validator: Validator::new_with_features(FEATURES),
            allocations: FuncValidatorAllocations::default(),
            tally: Tally::new(caps),
            depth: 0,
        }
    }

    fn run<'b>(
        mut self,
        bytes: &'b [u8],
        mut look: impl FnMut(&mut Walk<'a>, &Payload<'b>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(invalid)?;
            self.count(&payload)?;
            look(&mut self, &payload)?;
            if let ValidPayload::Func(function, body) =
                self.validator.payload(&payload).map_err(invalid)?
            {
                self.tally.function(&shape(&body).map_err(invalid)?)?;
                let allocations = std::mem::take(&mut self.allocations);
                let mut function = function.into_validator(allocations);
                function.validate(&body).map_err(invalid)?;
                self.allocations = function.into_allocations();
            }
        }
        Ok(())
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        let tally = &mut self.tally;
        match payload {
            Payload::Version { .. } => {
                self.depth += 1;
                tally.nesting(self.depth)
            }
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => tally.part(),
            Payload::FunctionSection(section) => tally.functions(section.count()),
            Payload::TypeSection(section) => tally.types(section.count()),
            Payload::CoreTypeSection(section) => tally.types(section.count()),
            Payload::ComponentTypeSection(section) => tally.types(section.count()),
            Payload::ImportSection(section) => tally.imports(section.count()),
            Payload::ComponentImportSection(section) => tally.imports(section.count()),
            Payload::ExportSection(section) => tally.exports(section.count()),
            Payload::ComponentExportSection(section) => tally.exports(section.count()),
            Payload::GlobalSection(section) => tally.globals(section.count()),
            Payload::DataSection(section) => tally.segments(section.count()),
            Payload::ElementSection(section) => tally.segments(section.count()),
            Payload::InstanceSection(section) => tally.instances(section.count()),
            Payload::ComponentInstanceSection(section) => tally.instances(section.count()),
            Payload::ComponentAliasSection(section) => tally.instances(section.count()),
            Payload::ComponentCanonicalSection(section) => tally.functions(section.count()),
            _ => Ok(()),
        }
    }

    fn core_imports(
        &mut self,
        imports: wasmparser::ImportSectionReader<'_>,
    ) -> Result<(), Refusal> {
        for import in imports.into_imports() {
            let import = import.map_err(invalid)?;
            check_core_import(import.module, import.name)?;
        }
        Ok(())
    }
}

/// What of a function's body a compiler may take badly.
fn shape(body: &FunctionBody<'_>) -> wasmparser::Result<Shape> {
    let range = body.range();
    let mut shape = Shape {
        bytes: (range.end - range.start) as u64,
        ..Shape::default()
    };
    for local in body.get_locals_reader()? {
        shape.locals += u64::from(local?.0);
    }
    let mut depth = 0_u64;
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
            Operator::End => depth = depth.saturating_sub(1),
            Operator::BrTable { targets } => shape.branch_targets += u64::from(targets.len()),
            _ => {}
        }
        shape.depth = shape.depth.max(depth);
    }
    Ok(shape)
}

fn invalid(error: wasmparser::BinaryReaderError) -> Refusal {
    Refusal::Invalid {
        reason: for_people(&error.to_string(), 500),
    }
}

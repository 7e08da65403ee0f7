//! The engine: how components are compiled, where sandboxes get their memory, and the clock behind
//! the deadlines.
//!
//! In: settings. Out: one [`Sandbox`] per process, compiled components. Never: a filter's answer.

use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, EngineWeak, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, WasmFeatures,
};

use super::EvaluateError;
use super::limits::Settings;
use super::slots::Slots;
use super::store::Guest;

/// The engine, its clock and the words that a filter may call; one per process.
pub struct Sandbox {
    pub(super) engine: Engine,
    pub(super) linker: Linker<Guest>,
    pub(super) settings: Settings,
    /// Places in the pool, where there is one.
    pub(super) slots: Option<Slots>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("pooled", &self.pooled())
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Reserves the pool (or warns and does without) and starts the clock.
    ///
    /// # Errors
    /// When this machine cannot run an engine at all.
    pub fn new(settings: &Settings) -> Result<Arc<Sandbox>, EvaluateError> {
        let (engine, pooled) = engine_with_fallback(settings)?;
        let mut linker = Linker::new(&engine);
        super::bindings::add_to_linker(&mut linker).map_err(EvaluateError::engine)?;
        start_clock(
            &engine,
            Duration::from_millis(settings.epoch_tick_ms.max(1)),
        )?;
        let slots = pooled.then(|| Slots::new(settings.pool_instances.max(1)));
        Ok(Arc::new(Sandbox {
            engine,
            linker,
            settings: settings.clone(),
            slots,
        }))
    }

    /// Whether sandboxes come from a pool.
    #[must_use]
    pub fn pooled(&self) -> bool {
        self.slots.is_some()
    }

    /// The limits in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What compiled components must have been made with to run here, as hexadecimal digits:
    /// wasmtime's version, its settings and the processor's features.
    #[must_use]
    pub fn compatibility(&self) -> String {
        compatibility(&self.engine)
    }
}

/// Compiles a component. Runs inside the compile child, in tests and in benchmarks: never in a
/// process that carries a stream, for compiling has no bound of its own.
///
/// # Errors
/// When wasmtime refuses the component.
pub fn compile(component: &[u8]) -> Result<Vec<u8>, EvaluateError> {
    let engine = Engine::new(&config(&Settings::default())).map_err(EvaluateError::engine)?;
    engine
        .precompile_component(component)
        .map_err(|e| EvaluateError::Compile(format!("{e:#}")))
}

/// [`Sandbox::compatibility`] of what [`compile`] makes, for the child to print and tests to compare.
///
/// # Errors
/// When this machine cannot run an engine at all.
pub fn compile_compatibility() -> Result<String, EvaluateError> {
    Ok(compatibility(
        &Engine::new(&config(&Settings::default())).map_err(EvaluateError::engine)?,
    ))
}

fn compatibility(engine: &Engine) -> String {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher
        .0
        .finalize()
        .iter()
        .take(16)
        .fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The standard hasher may change with the compiler; the names of cached files must not.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

fn engine_with_fallback(settings: &Settings) -> Result<(Engine, bool), EvaluateError> {
    // Sandboxes that are kept between batches would hold the pool's places for ever.
    if settings.pooling && settings.batches_per_instance <= 1 {
        let mut pooling = config(settings);
        pooling.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
        match Engine::new(&pooling) {
            Ok(engine) => return Ok((engine, true)),
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "no address space for a pool of sandboxes; filters run, each evaluation some 25 us slower"
            ),
        }
    }
    Ok((
        Engine::new(&config(settings)).map_err(EvaluateError::engine)?,
        false,
    ))
}

/// Everything that compiled code depends on is fixed here, the same for every engine of this
/// version; of the settings only what compiled code does not show.
fn config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(settings.stack_bytes)
        .cranelift_opt_level(OptLevel::Speed)
        // The same NaN on every processor: a filter could tell them apart by their bits.
        .cranelift_nan_canonicalization(true)
        // A filter's memory in the host is what counts: no tables for other people's unwinders.
        .native_unwind_info(false)
        .generate_address_map(false);
    refuse(
        &mut config,
        WasmFeatures::all().difference(allowed_features()),
    );
    config
}

/// What components may be built with: what Rust and componentize-py emit. No threads, no garbage
/// collection, no relaxed SIMD (it may differ between processors), no 64-bit memories.
#[must_use]
pub fn allowed_features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::CALL_INDIRECT_OVERLONG
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::BULK_MEMORY_OPT
        | WasmFeatures::SIMD
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::FLOATS
        | WasmFeatures::COMPONENT_MODEL
}

fn refuse(config: &mut Config, features: WasmFeatures) {
    config.wasm_features(features, false);
}

fn pool(settings: &Settings) -> PoolingAllocationConfig {
    let instances = settings.pool_instances.max(1);
    let each = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let total = |count: usize| instances.saturating_mul(each(count));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(total(settings.core_instances))
        .max_core_instances_per_component(each(settings.core_instances))
        .total_memories(total(settings.memories))
        .max_memories_per_component(each(settings.memories))
        .max_memories_per_module(each(settings.memories))
        .max_memory_size(settings.memory_bytes)
        .total_tables(total(settings.tables))
        .max_tables_per_component(each(settings.tables))
        .max_tables_per_module(each(settings.tables))
        .table_elements(settings.table_elements)
        .linear_memory_keep_resident(settings.pool_keep_resident_bytes)
        .table_keep_resident(settings.table_elements.saturating_mul(size_of::<usize>()))
        .pagemap_scan(Enabled::Auto);
    pool
}

/// One operating-system thread per engine; it ends by itself once the engine is gone.
fn start_clock(engine: &Engine, tick: Duration) -> Result<(), EvaluateError> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("epoch".to_owned())
        .stack_size(64 << 10)
        .spawn(move || run_clock(&engine, tick))
        .map(drop)
        .map_err(|error| {
            EvaluateError::Engine(format!("cannot start the deadlines' clock: {error}"))
        })
}

fn run_clock(engine: &EngineWeak, tick: Duration) {
    while let Some(engine) = engine.upgrade() {
        engine.increment_epoch();
        drop(engine);
        std::thread::sleep(tick);
    }
}

//! What one filter may use, each limit a named default with its reason.
//!
//! In: the operator's settings. Out: bounds for stores, pools and answers. Never: enforcement; the
//! files beside this one enforce.

use serde::Deserialize;

/// Fuel of one alert [units of wasmtime fuel, about one per instruction]. A cut filter of a few
/// fields takes some hundreds, a light-curve fit some ten thousands, opening a cutout about a million.
pub const FUEL_PER_ALERT: u64 = 20_000_000;
/// Wall-clock guard of one call [ms]; many times what the fuel takes on an idle machine.
pub const DEADLINE_MS: u64 = 1_000;
/// Wall-clock guard of everything one batch costs, its halves included [ms].
pub const BATCH_DEADLINE_MS: u64 = 5_000;
/// How often the clock of the deadlines ticks [ms]: the precision of every deadline.
pub const EPOCH_TICK_MS: u64 = 5;
/// Linear memory of one sandbox, the sum over its memories [bytes]. The columns of a batch lie in it.
pub const MEMORY_BYTES: usize = 64 << 20;
/// Linear memories of one sandbox; toolchains give one.
pub const MEMORIES: usize = 2;
/// Tables of one sandbox: the program's own and the one that wrapping adds.
pub const TABLES: usize = 4;
/// Elements of one table (functions called through pointers).
pub const TABLE_ELEMENTS: usize = 10_000;
/// Core instances of one sandbox; wrapping a module for a component gives three or four.
pub const CORE_INSTANCES: usize = 8;
/// Stack of the program [bytes]; threads that evaluate need at least four times as much.
pub const STACK_BYTES: usize = 512 << 10;
/// What one answer or log line may bring over the border [bytes], beside the share of every row.
pub const ANSWER_BYTES: usize = 1 << 20;
/// What one row adds to the bound on an answer [bytes].
pub const ANSWER_BYTES_PER_ROW: usize = 16 << 10;
/// Text of one annotation [bytes].
pub const TEXT_BYTES: usize = 4 << 10;
/// Text of all annotations of one alert [bytes].
pub const TEXT_BYTES_PER_ALERT: usize = 8 << 10;
/// A failure's message [bytes]; the rest is cut off.
pub const MESSAGE_BYTES: usize = 1 << 10;
/// One log line [bytes]; the rest is cut off.
pub const LOG_LINE_BYTES: usize = 1 << 10;
/// Log lines kept of one batch; the oldest give way.
pub const LOG_LINES: usize = 64;
/// Log bytes kept of one batch; the oldest lines give way.
pub const LOG_BYTES: usize = 16 << 10;
/// Sandboxes that may live at once with pooling: workers, trials and replays together.
pub const POOL_INSTANCES: u32 = 64;
/// Memory of a pooled slot that stays mapped between sandboxes [bytes].
pub const POOL_KEEP_RESIDENT_BYTES: usize = 2 << 20;

/// Limits of every sandbox of this process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Fuel of one alert; a whole batch runs on it and is halved when it does not suffice.
    pub fuel_per_alert: u64,
    /// Wall-clock guard of one call into a filter [ms].
    pub deadline_ms: u64,
    /// Wall-clock guard of one batch of one filter, all repetitions included [ms]; alerts that were
    /// not judged until then fail with the kind `deadline`.
    pub batch_deadline_ms: u64,
    /// Period of the clock behind the deadlines [ms].
    pub epoch_tick_ms: u64,
    /// Linear memory of one sandbox in total [bytes].
    pub memory_bytes: usize,
    /// Linear memories of one sandbox.
    pub memories: usize,
    /// Tables of one sandbox.
    pub tables: usize,
    /// Elements of one table.
    pub table_elements: usize,
    /// Core instances of one sandbox.
    pub core_instances: usize,
    /// Stack of the program [bytes].
    pub stack_bytes: usize,
    /// What one answer may bring over the border, beside the share of every row [bytes].
    pub answer_bytes: usize,
    /// What one row adds to that [bytes].
    pub answer_bytes_per_row: usize,
    /// Text of one annotation [bytes].
    pub text_bytes: usize,
    /// Text of all annotations of one alert [bytes].
    pub text_bytes_per_alert: usize,
    /// Log lines kept of one batch.
    pub log_lines: usize,
    /// Log bytes kept of one batch.
    pub log_bytes: usize,
    /// Reserve sandboxes ahead (fast); needs gigabytes of address space, not of memory.
    pub pooling: bool,
    /// Sandboxes that may live at once with pooling; a further one waits.
    pub pool_instances: u32,
    /// Memory of a pooled slot that stays mapped between sandboxes [bytes].
    pub pool_keep_resident_bytes: usize,
    /// Batches that one sandbox may judge before it retires. 1 is the promise that no state survives
    /// a batch; more (without a pool then) is for benchmarks and for those who know their filters.
    pub batches_per_instance: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            fuel_per_alert: FUEL_PER_ALERT,
            deadline_ms: DEADLINE_MS,
            batch_deadline_ms: BATCH_DEADLINE_MS,
            epoch_tick_ms: EPOCH_TICK_MS,
            memory_bytes: MEMORY_BYTES,
            memories: MEMORIES,
            tables: TABLES,
            table_elements: TABLE_ELEMENTS,
            core_instances: CORE_INSTANCES,
            stack_bytes: STACK_BYTES,
            answer_bytes: ANSWER_BYTES,
            answer_bytes_per_row: ANSWER_BYTES_PER_ROW,
            text_bytes: TEXT_BYTES,
            text_bytes_per_alert: TEXT_BYTES_PER_ALERT,
            log_lines: LOG_LINES,
            log_bytes: LOG_BYTES,
            pooling: true,
            pool_instances: POOL_INSTANCES,
            pool_keep_resident_bytes: POOL_KEEP_RESIDENT_BYTES,
            batches_per_instance: 1,
        }
    }
}

impl Settings {
    /// Bytes that the answer to a batch of `rows` may bring over the border.
    pub(super) fn answer_bytes_for(&self, rows: usize) -> usize {
        self.answer_bytes
            .saturating_add(self.answer_bytes_per_row.saturating_mul(rows))
    }

    /// Deadline of one call in ticks of the clock; one more, for the call starts within a tick.
    pub(super) fn deadline_ticks(&self) -> u64 {
        self.deadline_ms.div_ceil(self.epoch_tick_ms.max(1)) + 1
    }
}

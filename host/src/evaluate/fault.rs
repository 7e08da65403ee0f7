//! Why a call into a guest failed, in words for the filter's author.
//!
//! In: wasmtime's error, and whether the guest was refused memory. Out: a [`Fault`]. Never: an error
//! that belongs to the host passed on as the filter's without saying so.

use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use super::limits::{MESSAGE_BYTES, Settings};
use super::text::for_people;
use super::verdict::{Fault, FaultKind};

/// Functions of a backtrace that are named to the author.
const FRAMES: usize = 3;

/// Tells what went wrong, from the error of a call or of an instantiation.
pub(super) fn fault(error: &wasmtime::Error, memory_refused: bool, settings: &Settings) -> Fault {
    let trap = error.downcast_ref::<Trap>().copied();
    let (kind, message) = match trap {
        Some(Trap::OutOfFuel) => (FaultKind::Fuel, over_fuel(settings)),
        Some(Trap::Interrupt) => (FaultKind::Deadline, over_deadline(settings)),
        // What a program does when it gets no memory; others of its traps have causes of their own.
        None | Some(Trap::UnreachableCodeReached | Trap::MemoryOutOfBounds) if memory_refused => {
            (FaultKind::Memory, over_memory(settings))
        }
        Some(Trap::StackOverflow) => (FaultKind::Trap, over_stack(settings)),
        Some(Trap::UnreachableCodeReached) => (
            FaultKind::Trap,
            "the program broke off, in Rust by a panic or a failed unwrap".to_owned(),
        ),
        Some(trap) => (FaultKind::Trap, format!("the program broke off: {trap}")),
        None if error.is::<PoolConcurrencyLimitError>() => (
            FaultKind::Memory,
            format!("the host has no sandbox left; not the filter's fault: {error}"),
        ),
        None => (FaultKind::Malformed, malformed(error, settings)),
    };
    Fault {
        kind,
        message: for_people(&format!("{message}{}", place(error)), MESSAGE_BYTES),
    }
}

fn malformed(error: &wasmtime::Error, settings: &Settings) -> String {
    let cause = error.root_cause().to_string();
    // wasmtime has no type for this one.
    if cause.contains("fuel allocated for hostcalls") {
        return format!(
            "an answer or a log line is larger than {} KiB and {} KiB for each alert together",
            settings.answer_bytes >> 10,
            settings.answer_bytes_per_row >> 10
        );
    }
    format!("the answer breaks the rules: {cause}")
}

fn over_fuel(settings: &Settings) -> String {
    format!(
        "one alert took more than its {} units of fuel",
        settings.fuel_per_alert
    )
}

fn over_deadline(settings: &Settings) -> String {
    format!("one alert took longer than {} ms", settings.deadline_ms)
}

fn over_memory(settings: &Settings) -> String {
    format!(
        "the program broke off when it needed more than {} MiB of memory",
        settings.memory_bytes >> 20
    )
}

fn over_stack(settings: &Settings) -> String {
    format!(
        "too deep a recursion: more than {} KiB of stack",
        settings.stack_bytes >> 10
    )
}

/// ` (in keep, called from evaluate)`, where the program carries names.
fn place(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    let names = backtrace
        .frames()
        .iter()
        .filter_map(|frame| frame.func_name());
    // Without the hash behind the name.
    let names = names
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
        .filter(|name| !is_panic(name));
    let names: Vec<_> = names
        .take(FRAMES)
        .map(|name| for_people(&name, 200))
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(" (in {})", names.join(", called from "))
    }
}

/// The machinery of a panic, which every one of them has in common.
fn is_panic(name: &str) -> bool {
    [
        "panic",
        "rust_begin_unwind",
        "__rust_",
        "abort",
        "handle_alloc_error",
    ]
    .iter()
    .any(|part| name.contains(part))
}

//! The world of filters as Rust sees it, and the one function that a filter may call.
//!
//! In: `wit/world.wit`. Out: borrowed types, so that a column goes into a sandbox by one copy of
//! each of its buffers. Never: a second import.

// What the macro writes has no documentation; the contract's is in the WIT.
#[allow(missing_docs, clippy::all, unused_qualifications)]
mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "skysieve:filter/filter@0.1.0",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

use wasmtime::component::{Linker, WasmStr};
use wasmtime::{StoreContextMut, Trap};

pub(super) use generated::skysieve::filter::log::Level as GuestLevel;
pub(super) use generated::skysieve::filter::types;
pub(super) use generated::{Filter, FilterPre};

use super::store::Guest;
use super::verdict::LogLevel;

/// The log interface that filters of this world import.
pub const LOG_INTERFACE: &str = "skysieve:filter/log@0.1.0";
/// The types both sides share.
pub const TYPES_INTERFACE: &str = "skysieve:filter/types@0.1.0";
/// The interface that a filter must export.
pub const PROGRAM_INTERFACE: &str = "skysieve:filter/program@0.1.0";

/// Gives filters `log.write` and nothing else. By hand, because the generated one copies every
/// line out of the guest before anyone can say that it is too long.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.instance(LOG_INTERFACE)?.func_wrap("write", write)
}

fn write(
    mut store: StoreContextMut<'_, Guest>,
    (level, row, message): (GuestLevel, Option<u32>, WasmStr),
) -> wasmtime::Result<()> {
    // A call into the host takes far longer than the instruction that makes it.
    charge(&mut store, FUEL_PER_LINE)?;
    if store.data().logs.full() {
        store.data_mut().logs.drop_line();
        return Ok(());
    }
    let message = message.to_str(&store)?.into_owned();
    store.data_mut().logs.keep(level.into(), row, &message);
    Ok(())
}

/// Fuel of one log line, kept or dropped.
const FUEL_PER_LINE: u64 = 1_000;

/// Takes fuel for work of the host.
fn charge(store: &mut StoreContextMut<'_, Guest>, fuel: u64) -> wasmtime::Result<()> {
    match store.get_fuel()?.checked_sub(fuel) {
        Some(left) => store.set_fuel(left),
        None => {
            store.set_fuel(0)?;
            Err(Trap::OutOfFuel.into())
        }
    }
}

impl From<GuestLevel> for LogLevel {
    fn from(level: GuestLevel) -> LogLevel {
        match level {
            GuestLevel::Debug => LogLevel::Debug,
            GuestLevel::Info => LogLevel::Info,
            GuestLevel::Warning => LogLevel::Warning,
            GuestLevel::Error => LogLevel::Error,
        }
    }
}

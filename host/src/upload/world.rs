//! What a filter may import and has to export.
//!
//! In: names of imports and exports. Out: nothing, or why they are refused. Never: types; linking
//! compares those.

use super::refusal::Refusal;
use crate::evaluate::{LOG_INTERFACE, PROGRAM_INTERFACE, TYPES_INTERFACE, for_people};

/// Longest name that is told back [bytes].
const NAME_BYTES: usize = 200;

/// Judges the import of a component.
///
/// # Errors
/// When it is not one of ours.
pub(super) fn check_import(name: &str) -> Result<(), Refusal> {
    if name == LOG_INTERFACE || name == TYPES_INTERFACE {
        return Ok(());
    }
    let import = for_people(name, NAME_BYTES);
    if name.starts_with("wasi:") {
        return Err(Refusal::Wasi { import });
    }
    match [LOG_INTERFACE, TYPES_INTERFACE]
        .into_iter()
        .find(|known| same_interface(name, known))
    {
        Some(known) => Err(Refusal::WorldVersion {
            found: import,
            known,
        }),
        None => Err(Refusal::ForeignImport { import, advice: "" }),
    }
}

/// Judges the import of a core module, before it is wrapped.
///
/// # Errors
/// When it belongs to a system or a web page.
pub(super) fn check_core_import(module: &str, name: &str) -> Result<(), Refusal> {
    let import = || for_people(&format!("{module}.{name}"), NAME_BYTES);
    if module.starts_with("wasi_snapshot_preview") || module.starts_with("wasi_unstable") {
        return Err(Refusal::Wasi { import: import() });
    }
    let advice = match module {
        "wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" => {
            "; it comes from wasm-bindgen, made for web pages: often the crates getrandom, chrono or instant with their js features"
        }
        "env" => {
            "; a function is declared but not defined, in Rust by an `extern` block, in C by a missing library"
        }
        // Ours, or the wrapping tells.
        _ => return Ok(()),
    };
    Err(Refusal::ForeignImport {
        import: import(),
        advice,
    })
}

/// Judges the exports of a component.
///
/// # Errors
/// When ours is not among them.
pub(super) fn check_exports(names: &[&str]) -> Result<(), Refusal> {
    if names.contains(&PROGRAM_INTERFACE) {
        return Ok(());
    }
    match names
        .iter()
        .find(|name| same_interface(name, PROGRAM_INTERFACE))
    {
        Some(found) => Err(Refusal::WorldVersion {
            found: for_people(found, NAME_BYTES),
            known: PROGRAM_INTERFACE,
        }),
        None => Err(Refusal::NoProgram {
            interface: PROGRAM_INTERFACE,
        }),
    }
}

/// Whether two names differ in their version alone.
fn same_interface(one: &str, other: &str) -> bool {
    let interface = |name: &'_ str| {
        name.split_once('@')
            .map_or(name.to_owned(), |(interface, _)| interface.to_owned())
    };
    interface(one) == interface(other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn code(result: Result<(), Refusal>) -> String {
        result.map_or_else(|refusal| refusal.code().to_owned(), |()| "fine".to_owned())
    }

    #[test]
    fn imports() {
        assert_eq!(code(check_import("skysieve:filter/log@0.1.0")), "fine");
        assert_eq!(code(check_import("skysieve:filter/types@0.1.0")), "fine");
        assert_eq!(
            code(check_import("skysieve:filter/log@0.2.0")),
            "world_version"
        );
        assert_eq!(code(check_import("wasi:io/streams@0.2.0")), "wasi_import");
        assert_eq!(code(check_import("acme:db/query")), "foreign_import");
        assert_eq!(
            code(check_core_import("wasi_snapshot_preview1", "fd_write")),
            "wasi_import"
        );
        assert_eq!(code(check_core_import("env", "sin")), "foreign_import");
        assert_eq!(
            code(check_core_import("skysieve:filter/log@0.1.0", "write")),
            "fine"
        );
    }

    #[test]
    fn exports() {
        assert_eq!(
            code(check_exports(&[
                "cabi_realloc",
                "skysieve:filter/program@0.1.0"
            ])),
            "fine"
        );
        assert_eq!(
            code(check_exports(&["skysieve:filter/program@1.0.0"])),
            "world_version"
        );
        assert_eq!(code(check_exports(&["wasi:cli/run@0.2.0"])), "no_program");
        assert_eq!(code(check_exports(&[])), "no_program");
    }
}

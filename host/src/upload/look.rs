//! What an uploaded file is, by its first bytes.
//!
//! In: bytes. Out: core module, component, or what else it looks like. Never: more than a look.

use super::refusal::Refusal;

/// A WebAssembly file of one of two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What a compiler leaves.
    Module,
    /// What is run.
    Component,
}

/// Beginnings of other files, and what they are.
const BEGINNINGS: [(&[u8], &str); 14] = [
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"\x7fELF", "a program for Linux, not for WebAssembly"),
    (
        b"\xcf\xfa\xed\xfe",
        "a program for macOS, not for WebAssembly",
    ),
    (b"MZ", "a program for Windows, not for WebAssembly"),
    (b"!<arch>", "a static library"),
    (b"Obj\x01", "an Avro alert packet"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\x89PNG", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"BC\xc0\xde", "LLVM bitcode"),
];

/// Tells what the file is.
///
/// # Errors
/// What it looks like, when it is no WebAssembly.
pub(super) fn look(bytes: &[u8]) -> Result<Kind, Refusal> {
    match bytes {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(Kind::Module),
        [b'\0', b'a', b's', b'm', _, 0, 1, 0, ..] => Ok(Kind::Component),
        _ => Err(Refusal::NotWasm {
            looks_like: looks_like(bytes),
        }),
    }
}

fn looks_like(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        return "an empty file";
    }
    if bytes.starts_with(b"\0asm") {
        return "WebAssembly of an unknown version, or cut off";
    }
    let known = BEGINNINGS
        .iter()
        .find(|(beginning, _)| bytes.starts_with(beginning));
    known.map_or_else(|| text_like(bytes), |(_, name)| *name)
}

fn text_like(bytes: &[u8]) -> &'static str {
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(2000)]).to_lowercase();
    let text = beginning.trim_start();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if text.contains('\0') || text.contains('\u{fffd}') {
        "some other binary file"
    } else if text.starts_with("<!doctype") || text.starts_with("<html") {
        "a web page (was it saved from a browser?)"
    } else if text.starts_with("(module") || text.starts_with("(component") {
        "WebAssembly text, which has to be assembled first"
    } else if text.starts_with('{') || text.starts_with('[') && text.contains('"') {
        "JSON"
    } else if has(&["fn ", "use skysieve", "#[filter", "pub struct"]) {
        "Rust source, which has to be compiled first"
    } else if has(&["def ", "import ", "#!/usr/bin/env python"]) {
        "Python source, which this host does not take yet"
    } else {
        "a text file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        match look(bytes) {
            Err(Refusal::NotWasm { looks_like }) => assert_eq!(looks_like, expected),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn files_are_told_apart() {
        assert_eq!(look(b"\0asm\x01\0\0\0"), Ok(Kind::Module));
        assert_eq!(look(b"\0asm\x0d\0\x01\0"), Ok(Kind::Component));
        check(b"", "an empty file");
        check(
            b"\0asm\x01",
            "WebAssembly of an unknown version, or cut off",
        );
        check(b"\x1f\x8b\x08", "a gzip archive");
        check(b"Obj\x01\x04", "an Avro alert packet");
        check(
            b"\n<!DOCTYPE html>",
            "a web page (was it saved from a browser?)",
        );
        check(
            b"import numpy\ndef keep(alert):\n",
            "Python source, which this host does not take yet",
        );
        check(
            b"use skysieve_sdk::prelude::*;\n",
            "Rust source, which has to be compiled first",
        );
        check(
            b"(module)",
            "WebAssembly text, which has to be assembled first",
        );
        check(b"{\"a\": 1}", "JSON");
        check(b"\x01\x02\0\x03", "some other binary file");
        check(b"hello", "a text file");
    }
}

//! Programs that do the same and are not the same.
//!
//! In: WebAssembly, a number. Out: the same with a custom section that holds the number, which every
//! reader of WebAssembly passes over. Never: another verdict.

use sha2::{Digest, Sha256};

/// Name of the section.
const NAME: &[u8] = b"scale";

/// A copy of a module or component with another digest.
pub fn variant(wasm: &[u8], number: u64) -> Vec<u8> {
    let mut section = vec![u8::try_from(NAME.len()).unwrap_or(u8::MAX)];
    section.extend_from_slice(NAME);
    section.extend_from_slice(&number.to_le_bytes());
    // Below 128 a length is one byte.
    let head = [0, u8::try_from(section.len()).unwrap_or(u8::MAX)];
    [wasm, &head, &section].concat()
}

/// SHA-256 as the registry writes it.
pub fn digest(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

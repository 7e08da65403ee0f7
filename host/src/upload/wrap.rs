//! Core modules into components.
//!
//! In: what `cargo build --target wasm32-unknown-unknown` leaves: a core module that carries the
//! type of its component. Out: the component. Never: a component without such a type.

use wit_component::ComponentEncoder;

/// Wraps a core module; takes about a millisecond.
///
/// # Errors
/// What the encoder says, for people who know components.
pub fn component_of(module: &[u8]) -> Result<Vec<u8>, String> {
    let encoded = ComponentEncoder::default()
        .validate(false)
        .module(module)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| format!("{error:#}"))
}

//! Core modules into components.
//!
//! In: what `cargo build --target wasm32-unknown-unknown` leaves: a core module that carries the
//! type of its component. Out: the component. Never: a component without such a type.

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use super::refusal::Refusal;
use crate::evaluate::for_people;

/// Custom sections in which wit-bindgen leaves the type.
const COMPONENT_TYPE: &str = "component-type";

/// Wraps a validated core module; takes about a millisecond.
///
/// # Errors
/// When it carries no component type, or one that it does not keep to.
pub fn component_of(module: &[u8]) -> Result<Vec<u8>, Refusal> {
    if !has_component_type(module) {
        return Err(Refusal::NoComponentType);
    }
    let encoded = ComponentEncoder::default()
        .validate(false)
        .module(module)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| Refusal::Load {
        reason: for_people(&format!("{error:#}"), 1000),
    })
}

fn has_component_type(module: &[u8]) -> bool {
    Parser::new(0).parse_all(module).any(|payload| {
        matches!(payload, Ok(Payload::CustomSection(section)) if section.name().starts_with(COMPONENT_TYPE))
    })
}

//! The macros of `skysieve-sdk`.
//!
//! What comes in: an author's structs and function. What goes out: the same, with the traits of
//! `skysieve-sdk` for them. Never: a changed signature; the function can still be called.

mod alert;
mod annotations;
mod attribute;
mod cuts;
mod filter;
mod key;
mod parameters;
mod path;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Reads a struct from an alert: each field names its place with `#[alert(path = "...")]`.
#[proc_macro_derive(Alert, attributes(alert))]
pub fn alert(input: TokenStream) -> TokenStream {
    expanded(alert::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Declares parameters: each field has a default with `#[parameter(unit = "mag", default = 18.5)]`,
/// and may have `minimum`, `maximum`, `choices`, `summary` (else its doc comment).
#[proc_macro_derive(Parameters, attributes(parameter))]
pub fn parameters(input: TokenStream) -> TokenStream {
    expanded(parameters::derive(&parse_macro_input!(
        input as DeriveInput
    )))
}

/// Declares annotations: each field may have a unit with `#[annotation(unit = "mag/d")]`, and a
/// `summary` (else its doc comment).
#[proc_macro_derive(Annotations, attributes(annotation))]
pub fn annotations(input: TokenStream) -> TokenStream {
    expanded(annotations::derive(&parse_macro_input!(
        input as DeriveInput
    )))
}

/// Makes a filter of a function: `#[filter(title = "Bright and rising")]`.
///
/// The function takes the alert, and where it wants them its parameters by reference; it returns
/// `Verdict` or `Verdict<A>`. It stays what it is; a type of the same name stands for the filter.
/// One function of a crate can be a filter.
#[proc_macro_attribute]
pub fn filter(attribute: TokenStream, item: TokenStream) -> TokenStream {
    expanded(filter::expand(attribute.into(), item.into()))
}

fn expanded(result: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    result.unwrap_or_else(syn::Error::into_compile_error).into()
}

//! `#[derive(Annotations)]`: what passing alerts carry.
//!
//! What comes in: a struct of values. What goes out: `impl Annotations`. Never: a unit guessed.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Field, LitStr, Result};

use crate::attribute::{doc_comment, lifetime, named_fields};
use crate::key;

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let lifetime = lifetime(input)?.map(|lifetime| quote!(<#lifetime>));
    let fields = named_fields(input, "Annotations")?;
    let kinds = fields
        .iter()
        .map(|field| kind(field))
        .collect::<Result<Vec<_>>>()?;
    let name = &input.ident;
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let places = 0..u32::try_from(fields.len()).unwrap_or(u32::MAX);
    Ok(quote! {
        #[automatically_derived]
        impl #lifetime ::skysieve_sdk::Annotations for #name #lifetime {
            const KINDS: &'static [::skysieve_sdk::AnnotationKind] = &[#(#kinds),*];

            fn write(self, sink: &mut dyn ::core::ops::FnMut(u32, ::skysieve_sdk::AnnotationValue)) {
                #(if let ::core::option::Option::Some(value) =
                    ::skysieve_sdk::AnnotationField::value(self.#idents)
                {
                    sink(#places, value);
                })*
            }
        }
    })
}

fn kind(field: &Field) -> Result<TokenStream> {
    let (mut unit, mut summary) = (String::new(), doc_comment(&field.attrs));
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("annotation"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("unit") {
                unit = meta.value()?.parse::<LitStr>()?.value();
            } else if meta.path.is_ident("summary") {
                summary = meta.value()?.parse::<LitStr>()?.value();
            } else {
                return Err(meta.error("expected `unit = \"...\"` or `summary = \"...\"`"));
            }
            Ok(())
        })?;
    }
    let ident = field.ident.as_ref();
    let name = ident.map(ToString::to_string).unwrap_or_default();
    if !key::is_key(&name) {
        return Err(Error::new_spanned(
            ident,
            "an annotation's name is lower case: [a-z][a-z0-9_]*",
        ));
    }
    let field_type = &field.ty;
    Ok(quote! {
        ::skysieve_sdk::AnnotationKind {
            name: #name,
            unit: #unit,
            summary: #summary,
            element: <#field_type as ::skysieve_sdk::AnnotationField>::ELEMENT,
        }
    })
}

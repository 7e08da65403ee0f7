//! `#[derive(Alert)]`: a struct read from columns.
//!
//! What comes in: a struct whose fields name paths. What goes out: `impl Alert`. Never: a check of
//! types by their spelling; the compiler checks them through `FieldValue`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Expr, ExprArray, Field, LitStr, Result, Type};

use crate::attribute::{fresh_lifetime, lifetime, named_fields, with_lifetime};
use crate::path;

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let own = lifetime(input)?;
    let arguments = own.as_ref().map(|lifetime| quote!(<#lifetime>));
    let lifetime = own.clone().unwrap_or_else(fresh_lifetime);
    let fields = named_fields(input, "Alert")?;
    fields
        .iter()
        .try_for_each(|field| refuse_foreign(&field.ty))?;
    let paths = fields
        .iter()
        .map(|field| paths(field))
        .collect::<Result<Vec<_>>>()?;

    let name = &input.ident;
    let idents = fields.iter().map(|field| &field.ident);
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let places: Vec<_> = (0..fields.len()).map(syn::Index::from).collect();
    let checks = fields
        .iter()
        .zip(&paths)
        .map(|(field, paths)| level_check(field, paths));
    let count = fields.len();
    Ok(quote! {
        #(#checks)*
        #[automatically_derived]
        impl<#lifetime> ::skysieve_sdk::Alert<#lifetime> for #name #arguments {
            const FIELDS: &'static [::skysieve_sdk::Field] =
                &[#(::skysieve_sdk::Field::of::<#types>(&[#(#paths),*])),*];
            type Readers = (#(<#types as ::skysieve_sdk::FieldValue<#lifetime>>::Reader,)*);

            fn open(
                columns: &[::skysieve_sdk::Column<#lifetime>],
            ) -> ::core::option::Option<Self::Readers> {
                if columns.len() != #count {
                    return ::core::option::Option::None;
                }
                ::core::option::Option::Some((
                    #(<#types as ::skysieve_sdk::FieldValue<#lifetime>>::open(&columns[#places], 0)?,)*
                ))
            }

            fn read(
                readers: &Self::Readers,
                row: usize,
            ) -> ::core::result::Result<Self, ::skysieve_sdk::UnexpectedNull> {
                ::core::result::Result::Ok(Self {
                    #(#idents: ::skysieve_sdk::__private::value::<#types>(&readers.#places, row, #places)?,)*
                })
            }
        }
    })
}

/// Types that look right and are none of the contract, answered once and in plain words; the
/// compiler finds the others.
fn refuse_foreign(field_type: &Type) -> Result<()> {
    let Type::Path(path) = field_type else {
        return Ok(());
    };
    let name = path
        .path
        .segments
        .last()
        .map(|last| last.ident.to_string())
        .unwrap_or_default();
    let instead = match name.as_str() {
        "i8" | "i16" | "u8" | "u16" => "i32",
        "isize" | "u32" | "u64" | "usize" => "i64",
        "String" => "&'a str",
        "Vec" => "Series<'a, ...>, or &'a [u8] for bytes",
        _ => return Ok(()),
    };
    Err(Error::new(
        field_type.span(),
        format!("the host hands over no {name}: use {instead}"),
    ))
}

/// A path enters as many arrays as its field's type has room for.
fn level_check(field: &Field, paths: &[LitStr]) -> TokenStream {
    let levels = paths
        .first()
        .map_or(0, |path| path::arrays(&path.value()).unwrap_or(0));
    let field_type = with_lifetime(&field.ty, "static");
    let message = format!(
        "the path has {levels} `[]`, the type another number of Series around its values: one \
         Series for each `[]`"
    );
    quote_spanned! {field.ty.span()=>
        const _: () = ::core::assert!(
            <#field_type as ::skysieve_sdk::FieldValue<'static>>::LEVELS == #levels,
            #message
        );
    }
}

/// The alternatives of a field, all entering equally many arrays.
fn paths(field: &Field) -> Result<Vec<LitStr>> {
    let mut found: Option<Vec<LitStr>> = None;
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("alert"))
    {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("path") {
                found = Some(vec![meta.value()?.parse()?]);
            } else if meta.path.is_ident("paths") {
                found = Some(literals(&meta.value()?.parse()?)?);
            } else {
                return Err(meta.error("expected `path = \"...\"` or `paths = [\"...\", ...]`"));
            }
            Ok(())
        })?;
    }
    let paths = found.filter(|paths| !paths.is_empty()).ok_or_else(|| {
        Error::new_spanned(
            &field.ident,
            "say where the field lies: #[alert(path = \"candidate.magpsf\")]",
        )
    })?;
    let mut levels = None;
    for path in &paths {
        let arrays =
            path::arrays(&path.value()).map_err(|message| Error::new(path.span(), message))?;
        if *levels.get_or_insert(arrays) != arrays {
            return Err(Error::new(
                path.span(),
                "all paths of a field have equally many `[]`",
            ));
        }
    }
    Ok(paths)
}

fn literals(array: &ExprArray) -> Result<Vec<LitStr>> {
    let literal = |expression: &Expr| match expression {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Ok(text.clone()),
        other => Err(Error::new(other.span(), "expected a path in double quotes")),
    };
    array.elems.iter().map(literal).collect()
}

//! Attributes of a struct's fields, and the struct's shape.
//!
//! What comes in: a parsed item. What goes out: its named fields, its lifetime, its doc comments,
//! its types with other lifetimes. Never: a rule of one macro alone.

use proc_macro2::{Group, Ident, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, GenericParam, Lit};
use syn::{Lifetime, Meta, Result};

/// The named fields of a struct.
pub fn named_fields<'a>(input: &'a DeriveInput, name: &str) -> Result<Vec<&'a Field>> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(fields.named.iter().collect()),
            _ => Err(Error::new(
                input.ident.span(),
                format!("{name} needs a struct with named fields"),
            )),
        },
        _ => Err(Error::new(
            input.ident.span(),
            format!("{name} can be derived for a struct only"),
        )),
    }
}

/// The struct's lifetime, if it has one; other generics are refused.
pub fn lifetime(input: &DeriveInput) -> Result<Option<Lifetime>> {
    let mut found = None;
    for parameter in &input.generics.params {
        match parameter {
            GenericParam::Lifetime(lifetime) if found.is_none() => {
                found = Some(lifetime.lifetime.clone());
            }
            other => {
                return Err(Error::new(
                    other.span(),
                    "one lifetime at most, and no other generics",
                ));
            }
        }
    }
    Ok(found)
}

/// The doc comment of an item as one line.
pub fn doc_comment(attributes: &[Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        });
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same tokens with every lifetime replaced by `name` (`static` or `_`).
pub fn with_lifetime(tokens: impl ToTokens, name: &str) -> TokenStream {
    replace(tokens.to_token_stream(), name)
}

fn replace(tokens: TokenStream, name: &str) -> TokenStream {
    let mut after_quote = false;
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => {
                let mut replaced = Group::new(group.delimiter(), replace(group.stream(), name));
                replaced.set_span(group.span());
                TokenTree::Group(replaced)
            }
            TokenTree::Punct(punct) => {
                after_quote = punct.as_char() == '\'' && punct.spacing() == Spacing::Joint;
                TokenTree::Punct(punct)
            }
            TokenTree::Ident(ident) if std::mem::take(&mut after_quote) => {
                TokenTree::Ident(Ident::new(name, ident.span()))
            }
            other => other,
        })
        .collect()
}

/// A lifetime of this name at the macro's own place.
pub fn fresh_lifetime() -> Lifetime {
    Lifetime::new("'alert", Span::call_site())
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn every_lifetime_is_replaced() {
        let replaced = with_lifetime(quote!(Series<'a, Option<&'b str>>), "static");
        assert_eq!(
            replaced.to_string(),
            quote!(Series<'static, Option<&'static str>>).to_string()
        );
    }
}

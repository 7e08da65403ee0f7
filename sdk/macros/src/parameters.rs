//! `#[derive(Parameters)]`: what the owner may change without a new upload.
//!
//! What comes in: a struct of numbers and words with defaults. What goes out: `impl Parameters` and
//! `impl Default`. Never: a default outside its own range.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Expr, ExprArray, Field, LitStr, Result, Type};

use crate::attribute::{doc_comment, lifetime, named_fields};
use crate::key;

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    if let Some(lifetime) = lifetime(input)? {
        return Err(Error::new(
            lifetime.span(),
            "a struct of parameters owns its values",
        ));
    }
    let fields = named_fields(input, "Parameters")?;
    let parsed = fields
        .iter()
        .map(|field| parse(field))
        .collect::<Result<Vec<_>>>()?;
    let declared = parsed
        .iter()
        .map(Declared::tokens)
        .collect::<Result<Vec<_>>>()?;
    let defaults = parsed
        .iter()
        .map(Declared::default_tokens)
        .collect::<Result<Vec<_>>>()?;
    let name = &input.ident;
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    Ok(quote! {
        #[automatically_derived]
        impl ::core::default::Default for #name {
            fn default() -> Self {
                Self { #(#idents: #defaults,)* }
            }
        }
        #[automatically_derived]
        impl ::skysieve_sdk::Parameters for #name {
            const DECLARED: &'static [::skysieve_sdk::Parameter] = &[#(#declared),*];

            fn read(
                values: &[::skysieve_sdk::ParameterValue<'_>],
            ) -> ::core::option::Option<Self> {
                let [#(#idents),*] = values else { return ::core::option::Option::None };
                ::core::option::Option::Some(Self {
                    #(#idents: ::skysieve_sdk::ParameterField::value(#idents)?,)*
                })
            }
        }
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Boolean,
    Int64,
    Float64,
    Utf8,
}

struct Declared<'a> {
    field: &'a Field,
    kind: Kind,
    unit: String,
    summary: String,
    default: Expr,
    minimum: Option<Expr>,
    maximum: Option<Expr>,
    choices: Vec<Expr>,
}

fn parse(field: &Field) -> Result<Declared<'_>> {
    let (mut unit, mut summary) = (String::new(), doc_comment(&field.attrs));
    let (mut default, mut minimum, mut maximum) = (None, None, None);
    let mut choices = Vec::new();
    for attribute in field
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("parameter"))
    {
        attribute.parse_nested_meta(|meta| {
            match name(&meta).as_str() {
                "unit" => unit = meta.value()?.parse::<LitStr>()?.value(),
                "summary" => summary = meta.value()?.parse::<LitStr>()?.value(),
                "default" => default = Some(meta.value()?.parse()?),
                "minimum" => minimum = Some(meta.value()?.parse()?),
                "maximum" => maximum = Some(meta.value()?.parse()?),
                "choices" => {
                    choices = meta
                        .value()?
                        .parse::<ExprArray>()?
                        .elems
                        .into_iter()
                        .collect();
                }
                _ => {
                    return Err(
                        meta.error("expected unit, default, minimum, maximum, choices or summary")
                    );
                }
            }
            Ok(())
        })?;
    }
    let default = default.ok_or_else(|| {
        Error::new_spanned(
            &field.ident,
            "give a default: #[parameter(unit = \"mag\", default = 18.5)]",
        )
    })?;
    let kind = kind(&field.ty)?;
    let declared = Declared {
        field,
        kind,
        unit,
        summary,
        default,
        minimum,
        maximum,
        choices,
    };
    declared.check()?;
    Ok(declared)
}

fn name(meta: &ParseNestedMeta<'_>) -> String {
    meta.path
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn kind(field_type: &Type) -> Result<Kind> {
    let last = match field_type {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string()),
        _ => None,
    };
    match last.as_deref() {
        Some("bool") => Ok(Kind::Boolean),
        Some("i64") => Ok(Kind::Int64),
        Some("f64") => Ok(Kind::Float64),
        Some("String") => Ok(Kind::Utf8),
        _ => Err(Error::new(
            field_type.span(),
            "a parameter is a bool, i64, f64 or String",
        )),
    }
}

impl Declared<'_> {
    fn check(&self) -> Result<()> {
        let name = self
            .field
            .ident
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !key::is_key(&name) {
            let message = "a parameter's name is lower case: [a-z][a-z0-9_]*";
            return Err(Error::new_spanned(&self.field.ident, message));
        }
        let a_number = matches!(self.kind, Kind::Int64 | Kind::Float64);
        if let Some(bound) = self
            .minimum
            .as_ref()
            .or(self.maximum.as_ref())
            .filter(|_| !a_number)
        {
            return Err(Error::new(
                bound.span(),
                "only numbers have a minimum and a maximum",
            ));
        }
        let default = number(&self.default);
        let below = |bound: &Option<Expr>| bound.as_ref().and_then(number).zip(default);
        if below(&self.minimum).is_some_and(|(minimum, default)| default < minimum)
            || below(&self.maximum).is_some_and(|(maximum, default)| default > maximum)
        {
            return Err(Error::new(
                self.default.span(),
                "the default lies outside its own range",
            ));
        }
        let chosen = |choice: &Expr| quote!(#choice).to_string() == self.default_text();
        if !self.choices.is_empty() && !self.choices.iter().any(chosen) {
            return Err(Error::new(
                self.default.span(),
                "the default is none of the choices",
            ));
        }
        Ok(())
    }

    fn default_text(&self) -> String {
        let default = &self.default;
        quote!(#default).to_string()
    }

    fn default_tokens(&self) -> Result<TokenStream> {
        let default = plain(self.kind, &self.default)?;
        Ok(match self.kind {
            Kind::Utf8 => quote!(::std::string::String::from(#default)),
            _ => default,
        })
    }

    fn tokens(&self) -> Result<TokenStream> {
        let name = self.field.ident.as_ref().map(ToString::to_string);
        let (unit, summary) = (&self.unit, &self.summary);
        let default = self.value(&self.default)?;
        let minimum = self.optional(&self.minimum)?;
        let maximum = self.optional(&self.maximum)?;
        let choices = self.choices.iter().map(|choice| self.value(choice));
        let choices = choices.collect::<Result<Vec<_>>>()?;
        Ok(quote! {
            ::skysieve_sdk::Parameter {
                name: #name,
                unit: #unit,
                summary: #summary,
                default: #default,
                minimum: #minimum,
                maximum: #maximum,
                choices: &[#(#choices),*],
            }
        })
    }

    fn optional(&self, bound: &Option<Expr>) -> Result<TokenStream> {
        Ok(match bound {
            Some(bound) => {
                let value = self.value(bound)?;
                quote!(::core::option::Option::Some(#value))
            }
            None => quote!(::core::option::Option::None),
        })
    }

    fn value(&self, expression: &Expr) -> Result<TokenStream> {
        let plain = plain(self.kind, expression)?;
        let case = match self.kind {
            Kind::Boolean => quote!(Boolean),
            Kind::Int64 => quote!(Int64),
            Kind::Float64 => quote!(Float64),
            Kind::Utf8 => quote!(Utf8),
        };
        Ok(quote!(::skysieve_sdk::ParameterValue::#case(#plain)))
    }
}

/// The expression as a value of this kind; a whole number may stand for a float.
fn plain(kind: Kind, expression: &Expr) -> Result<TokenStream> {
    match (kind, number(expression)) {
        (Kind::Float64, Some(number)) => {
            let literal = proc_macro2::Literal::f64_suffixed(number.abs());
            Ok(if number < 0.0 {
                quote!(-#literal)
            } else {
                quote!(#literal)
            })
        }
        _ => Ok(quote!(#expression)),
    }
}

/// The value of a number written out, with its sign.
fn number(expression: &Expr) -> Option<f64> {
    match expression {
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => Some(-number(&unary.expr)?),
        Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Float(float) => float.base10_parse().ok(),
            syn::Lit::Int(int) => int.base10_parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

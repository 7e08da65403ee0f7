//! `#[filter]`: a function that judges one alert becomes a filter.
//!
//! What comes in: the function. What goes out: the same function with its cuts numbered, a type of
//! its name with `impl Filter`, and in a wasm build the exports. Never: a changed signature.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericParam, ItemFn, LitStr, Result, ReturnType, Type};

use crate::attribute::with_lifetime;
use crate::cuts::{self, Reason};

pub fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let title = title(attribute)?;
    let mut function: ItemFn = syn::parse2(item)?;
    let inputs = Inputs::of(&function)?;
    let mut reasons = Vec::new();
    let body = cuts::number(function.block.to_token_stream(), &mut reasons)?;
    *function.block = syn::parse2(body)?;
    let implementation = implementation(&function, &inputs, &title, &reasons);
    // Natively nobody may call the function; in the sandbox the host does.
    Ok(quote!(#[allow(dead_code)] #function #implementation))
}

fn title(attribute: TokenStream) -> Result<LitStr> {
    let mut title: Option<LitStr> = None;
    let parser = syn::meta::parser(|meta| {
        if meta.path.is_ident("title") {
            title = Some(meta.value()?.parse()?);
            Ok(())
        } else {
            Err(meta.error("expected `title = \"...\"`"))
        }
    });
    parser.parse2(attribute)?;
    title
        .filter(|title| !title.value().trim().is_empty())
        .ok_or_else(|| {
            Error::new(
                proc_macro2::Span::call_site(),
                "give a title: #[filter(title = \"...\")]",
            )
        })
}

/// The types in the function's signature, with lifetimes left to inference.
struct Inputs {
    alert: TokenStream,
    alert_by_reference: bool,
    parameters: Option<TokenStream>,
    output: TokenStream,
}

impl Inputs {
    fn of(function: &ItemFn) -> Result<Self> {
        let signature = &function.sig;
        let generic = signature.generics.params.iter();
        if let Some(other) = generic
            .clone()
            .find(|each| !matches!(each, GenericParam::Lifetime(_)))
        {
            return Err(Error::new(
                other.span(),
                "a filter function has no generic types",
            ));
        }
        if let Some(asyncness) = signature.asyncness {
            return Err(Error::new(
                asyncness.span(),
                "a filter function is not async",
            ));
        }
        let types = signature
            .inputs
            .iter()
            .map(input_type)
            .collect::<Result<Vec<_>>>()?;
        let (alert, parameters) = match *types.as_slice() {
            [alert] => (alert, None),
            [alert, parameters] => (alert, Some(by_reference(parameters)?)),
            _ => {
                let message = "a filter function takes the alert, and its parameters where it has some: \
                               fn keep(alert: Ztf, limits: &Limits) -> Verdict";
                return Err(Error::new(signature.paren_token.span.join(), message));
            }
        };
        let ReturnType::Type(_, output) = &signature.output else {
            let message = "a filter function returns a Verdict";
            return Err(Error::new(signature.ident.span(), message));
        };
        let (alert, alert_by_reference) = match alert {
            Type::Reference(reference) => (&*reference.elem, true),
            other => (other, false),
        };
        Ok(Self {
            alert: with_lifetime(alert, "_"),
            alert_by_reference,
            parameters: parameters.map(|parameters| with_lifetime(parameters, "_")),
            output: with_lifetime(output, "_"),
        })
    }
}

fn input_type(input: &FnArg) -> Result<&Type> {
    match input {
        FnArg::Typed(typed) => Ok(&typed.ty),
        FnArg::Receiver(receiver) => {
            Err(Error::new(receiver.span(), "a filter is a free function"))
        }
    }
}

fn by_reference(parameters: &Type) -> Result<&Type> {
    match parameters {
        Type::Reference(reference) if reference.mutability.is_none() => Ok(&reference.elem),
        other => Err(Error::new(
            other.span(),
            "parameters are taken by reference: limits: &Limits",
        )),
    }
}

fn implementation(
    function: &ItemFn,
    inputs: &Inputs,
    title: &LitStr,
    reasons: &[Reason],
) -> TokenStream {
    let (name, visibility) = (&function.sig.ident, &function.vis);
    let Inputs { alert, output, .. } = inputs;
    let parameters = inputs.parameters.clone().unwrap_or_else(|| quote!(()));
    let argument = if inputs.alert_by_reference {
        quote!(&alert)
    } else {
        quote!(alert)
    };
    let limits = inputs.parameters.as_ref().map(|_| quote!(, &limits));
    let reason_names = reasons.iter().map(|reason| &reason.name);
    let summaries = reasons.iter().map(|reason| &reason.summary);
    let doc = format!(
        "The filter \u{201c}{}\u{201d}: `{name}` for every alert of a batch.",
        title.value()
    );
    quote! {
        #[doc = #doc]
        #[allow(non_camel_case_types)]
        #visibility struct #name {}

        impl ::skysieve_sdk::Filter for #name {
            fn describe() -> ::skysieve_sdk::Description {
                ::skysieve_sdk::Description {
                    title: #title,
                    fields: <#alert as ::skysieve_sdk::Alert<'_>>::FIELDS,
                    parameters: <#parameters as ::skysieve_sdk::Parameters>::DECLARED,
                    reasons: &[#(::skysieve_sdk::Reason {
                        name: #reason_names,
                        summary: #summaries,
                    }),*],
                    annotations: <#output as ::skysieve_sdk::Judgement>::KINDS,
                }
            }

            fn judge(
                columns: &[::skysieve_sdk::Column<'_>],
                rows: ::core::ops::Range<u32>,
                parameters: &[::skysieve_sdk::ParameterValue<'_>],
            ) -> ::skysieve_sdk::Outcome {
                #[allow(unused_variables, clippy::let_unit_value)]
                let limits = <#parameters as ::skysieve_sdk::Parameters>::read(parameters)
                    .expect("the host hands over the parameters that describe() declared");
                ::skysieve_sdk::__private::judge(columns, rows, |alert: #alert| #name(#argument #limits))
            }
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Program = ::skysieve_sdk::__private::Program<#name>;
            ::skysieve_sdk::__private::bindings::export!(
                Program with_types_in ::skysieve_sdk::__private::bindings
            );
        };
    }
}

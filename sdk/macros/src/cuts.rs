//! The cuts in the body of a filter function, and their reasons.
//!
//! What comes in: the tokens of a body. What goes out: the same tokens with each `reject_unless!`,
//! `reject_if!` and `reject!` numbered, and the reasons in the order of their codes. Never: a
//! change of anything else, nor of a place (errors stay on the author's lines).

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, LitStr, Result, Token};

use crate::key;

/// The host keeps 200 to 255.
const MOST_REASONS: usize = 199;

/// One row of the cut-flow table.
pub struct Reason {
    pub name: String,
    pub summary: String,
}

/// Numbers the cuts of `body`.
pub fn number(body: TokenStream, reasons: &mut Vec<Reason>) -> Result<TokenStream> {
    let mut numbered = TokenStream::new();
    let mut tokens = body.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let macro_name = match &token {
            TokenTree::Ident(ident) if is_cut(ident) => Some(ident.clone()),
            _ => None,
        };
        if let TokenTree::Group(group) = &token {
            let inner = number(group.stream(), reasons)?;
            numbered.extend([group_like(group, inner)]);
            continue;
        }
        numbered.extend([token]);
        let Some(macro_name) = macro_name else {
            continue;
        };
        let Some(bang) = tokens
            .next_if(|next| matches!(next, TokenTree::Punct(punct) if punct.as_char() == '!'))
        else {
            continue;
        };
        numbered.extend([bang]);
        if let Some(TokenTree::Group(group)) = tokens.next() {
            numbered.extend([group_like(&group, arguments(&macro_name, &group, reasons)?)]);
        }
    }
    Ok(numbered)
}

fn is_cut(ident: &Ident) -> bool {
    ident == "reject_unless" || ident == "reject_if" || ident == "reject"
}

fn group_like(group: &Group, stream: TokenStream) -> TokenTree {
    let mut like = Group::new(group.delimiter(), stream);
    like.set_span(group.span());
    TokenTree::Group(like)
}

/// What the cut's own macro is given: its code, its key and the condition.
fn arguments(macro_name: &Ident, group: &Group, reasons: &mut Vec<Reason>) -> Result<TokenStream> {
    if group.delimiter() == Delimiter::None || group.stream().is_empty() {
        return Err(Error::new(group.span(), usage(macro_name)));
    }
    let (condition, given) = if macro_name == "reject" {
        (None, syn::parse2::<Given>(group.stream())?)
    } else {
        let Conditional { condition, given } = syn::parse2(group.stream())?;
        (Some(condition), given)
    };
    let condition = condition
        .map(|condition| number(condition.to_token_stream(), reasons))
        .transpose()?;
    let span = given.summary.span();
    let (code, name) = add(given, reasons)?;
    let code = Literal::u8_unsuffixed(code);
    Ok(match condition {
        Some(condition) => quote_spanned!(span=> @cut #code #name #condition),
        None => quote!(@cut #code #name),
    })
}

fn usage(macro_name: &Ident) -> &'static str {
    if macro_name == "reject" {
        "expected a reason: reject!(\"no history\")"
    } else {
        "expected a condition and a reason: reject_unless!(mag < 18.5, \"fainter than 18.5 mag\")"
    }
}

/// The code and key of this reason; a reason given twice in the same words is one row.
fn add(given: Given, reasons: &mut Vec<Reason>) -> Result<(u8, String)> {
    let (name, span) = given.key()?;
    let summary = given.summary.value();
    let place = match reasons.iter().position(|reason| reason.name == name) {
        Some(place) if reasons[place].summary == summary => place,
        Some(_) => {
            let message =
                format!("the name `{name}` has another reason already: give name = \"...\"");
            return Err(Error::new(span, message));
        }
        None => {
            reasons.push(Reason {
                name: name.clone(),
                summary,
            });
            reasons.len() - 1
        }
    };
    match u8::try_from(place + 1) {
        Ok(code) if place < MOST_REASONS => Ok((code, name)),
        _ => Err(Error::new(
            span,
            format!("a filter has at most {MOST_REASONS} reasons"),
        )),
    }
}

struct Conditional {
    condition: Expr,
    given: Given,
}

impl Parse for Conditional {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let condition: Expr = input.parse()?;
        if input.is_empty() {
            let message = "say why, for the cut-flow table: reject_unless!(condition, \"reason\")";
            return Err(Error::new_spanned(condition, message));
        }
        input.parse::<Token![,]>()?;
        Ok(Self {
            condition,
            given: input.parse()?,
        })
    }
}

struct Given {
    name: Option<LitStr>,
    summary: LitStr,
}

impl Parse for Given {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut name = None;
        if input.peek(syn::Ident) && input.peek2(Token![=]) {
            let ident: Ident = input.parse()?;
            if ident != "name" {
                return Err(Error::new(
                    ident.span(),
                    "expected `name = \"...\"` or the reason",
                ));
            }
            input.parse::<Token![=]>()?;
            name = Some(input.parse()?);
            input.parse::<Token![,]>()?;
        }
        let summary = input.parse().map_err(|error| {
            Error::new(error.span(), "expected the reason as text in double quotes")
        })?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { name, summary })
    }
}

impl Given {
    fn key(&self) -> Result<(String, Span)> {
        match &self.name {
            Some(name) if key::is_key(&name.value()) => Ok((name.value(), name.span())),
            Some(name) => Err(Error::new(
                name.span(),
                "a reason's name is lower case: [a-z][a-z0-9_]*",
            )),
            None => match key::derived(&self.summary.value()) {
                Some(key) => Ok((key, self.summary.span())),
                None => Err(Error::new(
                    self.summary.span(),
                    "no name can be made of this reason: begin it with a letter or give name = \"...\"",
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(body: TokenStream) -> Vec<String> {
        let mut reasons = Vec::new();
        number(body, &mut reasons).unwrap();
        reasons.into_iter().map(|reason| reason.name).collect()
    }

    #[test]
    fn cuts_are_numbered_in_the_order_of_the_text() {
        let body = quote! {
            reject_unless!(a < 1.0, "a too large");
            if b { reject!(name = "second", "2nd cut"); } else { reject_if!(c, "a too large"); }
            match d { _ => reject!("third") }
        };
        assert_eq!(names(body), ["a_too_large", "second", "third"]);
    }

    #[test]
    fn a_cut_carries_its_code_and_key() {
        let mut reasons = Vec::new();
        let body = quote!(reject!("first"); reject_if!(x > 2, name = "big", "x above 2"););
        let numbered = number(body, &mut reasons).unwrap().to_string();
        let expected = quote!(reject!(@cut 1 "first"); reject_if!(@cut 2 "big" x > 2););
        assert_eq!(numbered, expected.to_string());
    }

    #[test]
    fn wrong_cuts_are_refused() {
        for body in [
            quote!(reject!()),
            quote!(reject_if!(a)),
            quote!(reject_if!(a, reason)),
            quote!(reject!("5 or more")),
            quote!(reject!(name = "Bad", "x")),
            quote!(reject!(name = "a", "x"); reject!(name = "a", "y")),
        ] {
            assert!(number(body.clone(), &mut Vec::new()).is_err(), "{body}");
        }
    }

    #[test]
    fn more_than_199_reasons_are_refused() {
        let cut = |count: usize| -> TokenStream {
            (0..count)
                .map(|n| {
                    format!("reject!(\"r{n}\");")
                        .parse::<TokenStream>()
                        .unwrap()
                })
                .collect()
        };
        assert!(number(cut(199), &mut Vec::new()).is_ok());
        assert!(number(cut(200), &mut Vec::new()).is_err());
    }
}

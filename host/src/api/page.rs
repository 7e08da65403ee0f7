//! Pages of a listing.
//!
//! In: a limit and the place where the last page ended. Out: at most so many items and the place of
//! the next. Never: a page without a bound.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{Kind, Problem};

/// Items of a page where the client does not say.
const DEFAULT_LIMIT: i64 = 50;

/// Greatest number of items of a page.
pub const MAX_LIMIT: i64 = 200;

/// A query that asks for a page and nothing else.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// At most so many items; 50 where it is missing.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// The `limit` of a query within its bounds.
///
/// # Errors
/// Where it lies outside.
pub fn limit(asked: Option<i64>) -> Result<i64, Problem> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        other => Err(Problem::new(
            Kind::BadRequest,
            format!("`limit` must be from 1 to {MAX_LIMIT}, not {other}"),
        )),
    }
}

/// The place that a `cursor` names: opaque to clients, text to us.
///
/// # Errors
/// Where it is none of ours.
pub fn place(cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let text = base16ct::lower::decode_vec(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(wrong_cursor)
}

/// The place as a number.
///
/// # Errors
/// Where the cursor is none of ours.
pub fn number_place(cursor: Option<&str>) -> Result<Option<i64>, Problem> {
    let Some(text) = place(cursor)? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| wrong_cursor())
}

/// What to say to a cursor that is none of ours.
#[must_use]
pub fn wrong_cursor() -> Problem {
    Problem::new(Kind::BadRequest, "`cursor` is not one of ours")
        .advise("send the `next` of the page before, as it is")
}

/// Some of a listing.
#[derive(Serialize, ToSchema)]
#[schema(as = Page)]
pub struct Listed<T> {
    items: Vec<T>,
    /// Ask again with `cursor` and this value, as it is; null where there is no more.
    next: Option<String>,
}

impl<T> Listed<T> {
    /// All there is.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// A page of `found`; with the place of the next one where it is full.
    pub fn page<F>(
        found: &[F],
        limit: i64,
        show: impl Fn(&F) -> T,
        place: impl Fn(&F) -> String,
    ) -> Self {
        let full = i64::try_from(found.len()).is_ok_and(|length| length >= limit);
        let next = found.last().filter(|_| full).map(place);
        Self {
            items: found.iter().map(show).collect(),
            next: next.map(|place| base16ct::lower::encode_string(place.as_bytes())),
        }
    }
}

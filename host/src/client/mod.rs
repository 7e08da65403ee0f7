//! What this program asks of other HTTP servers, and all of ureq: hosts of its own kind in a user's
//! name, and receivers that somebody else named.
//!
//! In: an address and what to send. Out: the answer, or why there is none, within a bounded time.
//! Never: a redirect that is followed, or an answer without a bound.

mod address;
mod api;
mod events;
mod guarded;
pub mod login;
mod pages;
mod refusal;
mod trusted;

pub use api::{Api, Query, encoded};
pub use events::{Event, Events};
pub use guarded::{Answer, Guarded, GuardedError, Rules};
pub use refusal::{CallError, Refusal};
pub use trusted::Trusted;

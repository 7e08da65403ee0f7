//! What this program asks of other HTTP servers, and all of ureq.
//!
//! In: an address and what to send. Out: the answer, or why there is none, within a bounded time.
//! Never: a redirect that is followed, or an answer without a bound.

mod address;
mod guarded;
mod trusted;

pub use guarded::{Answer, Guarded, GuardedError, Rules};
pub use trusted::Trusted;

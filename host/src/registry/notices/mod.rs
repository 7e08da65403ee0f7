//! Notices: what owners are told of their filters, and how far each has come.
//!
//! In: events, in the transaction that makes them; targets that owners name. Out: notices, and the
//! deliveries that are due. Never: a delivery itself (that is `crate::notices`), or a notice without
//! the event that it tells.
//!
//! `enqueue` is for every file of the registry that makes an event. Call it last in a transaction:
//! it takes a number, whose row stays locked until the transaction ends.

mod ending;
mod enqueue;
mod events;
mod history;
mod kind;
mod outbox;
mod sweep;
mod target;
mod targets;

pub use ending::Attempt;
pub(super) use enqueue::enqueue;
pub use enqueue::{About, AtMost, NewNotice};
pub(super) use events::{activated, backtested, failing, suspended, withheld};
pub use history::{Delivery, Notice, NoticeQuery};
pub use kind::NoticeKind;
pub use outbox::Due;
pub use target::{Medium, Target, TargetState};
pub use targets::{NewTarget, TargetError};

/// Identity of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoticeId(pub i64);

/// Identity of a target of notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub i64);

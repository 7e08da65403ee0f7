//! The interface, request by request, against the real router and a real registry.
//!
//! In: requests as clients send them. Out: statuses, documents, headers. Never: a network, but where
//! connections themselves are what is tested.

#![allow(clippy::unwrap_used)]

mod alerts;
mod compatibility;
mod document;
mod gate;
mod health;
mod journey;
mod limits;
mod notices;
mod oidc;
mod once;
mod refusals;
mod rights;
mod shelf;
mod stage;
mod tags;
mod tls;
mod withheld;

//! The `skysieve` host: a telescope's alert stream in, sandboxed filters over every alert, a topic
//! per filter out.
//!
//! ```text
//!  source ──► decode ──► evaluate (wasm) ──► route ──► sink
//!    ▲                        ▲                          │
//!    └──── positions, committed with the outputs ────────┘
//!                             │ the active set of filters, swapped whole
//!               api ◄──► registry ──► SQLite (embedded default) or PostgreSQL
//! ```
//!
//! Data walks one way, one room after another; only committed positions walk back. The modules
//! below stand in the order in which an alert meets them.

pub mod config;

pub mod source;
pub mod evaluate;
pub mod judge;
pub mod route;
pub mod sink;
pub mod kafka;
pub mod worker;

pub mod registry;
pub mod upload;
pub mod api;

pub mod cli;

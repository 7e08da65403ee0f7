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
pub mod stream;

pub mod delivery;
pub mod evaluate;
pub mod gate;
pub mod histogram;
pub mod identity;
pub mod judge;
pub mod kafka;
pub mod logbook;
pub mod metrics;
pub mod night;
pub mod outflow;
pub mod payload;
pub mod reduce;
pub mod results;
pub mod rights;
pub mod route;
pub mod samples;
pub mod sink;
pub mod source;
pub mod worker;

pub mod clock;
pub mod explain;
pub mod fold;
pub mod opened;
pub mod outage;
pub mod refresh;
pub mod scribe;
pub mod withheld;

pub mod backtest;

pub mod api;
pub mod client;
pub mod notices;
pub mod registry;
pub mod upload;

pub mod cli;

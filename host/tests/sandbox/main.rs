//! The sandbox against a guest that does what nobody should: every limit obeyed and violated.
#![allow(clippy::unwrap_used)]

mod describe;
mod faults;
mod guest;
mod honest;
mod limits;

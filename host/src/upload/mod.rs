//! (to be written)

pub mod wrap;

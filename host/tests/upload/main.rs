//! Uploads: every layer refuses what it should, in words that help, and the compile child is held.
#![allow(clippy::unwrap_used)]

mod accepted;
mod layers;
mod stage;

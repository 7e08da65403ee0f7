//! Astronomy.

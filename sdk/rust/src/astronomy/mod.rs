//! Astronomy that filters need: brightness, places on the sky, times, light-curve fits, cutouts.
//!
//! What comes in: numbers as surveys send them. What goes out: numbers with the unit in their name,
//! the same bits natively and in the sandbox (all mathematics from [`libm`]). Never: a NaN for
//! "there is none"; that is a `None`.

pub mod cutout;
pub mod fit;
pub mod photometry;
pub mod sky;
pub mod time;

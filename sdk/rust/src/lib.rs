//! Write a Skysieve filter: a struct of fields and an ordinary function.
//!
//! What comes in: an alert's fields, as a struct that the author declares. What goes out: a verdict
//! (pass, reject for a reason, could not judge) and annotations. Never: IO, a clock, randomness.
//!
//! ```
//! use skysieve_sdk::prelude::*;
//!
//! /// What the filter reads of a ZTF alert.
//! #[derive(Alert)]
//! struct Ztf<'a> {
//!     #[alert(path = "candidate.magpsf")]
//!     mag: f32,
//!     #[alert(path = "candidate.drb")]
//!     drb: Option<f32>,
//!     #[alert(path = "prv_candidates[].magpsf")]
//!     history: Series<'a, Option<f32>>,
//! }
//!
//! #[filter(title = "Bright and seen before")]
//! fn keep(alert: Ztf) -> Verdict {
//!     reject_unless!(alert.drb.unwrap_or(0.0) > 0.8, name = "bogus", "real-bogus score at most 0.8");
//!     reject_unless!(alert.mag < 18.5, name = "faint", "18.5 mag or fainter");
//!     reject_if!(alert.history.iter().flatten().count() == 0, name = "new", "not detected before");
//!     pass!()
//! }
//!
//! // The macro leaves the function as it is and adds a type of the same name.
//! let reasons: Vec<&str> = keep::describe().reasons.iter().map(|reason| reason.name).collect();
//! assert_eq!(reasons, ["bogus", "faint", "new"]);
//! ```
//!
//! `cargo build --release --target wasm32-unknown-unknown` leaves a file that can be uploaded as it
//! is. With the feature `testing` the same function runs in `cargo test` on real packets
//! (the module `testing`). `docs/filter-authors.md` leads from an empty folder to an uploaded filter.
//!
//! # The same bits everywhere
//!
//! `ln`, `sin`, `powf` and their like of std differ between platforms; use [`libm`] for them, or
//! what stands in [`astronomy`]. `+ - * /`, `sqrt`, `abs`, `floor`, `ceil`, `trunc` are exact
//! everywhere; `powi` is not. Then a native run and the sandbox agree bit for bit.

// The macros name this crate from outside; its own examples and tests do so too.
extern crate self as skysieve_sdk;

mod annotation;
pub mod astronomy;
mod column;
mod description;
mod filter;
#[cfg(target_arch = "wasm32")]
mod guest;
pub mod log;
mod parameter;
mod series;
#[cfg(all(feature = "testing", not(target_arch = "wasm32")))]
pub mod testing;
mod value;
mod verdict;

pub use annotation::{AnnotationField, AnnotationValue, Annotations, Judgement};
pub use column::{Column, Level, Values, Varying};
pub use description::{
    AnnotationKind, AnnotationType, BUILT_WITH, Description, ElementType, Field, Parameter,
    ParameterValue, Reason,
};
pub use filter::{Alert, Annotation, Failure, Filter, Outcome, UnexpectedNull};
pub use libm;
pub use parameter::{ParameterField, Parameters};
pub use series::{Items, Series};
pub use skysieve_sdk_macros::{Alert, Annotations, Parameters, filter};
pub use value::{FieldValue, Plain};
pub use verdict::{Cut, Verdict};

/// What a filter needs, in one line: `use skysieve_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Alert, Annotations, Filter, Parameters, Series, Verdict, could_not_judge, filter, log,
        pass, reject, reject_if, reject_unless,
    };
}

/// For the macros alone.
#[doc(hidden)]
pub mod __private {
    pub use crate::filter::{judge, value};
    #[cfg(target_arch = "wasm32")]
    pub use crate::guest::{Program, bindings};
}

// The code of the authors' guide compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/filter-authors.md")]
struct FilterAuthors;

//! From an uploaded file to a filter that is ready: checked layer by layer, each refusal in words
//! that say what to change.
//!
//! In: bytes, and what is known of the stream. Out: an [`Accepted`] filter, or an [`UploadError`].
//! Never: parsing a stranger's file in this process beyond its first bytes, or compiled code from
//! anyone but our own compile child.
//!
//! ```text
//!  size ─► is it wasm ─► in a child: validate ─► wrap ─► our world alone ─► compile
//!       ─► cache ─► load ─► describe ─► fields against the stream's schemas ─► trial on sample alerts
//! ```
//!
//! Validating and wrapping stand in the child too: wit-component recurses without end on a module
//! whose embedded package type refers to itself, and validation costs targets times arity, so that
//! kilobytes take seconds.

mod cache;
mod caps;
mod compile_child;
mod compiler;
mod look;
mod refusal;
mod samples;
mod settings;
mod trial;
mod uploader;
mod validate;
mod world;
pub mod wrap;

pub use caps::Caps;
pub use compile_child::{COMPILE_SUBCOMMAND, compile_child};
pub use refusal::{Refusal, UploadError};
pub use samples::StreamSamples;
pub use settings::Settings;
pub use trial::{Failed, TrialReport};
pub use uploader::{Accepted, Uploader, check};

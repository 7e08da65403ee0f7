//! From an uploaded file to a filter that is ready: checked layer by layer, each refusal in words
//! that say what to change.
//!
//! In: bytes, and what is known of the stream. Out: an [`Accepted`] filter, or an [`UploadError`].
//! Never: compiling in this process, or compiled code from anyone but our own compile child.
//!
//! ```text
//!  size ─► is it wasm ─► validate ─► wrap ─► our world alone ─► compile in a child ─► cache ─► load
//!       ─► describe ─► fields against the stream's schemas ─► trial on sample alerts
//! ```

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
pub use uploader::{Accepted, Checked, Uploader, check};

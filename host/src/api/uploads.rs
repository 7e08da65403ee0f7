//! The upload room as the API sees it: what goes in, what comes out.
//!
//! In: the bytes of a filter. Out: what the room found, or why it refused. Never: a way past the queue
//! before it (`queue.rs`).

use serde_json::Value;

use super::error::{Kind, Problem};

/// The upload room as the API sees it.
pub trait UploadRoom: Send + Sync + 'static {
    /// Checks, compiles and tries a filter for a stream, on alerts of its public programmes and of the
    /// `granted` ones. Blocks the thread it runs on.
    ///
    /// # Errors
    /// Why the filter was refused, or why it could not be judged now.
    fn accept(&self, stream: &str, granted: &[i64], bytes: &[u8]) -> Result<Accepted, Refused>;
}

/// A filter that may be stored.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The component that runs.
    pub component: Vec<u8>,
    /// What the filter says of itself.
    pub description: Value,
    /// Its title.
    pub title: String,
    /// What the trial on sample alerts gave.
    pub trial: Value,
}

/// Why a filter was not accepted.
#[derive(Debug, Clone)]
pub enum Refused {
    /// The filter has to change.
    Wrong {
        /// Stable, for programs: `wasi_import`, `unknown_field` ...
        code: String,
        /// What is wrong, and what to change, for its author.
        message: String,
    },
    /// The host could not judge it.
    Failed(String),
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong { code, message } => Self::new(Kind::Refused, message).coded(code),
            Refused::Failed(reason) => Self::internal(reason),
        }
    }
}

//! The way into the upload room: who may go in, how many at once, what comes out.
//!
//! In: the bytes of a filter. Out: what the room found, or why it refused. Never: more uploads at
//! once than the host was told, a queue without an end, or work on a thread that answers others.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// The queue in front of the room.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Uploads inside and waiting, the reading of their bodies included.
    places: Arc<Semaphore>,
    /// Uploads inside.
    inside: Arc<Semaphore>,
}

/// A place in the queue, given back when it is dropped.
pub struct Place(OwnedSemaphorePermit);

impl Queue {
    /// A queue of `waiting` before a room for `inside`.
    #[must_use]
    pub fn new(inside: usize, waiting: usize) -> Self {
        let inside = inside.max(1);
        Self {
            places: Arc::new(Semaphore::new(inside + waiting)),
            inside: Arc::new(Semaphore::new(inside)),
        }
    }

    /// A place, at once or not at all.
    ///
    /// # Errors
    /// Busy, where the queue is full.
    pub fn enter(&self) -> Result<Place, Problem> {
        self.places
            .clone()
            .try_acquire_owned()
            .map(Place)
            .map_err(|_| {
                Problem::new(Kind::Busy, "too many uploads are waiting")
                    .advise("try again after the seconds in Retry-After")
            })
    }

    /// Waits for the room, in order of arrival, and works in it on a thread of its own. The place
    /// stays taken until the work ends, even where the client has left.
    ///
    /// # Errors
    /// Internal, where the work panicked.
    pub async fn work<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let inside = self
            .inside
            .clone()
            .acquire_owned()
            .await
            .map_err(Problem::internal)?;
        let task = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((inside, place.0));
            done
        });
        task.await.map_err(Problem::internal)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong { code, message } => Self::new(Kind::Refused, message).coded(code),
            Refused::Failed(reason) => Self::internal(reason),
        }
    }
}

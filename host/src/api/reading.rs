//! What reading results needs of the other rooms, and its bounds.
//!
//! In: the readers of each stream. Out: places for pages and live readers, an open reader. Never: more
//! readers at once than the host was told, or work on a thread that answers others.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use skysieve_decode::{FieldPath, SchemaSource};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Settings;
use super::error::{Kind, Problem};
use crate::payload::{Payload, PayloadError};
use crate::registry::{Filter, FilterId, OwnerId, Registry, RegistryError};
use crate::results::{Begin, Reader, Renderer, Results, ResultsError, Withholder};
use crate::rights::{Programmes, Rights};
use crate::withheld::Restore;

/// Says whether alerts of a stream have these parts, as far as anybody knows.
pub type CheckFields = Arc<dyn Fn(&[FieldPath]) -> Result<(), String> + Send + Sync>;

/// What makes a filter's alerts of their records.
pub type MakeRestore = Arc<dyn Fn(FilterId) -> Box<dyn Restore> + Send + Sync>;

/// What is known of a stream whose filters' results can be read.
#[derive(Clone)]
pub struct StreamResults {
    /// Opens readers.
    pub results: Arc<dyn Results>,
    /// Documents for Confluent framing.
    pub schemas: Arc<dyn SchemaSource>,
    /// What `without_cutouts` leaves out.
    pub cutouts: Vec<FieldPath>,
    /// Whose its alerts are, where it has programmes.
    pub programmes: Option<Programmes>,
    /// Checks chosen fields.
    pub check_fields: CheckFields,
    /// Makes alerts of the records of withheld ones.
    pub restore: MakeRestore,
}

/// Reads results for the interface.
pub(super) struct Reading {
    streams: BTreeMap<String, StreamResults>,
    /// Pages and openings at once.
    pages: Arc<Semaphore>,
    /// Live readers of this host.
    live: Arc<Semaphore>,
    live_places: u32,
    by_user: Arc<Mutex<HashMap<OwnerId, usize>>>,
    by_user_most: usize,
    /// True when the host stops.
    pub(super) ending: watch::Sender<bool>,
}

impl Reading {
    pub(super) fn new(settings: &Settings) -> Self {
        let live_places = settings.live_readers.clamp(1, 10_000);
        Self {
            streams: BTreeMap::new(),
            pages: Arc::new(Semaphore::new(settings.results_at_once.max(1))),
            live: Arc::new(Semaphore::new(live_places as usize)),
            live_places,
            by_user: Arc::default(),
            by_user_most: settings.live_readers_per_user,
            ending: watch::Sender::new(false),
        }
    }

    pub(super) fn put(&mut self, stream: &str, results: StreamResults) {
        self.streams.insert(stream.to_owned(), results);
    }

    /// The stream of a filter.
    ///
    /// # Errors
    /// Where this host does not run it.
    pub(super) fn stream(&self, stream: &str) -> Result<&StreamResults, Problem> {
        self.streams.get(stream).ok_or_else(|| {
            let detail = format!("this host does not run the stream `{stream}`");
            Problem::new(Kind::ResultsUnavailable, detail).advise("ask the host that runs it")
        })
    }

    /// Waits for its turn, then does `work` on a thread for work that blocks.
    pub(super) async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self
            .pages
            .clone()
            .acquire_owned()
            .await
            .map_err(Problem::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            // Kept until the work is done, even where nobody waits for it any more.
            let _place = place;
            work()
        });
        done.await.map_err(Problem::internal)
    }

    /// A place for a live reader of this user.
    ///
    /// # Errors
    /// Where there are too many.
    pub(super) fn live_place(&self, user: OwnerId) -> Result<LivePlace, Problem> {
        let full = |whose| {
            Problem::new(
                Kind::TooManyReaders,
                format!("{whose} live readers are connected"),
            )
            .advise("close one, or read pages of the filter's `alerts`")
        };
        let place = self
            .live
            .clone()
            .try_acquire_owned()
            .map_err(|_| full("too many"))?;
        let mut by_user = lock(&self.by_user);
        let own = by_user.entry(user).or_default();
        if *own >= self.by_user_most {
            return Err(full("too many of your own"));
        }
        *own += 1;
        Ok(LivePlace {
            user,
            by_user: self.by_user.clone(),
            _place: place,
        })
    }

    /// Until no live reader is left.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + use<> {
        let (live, places) = (self.live.clone(), self.live_places);
        async move { _ = live.acquire_many(places).await }
    }
}

/// A live reader's place, given back when it is dropped.
pub(super) struct LivePlace {
    user: OwnerId,
    by_user: Arc<Mutex<HashMap<OwnerId, usize>>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for LivePlace {
    fn drop(&mut self) {
        let mut by_user = lock(&self.by_user);
        if let Some(own) = by_user.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Whole at every moment: a panic elsewhere leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StreamResults {
    /// Whether alerts of the stream can give the choice.
    ///
    /// # Errors
    /// When there are no cutouts to leave out, or a field is in no alert that was seen lately.
    pub(super) fn check(&self, choice: &Payload) -> Result<(), Problem> {
        if *choice == Payload::WithoutCutouts && self.cutouts.is_empty() {
            let detail = "the stream names no cutouts";
            return Err(Problem::new(Kind::InvalidField, detail)
                .advise("choose `fields`, or ask an administrator to set `cutouts`"));
        }
        (self.check_fields)(&choice.fields())
            .map_err(|reason| Problem::new(Kind::InvalidField, reason))
    }

    /// What the owner of the filter may see now.
    ///
    /// # Errors
    /// Without a database.
    pub(super) async fn rights(
        &self,
        registry: &Registry,
        filter: &Filter,
    ) -> Result<Rights, RegistryError> {
        let Some(programmes) = &self.programmes else {
            return Ok(Rights::all());
        };
        let granted = registry
            .programmes_of(filter.owner_id, &filter.stream)
            .await?;
        Ok(programmes.rights(&granted))
    }

    pub(super) fn renderer(&self, choice: Payload) -> Renderer {
        Renderer::new(choice, &self.cutouts, self.schemas.clone())
    }

    /// The records of the filter's withheld alerts. Blocks.
    pub(super) fn open_withheld(
        &self,
        filter: &Filter,
        begin: &Begin,
    ) -> Result<Box<dyn Reader>, ResultsError> {
        let of = Withholder {
            owner: filter.owner.clone(),
            filter: filter.name.clone(),
        };
        self.results.open_withheld(&of, begin)
    }

    /// Blocks.
    pub(super) fn open(
        &self,
        filter: &Filter,
        begin: &Begin,
    ) -> Result<Box<dyn Reader>, ResultsError> {
        self.results.open(&filter.topic, begin)
    }
}

/// What is wrong stays in the log: it may name places on this machine.
pub(super) fn unread(filter: &Filter, error: &ResultsError) -> Problem {
    tracing::warn!(topic = filter.topic, %error, "results cannot be read");
    Problem::new(
        Kind::ResultsUnavailable,
        "the filter's alerts cannot be read now",
    )
    .advise("try again in a few seconds, from the same cursor")
}

impl From<PayloadError> for Problem {
    fn from(error: PayloadError) -> Self {
        Self::new(Kind::InvalidField, error.to_string())
    }
}

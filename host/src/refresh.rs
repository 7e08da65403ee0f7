//! The window between registry and stream: what is active there becomes the active set here.
//!
//! In: the registry's generation, looked at a few times a second. Out: an active set, swapped whole.
//! Never: an empty set because the database is away; the last one holds until it is back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::delivery::Destination;
use crate::evaluate::Program;
use crate::evaluate::active::{ActiveHandle, ActiveSet, Candidate};
use crate::registry::{ActiveSetting, Registry, RegistryError};
use crate::stream::MAIN_LANE;
use crate::upload::Uploader;

/// How often the generation is looked at: a change is live well within a second.
const LOOK: Duration = Duration::from_millis(250);
/// After how many looks a filter that could not be loaded is tried again (30 s).
const LOOKS_BEFORE_RETRY: u32 = 120;

/// Keeps the active set of one stream true to the registry.
pub struct Refresh {
    registry: Registry,
    uploader: Arc<Uploader>,
    stream: String,
    handle: ActiveHandle,
    loaded: HashMap<String, Program>,
    generation: Option<i64>,
    missing: bool,
    looks: u32,
}

impl Refresh {
    /// For the stream of this name; what it loads shows through `handle`.
    #[must_use]
    pub fn new(
        registry: Registry,
        uploader: Arc<Uploader>,
        stream: &str,
        handle: ActiveHandle,
    ) -> Self {
        let stream = stream.to_owned();
        let loaded = HashMap::new();
        Self {
            registry,
            uploader,
            stream,
            handle,
            loaded,
            generation: None,
            missing: false,
            looks: 0,
        }
    }

    /// Look again and again until told to stop.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut away = false;
        while !*stop.borrow() {
            match self.look().await {
                Ok(()) => away = false,
                Err(error) if !away => {
                    tracing::warn!(stream = self.stream, %error, "the last active set holds on");
                    away = true;
                }
                Err(_) => {}
            }
            _ = tokio::time::timeout(LOOK, stop.changed()).await;
        }
    }

    /// Take over what changed since the last look.
    ///
    /// # Errors
    /// When the registry does not answer; what was active stays so.
    pub async fn look(&mut self) -> Result<(), RegistryError> {
        let generation = self.registry.generation().await?;
        self.looks += 1;
        let retry = self.missing && self.looks >= LOOKS_BEFORE_RETRY;
        if self.generation == Some(generation) && !retry {
            return Ok(());
        }
        self.looks = 0;
        let settings = self
            .registry
            .active_settings(&self.stream, MAIN_LANE)
            .await?;
        self.load_all(&settings).await;
        let candidates: Vec<Candidate> = settings
            .into_iter()
            .filter_map(|setting| self.candidate(setting))
            .collect();
        tracing::info!(
            stream = self.stream,
            generation,
            filters = candidates.len(),
            "active set"
        );
        // A filter that was late has the number of its own to be seen by.
        self.handle.replace(ActiveSet::new(
            self.handle.current().generation + 1,
            candidates,
        ));
        self.generation = Some(generation);
        Ok(())
    }

    async fn load_all(&mut self, settings: &[ActiveSetting]) {
        self.loaded
            .retain(|digest, _| settings.iter().any(|setting| setting.digest == *digest));
        self.missing = false;
        for setting in settings {
            if self.loaded.contains_key(&setting.digest) {
                continue;
            }
            match self.load(setting).await {
                Some(program) => _ = self.loaded.insert(setting.digest.clone(), program),
                None => self.missing = true,
            }
        }
    }

    /// None where this host cannot load it: the others go on, the log says which and why.
    async fn load(&self, setting: &ActiveSetting) -> Option<Program> {
        let (uploader, digest) = (self.uploader.clone(), setting.digest.clone());
        let (registry, runtime) = (self.registry.clone(), Handle::current());
        let work = tokio::task::spawn_blocking(move || {
            let fetch = || {
                runtime
                    .block_on(registry.component(&digest))
                    .map_err(|e| e.to_string())
            };
            uploader.program(&digest, fetch)
        });
        let failure = match work.await {
            Ok(Ok(program)) => return Some(program),
            Ok(Err(refusal)) => refusal.to_string(),
            Err(panic) => panic.to_string(),
        };
        let (owner, filter) = (&setting.owner, &setting.filter);
        tracing::error!(%owner, %filter, setting = setting.setting, failure, "cannot load a filter");
        None
    }

    fn candidate(&self, setting: ActiveSetting) -> Option<Candidate> {
        let program = self.loaded.get(&setting.digest)?.clone();
        let reasons = program
            .description()
            .reasons
            .iter()
            .map(|reason| reason.name.clone())
            .collect();
        let destination = Destination {
            setting: setting.setting,
            owner: setting.owner,
            filter: setting.filter,
            version: setting.version,
            topic: setting.topic,
            reasons,
        };
        Some(Candidate {
            destination,
            parameters: setting.parameters,
            program,
        })
    }
}

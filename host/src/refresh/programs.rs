//! The programs of the active filters, loaded.
//!
//! In: active settings. Out: a program for each digest that this host can load. Never: more loads at once
//! than bounded, or one filter's failure in another's way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::evaluate::Program;
use crate::registry::{ActiveSetting, Registry};
use crate::upload::Uploader;

/// Loads at once, where there are so many processors: a start takes up every one of them. What is not
/// compiled yet waits for a compile child besides.
const AT_ONCE: usize = 8;

/// What is loaded, by digest.
pub(super) struct Programs {
    registry: Registry,
    uploader: Arc<Uploader>,
    loaded: HashMap<String, Program>,
}

impl Programs {
    pub(super) fn new(registry: Registry, uploader: Arc<Uploader>) -> Self {
        let loaded = HashMap::new();
        Self {
            registry,
            uploader,
            loaded,
        }
    }

    /// The program of a digest; none where this host could not load it.
    pub(super) fn get(&self, digest: &str) -> Option<&Program> {
        self.loaded.get(digest)
    }

    /// Loads what is missing and forgets what none of `settings` needs; false where something could not
    /// be loaded: the others go on, the log says which and why.
    pub(super) async fn load_all(&mut self, settings: &[ActiveSetting]) -> bool {
        let mut missing: HashMap<&str, &ActiveSetting> = settings
            .iter()
            .map(|setting| (setting.digest.as_str(), setting))
            .collect();
        let needed: HashSet<&str> = missing.keys().copied().collect();
        self.loaded
            .retain(|digest, _| needed.contains(digest.as_str()));
        missing.retain(|digest, _| !self.loaded.contains_key(*digest));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = processors.min(AT_ONCE);
        let mut wanted = missing.into_values();
        let mut loads = JoinSet::new();
        let mut are_all_loaded = true;
        loop {
            let more = at_once - loads.len();
            for setting in wanted.by_ref().take(more) {
                loads.spawn(load(
                    self.registry.clone(),
                    self.uploader.clone(),
                    setting.clone(),
                ));
            }
            match loads.join_next().await {
                None => return are_all_loaded,
                Some(Ok(Some((digest, program)))) => _ = self.loaded.insert(digest, program),
                Some(_) => are_all_loaded = false,
            }
        }
    }
}

async fn load(
    registry: Registry,
    uploader: Arc<Uploader>,
    setting: ActiveSetting,
) -> Option<(String, Program)> {
    let (digest, runtime) = (setting.digest.clone(), Handle::current());
    let work = tokio::task::spawn_blocking(move || {
        let fetch = || {
            let component = registry.component(&digest);
            runtime.block_on(component).map_err(|e| e.to_string())
        };
        uploader.program(&digest, fetch)
    });
    let failure = match work.await {
        Ok(Ok(program)) => return Some((setting.digest, program)),
        Ok(Err(refusal)) => refusal.to_string(),
        Err(panic) => panic.to_string(),
    };
    let (owner, filter) = (&setting.owner, &setting.filter);
    tracing::error!(%owner, %filter, setting = setting.setting, failure, "cannot load a filter");
    None
}

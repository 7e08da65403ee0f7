//! The room that explains: joins the upload room's programs, a stream's past and its logbook.
//!
//! In: a filter's setting; a packet, an alert's id, or records of withheld alerts. Out: explanations,
//! and what makes alerts of records. Never: HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use skysieve_decode::SchemaSource;
use tokio::runtime::Handle;

use crate::api::{ExplainRoom, Explained, FoundAt, NotExplained, Subject};
use crate::delivery::OutputLimits;
use crate::evaluate::Program;
use crate::evaluate::active::{ActiveSet, Candidate};
use crate::explain::{ExplainError, Explainer, Finder};
use crate::judge::Judge;
use crate::logbook::Logbook;
use crate::opened::OpenStream;
use crate::refresh::candidate;
use crate::registry::{ActiveSetting, Chosen, FilterId, OwnerId, Quota, Registry};
use crate::results::ResultsError;
use crate::rights::Rights;
use crate::source::lookback::Lookback;
use crate::source::{Packet, Partition, Position};
use crate::stream::StreamSettings;
use crate::upload::Uploader;
use crate::withheld::{Restore, Restorer};

/// Explains alerts of this host's streams.
pub(super) struct Explaining {
    registry: Registry,
    uploader: Arc<Uploader>,
    streams: BTreeMap<String, Known>,
}

struct Known {
    settings: Arc<StreamSettings>,
    schemas: Arc<dyn SchemaSource>,
    logbook: Arc<Logbook>,
    lookback: Arc<dyn Lookback>,
}

impl Explaining {
    pub(super) fn new(
        registry: &Registry,
        uploader: &Arc<Uploader>,
        streams: &[OpenStream],
    ) -> Self {
        let known = streams.iter().map(|stream| {
            let known = Known {
                settings: stream.settings.clone(),
                schemas: stream.schemas.clone(),
                logbook: stream.logbook.clone(),
                lookback: stream.lookback.clone(),
            };
            (stream.settings.name.clone(), known)
        });
        Self {
            registry: registry.clone(),
            uploader: uploader.clone(),
            streams: known.collect(),
        }
    }

    /// What an owner may see of a stream.
    fn rights(&self, known: &Known, owner: OwnerId) -> Result<Rights, NotExplained> {
        let granted = self.registry.programmes_of(owner, &known.settings.name);
        let granted = Handle::current()
            .block_on(granted)
            .map_err(NotExplained::Registry)?;
        Ok(Rights::of(known.settings.programmes.as_ref(), &granted))
    }

    fn quota(&self, owner: OwnerId, quota: Quota) -> Result<u64, NotExplained> {
        let value = Handle::current().block_on(self.registry.quota(owner, quota));
        Ok(u64::try_from(value.map_err(NotExplained::Registry)?).unwrap_or(0))
    }

    /// What makes alerts of a stream's filter of the records of its withheld ones.
    pub(super) fn restorer(self: &Arc<Self>, stream: &str, filter: FilterId) -> Box<dyn Restore> {
        let (own, stream) = (self.clone(), stream.to_owned());
        let lookback = self.streams[&stream].lookback.clone();
        let judge_of = move |setting| {
            let known = &own.streams[&stream];
            let runnable = own.registry.runnable(filter, Chosen::Setting(setting));
            let candidate = Handle::current()
                .block_on(runnable)
                .map_err(NotExplained::Registry)
                .and_then(|setting| own.candidate(known, setting));
            let candidate = candidate.map_err(|why| {
                ResultsError::Unavailable(format!("setting {setting} cannot be run: {why:?}"))
            })?;
            let active = Arc::new(ActiveSet::new(1, vec![candidate]));
            let (settings, schemas) = (known.settings.clone(), known.schemas.clone());
            Ok(Judge::new(settings, schemas, active))
        };
        Box::new(Restorer::new(lookback, Box::new(judge_of)))
    }

    /// A setting, ready to judge under the rights and quotas of its owner.
    fn candidate(&self, known: &Known, setting: ActiveSetting) -> Result<Candidate, NotExplained> {
        let program = self.program(&setting.digest)?;
        let owner = setting.owner_id;
        let fuel = self.quota(owner, Quota::FuelPerAlert)?;
        let program = program.within(fuel, self.quota(owner, Quota::MemoryBytes)?);
        let rights = self.rights(known, owner)?;
        Ok(candidate(setting, program, OutputLimits::NONE, rights))
    }

    /// Called on a thread that may block, of the runtime that serves the interface.
    fn program(&self, digest: &str) -> Result<Program, NotExplained> {
        let fetch = || {
            let component = self.registry.component(digest);
            Handle::current()
                .block_on(component)
                .map_err(|error| error.to_string())
        };
        self.uploader
            .program(digest, fetch)
            .map_err(|error| NotExplained::Filter(error.to_string()))
    }
}

impl ExplainRoom for Explaining {
    fn explain(
        &self,
        stream: &str,
        setting: ActiveSetting,
        subject: Subject,
    ) -> Result<Explained, NotExplained> {
        let known = self.streams.get(stream).ok_or(NotExplained::NoStream)?;
        let fuel = self.quota(setting.owner_id, Quota::FuelPerAlert)?;
        let candidate = self.candidate(known, setting)?;
        let mut explainer = Explainer::new(&known.settings, &known.schemas, candidate);
        let (found, alerts) = match subject {
            Subject::Packet(bytes) => (None, explainer.explain(&sent(bytes), None)),
            Subject::Past(wanted, since_ms) => {
                let finder = Finder {
                    recent: known.logbook.recent(),
                    lookback: &*known.lookback,
                };
                let found = finder
                    .find(&mut explainer, &wanted, since_ms)
                    .map_err(NotExplained::Alert)?;
                let place = FoundAt::of(&found.packet);
                (Some(place), Ok::<_, ExplainError>(vec![found.explanation]))
            }
        };
        Ok(Explained {
            fuel_budget: self.uploader.sandbox().settings().fuel_per_alert.min(fuel),
            found,
            alerts: alerts.map_err(NotExplained::Alert)?,
        })
    }

    fn may_see(&self, stream: &str, owner: OwnerId, packet: Vec<u8>) -> Result<bool, NotExplained> {
        let known = self.streams.get(stream).ok_or(NotExplained::NoStream)?;
        let rights = self.rights(known, owner)?;
        let judge = Judge::new(
            known.settings.clone(),
            known.schemas.clone(),
            Arc::default(),
        );
        Ok(!judge.visible(vec![packet.into()], &rights).is_empty())
    }
}

/// A packet that comes from no source.
fn sent(bytes: Vec<u8>) -> Packet {
    let partition = Partition {
        topic: "sent".into(),
        index: 0,
    };
    Packet {
        bytes: bytes.into(),
        position: Position {
            partition,
            offset: 0,
        },
        timestamp_ms: None,
        damage: None,
    }
}

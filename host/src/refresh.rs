//! The window between registry and stream: what is active there becomes the active set here.
//!
//! In: the registry's generation, looked at a few times a second. Out: an active set, swapped whole.
//! Never: an empty set because the database is away; the last one holds until it is back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::delivery::{Destination, OutputLimits};
use crate::evaluate::Program;
use crate::evaluate::active::{ActiveHandle, ActiveSet, Candidate};
use crate::outage::Outage;
use crate::outflow::{NIGHTS, Outflow};
use crate::registry::{ActiveSetting, OwnerId, Quota, Registry, RegistryError, SetQuotas};
use crate::rights::Rights;
use crate::stream::{MAIN_LANE, StreamSettings};
use crate::upload::Uploader;

mod programs;

use programs::Programs;

/// How often the generation is looked at: a change is live well within a second.
const LOOK: Duration = Duration::from_millis(250);
/// After how many looks a filter that could not be loaded is tried again (30 s).
const LOOKS_BEFORE_RETRY: u32 = 120;

/// Every so many looks it is told what was used of quotas (1 s).
const LOOKS_BETWEEN_USE: u32 = 4;

/// Keeps the active set of one stream true to the registry.
pub struct Refresh {
    registry: Registry,
    programs: Programs,
    stream: Arc<StreamSettings>,
    handle: ActiveHandle,
    outflow: Arc<Outflow>,
    granted: BTreeMap<OwnerId, Vec<i64>>,
    quotas: SetQuotas,
    generation: Option<i64>,
    missing: bool,
    looks: u32,
    rounds: u32,
}

impl Refresh {
    /// For this stream; what it loads shows through `handle`, `outflow` hears what was used.
    #[must_use]
    pub fn new(
        registry: Registry,
        uploader: Arc<Uploader>,
        stream: Arc<StreamSettings>,
        (handle, outflow): (ActiveHandle, Arc<Outflow>),
    ) -> Self {
        Self {
            programs: Programs::new(registry.clone(), uploader),
            registry,
            stream,
            handle,
            outflow,
            granted: BTreeMap::new(),
            quotas: SetQuotas::new(),
            generation: None,
            missing: false,
            looks: 0,
            rounds: 0,
        }
    }

    /// Look again and again until told to stop.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut outage = Outage::default();
        while !*stop.borrow() {
            if let (_, Some(error)) = outage.news(self.look_round().await) {
                tracing::warn!(stream = self.stream.name, %error, "the last active set holds on");
            }
            _ = tokio::time::timeout(LOOK, stop.changed()).await;
        }
    }

    async fn look_round(&mut self) -> Result<(), RegistryError> {
        self.look().await?;
        self.rounds += 1;
        if self.rounds.is_multiple_of(LOOKS_BETWEEN_USE) {
            self.tell_use().await?;
        }
        Ok(())
    }

    /// Before the first alert: the active set, and what its filters have used of their nights.
    ///
    /// # Errors
    /// When the registry does not answer.
    pub async fn begin(&mut self) -> Result<(), RegistryError> {
        self.look().await?;
        let latest = self.registry.latest_use(&self.stream.name, NIGHTS);
        for one in latest.await? {
            self.outflow.begin(&one.topic, &one.night, one.used());
        }
        Ok(())
    }

    /// The ledger hears what all hosts have sent out of its nights, the registry which limits were
    /// met here.
    async fn tell_use(&mut self) -> Result<(), RegistryError> {
        let nights = self.outflow.nights();
        for one in self.registry.night_use(&self.stream.name, &nights).await? {
            self.outflow.tell(&one.topic, &one.night, one.used());
        }
        for met in self.outflow.met() {
            let (setting, quota) = (met.setting, met.limit.as_str());
            let is_first = self
                .registry
                .note_withholding(setting, &met.night, quota)
                .await?;
            if is_first {
                let night = &*met.night;
                tracing::warn!(setting, night, quota, "a filter met a limit");
            }
        }
        Ok(())
    }

    /// Which programmes an owner may see.
    fn rights(&self, owner: OwnerId) -> Rights {
        let granted = self.granted.get(&owner).map_or(&[][..], Vec::as_slice);
        Rights::of(self.stream.programmes.as_ref(), granted)
    }

    /// What a filter may send out.
    fn limits(&self, setting: &ActiveSetting) -> OutputLimits {
        let owner = setting.owner_id;
        let (gate_alerts, gate_passing) = match setting.gate_is_lifted {
            true => (
                OutputLimits::NONE.gate_alerts,
                OutputLimits::NONE.gate_passing,
            ),
            false => self.stream.live_gate(),
        };
        OutputLimits {
            gate_alerts,
            gate_passing,
            alerts_per_night: self.quota(owner, Quota::AlertsPerNight),
            bytes_per_night: self.quota(owner, Quota::BytesPerNight),
            cpu_ms_per_night: self.quota(owner, Quota::CpuSPerNight).saturating_mul(1_000),
        }
    }

    /// What holds for an owner; `u64::MAX` where nothing is limited.
    fn quota(&self, owner: OwnerId, quota: Quota) -> u64 {
        let set = self.quotas.get(&(owner, quota)).copied();
        bound(set.unwrap_or_else(|| self.registry.quota_defaults().default_of(quota)))
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
            .active_settings(&self.stream.name, MAIN_LANE)
            .await?;
        self.granted = self.registry.programmes(&self.stream.name).await?;
        self.quotas = self.registry.set_quotas().await?;
        self.missing = !self.programs.load_all(&settings).await;
        let candidates: Vec<Candidate> = settings
            .into_iter()
            .filter_map(|setting| self.candidate(setting))
            .collect();
        tracing::info!(
            stream = self.stream.name,
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

    fn candidate(&self, setting: ActiveSetting) -> Option<Candidate> {
        let owner = setting.owner_id;
        let fuel = self.quota(owner, Quota::FuelPerAlert);
        let memory = self.quota(owner, Quota::MemoryBytes);
        let program = self.programs.get(&setting.digest)?.within(fuel, memory);
        let (limits, rights) = (self.limits(&setting), self.rights(owner));
        Some(candidate(setting, program, limits, rights))
    }
}

/// A quota as a bound: the greatest number that the registry holds means none.
#[must_use]
pub fn bound(quota: i64) -> u64 {
    match u64::try_from(quota) {
        Ok(value) if value < i64::MAX as u64 => value,
        Ok(_) => u64::MAX,
        Err(_) => 0,
    }
}

/// A setting with its loaded program, ready to judge: for the live stream and for back-tests alike.
#[must_use]
pub fn candidate(
    setting: ActiveSetting,
    program: Program,
    limits: OutputLimits,
    rights: Rights,
) -> Candidate {
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
        payload: setting.payload,
        reasons,
        limits,
    };
    Candidate {
        destination,
        parameters: setting.parameters,
        program,
        rights,
    }
}

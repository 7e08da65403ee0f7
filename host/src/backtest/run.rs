//! One job, from the place where it was saved to its end.
//!
//! In: a claimed job. Out: saves on the way, and an end. Never: a step after another host has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::crew::Shared;
use super::examination::Examination;
use super::{BacktestError, Choice, Known, Past};
use crate::delivery::OutputLimits;
use crate::evaluate::active::Candidate;
use crate::refresh::{bound, candidate};
use crate::registry::{
    ActiveSetting, BacktestEnd, BacktestJob, BacktestState, OwnerId, Quota, RegistryError, Saved,
    Standing,
};
use crate::rights::Rights;
use crate::source::BatchLimits;
use crate::source::place::Place;

/// Longest wait for one batch.
const AGE: Duration = Duration::from_millis(200);
/// Pause after trouble with the source or the registry, and how much of it is borne in a row.
const PAUSE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(600);

/// A job at work.
pub(super) struct Run<'a> {
    shared: &'a Shared,
    known: &'a Known,
    job: BacktestJob,
    /// Another host has it, by what the keeper of the lease heard.
    lost: Arc<AtomicBool>,
    examination: Examination,
    past: Past,
    /// What the owner may see, and whose it is.
    rights: Rights,
    owner: OwnerId,
    /// Of the registry, when the rights were read.
    generation: i64,
    saved: Instant,
    begun: Begun,
}

/// Where this run began, for the estimate of the time left.
struct Begun {
    at: Instant,
    fraction: f64,
}

/// What is saved of a job.
#[derive(Serialize, Deserialize)]
struct Checkpoint {
    place: Place,
    tally: Value,
}

/// How a run ended.
pub(super) enum Ended {
    /// To be told to the registry.
    So(BacktestEnd),
    /// Saved and given back, or another host's by now.
    LetGo,
}

impl<'a> Run<'a> {
    /// Load the filters and find the place to go on at.
    pub(super) fn open(
        shared: &'a Shared,
        known: &'a Known,
        job: BacktestJob,
        lost: Arc<AtomicBool>,
    ) -> Result<Self, BacktestError> {
        let choice: Choice = serde_json::from_value(job.source.clone())?;
        let generation = shared.runtime.block_on(shared.registry.generation())?;
        let setting = setting(shared, job.setting)?;
        let owner = setting.owner_id;
        let rights = rights(shared, known, owner)?;
        let load = |setting| load(shared, setting, rights.clone());
        let tested = load(setting)?;
        let against = job.against.map(|other| self::setting(shared, other));
        let against = against.transpose()?.map(load).transpose()?;
        let (settings, schemas) = (&known.settings, &known.schemas);
        let mut examination = Examination::new(settings, schemas, tested, against, &choice.nights);
        let mut place = None;
        if !job.checkpoint.is_null() {
            let saved: Checkpoint = serde_json::from_value(job.checkpoint.clone())?;
            examination.resume(saved.tally)?;
            place = Some(saved.place);
        }
        let past = Past::open(settings, &choice, place)?;
        let begun = Begun {
            at: Instant::now(),
            fraction: fraction(&past, &examination, job.alerts),
        };
        Ok(Self {
            shared,
            known,
            job,
            lost,
            examination,
            past,
            rights,
            owner,
            generation,
            saved: Instant::now(),
            begun,
        })
    }

    /// To the end of the source or of the alerts asked for, until told to stop or to let go.
    pub(super) fn run(&mut self) -> Result<Ended, BacktestError> {
        // At once: a topic's ends are found once and for all, whoever goes on.
        let mut standing = self.save(self.lease_ms())?;
        let mut trouble: Option<Instant> = None;
        loop {
            if standing == Standing::Lost || self.lost.load(Ordering::Relaxed) {
                return Ok(Ended::LetGo);
            }
            if standing == Standing::Cancelled {
                return Ok(Ended::So(self.end(BacktestState::Cancelled, "")));
            }
            if self.shared.is_stopping() {
                self.save(0)?;
                return Ok(Ended::LetGo);
            }
            match self.step() {
                Ok(true) => trouble = None,
                Ok(false) => return Ok(Ended::So(self.end(BacktestState::Done, ""))),
                Err(error) if error.is_passing() => {
                    let since = *trouble.get_or_insert_with(Instant::now);
                    if since.elapsed() > PATIENCE {
                        return Err(error);
                    }
                    tracing::warn!(%error, backtest = self.job.id.0, "the past cannot be read now");
                    std::thread::sleep(PAUSE);
                }
                Err(error) => return Err(error),
            }
            if self.saved.elapsed() >= self.shared.settings.save() {
                standing = self.save_if_possible(standing)?;
                if self.rights_changed()? {
                    // Whoever claims it goes on under what the owner may see now.
                    self.save(0)?;
                    return Ok(Ended::LetGo);
                }
            }
        }
    }

    /// How it ended, with what was found.
    pub(super) fn end(&self, state: BacktestState, reason: &str) -> BacktestEnd {
        let tested = self.examination.tested();
        BacktestEnd {
            state,
            reason: reason.to_owned(),
            judged: count(tested.alerts),
            passed: count(tested.passed),
            result: json!(self.examination.report()),
        }
    }

    pub(super) fn job(&self) -> &BacktestJob {
        &self.job
    }

    /// Judge the next packets; false at the end.
    fn step(&mut self) -> Result<bool, BacktestError> {
        let left = self.job.alerts - count(self.examination.tested().alerts);
        if left <= 0 {
            return Ok(false);
        }
        let limits = self.known.settings.batch_limits();
        let limits = BatchLimits {
            rows: limits.rows.min(usize::try_from(left).unwrap_or(usize::MAX)),
            age: AGE,
            ..limits
        };
        let Some(packets) = self.past.poll(&limits)? else {
            return Ok(false);
        };
        self.examination.examine(packets);
        Ok(true)
    }

    /// A registry that is away costs no work: the next save will do.
    fn save_if_possible(&mut self, standing: Standing) -> Result<Standing, BacktestError> {
        match self.save(self.lease_ms()) {
            Err(BacktestError::Registry(RegistryError::Unavailable(error))) => {
                tracing::warn!(%error, backtest = self.job.id.0, "cannot be saved now");
                self.saved = Instant::now();
                Ok(standing)
            }
            other => other,
        }
    }

    fn save(&mut self, lease_ms: i64) -> Result<Standing, BacktestError> {
        let tested = self.examination.tested();
        let checkpoint = Checkpoint {
            place: self.past.place().clone(),
            tally: self.examination.save(),
        };
        let fraction = fraction(&self.past, &self.examination, self.job.alerts);
        let saved = Saved {
            judged: count(tested.alerts),
            passed: count(tested.passed),
            fraction,
            seconds_left: self.begun.seconds_left(fraction),
            checkpoint: serde_json::to_value(checkpoint)?,
        };
        let (registry, host) = (&self.shared.registry, &self.shared.host);
        let save = registry.save_backtest(self.job.id, host, &saved, lease_ms);
        let standing = self.shared.runtime.block_on(save)?;
        self.saved = Instant::now();
        Ok(standing)
    }

    fn rights_changed(&mut self) -> Result<bool, BacktestError> {
        if self.known.settings.programmes.is_none() {
            return Ok(false);
        }
        let generation = self
            .shared
            .runtime
            .block_on(self.shared.registry.generation())?;
        if generation == self.generation {
            return Ok(false);
        }
        self.generation = generation;
        Ok(rights(self.shared, self.known, self.owner)? != self.rights)
    }

    fn lease_ms(&self) -> i64 {
        self.shared.settings.lease_ms
    }
}

impl Begun {
    /// At the speed so far.
    fn seconds_left(&self, fraction: f64) -> Option<f64> {
        let done = fraction - self.fraction;
        let left = (1.0 - fraction) * self.at.elapsed().as_secs_f64() / done;
        (done > 0.0 && left.is_finite()).then_some(left)
    }
}

/// Of the source or of the alerts asked for, whichever ends first.
#[allow(clippy::cast_precision_loss)] // an estimate
fn fraction(past: &Past, examination: &Examination, alerts: i64) -> f64 {
    let judged = examination.tested().alerts as f64 / alerts.max(1) as f64;
    past.fraction().max(judged).clamp(0.0, 1.0)
}

fn count(alerts: u64) -> i64 {
    i64::try_from(alerts).unwrap_or(i64::MAX)
}

fn setting(shared: &Shared, number: i64) -> Result<ActiveSetting, BacktestError> {
    let setting = shared.registry.runnable_setting(number);
    Ok(shared.runtime.block_on(setting)?)
}

/// What an owner may see of a stream now.
fn rights(shared: &Shared, known: &Known, owner: OwnerId) -> Result<Rights, BacktestError> {
    let stream = &known.settings;
    let granted = shared.registry.programmes(&stream.name);
    let granted = shared.runtime.block_on(granted)?;
    let granted = granted.get(&owner).map_or(&[][..], Vec::as_slice);
    Ok(Rights::of(stream.programmes.as_ref(), granted))
}

fn load(
    shared: &Shared,
    setting: ActiveSetting,
    rights: Rights,
) -> Result<Candidate, BacktestError> {
    let (registry, runtime) = (&shared.registry, &shared.runtime);
    let fetch = || {
        let component = runtime.block_on(registry.component(&setting.digest));
        component.map_err(|error| error.to_string())
    };
    let program = shared
        .uploader
        .program_in(&shared.sandbox, &setting.digest, fetch)
        .map_err(|error| BacktestError::Program(error.to_string()))?;
    let quota = |quota| runtime.block_on(registry.quota(setting.owner_id, quota));
    let (fuel, memory) = (quota(Quota::FuelPerAlert)?, quota(Quota::MemoryBytes)?);
    let program = program.within(bound(fuel), bound(memory));
    Ok(candidate(setting, program, OutputLimits::NONE, rights))
}

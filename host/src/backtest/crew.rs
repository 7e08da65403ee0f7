//! The threads that work on back-tests: claim a job, carry it through, look for the next.
//!
//! In: the registry's queue. Out: jobs ended, or saved and given back. Never: more jobs at once than
//! the operator allows, or a thread of the live stream's.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use skysieve_decode::SchemaSource;
use tokio::runtime::Handle;

use super::run::{Ended, Run};
use super::{BacktestError, Settings, priority};
use crate::evaluate::Sandbox;
use crate::outage::Outage;
use crate::registry::{BacktestEnd, BacktestJob, BacktestState, Registry, RegistryError, Standing};
use crate::stream::StreamSettings;
use crate::upload::Uploader;

/// How often an idle thread looks for a job.
const LOOK: Duration = Duration::from_millis(500);
/// How often a waiting thread looks whether it is to stop.
const STOP_LOOK: Duration = Duration::from_millis(50);
/// What a batch that is being judged gets when the host stops; what was not saved is done again.
const LAST_BATCH: Duration = Duration::from_secs(10);
/// How long the registry is asked again for the end of a job.
const END_PATIENCE: Duration = Duration::from_secs(120);
/// Stack of a thread [bytes]: as a worker's.
const STACK_BYTES: usize = 8 << 20;

/// What back-tests know of a stream.
pub struct Known {
    /// Its settings.
    pub settings: Arc<StreamSettings>,
    /// Documents for Confluent framing.
    pub schemas: Arc<dyn SchemaSource>,
}

/// What all threads share.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) registry: Registry,
    pub(super) runtime: Handle,
    pub(super) uploader: Arc<Uploader>,
    /// Not the live stream's: its places are that one's alone.
    pub(super) sandbox: Arc<Sandbox>,
    /// This process; another start of the same host is another.
    pub(super) host: String,
    streams: BTreeMap<String, Known>,
    stop: AtomicBool,
}

/// The threads.
pub struct Backtests {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.is_stopping() {
            std::thread::sleep(STOP_LOOK.min(until.saturating_duration_since(Instant::now())));
        }
    }
}

impl Backtests {
    /// Start the threads, within a runtime.
    ///
    /// # Errors
    /// When the machine has no thread for them.
    pub fn start(
        settings: Settings,
        registry: Registry,
        uploader: Arc<Uploader>,
        sandbox: Arc<Sandbox>,
        streams: BTreeMap<String, Known>,
    ) -> std::io::Result<Self> {
        let at_once = settings.at_once;
        let shared = Arc::new(Shared {
            settings,
            registry,
            runtime: Handle::current(),
            uploader,
            sandbox,
            host: name_of_this_process(),
            streams,
            stop: AtomicBool::new(false),
        });
        let mut backtests = Self {
            shared: shared.clone(),
            threads: Vec::with_capacity(at_once),
        };
        for number in 0..at_once {
            let shared = shared.clone();
            let builder = Builder::new().name(format!("backtest-{number}"));
            let thread = builder.stack_size(STACK_BYTES).spawn(move || work(&shared));
            backtests.threads.push(thread?);
        }
        Ok(backtests)
    }

    /// Let each thread save what it has and end. One that is in the middle of a slow batch is left
    /// behind after a while: its job goes on elsewhere from the last save.
    pub async fn stop(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let until = Instant::now() + LAST_BATCH;
        while Instant::now() < until && !self.threads.iter().all(JoinHandle::is_finished) {
            tokio::time::sleep(STOP_LOOK).await;
        }
    }
}

/// Unlike that of any other process, on this machine or another.
fn name_of_this_process() -> String {
    let mut chance = [0; 8];
    // Without chance there are still the process and the time.
    _ = getrandom::fill(&mut chance);
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let chance = base16ct::lower::encode_string(&chance);
    format!("{}-{}-{chance}", std::process::id(), since.as_millis())
}

fn work(shared: &Shared) {
    priority::lowest_priority();
    let mut outage = Outage::default();
    while !shared.is_stopping() {
        let (job, error) = outage.news(next_job(shared));
        if let Some(error) = error {
            tracing::warn!(%error, "back-tests wait");
        }
        match job.flatten() {
            Some((known, job)) => carry_through(shared, known, job),
            None => shared.pause(LOOK),
        }
    }
}

fn next_job(shared: &Shared) -> Result<Option<(&Known, BacktestJob)>, RegistryError> {
    for (stream, known) in &shared.streams {
        let lease_ms = shared.settings.lease_ms;
        let claim = shared
            .registry
            .claim_backtest(stream, &shared.host, lease_ms);
        if let Some(job) = shared.runtime.block_on(claim)? {
            return Ok(Some((known, job)));
        }
    }
    Ok(None)
}

fn carry_through(shared: &Shared, known: &Known, job: BacktestJob) {
    tracing::info!(backtest = job.id.0, setting = job.setting, "back-test");
    let lost = Arc::new(AtomicBool::new(false));
    let keeper = shared.runtime.spawn(keep(
        shared.registry.clone(),
        job.clone(),
        shared.host.clone(),
        shared.settings.lease_ms,
        lost.clone(),
    ));
    let ended = catch_unwind(AssertUnwindSafe(|| try_run(shared, known, &job, lost)));
    match ended {
        Ok(Some(end)) => tell(shared, &job, &end),
        Ok(None) => {}
        Err(_) => tell(shared, &job, &failed("the host made a mistake".to_owned())),
    }
    keeper.abort();
}

/// How it ended; none where there is nothing to tell.
fn try_run(
    shared: &Shared,
    known: &Known,
    job: &BacktestJob,
    lost: Arc<AtomicBool>,
) -> Option<BacktestEnd> {
    let mut run = match Run::open(shared, known, job.clone(), lost) {
        Ok(run) => run,
        Err(error) => return unopened(shared, job, &error),
    };
    match run.run() {
        Ok(Ended::So(end)) => Some(end),
        Ok(Ended::LetGo) => None,
        // The lease runs out, and somebody goes on from the last save.
        Err(BacktestError::Registry(RegistryError::Unavailable(error))) => {
            tracing::warn!(error, backtest = run.job().id.0, "a back-test is let go of");
            None
        }
        Err(error) => Some(run.end(BacktestState::Failed, &error.to_string())),
    }
}

/// Passing trouble: another try after the lease, of a bounded number.
fn unopened(shared: &Shared, job: &BacktestJob, error: &BacktestError) -> Option<BacktestEnd> {
    if error.is_passing() {
        tracing::warn!(%error, backtest = job.id.0, "a back-test cannot begin now");
        shared.pause(LOOK);
        return None;
    }
    Some(failed(error.to_string()))
}

fn failed(reason: String) -> BacktestEnd {
    BacktestEnd {
        state: BacktestState::Failed,
        reason,
        judged: 0,
        passed: 0,
        result: serde_json::Value::Null,
    }
}

/// Tell the registry, which may be away for a while.
fn tell(shared: &Shared, job: &BacktestJob, end: &BacktestEnd) {
    let until = Instant::now() + END_PATIENCE;
    loop {
        let told = shared.registry.end_backtest(job, &shared.host, end);
        match shared.runtime.block_on(told) {
            Ok(_) => {
                let state = end.state.as_str();
                tracing::info!(
                    backtest = job.id.0,
                    state,
                    judged = end.judged,
                    "back-test ended"
                );
                return;
            }
            Err(error) if Instant::now() < until && !shared.is_stopping() => {
                tracing::warn!(%error, backtest = job.id.0, "the end of a back-test waits");
                shared.pause(LOOK);
            }
            Err(error) => {
                tracing::error!(%error, backtest = job.id.0, "it is gone on with from its last save");
                return;
            }
        }
    }
}

/// Keep the lease while the thread works, however long one batch takes it. Runs until it is aborted
/// or the job is another's.
async fn keep(
    registry: Registry,
    job: BacktestJob,
    host: String,
    lease_ms: i64,
    lost: Arc<AtomicBool>,
) {
    let pause = Duration::from_millis(lease_ms.unsigned_abs() / 3);
    loop {
        tokio::time::sleep(pause).await;
        if let Ok(Standing::Lost) = registry.keep_backtest(job.id, &host, lease_ms).await {
            lost.store(true, Ordering::Relaxed);
            return;
        }
    }
}

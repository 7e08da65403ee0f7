//! Source, judge, sink: one thread, one whole way.
//!
//! In: a source and a sink of its own, the shared active set. Out: committed deliveries; on stop
//! everything pending is committed first. Never: a position ahead of its outputs, or anything
//! shared with another worker but the active set.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::delivery::Delivery;
use crate::evaluate::active::ActiveHandle;
use crate::judge::Judge;
use crate::logbook::Page;
use crate::metrics::{Metrics, WorkerMeter};
use crate::outflow::{Admitted, Outflow};
use crate::route::route;
use crate::samples::Samples;
use crate::sink::{Sink, SinkError};
use crate::source::{BatchLimits, Packet, Polled, Source, SourceError};

/// A delivery is committed early when it holds this many bytes, so that memory stays bounded.
const PENDING_BYTES: usize = 64 << 20;
/// ... or follows from this many packets.
const PENDING_PACKETS: u64 = 50_000;
/// Waiting time after the first of several troubles in a row; doubles up to [`GREATEST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const GREATEST_BACKOFF: Duration = Duration::from_secs(5);
/// How often a waiting worker looks whether it is to stop.
const STOP_LOOK: Duration = Duration::from_millis(50);

/// How a worker takes packets and when it commits.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Bounds of a micro-batch.
    pub batch: BatchLimits,
    /// Time from one commit to the next.
    pub commit_interval: Duration,
}

/// One thread's whole way.
pub struct Worker {
    source: Box<dyn Source + Send>,
    sink: Box<dyn Sink + Send>,
    judge: Judge,
    active: ActiveHandle,
    outflow: Arc<Outflow>,
    samples: Arc<Samples>,
    page: Option<Page>,
    meter: WorkerMeter,
    pace: Pace,
    stop: Arc<AtomicBool>,
    pending: Delivery,
    admitted: Admitted,
    due: Option<Instant>,
    backoff: Duration,
}

/// Why a worker cannot go on: the process has to start again.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// From the source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// From the sink.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

impl Worker {
    /// A worker that runs until `stop` is set or its source ends.
    #[must_use]
    pub fn new(
        way: (Box<dyn Source + Send>, Box<dyn Sink + Send>),
        judge: Judge,
        (active, outflow): (ActiveHandle, Arc<Outflow>),
        samples: Arc<Samples>,
        pace: Pace,
        stop: Arc<AtomicBool>,
    ) -> Self {
        let (source, sink) = way;
        let pending = Delivery::default();
        Self {
            source,
            sink,
            judge,
            active,
            outflow,
            samples,
            page: None,
            meter: Metrics::new().worker("", "", 0),
            pace,
            stop,
            pending,
            admitted: Admitted::default(),
            due: None,
            backoff: FIRST_BACKOFF,
        }
    }

    /// Take note of every batch on `page`.
    #[must_use]
    pub fn noting(self, page: Page) -> Self {
        Self {
            page: Some(page),
            ..self
        }
    }

    /// Tell `meter` of everything.
    #[must_use]
    pub fn metered(mut self, mut meter: WorkerMeter) -> Self {
        meter.switched(&self.active.current());
        self.meter = meter;
        self
    }

    /// Run until told to stop; then commit what is pending.
    ///
    /// # Errors
    /// When the source or the sink cannot go on without a new start.
    pub fn run(mut self) -> Result<(), WorkerError> {
        while !self.stop.load(Ordering::Relaxed) {
            let limits = BatchLimits {
                age: self.wait(),
                ..self.pace.batch
            };
            self.meter.turn(self.source.behind());
            match self.source.poll(&limits) {
                Ok(Polled::Packets(packets)) => self.take(&packets),
                Ok(Polled::Rebalanced) => self.forget(),
                Ok(Polled::End) => break,
                Err(SourceError::Retry(reason)) => {
                    tracing::warn!(%reason, "source does not answer; trying again");
                    self.meter.troubled();
                    self.pause();
                }
                Err(fatal @ SourceError::Fatal(_)) => return Err(fatal.into()),
            }
            if self.is_due() {
                self.commit()?;
            }
        }
        self.commit()
    }

    fn take(&mut self, packets: &[Packet]) {
        if packets.is_empty() {
            return;
        }
        let active = self.active.current();
        if active.generation != self.judge.generation() {
            self.meter.switched(&active);
            self.judge.switch(active);
        }
        self.samples.offer(packets);
        let begun = Instant::now();
        let judgement = self.judge.judge(packets);
        self.meter.judged(packets, begun.elapsed());
        if let Some(page) = &mut self.page {
            page.note(packets, &judgement);
        }
        let mut delivery = route(packets, judgement);
        if let Some(page) = &mut self.page {
            page.failed(packets, &delivery.failures);
        }
        self.admitted.append(self.outflow.admit(&mut delivery));
        self.pending.append(delivery);
        self.due
            .get_or_insert_with(|| Instant::now() + self.pace.commit_interval);
    }

    /// How long the source may wait: never past the next commit.
    fn wait(&self) -> Duration {
        let age = self.pace.batch.age;
        self.due.map_or(age, |due| {
            age.min(due.saturating_duration_since(Instant::now()))
        })
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
            || self.pending.packets >= PENDING_PACKETS
            || self.pending.payload_bytes() >= PENDING_BYTES
    }

    fn commit(&mut self) -> Result<(), WorkerError> {
        if self.pending.packets == 0 {
            self.due = None;
            return Ok(());
        }
        let delivery = std::mem::take(&mut self.pending);
        let admitted = std::mem::take(&mut self.admitted);
        self.due = None;
        let positions = delivery.positions.clone();
        let weighed = self.meter.weigh(&delivery);
        let begun = Instant::now();
        match self.sink.commit(delivery) {
            Ok(()) => {
                self.meter.committed(&weighed, begun.elapsed());
                self.source.committed(&positions);
                self.backoff = FIRST_BACKOFF;
                Ok(())
            }
            Err(SinkError::Aborted(reason)) => {
                tracing::warn!(%reason, "commit given up; reading again from the committed positions");
                self.meter.aborted(begun.elapsed());
                self.outflow.take_back(&admitted);
                self.rewind()
            }
            Err(fatal @ SinkError::Fatal(_)) => Err(fatal.into()),
        }
    }

    /// Back to the committed positions, however long that takes; a stop ends the wait.
    fn rewind(&mut self) -> Result<(), WorkerError> {
        while !self.stop.load(Ordering::Relaxed) {
            self.pause();
            match self.source.rewind() {
                Ok(()) => break,
                Err(SourceError::Retry(reason)) => {
                    tracing::warn!(%reason, "committed positions cannot be read yet");
                }
                Err(fatal @ SourceError::Fatal(_)) => return Err(fatal.into()),
            }
        }
        Ok(())
    }

    /// What is pending is another worker's now, or will be read again.
    fn forget(&mut self) {
        self.pending = Delivery::default();
        self.meter.forget();
        self.outflow.take_back(&std::mem::take(&mut self.admitted));
        self.due = None;
    }

    /// Wait a while, longer each time in a row, but not past a stop.
    fn pause(&mut self) {
        let until = Instant::now() + self.backoff;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            std::thread::sleep(STOP_LOOK.min(until.saturating_duration_since(Instant::now())));
        }
        self.backoff = (self.backoff * 2).min(GREATEST_BACKOFF);
    }
}

//! The threads of a host: every stream's workers, and one that folds their counts.
//!
//! In: opened streams. Out: how each thread ended. Never: a thread that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use anyhow::{Context, anyhow};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::fold::Fold;
use crate::judge::Judge;
use crate::metrics::Metrics;
use crate::opened::OpenStream;
use crate::registry::Registry;
use crate::stream::MAIN_LANE;
use crate::worker::{Pace, Worker, WorkerError};

/// Stack of a worker [bytes]: many times what a filter may use, and the decoder's own.
const WORKER_STACK_BYTES: usize = 8 << 20;

/// Everything that runs on threads of its own.
pub(super) struct Crew {
    stop_workers: Arc<AtomicBool>,
    stop_folds: Arc<AtomicBool>,
    workers: Vec<JoinHandle<()>>,
    folds: Vec<JoinHandle<()>>,
    ended: mpsc::UnboundedReceiver<Ended>,
}

/// How a worker ended.
struct Ended {
    worker: String,
    how: std::thread::Result<Result<(), WorkerError>>,
}

impl Ended {
    /// What went wrong, if anything did.
    fn trouble(self) -> Option<anyhow::Error> {
        match self.how {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(anyhow!(error).context(self.worker)),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("?");
                Some(anyhow!("{} panicked: {text}", self.worker))
            }
        }
    }
}

impl Crew {
    /// Start the threads of `streams`.
    pub(super) fn start(
        streams: Vec<OpenStream>,
        registry: &Registry,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        // One message per worker: bounded by their number.
        let (sender, ended) = mpsc::unbounded_channel();
        let mut crew = Self {
            stop_workers: Arc::default(),
            stop_folds: Arc::default(),
            workers: Vec::new(),
            folds: Vec::new(),
            ended,
        };
        for stream in streams {
            crew.start_stream(stream, (registry, metrics), &sender)?;
        }
        Ok(crew)
    }

    fn start_stream(
        &mut self,
        stream: OpenStream,
        (registry, metrics): (&Registry, &Metrics),
        sender: &mpsc::UnboundedSender<Ended>,
    ) -> anyhow::Result<()> {
        let OpenStream {
            settings,
            schemas,
            samples,
            logbook,
            active,
            outflow,
            ways,
            counts,
            ..
        } = stream;
        let pace = Pace {
            batch: settings.batch_limits(),
            commit_interval: settings.commit_interval(),
        };
        for (number, way) in ways.into_iter().enumerate() {
            let ledger = outflow.clone();
            let judge = Judge::new(settings.clone(), schemas.clone(), active.current()).stopping(
                Box::new(move |filter, night| ledger.is_out_of_time(filter, night)),
            );
            let stop = self.stop_workers.clone();
            let worker = Worker::new(
                way,
                judge,
                (active.clone(), outflow.clone()),
                samples.clone(),
                pace,
                stop,
            )
            .noting(logbook.page())
            .metered(metrics.worker(&settings.name, MAIN_LANE, number));
            let name = format!("{}-{number}", settings.name);
            let (sender, label) = (sender.clone(), format!("worker {name}"));
            let run = move || {
                let how = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| worker.run()));
                // Nobody listens any more only when the host has given up waiting.
                _ = sender.send(Ended { worker: label, how });
            };
            let builder = Builder::new().name(name).stack_size(WORKER_STACK_BYTES);
            self.workers
                .push(builder.spawn(run).context("cannot start a worker")?);
        }
        let fold = Fold::new(
            registry.clone(),
            Handle::current(),
            counts,
            self.stop_folds.clone(),
        );
        let builder = Builder::new().name(format!("{}-counts", settings.name));
        self.folds.push(
            builder
                .spawn(move || fold.run())
                .context("cannot start a thread")?,
        );
        Ok(())
    }

    /// The first worker that ends in trouble. One that read a finite archive to its end is no
    /// reason to stop: the HTTP interface stays up.
    pub(super) async fn trouble(&mut self) -> anyhow::Error {
        while let Some(ended) = self.ended.recv().await {
            if let Some(trouble) = ended.trouble() {
                return trouble;
            }
        }
        std::future::pending().await
    }

    /// Let every worker commit what is pending, fold the last counts, and say what went wrong.
    pub(super) async fn stop(mut self) -> Option<anyhow::Error> {
        self.stop_workers.store(true, Ordering::Relaxed);
        join(self.workers).await;
        self.stop_folds.store(true, Ordering::Relaxed);
        join(self.folds).await;
        std::iter::from_fn(|| self.ended.try_recv().ok()).find_map(Ended::trouble)
    }
}

async fn join(threads: Vec<JoinHandle<()>>) {
    let wait = || threads.into_iter().for_each(|thread| drop(thread.join()));
    // The closure cannot panic: a thread's panic comes back as a value.
    _ = tokio::task::spawn_blocking(wait).await;
}

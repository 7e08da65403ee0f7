//! Results as files: a tar of passing packets per filter, night and worker, a JSON line beside each
//! packet, dead letters, failures, and a journal that makes each delivery whole or nothing.
//!
//! In: deliveries. Out: the files that `layout` draws. A commit appends, brings what it touched
//! to disk, then appends one record to its worker's journal and brings that to disk: the record is
//! the commit. A start cuts every file back to the journals. Never: a file of another worker.
//!
//! A tar has no end while it grows: GNU tar and Python's `tarfile` read it to the last member and
//! say nothing; a reader who comes in the middle of an append sees a torn last member, and may see
//! members that a crash takes back. Lengths in the journal are what is committed. A tar gets its end
//! when it rests, and on a clean stop.

mod counts;
mod error;
mod files;
mod journal;
mod layout;
mod ledger;
mod lines;
mod members;
mod reader;
mod recover;
mod results;
mod state;
mod tarball;
mod withheld;
mod write;

use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

pub use counts::ArchiveCountLog;
pub use error::ArchiveError;
pub use results::ArchiveResults;

use super::{Sink, SinkError};
use crate::delivery::Delivery;
use crate::source::archive::{Next, Progress};
use error::Context;
use files::Files;
use journal::Journal;
use layout::Place;
use state::{Commit, Line, State};

/// A tar that was not written for so long gets its end.
const REST: Duration = Duration::from_secs(600);

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder; made where needed.
    pub path: PathBuf,
    /// Greatest number of files that one worker keeps open, at least 64.
    pub open_files: usize,
    /// A journal beyond this length goes on in a new file, which begins with what the old one
    /// adds up to, so that a start reads no more than this [bytes].
    pub journal_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            open_files: 128,
            journal_bytes: 32 << 20,
        }
    }
}

/// Opens the archive for `workers` workers of one lane of a stream, cut back to what is committed.
/// The positions are those of all workers there ever were, so their number may change.
///
/// # Errors
/// When another process writes there, or files are not as the journals say.
pub fn open(
    settings: &Settings,
    stream: &str,
    lane: &str,
    workers: usize,
) -> Result<(Vec<ArchiveSink>, Progress), ArchiveError> {
    let root = &settings.path;
    let journals = root.join(layout::JOURNALS);
    fs::create_dir_all(&journals).at(&journals)?;
    let prefix = layout::lane_prefix(stream, lane);
    let lock = recover::lock(&journals, &prefix)?;
    recover::remove_unfinished(&journals, &prefix)?;
    let progress = Progress::default();
    let mut logs = recover::logs(root, &journals, &prefix, &progress)?;
    let mut sinks = Vec::with_capacity(workers);
    for worker in 0..workers {
        let place = Place::new(stream, lane, worker);
        let resumed = recover::resume(&journals, &place, &mut logs, settings.journal_bytes)?;
        sinks.push(ArchiveSink {
            place,
            files: Files::new(root, resumed.lengths, resumed.unended, settings.open_files)?,
            journals: journals.clone(),
            journal: resumed.journal,
            journal_bytes: settings.journal_bytes,
            log: resumed.log,
            sequence: resumed.sequence,
            progress: progress.clone(),
            rested: Instant::now(),
            broken: false,
            _lock: lock.clone(),
        });
    }
    journal::sync_folder(root)?;
    Ok((sinks, progress))
}

/// Writes one worker's results. Dropping it gives its tars their end.
#[derive(Debug)]
pub struct ArchiveSink {
    place: Place,
    files: Files,
    journals: PathBuf,
    journal: Journal,
    journal_bytes: u64,
    log: String,
    sequence: i64,
    progress: Progress,
    /// When resting tars were last looked for.
    rested: Instant,
    /// What is on disk is not known: only a start may touch it.
    broken: bool,
    /// Held by every worker's sink, so that the last one releases it.
    _lock: Arc<File>,
}

impl ArchiveSink {
    /// The name of its journal, as [`super::CountRecord::log`] has it.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    fn record(&self, delivery: Delivery) -> Commit {
        let positions = delivery
            .positions
            .into_iter()
            .map(|(partition, (first, next))| {
                let finished = self.progress.reached(&partition, next) == Next::Finished;
                (
                    partition.topic.to_string(),
                    partition.index,
                    first,
                    next,
                    finished,
                )
            });
        Commit {
            sequence: self.sequence + 1,
            generation: delivery.generation,
            packets: delivery.packets,
            alerts: delivery.alerts,
            positions: positions.collect(),
            files: self.files.touched(),
            counts: delivery.counts.into_iter().collect(),
        }
    }

    /// Take back what was written of a delivery that cannot be committed.
    fn give_up(&mut self, error: ArchiveError) -> SinkError {
        let undone = self.files.undo();
        match (undone, &error) {
            (Err(unknown), _) => self.fail(unknown),
            (Ok(()), ArchiveError::Unknown(_)) => self.fail(error),
            (Ok(()), _) => error.aborted(),
        }
    }

    fn fail(&mut self, error: ArchiveError) -> SinkError {
        self.broken = true;
        error.into()
    }

    /// After a commit: what need not happen at each.
    fn tidy(&mut self) -> Result<(), ArchiveError> {
        if self.rested.elapsed() > REST / 10 {
            self.files.end_resting(REST);
            self.rested = Instant::now();
        }
        if self.journal.is_long(self.journal_bytes) {
            let state = State::read(self.journal.path())?;
            self.journal = Journal::begin(&self.journals, &self.log, &state)?;
        }
        Ok(())
    }
}

impl Sink for ArchiveSink {
    fn commit(&mut self, delivery: Delivery) -> Result<(), SinkError> {
        if self.broken {
            return Err(SinkError::Fatal(
                "an earlier commit failed half-way".to_owned(),
            ));
        }
        if is_empty(&delivery) {
            return Ok(());
        }
        let Some(_claim) = self.progress.claim(&delivery.positions) else {
            let reason = "another worker has committed some of these packets";
            return Err(SinkError::Aborted(reason.to_owned()));
        };
        if let Err(error) = self.write(&delivery) {
            return Err(self.give_up(error));
        }
        let positions = delivery.positions.clone();
        let commit = self.record(delivery);
        match self.journal.append(&Line::Commit(commit)) {
            Ok(()) => {}
            // The record may be there: nothing it names may be cut.
            Err(error @ ArchiveError::Unknown(_)) => return Err(self.fail(error)),
            Err(error) => return Err(self.give_up(error)),
        }
        self.sequence += 1;
        self.files.keep();
        self.progress.advance(&positions);
        match self.tidy() {
            Err(error @ ArchiveError::Unknown(_)) => Err(self.fail(error)),
            Err(error) => {
                tracing::warn!("the journal grows on: {error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Drop for ArchiveSink {
    fn drop(&mut self) {
        if !self.broken {
            self.files.end_resting(Duration::ZERO);
        }
    }
}

fn is_empty(delivery: &Delivery) -> bool {
    delivery.positions.is_empty()
        && delivery.outputs.is_empty()
        && delivery.dead_letters.is_empty()
        && delivery.failures.is_empty()
        && delivery.withheld.is_empty()
        && delivery.counts.is_empty()
}

#[cfg(test)]
mod tests;

//! Alerts from files: loose packets, tars and tar.gz nights of packets, a folder of them or single
//! ones; read once to the end, or followed as new files are renamed into place.
//!
//! In: the files, and how far they were committed. Out: packets in the order of files and members;
//! `Partition { topic: the file, index: 0 }`, offset = number of the packet within its file. Files
//! are taken as they are when first seen: one that grows later is not read again. Never: decoding,
//! writing, or a time stamp (a file's age is not a broker's time).

mod folder;
mod lookback;
mod members;
mod packets;
mod past;
mod progress;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;

pub use lookback::ArchiveLookback;
pub use past::PastFiles;
pub use progress::{Next, Progress};

use super::{BatchLimits, Packet, Partition, Polled, Source, SourceError};
use folder::Folder;
use packets::{FilePackets, Kind, is_passing};
use progress::Key;

/// A followed folder is looked at this often. Where a look takes long (a million files, a slow network
/// file system), the pause is four times that look, but at most the longest one.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A look that takes longer than this is told in the log.
const SLOW_LOOK: Duration = Duration::from_secs(2);

/// Where an archive's packets lie.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// A folder, read with all its folders, or one file.
    pub path: PathBuf,
    /// Wait for new files for ever; otherwise end behind the last one.
    pub follow: bool,
    /// A longer packet becomes a dead letter [bytes].
    pub packet_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            follow: true,
            packet_bytes: 64 << 20,
        }
    }
}

/// Which of the files one worker reads: a share by the hash of the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Number of the worker, from 0.
    pub worker: usize,
    /// How many workers there are.
    pub workers: usize,
}

impl Share {
    /// All files.
    pub const WHOLE: Self = Self {
        worker: 0,
        workers: 1,
    };
}

/// Packets from files.
pub struct ArchiveSource {
    folders: Vec<Folder>,
    share: Share,
    progress: Progress,
    follow: bool,
    packet_bytes: u64,
    queue: VecDeque<(usize, Arc<str>)>,
    reading: Option<(Key, FilePackets)>,
    /// A packet that did not fit into the last batch.
    held: Option<Packet>,
    next_look: Option<Instant>,
}

impl ArchiveSource {
    /// One worker's share of an archive, from what was committed on; files are called by their path
    /// relative to the archive.
    #[must_use]
    pub fn new(settings: &Settings, share: Share, progress: Progress) -> Self {
        let folders = vec![Folder::new(settings.path.clone(), false)];
        Self::over(
            folders,
            share,
            progress,
            settings.follow,
            settings.packet_bytes,
        )
    }

    /// All of several files and folders, in the order given, once; files are called by their path
    /// as given.
    #[must_use]
    pub fn replay(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let folders = paths
            .into_iter()
            .map(|path| Folder::new(path, true))
            .collect();
        let bytes = Settings::default().packet_bytes;
        Self::over(folders, Share::WHOLE, Progress::default(), false, bytes)
    }

    fn over(
        folders: Vec<Folder>,
        share: Share,
        progress: Progress,
        follow: bool,
        packet_bytes: u64,
    ) -> Self {
        Self {
            folders,
            share,
            progress,
            follow,
            packet_bytes,
            queue: VecDeque::new(),
            reading: None,
            held: None,
            next_look: Some(Instant::now()),
        }
    }

    /// The committed positions, for a sink to share.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Files that are known and not begun.
    #[must_use]
    pub fn waiting_files(&self) -> usize {
        self.queue.len()
    }

    fn next_packet(&mut self) -> Result<Option<Packet>, SourceError> {
        if let Some(packet) = self.held.take() {
            return Ok(Some(packet));
        }
        loop {
            if let Some((key, packets)) = &mut self.reading {
                if let Some((packet, last)) = packets.next() {
                    if last {
                        self.progress.ends(*key, packet.position.offset + 1);
                    }
                    return Ok(Some(packet));
                }
                self.reading = None;
            }
            if self.queue.is_empty() {
                self.look()?;
            }
            let Some((folder, topic)) = self.queue.pop_front() else {
                return Ok(None);
            };
            self.open(folder, topic)?;
        }
    }

    /// Look for new files, if it is time to.
    fn look(&mut self) -> Result<(), SourceError> {
        if self.next_look.is_none_or(|time| Instant::now() < time) {
            return Ok(());
        }
        let begun = Instant::now();
        let (share, progress) = (self.share, &self.progress);
        let wanted = |key: Key| {
            key.belongs_to(share.worker, share.workers) && progress.of(key) != Some(Next::Finished)
        };
        for (number, folder) in self.folders.iter_mut().enumerate() {
            let found = folder.scan(wanted).map_err(|error| {
                let message = format!("{}: {error}", folder.root().display());
                if self.follow {
                    SourceError::Retry(message)
                } else {
                    SourceError::Fatal(message)
                }
            })?;
            self.queue
                .extend(found.into_iter().map(|topic| (number, topic)));
        }
        let took = begun.elapsed();
        if self.follow && took > SLOW_LOOK {
            tracing::warn!(seconds = took.as_secs_f64(), "listing the archive is slow");
        }
        let pause = (took * 4).clamp(LOOK_EVERY, LONGEST_PAUSE);
        self.next_look = self.follow.then(|| Instant::now() + pause);
        Ok(())
    }

    fn open(&mut self, number: usize, topic: Arc<str>) -> Result<(), SourceError> {
        let key = Key::of(&topic, 0);
        let from = match self.progress.of(key) {
            Some(Next::Finished) => return Ok(()),
            Some(Next::At(offset)) => offset,
            None => 0,
        };
        let folder = &mut self.folders[number];
        let path = folder.path(&topic);
        let kind = Kind::of_name(&topic).or(folder.is_named(&topic).then_some(Kind::Packet));
        if from > 0 && kind.is_none_or(|kind| kind == Kind::Packet) {
            return Ok(()); // Its one packet is committed.
        }
        let opened = FilePackets::open(&path, &topic, kind, from, self.packet_bytes);
        self.reading = match opened {
            Ok(Some(packets)) => Some((key, packets)),
            Ok(None) => {
                tracing::info!("{} is passed over: not a packet, not a tar", path.display());
                None
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!("{} went away before it was read", path.display());
                folder.forget(&topic);
                None
            }
            Err(error) if is_passing(&error) => {
                self.queue.push_front((number, topic));
                return Err(SourceError::Retry(format!("{}: {error}", path.display())));
            }
            Err(error) => {
                let reason = format!("the file cannot be opened: {error}");
                Some((key, FilePackets::unreadable(&topic, from, reason)))
            }
        };
        Ok(())
    }

    fn wait(&self, until: Instant) {
        let until = self.next_look.map_or(until, |look| look.min(until));
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

impl Source for ArchiveSource {
    fn poll(&mut self, limits: &BatchLimits) -> Result<Polled, SourceError> {
        let deadline = Instant::now() + limits.age;
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < limits.rows.max(1) && bytes < limits.bytes.max(1) {
            match self.next_packet() {
                Ok(Some(packet))
                    if !batch.is_empty() && bytes + packet.bytes.len() > limits.bytes =>
                {
                    self.held = Some(packet);
                    break;
                }
                Ok(Some(packet)) => {
                    bytes += packet.bytes.len();
                    batch.push(packet);
                    if Instant::now() >= deadline {
                        break;
                    }
                }
                Err(error) if batch.is_empty() => return Err(error),
                // Said again at the next poll.
                Err(_) => break,
                Ok(None) if !batch.is_empty() => break,
                Ok(None) if !self.follow => return Ok(Polled::End),
                Ok(None) if Instant::now() >= deadline => break,
                Ok(None) => self.wait(deadline),
            }
        }
        Ok(Polled::Packets(batch))
    }

    fn rewind(&mut self) -> Result<(), SourceError> {
        self.queue.clear();
        self.reading = None;
        self.held = None;
        self.folders.iter_mut().for_each(Folder::forget_all);
        self.next_look = Some(Instant::now());
        Ok(())
    }

    fn committed(&mut self, positions: &BTreeMap<Partition, (i64, i64)>) {
        self.progress.advance(positions);
    }
}

#[cfg(test)]
mod tests;

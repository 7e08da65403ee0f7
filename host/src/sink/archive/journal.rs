//! A worker's journal: the one place that says what was committed.
//!
//! In: one commit per delivery, appended when everything it names is on disk. Out: segments of a
//! log, files whose names carry the sequence they begin with; a new one begins with a snapshot, old
//! ones are kept for the counts in them. Never: the files that the journal speaks of.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::error::{ArchiveError, Context};
use super::state::{Line, State};

/// A segment's name: `<place>.<epoch>.<first sequence>.jsonl`; the epoch tells an archive begun
/// anew from the one before, for whoever remembers what they have read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// `<place>.<epoch>`.
    pub log: String,
    /// Its commits have greater sequences than the segments before: this one and above.
    pub first: i64,
}

impl Segment {
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (log, first) = name.strip_suffix(".jsonl")?.rsplit_once('.')?;
        Some(Self {
            log: log.to_owned(),
            first: first.parse().ok()?,
        })
    }

    pub(super) fn file_name(&self) -> String {
        format!("{}.{:015}.jsonl", self.log, self.first)
    }

    /// The place that writes it.
    pub(super) fn place(&self) -> &str {
        self.log.rsplit_once('.').map_or("", |(place, _)| place)
    }

    /// All segments whose names begin with `prefix`, by log and sequence.
    pub(super) fn list(folder: &Path, prefix: &str) -> Result<Vec<Self>, ArchiveError> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(folder).at(folder)? {
            let name = entry.at(folder)?.file_name();
            let name = name.to_str().filter(|name| name.starts_with(prefix));
            segments.extend(name.and_then(Self::parse));
        }
        segments.sort();
        Ok(segments)
    }
}

/// Appends to the last segment of a log.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    length: u64,
    /// Where the snapshot that it begins with ends.
    snapshot: u64,
}

impl Journal {
    /// Append to `segment`, which [`State::read`] has read.
    pub(super) fn open(folder: &Path, segment: &Segment) -> Result<Self, ArchiveError> {
        let path = folder.join(segment.file_name());
        let file = OpenOptions::new().append(true).open(&path).at(&path)?;
        file.sync_all().at(&path)?;
        let length = file.metadata().at(&path)?.len();
        Ok(Self {
            path,
            file,
            length,
            snapshot: 0,
        })
    }

    /// Begin a segment that goes on from `state`: written aside, then renamed into place.
    pub(super) fn begin(folder: &Path, log: &str, state: &State) -> Result<Self, ArchiveError> {
        let segment = Segment {
            log: log.to_owned(),
            first: state.sequence + 1,
        };
        let path = folder.join(segment.file_name());
        let aside = path.with_extension("partial");
        let mut writer = BufWriter::new(File::create(&aside).at(&aside)?);
        for line in state.snapshot() {
            writer.write_all(&encode(&line)).at(&aside)?;
        }
        let written = writer.into_inner().map_err(std::io::Error::from);
        written.and_then(|file| file.sync_all()).at(&aside)?;
        fs::rename(&aside, &path).at(&path)?;
        // From here on a start reads the new segment: nothing may be added to the one before.
        sync_folder(folder).map_err(ArchiveError::unknown)?;
        let opened = OpenOptions::new().append(true).open(&path);
        let file = opened.at(&path).map_err(ArchiveError::unknown)?;
        let snapshot = file
            .metadata()
            .at(&path)
            .map_err(ArchiveError::unknown)?
            .len();
        Ok(Self {
            path,
            file,
            length: snapshot,
            snapshot,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is time for a new segment.
    pub(super) fn is_long(&self, bound: u64) -> bool {
        self.length > bound.max(4 * self.snapshot)
    }

    /// Append one line and bring it to disk. After an error that can be undone nothing of it is
    /// left; after [`ArchiveError::Unknown`] nobody knows.
    pub(super) fn append(&mut self, line: &Line) -> Result<(), ArchiveError> {
        let bytes = encode(line);
        if let Err(error) = self.file.write_all(&bytes).at(&self.path) {
            self.file
                .set_len(self.length)
                .at(&self.path)
                .map_err(ArchiveError::unknown)?;
            return Err(error);
        }
        self.file
            .sync_data()
            .at(&self.path)
            .map_err(ArchiveError::unknown)?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn encode(line: &Line) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("a line has text keys and finite numbers only");
    bytes.push(b'\n');
    bytes
}

/// Bring new names in `folder` to disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), ArchiveError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .at(folder)
}

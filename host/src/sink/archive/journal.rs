//! A worker's journal: the one place that says what was committed.
//!
//! In: one [`Commit`] per delivery, appended when everything it names is on disk. Out: at start,
//! what the last commit left. A line counts when it is whole, newline included; a torn last one
//! never happened and is cut. A log is a run of segments, files whose names carry the sequence they
//! begin with; a new segment begins with a snapshot, old ones are kept for the counts in them.
//! Never: the files that the journal speaks of.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::{ArchiveError, Context};
use crate::route::{CountKey, Counts};
use crate::source::Partition;
use crate::source::archive::Next;

/// Entries to a line of a snapshot.
const SNAPSHOT_LINE: usize = 1000;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// One delivery, whole.
    Commit(Commit),
    /// Files about to be made, below the archive; said before, so that a start finds them.
    Creating(Vec<String>),
    /// Part of what the segments before this one left.
    Snapshot(Snapshot),
}

/// What one delivery left.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Commit {
    pub sequence: i64,
    pub generation: i64,
    pub packets: u64,
    pub alerts: u64,
    /// Topic or file, index, first offset, next offset, whether that is the end of the file.
    pub positions: Vec<(String, i32, i64, i64, bool)>,
    /// Files touched and their lengths [bytes], a tar's without its end.
    pub files: Vec<(String, u64)>,
    pub counts: Vec<(CountKey, Counts)>,
}

/// Part of a state.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Snapshot {
    pub sequence: i64,
    pub positions: Vec<(String, i32, i64, bool)>,
    pub files: Vec<(String, u64)>,
}

/// What a log's commits add up to.
#[derive(Debug, Default)]
pub(super) struct State {
    pub sequence: i64,
    pub positions: BTreeMap<Partition, Next>,
    /// Length of each file [bytes].
    pub files: BTreeMap<String, u64>,
}

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

impl State {
    /// Add up the segment at `path`; a torn last line is cut off.
    pub(super) fn read(path: &Path) -> Result<Self, ArchiveError> {
        let mut state = Self::default();
        let mut reader = BufReader::new(File::open(path).at(path)?);
        let (mut line, mut sound, mut number, mut torn) = (Vec::new(), 0, 0, None);
        while reader.read_until(b'\n', &mut line).at(path)? > 0 {
            if let Some(reason) = torn {
                return Err(ArchiveError::Journal {
                    path: path.into(),
                    line: number,
                    reason,
                });
            }
            number += 1;
            match whole_line(&line) {
                Ok(read) => {
                    sound += line.len() as u64;
                    state.add(read);
                }
                Err(reason) => torn = Some(reason),
            }
            line.clear();
        }
        if torn.is_some() {
            let file = OpenOptions::new().write(true).open(path).at(path)?;
            file.set_len(sound).at(path)?;
            file.sync_all().at(path)?;
        }
        Ok(state)
    }

    fn add(&mut self, line: Line) {
        match line {
            Line::Creating(files) => {
                for file in files {
                    self.files.entry(file).or_insert(0);
                }
            }
            Line::Commit(commit) => {
                self.sequence = commit.sequence;
                self.files.extend(commit.files);
                for (topic, index, _, next, finished) in commit.positions {
                    self.reach(topic, index, next, finished);
                }
            }
            Line::Snapshot(part) => {
                self.sequence = part.sequence;
                self.files.extend(part.files);
                for (topic, index, next, finished) in part.positions {
                    self.reach(topic, index, next, finished);
                }
            }
        }
    }

    fn reach(&mut self, topic: String, index: i32, next: i64, finished: bool) {
        let next = if finished {
            Next::Finished
        } else {
            Next::At(next)
        };
        let partition = Partition {
            topic: topic.into(),
            index,
        };
        let kept = self.positions.entry(partition).or_insert(next);
        *kept = (*kept).max(next);
    }

    /// As lines of a new segment.
    fn snapshot(&self) -> Vec<Line> {
        let part = |positions, files| {
            Line::Snapshot(Snapshot {
                sequence: self.sequence,
                positions,
                files,
            })
        };
        let positions: Vec<_> = self.positions.iter().collect();
        let files: Vec<_> = self.files.iter().collect();
        let positions = positions.chunks(SNAPSHOT_LINE).map(|chunk| {
            let entry = |(partition, next): &(&Partition, &Next)| match next {
                Next::At(next) => (partition.topic.to_string(), partition.index, *next, false),
                Next::Finished => (partition.topic.to_string(), partition.index, 0, true),
            };
            part(chunk.iter().map(entry).collect(), Vec::new())
        });
        let files = files.chunks(SNAPSHOT_LINE).map(|chunk| {
            let entry = |(file, length): &(&String, &u64)| ((*file).clone(), **length);
            part(Vec::new(), chunk.iter().map(entry).collect())
        });
        std::iter::once(part(Vec::new(), Vec::new()))
            .chain(positions)
            .chain(files)
            .collect()
    }
}

fn whole_line(line: &[u8]) -> Result<Line, String> {
    match line.split_last() {
        Some((b'\n', text)) => serde_json::from_slice(text).map_err(|error| error.to_string()),
        _ => Err("the line does not end".to_owned()),
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

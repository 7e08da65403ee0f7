//! What a journal says: its lines, and what they add up to.
//!
//! In: the lines of one segment. Out: positions, lengths of files, the last sequence. A line counts
//! when it is whole, newline included; a torn last one never happened and is cut. Never: a line
//! skipped that is not the last.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::{ArchiveError, Context};
use crate::delivery::{CountKey, Counts};
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
    pub(super) fn snapshot(&self) -> Vec<Line> {
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

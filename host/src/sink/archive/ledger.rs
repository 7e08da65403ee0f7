//! A log's commits, as far as one filter goes.
//!
//! In: the segments of one log, as they grow. Out: for each commit that touched the filter's folder
//! the bytes that it added to each file there, in order. Never: a line that is not whole and on disk.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use std::time::Instant;

use super::error::{ArchiveError, Context};
use super::journal::Segment;
use super::state::Line;
use crate::results::Origin;

/// Lines between two looks at the clock.
const LINES: usize = 256;
/// What every line of a commit begins with; the number follows.
const COMMIT: &[u8] = b"{\"commit\":{\"sequence\":";

/// What one commit added to the filter's folder.
#[derive(Debug)]
pub(super) struct Portion {
    pub sequence: i64,
    pub ranges: Vec<Range>,
    /// What was read of the source: file or topic, index, first offset, next offset.
    positions: Vec<(String, i32, i64, i64)>,
}

impl Portion {
    /// Whether an alert from there is of this commit. In a file that was taken away and begun anew
    /// others lie at its place.
    pub fn holds(&self, from: &Origin) -> bool {
        let within = |(topic, index, first, next): &(String, i32, i64, i64)| {
            *topic == from.topic
                && *index == from.partition
                && (*first..*next).contains(&from.offset)
        };
        self.positions.iter().any(within)
    }
}

/// What it added to one night's tar and its lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Path of both below the archive, without the ending.
    pub stem: String,
    /// Bytes of the tar: from, to.
    pub tar: (u64, u64),
    /// Bytes of the lines: from, to.
    pub lines: (u64, u64),
}

/// Reads one log.
#[derive(Debug)]
pub(super) struct Ledger {
    folder: String,
    /// The folder as it stands in a line.
    needle: Vec<u8>,
    /// The first commit that is wanted.
    from: i64,
    /// First sequence of the segment that is being read, and how far.
    segment: Option<(i64, u64)>,
    /// The number behind the last commit that was read.
    reached: i64,
    /// Of the filter's files [bytes].
    lengths: BTreeMap<String, u64>,
    /// Read and not yet given.
    waiting: VecDeque<Portion>,
    /// The clock ended the last look.
    behind: bool,
}

impl Ledger {
    /// The commits from number `from` on that touched `folder`.
    pub fn new(from: i64, folder: &str) -> Self {
        Self {
            needle: format!("\"{folder}/").into_bytes(),
            folder: format!("{folder}/"),
            from,
            segment: None,
            reached: 0,
            lengths: BTreeMap::new(),
            waiting: VecDeque::new(),
            behind: false,
        }
    }

    /// The next portion, or none for now.
    pub fn next(
        &mut self,
        journals: &Path,
        segments: &[Segment],
        deadline: Instant,
    ) -> Result<Option<Portion>, ArchiveError> {
        if self.waiting.is_empty() {
            self.read(journals, segments, Some(deadline))?;
        }
        Ok(self.waiting.pop_front())
    }

    /// Gives a portion back that was not read to its end.
    pub fn again(&mut self, portion: Portion) {
        self.waiting.push_front(portion);
    }

    /// Reads all there is without giving it; the number of the next commit.
    pub fn read_to_end(
        &mut self,
        journals: &Path,
        segments: &[Segment],
    ) -> Result<i64, ArchiveError> {
        loop {
            self.read(journals, segments, None)?;
            if self.waiting.is_empty() && !self.behind {
                let first = segments.last().map_or(1, |segment| segment.first);
                return Ok(self.reached.max(first));
            }
            self.waiting.clear();
        }
    }

    /// Every commit below this number was given; 0 before the first.
    pub fn reached(&self) -> i64 {
        self.waiting
            .front()
            .map_or(self.reached, |portion| portion.sequence)
    }

    /// Whether the last look ended before the log did.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Reads on until there is a portion, or no more.
    fn read(
        &mut self,
        journals: &Path,
        segments: &[Segment],
        deadline: Option<Instant>,
    ) -> Result<(), ArchiveError> {
        self.behind = false;
        let holds = segments.iter().rfind(|segment| segment.first <= self.from);
        let start = holds
            .or(segments.first())
            .map_or(0, |segment| segment.first);
        let (first, _) = *self.segment.get_or_insert((start, 0));
        for segment in segments.iter().filter(|segment| segment.first >= first) {
            let offset = match self.segment {
                Some((at, offset)) if at == segment.first => offset,
                _ => 0,
            };
            let path = journals.join(segment.file_name());
            let offset = self.read_segment(&path, offset, deadline)?;
            self.segment = Some((segment.first, offset));
            if self.behind || !self.waiting.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Whole lines from `offset` on; gives where it stopped.
    fn read_segment(
        &mut self,
        path: &Path,
        mut offset: u64,
        deadline: Option<Instant>,
    ) -> Result<u64, ArchiveError> {
        let file = File::open(path).at(path)?;
        if file.metadata().at(path)?.len() <= offset {
            return Ok(offset);
        }
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(offset)).at(path)?;
        let (mut line, mut number) = (Vec::new(), 0_usize);
        while self.waiting.is_empty() && reader.read_until(b'\n', &mut line).at(path)? > 0 {
            number += 1;
            if line.last() != Some(&b'\n') {
                break;
            }
            if number.is_multiple_of(LINES) && deadline.is_some_and(|end| Instant::now() > end) {
                self.behind = true;
                break;
            }
            if !self.add(&line) {
                break;
            }
            offset += line.len() as u64;
            line.clear();
        }
        if !self.waiting.is_empty() {
            // What is given is never taken back: the record is on disk before its alerts are.
            reader.get_ref().sync_data().at(path)?;
        }
        Ok(offset)
    }

    /// False where the line cannot be read: its writer is not done with it.
    fn add(&mut self, line: &[u8]) -> bool {
        if !contains(line, &self.needle)
            && let Some(sequence) = sequence(line)
        {
            self.reached = sequence + 1;
            return true;
        }
        match serde_json::from_slice(line) {
            Ok(Line::Commit(commit)) => {
                self.reached = commit.sequence + 1;
                let ranges = self.ranges(commit.files);
                if commit.sequence >= self.from && !ranges.is_empty() {
                    let range = |(topic, index, first, next, _)| (topic, index, first, next);
                    self.waiting.push_back(Portion {
                        sequence: commit.sequence,
                        ranges,
                        positions: commit.positions.into_iter().map(range).collect(),
                    });
                }
                true
            }
            Ok(Line::Snapshot(part)) => {
                let own = part
                    .files
                    .into_iter()
                    .filter(|(file, _)| file.starts_with(&self.folder));
                self.lengths.extend(own);
                self.reached = self.reached.max(part.sequence + 1);
                true
            }
            Ok(Line::Creating(_)) => true,
            Err(_) => false,
        }
    }

    /// What was added to the filter's files; they have these lengths now.
    fn ranges(&mut self, files: Vec<(String, u64)>) -> Vec<Range> {
        let mut added: BTreeMap<String, Range> = BTreeMap::new();
        for (file, length) in files {
            let Some((stem, is_tar)) = stem(&file).filter(|_| file.starts_with(&self.folder))
            else {
                continue;
            };
            let stem = stem.to_owned();
            let before = self.lengths.insert(file, length).unwrap_or(0);
            // A commit makes a file longer; one that was taken away begins anew.
            let grown = (if before >= length { 0 } else { before }, length);
            let range = added.entry(stem.clone()).or_insert(Range {
                stem,
                tar: (0, 0),
                lines: (0, 0),
            });
            *(if is_tar {
                &mut range.tar
            } else {
                &mut range.lines
            }) = grown;
        }
        added.into_values().collect()
    }
}

fn stem(file: &str) -> Option<(&str, bool)> {
    let tar = file.strip_suffix(".tar").map(|stem| (stem, true));
    tar.or_else(|| file.strip_suffix(".jsonl").map(|stem| (stem, false)))
}

/// The number of a commit's line.
fn sequence(line: &[u8]) -> Option<i64> {
    let rest = line.strip_prefix(COMMIT)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

fn contains(line: &[u8], needle: &[u8]) -> bool {
    line.windows(needle.len()).any(|part| part == needle)
}

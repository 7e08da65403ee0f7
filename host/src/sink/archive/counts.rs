//! The counts that travelled with an archive's outputs, read back from its journals.
//!
//! In: the journals, as they grow. Out: each committed record of counts once, in the order of its
//! log. A record is given only when it is on disk: what was given is never taken back. Never:
//! writing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::{ArchiveError, Context};
use super::journal::Segment;
use super::layout;
use super::state::Line;
use crate::sink::{CountLog, CountRecord, SinkError};

/// Records given at once.
const RECORDS: usize = 1000;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Reads the counts of one stream, all its lanes and workers.
#[derive(Debug)]
pub struct ArchiveCountLog {
    journals: PathBuf,
    prefix: String,
    given: BTreeMap<String, i64>,
    places: BTreeMap<String, Place>,
}

/// Where reading of a log stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// First sequence of the segment.
    segment: i64,
    offset: u64,
}

impl ArchiveCountLog {
    /// The counts of `stream` in the archive at `path`.
    #[must_use]
    pub fn new(path: &Path, stream: &str) -> Self {
        Self {
            journals: path.join(layout::JOURNALS),
            prefix: layout::stream_prefix(stream),
            given: BTreeMap::new(),
            places: BTreeMap::new(),
        }
    }

    fn look(&mut self) -> Result<Vec<CountRecord>, ArchiveError> {
        // Listed before they are read: a segment that has a successor is then read when complete.
        let segments = match Segment::list(&self.journals, &self.prefix) {
            Err(ArchiveError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => vec![],
            listed => listed?,
        };
        let mut records = Vec::new();
        for log in segments.chunk_by(|one, next| one.log == next.log) {
            self.read_log(log, &mut records)?;
        }
        Ok(records)
    }

    fn read_log(
        &mut self,
        segments: &[Segment],
        records: &mut Vec<CountRecord>,
    ) -> Result<(), ArchiveError> {
        let log = &segments[0].log;
        let given = self.given.get(log).copied().unwrap_or(0);
        let start = || {
            let first = segments.iter().rfind(|segment| segment.first <= given + 1);
            Place {
                segment: first.unwrap_or(&segments[0]).first,
                offset: 0,
            }
        };
        let place = self.places.get(log).copied().unwrap_or_else(start);
        for segment in segments
            .iter()
            .filter(|segment| segment.first >= place.segment)
        {
            let offset = if segment.first == place.segment {
                place.offset
            } else {
                0
            };
            let offset = self.read_segment(segment, offset, records)?;
            self.places.insert(
                log.clone(),
                Place {
                    segment: segment.first,
                    offset,
                },
            );
            if records.len() >= RECORDS {
                break;
            }
        }
        Ok(())
    }

    /// Read whole lines from `offset` on; gives where it stopped.
    fn read_segment(
        &mut self,
        segment: &Segment,
        mut offset: u64,
        records: &mut Vec<CountRecord>,
    ) -> Result<u64, ArchiveError> {
        let path = self.journals.join(segment.file_name());
        let mut reader = BufReader::new(File::open(&path).at(&path)?);
        reader.seek(SeekFrom::Start(offset)).at(&path)?;
        let (before, mut line) = (records.len(), Vec::new());
        let mut given = self.given.get(&segment.log).copied().unwrap_or(0);
        while records.len() < RECORDS && reader.read_until(b'\n', &mut line).at(&path)? > 0 {
            if line.last() != Some(&b'\n') {
                break;
            }
            let Ok(read) = serde_json::from_slice(&line) else {
                break;
            };
            if let Line::Commit(commit) = read
                && commit.sequence > given
            {
                given = commit.sequence;
                if !commit.counts.is_empty() {
                    let log = segment.log.clone();
                    let counts = commit.counts.into_iter().collect();
                    records.push(CountRecord {
                        log,
                        sequence: given,
                        counts,
                    });
                }
            }
            offset += line.len() as u64;
            line.clear();
        }
        if records.len() > before {
            reader.get_ref().sync_data().at(&path)?;
        }
        self.given.insert(segment.log.clone(), given);
        Ok(offset)
    }
}

impl CountLog for ArchiveCountLog {
    fn start_after(&mut self, folded: &BTreeMap<String, i64>) -> Result<(), SinkError> {
        self.given = folded.clone();
        self.places.clear();
        Ok(())
    }

    fn read(&mut self, wait: Duration) -> Result<Vec<CountRecord>, SinkError> {
        let deadline = Instant::now() + wait;
        loop {
            let records = self.look()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !records.is_empty() || left.is_zero() {
                return Ok(records);
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }
}

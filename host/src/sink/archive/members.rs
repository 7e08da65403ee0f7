//! The alerts that one commit added to a tar, each with its line.
//!
//! In: ranges of bytes of a tar and of its lines. Out: alerts. Never: a byte beyond the ranges.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::error::{ArchiveError, Context};
use super::ledger::Range;
use super::tarball;
use crate::results::{Found, Origin, Place};

/// Longest line [bytes]: annotations are bounded far below.
pub(super) const LONGEST_LINE: u64 = 4 << 20;
/// Longest packet [bytes].
const LONGEST_PACKET: u64 = 1 << 30;

/// Reads one range.
pub(super) struct Members {
    /// None where the files were taken away.
    open: Option<Open>,
    path: PathBuf,
}

struct Open {
    lines: BufReader<Take<File>>,
    tar: BufReader<Take<File>>,
    /// The header of the next member, already read.
    next: Option<tarball::Head>,
}

/// A line as `lines` wrote it.
#[derive(Deserialize)]
pub(super) struct Line {
    member: String,
    alert_id: String,
    object_id: String,
    night: String,
    source: Origin,
    setting: i64,
    version: i64,
    #[serde(default)]
    programme: Option<i64>,
    #[serde(default = "whole")]
    payload: String,
    #[serde(default)]
    annotations: serde_json::Map<String, serde_json::Value>,
}

/// What lines of the first release hold without saying so.
fn whole() -> String {
    "packet".to_owned()
}

impl Members {
    /// The members of the range below `root`.
    pub fn open(root: &Path, range: &Range) -> Result<Self, ArchiveError> {
        let path = root.join(format!("{}.tar", range.stem));
        let lines_path = root.join(format!("{}.jsonl", range.stem));
        let tar = part(&path, range.tar).at(&path)?;
        let lines = part(&lines_path, range.lines).at(&lines_path)?;
        let open = tar.zip(lines).map(|(tar, lines)| Open {
            lines: BufReader::new(lines),
            tar: BufReader::new(tar),
            next: None,
        });
        let mut members = Self { open, path };
        members.peek()?;
        Ok(members)
    }

    /// At least so many alerts are gone with the files.
    pub fn lost(&self) -> u64 {
        u64::from(self.open.is_none())
    }

    /// When the range was written [s since the Unix epoch].
    pub fn modified_s(&self) -> u64 {
        let next = self.open.as_ref().and_then(|open| open.next.as_ref());
        next.map_or(0, |head| head.modified_s)
    }

    /// The next member's line; it is then taken or passed over.
    pub fn line(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some(open) = &mut self.open else {
            return Ok(None);
        };
        let mut line = Vec::new();
        let mut lines = (&mut open.lines).take(LONGEST_LINE);
        lines.read_until(b'\n', &mut line).at(&self.path)?;
        Ok((!line.is_empty()).then_some(line))
    }

    /// The member that the line tells of.
    pub fn take(
        &mut self,
        line: &[u8],
        partition: Arc<str>,
        after: Place,
    ) -> Result<Found, ArchiveError> {
        let wrong = |reason: &str| io::Error::new(ErrorKind::InvalidData, reason.to_owned());
        let line: Line = serde_json::from_slice(line)
            .map_err(|e| wrong(&e.to_string()))
            .at(&self.path)?;
        let head = self.head()?;
        if head.name != line.member {
            return Err(wrong("members and lines do not belong together")).at(&self.path);
        }
        let payload = self.bytes(&head)?;
        self.peek()?;
        Ok(Found {
            partition,
            after,
            object_id: line.object_id,
            alert_id: line.alert_id,
            night: line.night,
            version: line.version,
            setting: line.setting,
            programme: line.programme,
            holds: line.payload,
            source: line.source,
            annotations: line.annotations,
            payload,
            withheld: None,
            missing: None,
        })
    }

    /// The member is not wanted.
    pub fn pass_over(&mut self) -> Result<(), ArchiveError> {
        let head = self.head()?;
        if let Some(open) = &mut self.open {
            skip(&mut open.tar, head.padded()).at(&self.path)?;
        }
        self.peek()
    }

    fn head(&mut self) -> Result<tarball::Head, ArchiveError> {
        let head = self.open.as_mut().and_then(|open| open.next.take());
        let missing = || {
            io::Error::new(
                ErrorKind::UnexpectedEof,
                "there are more lines than members",
            )
        };
        head.ok_or_else(missing).at(&self.path)
    }

    fn bytes(&mut self, head: &tarball::Head) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        let Some(open) = &mut self.open else {
            return Ok(bytes);
        };
        let padding = head.padded() - head.bytes;
        let read = (&mut open.tar)
            .take(head.bytes)
            .read_to_end(&mut bytes)
            .at(&self.path)?;
        if read as u64 != head.bytes {
            let torn = io::Error::new(ErrorKind::UnexpectedEof, "a member is cut off");
            return Err(torn).at(&self.path);
        }
        skip(&mut open.tar, padding).at(&self.path)?;
        Ok(bytes)
    }

    /// Reads the next header, where there is one.
    fn peek(&mut self) -> Result<(), ArchiveError> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let mut header = [0; 512];
        match open.tar.read_exact(&mut header) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => open.next = None,
            read => {
                read.at(&self.path)?;
                let head = tarball::head(&header).filter(|head| head.bytes <= LONGEST_PACKET);
                let damaged =
                    || io::Error::new(ErrorKind::InvalidData, "a member's header is damaged");
                open.next = Some(head.ok_or_else(damaged).at(&self.path)?);
            }
        }
        Ok(())
    }
}

/// Bytes `from..to` of a file; none where it is gone or shorter.
pub(super) fn part(path: &Path, (from, to): (u64, u64)) -> io::Result<Option<Take<File>>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if file.metadata()?.len() < to {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(from))?;
    Ok(Some(file.take(to.saturating_sub(from))))
}

fn skip(reader: &mut impl Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut reader.take(bytes), &mut io::sink()).map(drop)
}

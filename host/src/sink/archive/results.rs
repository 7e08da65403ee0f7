//! A filter's passing alerts, read back from an archive, and the lines of those that were withheld.
//!
//! In: the archive, a filter's folder, where to begin. Out: alerts in the order of each worker's
//! commits. The journals say which bytes of which file belong to a commit, so that nothing is read
//! that a restart may take back; their order is the one order that holds when a night's file grows
//! late. Never: writing, or a file that no journal names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::error::{ArchiveError, Context};
use super::journal::Segment;
use super::layout;
use super::ledger::Ledger;
use crate::results::{Begin, Cursor, Place, Reader, Results, ResultsError, Withholder};

/// Opens readers of one stream's results.
#[derive(Debug, Clone)]
pub struct ArchiveResults {
    root: PathBuf,
    stream: String,
}

impl ArchiveResults {
    /// The results of `stream` in the archive at `path`.
    #[must_use]
    pub fn new(path: &Path, stream: &str) -> Self {
        Self {
            root: path.to_owned(),
            stream: stream.to_owned(),
        }
    }
}

impl ArchiveResults {
    fn read(
        &self,
        folder: String,
        withheld_of: Option<Withholder>,
        begin: &Begin,
    ) -> Result<Box<dyn Reader>, ResultsError> {
        let mut reader = ArchiveReader {
            root: self.root.clone(),
            journals: self.root.join(layout::JOURNALS),
            prefix: layout::stream_prefix(&self.stream),
            folder,
            withheld_of,
            cursor: Cursor::default(),
            since_s: None,
            ledgers: BTreeMap::new(),
        };
        reader.begin(begin)?;
        Ok(Box::new(reader))
    }
}

impl Results for ArchiveResults {
    fn open(&self, topic: &str, begin: &Begin) -> Result<Box<dyn Reader>, ResultsError> {
        self.read(layout::folder(topic), None, begin)
    }

    fn open_withheld(
        &self,
        of: &Withholder,
        begin: &Begin,
    ) -> Result<Box<dyn Reader>, ResultsError> {
        self.read(layout::WITHHELD.to_owned(), Some(of.clone()), begin)
    }
}

/// Reads one filter's folder.
pub(super) struct ArchiveReader {
    pub root: PathBuf,
    pub journals: PathBuf,
    /// What the stream's journals begin with.
    pub prefix: String,
    pub folder: String,
    /// Whose lines, where the folder is that of withheld alerts, which all filters share.
    pub withheld_of: Option<Withholder>,
    pub cursor: Cursor,
    /// Leave out what was delivered before [s since the Unix epoch].
    pub since_s: Option<u64>,
    /// How far each log's journal was read.
    pub ledgers: BTreeMap<String, Ledger>,
}

impl ArchiveReader {
    fn begin(&mut self, begin: &Begin) -> Result<(), ArchiveError> {
        match begin {
            Begin::Oldest => {}
            Begin::After(cursor) => self.cursor = cursor.clone(),
            Begin::Since(time_ms) => {
                let since_s = u64::try_from(time_ms.div_euclid(1000)).unwrap_or(0);
                self.since_s = Some(since_s);
                self.pass_over(|path| !is_older(path, since_s))?;
            }
            Begin::Now => {
                for of_log in self.segments()?.chunk_by(|one, next| one.log == next.log) {
                    let last = of_log.last().map_or(1, |segment| segment.first);
                    let mut ledger = Ledger::new(last, &self.folder);
                    let next = ledger.read_to_end(&self.journals, of_log)?;
                    self.put(
                        &of_log[0].log,
                        Place {
                            number: next,
                            within: 0,
                        },
                    );
                    self.ledgers.insert(of_log[0].log.clone(), ledger);
                }
            }
        }
        Ok(())
    }

    /// Begin each log with the first journal that `wanted` takes.
    fn pass_over(&mut self, wanted: impl Fn(&Path) -> bool) -> Result<(), ArchiveError> {
        for of_log in self.segments()?.chunk_by(|one, next| one.log == next.log) {
            let is_wanted = |one: &&Segment| wanted(&self.journals.join(one.file_name()));
            let first = of_log.iter().find(is_wanted).or(of_log.last());
            let number = first.map_or(0, |segment| segment.first);
            self.put(&of_log[0].log, Place { number, within: 0 });
        }
        Ok(())
    }

    pub fn segments(&self) -> Result<Vec<Segment>, ArchiveError> {
        match Segment::list(&self.journals, &self.prefix) {
            Err(ArchiveError::Io { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Vec::new())
            }
            listed => listed,
        }
    }

    /// Cursors name a log without the stream that it is of.
    pub fn partition<'a>(&self, log: &'a str) -> &'a str {
        log.strip_prefix(&self.prefix).unwrap_or(log)
    }

    pub fn put(&mut self, log: &str, place: Place) {
        let partition = self.partition(log).to_owned();
        self.cursor.put(&partition, place);
    }
}

/// Whether nothing was added to a journal since.
fn is_older(path: &Path, since_s: u64) -> bool {
    let modified = std::fs::metadata(path)
        .and_then(|data| data.modified())
        .at(path);
    let modified = modified
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    modified.is_some_and(|time| time.as_secs() < since_s)
}

impl From<ArchiveError> for ResultsError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io { .. } => Self::Unavailable(error.to_string()),
            other => Self::Damaged(other.to_string()),
        }
    }
}

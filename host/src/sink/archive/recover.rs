//! The start of an archive: back to what the journals say.
//!
//! In: the journals of one stream and lane, of however many workers there were. Out: what was
//! committed by all of them together; files cut back to it. Never: a file that no journal names.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::error::{ArchiveError, Context};
use super::files::cut;
use super::journal::{Journal, Segment};
use super::layout::Place;
use super::state::State;
use super::tarball;
use crate::source::archive::Progress;

/// A log as it was found.
pub(super) struct Log {
    segment: Segment,
    state: State,
    /// Tars without an end.
    unended: Vec<String>,
}

/// What one worker goes on from.
pub(super) struct Resumed {
    pub journal: Journal,
    pub log: String,
    pub sequence: i64,
    pub lengths: BTreeMap<String, u64>,
    pub unended: Vec<String>,
}

/// Make sure that nobody else writes this stream's lane; it holds as long as the file is open.
pub(super) fn lock(journals: &Path, prefix: &str) -> Result<Arc<File>, ArchiveError> {
    let path = journals.join(format!("{prefix}lock"));
    let file = File::create(&path).at(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(ArchiveError::Locked { path }),
        Err(TryLockError::Error(error)) => Err(error).at(&path),
    }
}

/// Read every log, cut every file back, hand the committed positions to `progress`.
pub(super) fn logs(
    root: &Path,
    journals: &Path,
    prefix: &str,
    progress: &Progress,
) -> Result<Vec<Log>, ArchiveError> {
    let mut newest = BTreeMap::new();
    for segment in Segment::list(journals, prefix)? {
        newest.insert(segment.log.clone(), segment);
    }
    let mut logs = Vec::new();
    for segment in newest.into_values() {
        let mut state = State::read(&journals.join(segment.file_name()))?;
        let unended = repair(root, &mut state.files)?;
        for (partition, next) in &state.positions {
            progress.put(partition, *next);
        }
        logs.push(Log {
            segment,
            state,
            unended,
        });
    }
    Ok(logs)
}

/// Take the place of the worker at `place`, from its log or from nothing.
pub(super) fn resume(
    journals: &Path,
    place: &Place,
    logs: &mut Vec<Log>,
    journal_bytes: u64,
) -> Result<Resumed, ArchiveError> {
    let found = logs
        .iter()
        .position(|log| log.segment.place() == place.as_str());
    let (log, state, journal, unended) = match found.map(|index| logs.swap_remove(index)) {
        None => {
            let log = format!("{}.{:08x}", place.as_str(), epoch());
            let state = State::default();
            let journal = Journal::begin(journals, &log, &state)?;
            (log, state, journal, Vec::new())
        }
        Some(Log {
            segment,
            state,
            unended,
        }) => {
            let mut journal = Journal::open(journals, &segment)?;
            if journal.is_long(journal_bytes) {
                journal = Journal::begin(journals, &segment.log, &state)?;
            }
            (segment.log, state, journal, unended)
        }
    };
    Ok(Resumed {
        journal,
        log,
        sequence: state.sequence,
        lengths: state.files,
        unended,
    })
}

/// Tells this beginning of a log from any other.
fn epoch() -> u32 {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        let since = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap_or_default();
        return since.as_millis() as u32;
    }
    u32::from_le_bytes(bytes)
}

/// Journals that were being written when the process ended were never renamed into place.
pub(super) fn remove_unfinished(journals: &Path, prefix: &str) -> Result<(), ArchiveError> {
    for entry in fs::read_dir(journals).at(journals)? {
        let entry = entry.at(journals)?;
        let name = entry.file_name();
        let unfinished = |name: &str| name.starts_with(prefix) && name.ends_with(".partial");
        if name.to_str().is_some_and(unfinished) {
            fs::remove_file(entry.path()).at(&entry.path())?;
        }
    }
    Ok(())
}

/// Cut `files` to the lengths that were committed; gives the tars that have no end.
fn repair(root: &Path, files: &mut BTreeMap<String, u64>) -> Result<Vec<String>, ArchiveError> {
    let (mut unended, mut gone) = (Vec::new(), Vec::new());
    for (name, expected) in &*files {
        let path = root.join(name);
        let found = fs::metadata(&path).map_or(0, |data| data.len());
        let tar = name.ends_with(".tar");
        if found == 0 {
            // Never made, made and never written, or taken away by somebody who wanted it.
            cut(&path, 0)?;
            gone.push(name.clone());
        } else if found < *expected {
            return Err(ArchiveError::Changed {
                path,
                found,
                expected: *expected,
            });
        } else if found == *expected {
            unended.extend(tar.then(|| name.clone()));
        } else if !(tar && is_end(&path, *expected)?) {
            cut(&path, *expected)?;
            unended.extend((tar && *expected > 0).then(|| name.clone()));
        }
    }
    for name in gone {
        files.insert(name, 0);
    }
    Ok(unended)
}

/// Whether what follows the first `length` bytes is the end of a tar and nothing else.
fn is_end(path: &Path, length: u64) -> Result<bool, ArchiveError> {
    if length == 0 {
        return Ok(false);
    }
    let mut file = File::open(path).at(path)?;
    file.seek(SeekFrom::Start(length)).at(path)?;
    let mut tail = Vec::new();
    let most = tarball::END.len() as u64 + 1;
    file.take(most).read_to_end(&mut tail).at(path)?;
    Ok(tail == tarball::END)
}

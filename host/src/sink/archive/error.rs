//! Why an archive of results cannot be opened or written.

use std::io;
use std::path::{Path, PathBuf};

use crate::sink::SinkError;

/// What failed, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file system refuses.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line before the last of a journal cannot be read.
    #[error(
        "{}, line {line}, cannot be read ({reason}): somebody changed it; restore it from a backup, \
         or move the whole archive away and start with an empty one", path.display()
    )]
    Journal {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// Another process writes here.
    #[error("{} is locked: another process writes this stream's results there", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// A file of results is not what the journal says.
    #[error(
        "{} has {found} bytes where the journal says {expected}: somebody changed it; move it away \
         to go on without it", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Its length [bytes].
        found: u64,
        /// What it should be, at least [bytes].
        expected: u64,
    },
    /// Whether it is on disk is not known.
    #[error("{0}: what is on disk is known after a restart only")]
    Unknown(Box<ArchiveError>),
}

impl ArchiveError {
    pub(super) fn unknown(self) -> Self {
        Self::Unknown(Box::new(self))
    }

    /// Whether a file of results holds something else than was written.
    pub(super) fn is_damage(&self) -> bool {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        matches!(self, Self::Io { error, .. } if matches!(error.kind(), InvalidData | UnexpectedEof))
    }

    /// For a commit of which nothing is left.
    pub(super) fn aborted(self) -> SinkError {
        match self {
            Self::Io { .. } => SinkError::Aborted(self.to_string()),
            _ => self.into(),
        }
    }
}

impl From<ArchiveError> for SinkError {
    fn from(error: ArchiveError) -> Self {
        Self::Fatal(error.to_string())
    }
}

/// Says which file an error is about.
pub(super) trait Context<T> {
    fn at(self, path: &Path) -> Result<T, ArchiveError>;
}

impl<T> Context<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T, ArchiveError> {
        self.map_err(|error| ArchiveError::Io {
            path: path.to_owned(),
            error,
        })
    }
}

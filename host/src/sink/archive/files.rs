//! The files of results that one worker appends to.
//!
//! In: bytes to append. Out: files that are as long as was committed, after [`Files::keep`] or
//! [`Files::undo`]. At most so many are open at once. Tars that rest are given their end, which the
//! next append cuts off again. Never: the journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::{ArchiveError, Context};
use super::journal::sync_folder;
use super::tarball;

/// Up to so many files are brought to disk one by one; more of them by one call for the whole file
/// system (1,000 filters would take five seconds otherwise).
const SYNC_SINGLY: usize = 32;

/// Appends to files below a root.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Opened at the start: it learns of every write error of its file system since.
    #[cfg(target_os = "linux")]
    file_system: File,
    /// Committed length of each file ever written [bytes].
    lengths: BTreeMap<String, u64>,
    /// Length of each file touched since the last commit [bytes].
    touched: BTreeMap<String, u64>,
    new_folders: BTreeSet<PathBuf>,
    open: HashMap<String, Open>,
    most_open: usize,
    uses: u64,
    /// Tars without an end, and when they were last written.
    unended: HashMap<String, Instant>,
}

#[derive(Debug)]
struct Open {
    file: File,
    last_use: u64,
}

impl Files {
    pub(super) fn new(
        root: &Path,
        lengths: BTreeMap<String, u64>,
        unended: Vec<String>,
        most_open: usize,
    ) -> Result<Self, ArchiveError> {
        let now = Instant::now();
        Ok(Self {
            root: root.to_owned(),
            #[cfg(target_os = "linux")]
            file_system: File::open(root).at(root)?,
            lengths,
            touched: BTreeMap::new(),
            new_folders: BTreeSet::new(),
            open: HashMap::new(),
            most_open: most_open.max(2 * SYNC_SINGLY),
            uses: 0,
            unended: unended.into_iter().map(|file| (file, now)).collect(),
        })
    }

    /// Of `files`, those never written before.
    ///
    /// # Errors
    /// When one of them is there all the same.
    pub(super) fn unknown(
        &self,
        files: impl Iterator<Item = String>,
    ) -> Result<Vec<String>, ArchiveError> {
        let unknown: Vec<_> = files
            .filter(|file| !self.lengths.contains_key(file))
            .collect();
        for file in &unknown {
            let path = self.root.join(file);
            let found = fs::metadata(&path).map_or(0, |data| data.len());
            if found > 0 {
                return Err(ArchiveError::Changed {
                    path,
                    found,
                    expected: 0,
                });
            }
        }
        Ok(unknown)
    }

    /// `files` are in the journal now and may be made.
    pub(super) fn expect(&mut self, files: Vec<String>) {
        self.lengths.extend(files.into_iter().map(|file| (file, 0)));
    }

    /// Append to a file, making it where needed.
    pub(super) fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.ready(name)?;
        let end = self.length(name);
        // Before it is written: what is written in part must be cut too.
        self.touched.insert(name.to_owned(), end);
        let path = self.root.join(name);
        let open = self.open.get(name).expect("it was made ready");
        open.file.write_all_at(bytes, end).at(&path)?;
        self.touched
            .insert(name.to_owned(), end + bytes.len() as u64);
        Ok(())
    }

    /// Bring everything touched to disk.
    pub(super) fn sync(&mut self) -> Result<(), ArchiveError> {
        if self.touched.len() > SYNC_SINGLY {
            self.sync_many()?;
        } else {
            for name in self.touched.keys() {
                let open = self
                    .open
                    .get(name)
                    .expect("few files are open as long as touched");
                open.file.sync_data().at(&self.root.join(name))?;
            }
        }
        for folder in std::mem::take(&mut self.new_folders) {
            sync_folder(&folder)?;
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn sync_many(&self) -> Result<(), ArchiveError> {
        let synced = nix::unistd::syncfs(&self.file_system);
        synced.map_err(std::io::Error::from).at(&self.root)
    }

    #[cfg(not(target_os = "linux"))]
    fn sync_many(&self) -> Result<(), ArchiveError> {
        for name in self.touched.keys() {
            let path = self.root.join(name);
            File::open(&path)
                .and_then(|file| file.sync_all())
                .at(&path)?;
        }
        Ok(())
    }

    /// The files touched and their lengths.
    pub(super) fn touched(&self) -> Vec<(String, u64)> {
        self.touched
            .iter()
            .map(|(name, length)| (name.clone(), *length))
            .collect()
    }

    /// They are committed.
    pub(super) fn keep(&mut self) {
        let now = Instant::now();
        for (name, length) in std::mem::take(&mut self.touched) {
            if name.ends_with(".tar") {
                self.unended.insert(name.clone(), now);
            }
            self.lengths.insert(name, length);
        }
    }

    /// Cut everything touched back to what is committed.
    pub(super) fn undo(&mut self) -> Result<(), ArchiveError> {
        for (name, _) in std::mem::take(&mut self.touched) {
            let path = self.root.join(&name);
            self.open.remove(&name);
            let committed = self.lengths.get(&name).copied().unwrap_or(0);
            cut(&path, committed).map_err(ArchiveError::unknown)?;
        }
        Ok(())
    }

    /// Give tars that were not written for `rest` their end.
    pub(super) fn end_resting(&mut self, rest: Duration) {
        let resting: Vec<String> = self
            .unended
            .iter()
            .filter(|(_, written)| written.elapsed() >= rest)
            .map(|(name, _)| name.clone())
            .collect();
        for name in resting {
            self.unended.remove(&name);
            if let Err(error) = self.end(&name) {
                tracing::warn!("a tar is left without its end: {error}");
            }
            self.open.remove(&name);
        }
    }

    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    fn end(&mut self, name: &str) -> Result<(), ArchiveError> {
        let length = self.length(name);
        if length == 0 || self.touched.contains_key(name) {
            return Ok(());
        }
        self.ready(name)?;
        let open = self.open.get(name).expect("it was made ready");
        open.file
            .write_all_at(&tarball::END, length)
            .at(&self.root.join(name))
    }

    fn length(&self, name: &str) -> u64 {
        self.touched
            .get(name)
            .or_else(|| self.lengths.get(name))
            .copied()
            .unwrap_or(0)
    }

    /// Open `name`, exactly as long as it should be.
    fn ready(&mut self, name: &str) -> Result<(), ArchiveError> {
        self.uses += 1;
        if let Some(open) = self.open.get_mut(name) {
            open.last_use = self.uses;
            return Ok(());
        }
        self.close_least_used();
        let path = self.root.join(name);
        let file = self.open_or_make(&path)?;
        let (found, expected) = (file.metadata().at(&path)?.len(), self.length(name));
        if found == 0 && expected > 0 {
            tracing::warn!("{} was taken away; it begins anew", path.display());
            self.lengths.insert(name.to_owned(), 0);
        } else if found < expected {
            return Err(ArchiveError::Changed {
                path,
                found,
                expected,
            });
        } else if found > expected {
            file.set_len(expected).at(&path)?;
        }
        self.open.insert(
            name.to_owned(),
            Open {
                file,
                last_use: self.uses,
            },
        );
        Ok(())
    }

    fn open_or_make(&mut self, path: &Path) -> Result<File, ArchiveError> {
        let mut options = OpenOptions::new();
        match options.write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened.at(path),
        }
        let folders = path
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(&self.root));
        self.new_folders.extend(folders.map(Path::to_owned));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).at(folder)?;
        }
        options.create(true).truncate(false).open(path).at(path)
    }

    fn close_least_used(&mut self) {
        while self.open.len() >= self.most_open {
            let least = self.open.iter().min_by_key(|(_, open)| open.last_use);
            let Some(name) = least.map(|(name, _)| name.clone()) else {
                return;
            };
            self.open.remove(&name);
        }
    }
}

/// Cut a file to `length`; one of no length goes.
pub(super) fn cut(path: &Path, length: u64) -> Result<(), ArchiveError> {
    let done = if length == 0 {
        fs::remove_file(path)
    } else {
        OpenOptions::new().write(true).open(path).and_then(|file| {
            file.set_len(length)?;
            file.sync_all()
        })
    };
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done.at(path),
    }
}

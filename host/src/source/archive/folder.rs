//! A folder of packet files: what is in it, and what is new in it.
//!
//! In: a root path. Out: names of files not listed before, sorted. Files count once they carry
//! their final name: names that end in `.partial` or begin with `.` are passed over, so a writer
//! renames a file into place. Links to files are followed, links to folders are not. Never: opening
//! a file.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::progress::Key;

/// Folders within folders beyond this depth are not entered: a loop of mounts must end.
const DEPTH: usize = 32;

/// A folder changed this recently may change again under the same modification time.
const SETTLED: Duration = Duration::from_secs(2);

/// However quiet its modification time, a folder is listed again after this long: some network
/// file systems are late with it.
const RELIST: Duration = Duration::from_secs(60);

/// One place that was named, a folder or a file, and what was seen in it.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    /// Whether files are called by the whole path, as given, or relative to the root.
    whole_names: bool,
    known: HashSet<Key>,
    listings: HashMap<PathBuf, Listing>,
}

/// What is remembered of one folder, so that a quiet one costs one `stat`.
#[derive(Debug)]
struct Listing {
    changed: Option<SystemTime>,
    settled: bool,
    listed: Instant,
    folders: Vec<PathBuf>,
}

impl Folder {
    pub(super) fn new(root: PathBuf, whole_names: bool) -> Self {
        Self {
            root,
            whole_names,
            known: HashSet::new(),
            listings: HashMap::new(),
        }
    }

    /// Files that were not listed before and that `wanted` takes, sorted by name.
    pub(super) fn scan(&mut self, wanted: impl Fn(Key) -> bool) -> io::Result<Vec<Arc<str>>> {
        let mut found = Vec::new();
        if std::fs::metadata(&self.root)?.is_file() {
            self.add(&self.root.clone(), &wanted, &mut found);
            return Ok(found);
        }
        let mut pending = vec![(self.root.clone(), 0)];
        while let Some((folder, depth)) = pending.pop() {
            match self.visit(&folder, &wanted, &mut found) {
                Ok(()) => {}
                Err(error) if depth == 0 => return Err(error),
                Err(error) => tracing::warn!("cannot list {}: {error}", folder.display()),
            }
            let inner = self
                .listings
                .get(&folder)
                .map_or(&[][..], |listing| &listing.folders);
            if depth < DEPTH {
                pending.extend(inner.iter().map(|inner| (inner.clone(), depth + 1)));
            } else if !inner.is_empty() {
                tracing::warn!(
                    "{} lies too deep; its folders are not read",
                    folder.display()
                );
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// As it was named.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file that `scan` named lies.
    pub(super) fn path(&self, topic: &str) -> PathBuf {
        match self.base() {
            Some(base) => base.join(topic),
            None => PathBuf::from(topic),
        }
    }

    /// Whether the file was named itself rather than found in a folder.
    pub(super) fn is_named(&self, topic: &str) -> bool {
        self.path(topic) == self.root
    }

    /// List a file again when it is there again.
    pub(super) fn forget(&mut self, topic: &str) {
        self.known.remove(&Key::of(topic, 0));
    }

    /// List everything again.
    pub(super) fn forget_all(&mut self) {
        self.known.clear();
        self.listings.clear();
    }

    /// What names are relative to; none where they are whole.
    fn base(&self) -> Option<&Path> {
        if self.whole_names {
            None
        } else if self.root.is_file() {
            Some(self.root.parent().unwrap_or(Path::new("")))
        } else {
            Some(&self.root)
        }
    }

    fn visit(
        &mut self,
        folder: &Path,
        wanted: &impl Fn(Key) -> bool,
        found: &mut Vec<Arc<str>>,
    ) -> io::Result<()> {
        let now = SystemTime::now();
        let changed = std::fs::metadata(folder).and_then(|data| data.modified());
        let changed = match changed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.listings.remove(folder);
                return Err(error);
            }
            changed => changed.ok(),
        };
        if self
            .listings
            .get(folder)
            .is_some_and(|listing| listing.holds(changed))
        {
            return Ok(());
        }
        let settled = changed
            .and_then(|changed| now.duration_since(changed).ok())
            .is_some_and(|age| age > SETTLED);
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if is_hidden(&path) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() || path.is_file() {
                self.add(&path, wanted, found);
            }
        }
        let listing = Listing {
            changed,
            settled,
            listed: Instant::now(),
            folders,
        };
        self.listings.insert(folder.to_owned(), listing);
        Ok(())
    }

    fn add(&mut self, path: &Path, wanted: &impl Fn(Key) -> bool, found: &mut Vec<Arc<str>>) {
        let relative = self
            .base()
            .and_then(|base| path.strip_prefix(base).ok())
            .unwrap_or(path);
        let Some(name) = relative.to_str() else {
            if self.known.insert(Key::of(&relative.to_string_lossy(), -1)) {
                tracing::warn!("{} is not read: rename it to plain text", path.display());
            }
            return;
        };
        let key = Key::of(name, 0);
        if wanted(key) && self.known.insert(key) {
            found.push(name.into());
        }
    }
}

impl Listing {
    fn holds(&self, changed: Option<SystemTime>) -> bool {
        self.settled && self.changed == changed && self.listed.elapsed() < RELIST
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .map(std::ffi::OsStr::as_encoded_bytes)
        .is_none_or(|name| name.starts_with(b".") || name.ends_with(b".partial"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(folder: &mut Folder) -> Vec<String> {
        folder
            .scan(|_| true)
            .unwrap()
            .iter()
            .map(|name| name.to_string())
            .collect()
    }

    #[test]
    fn files_are_listed_once_sorted_and_only_under_their_final_name() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        };
        for name in [
            "b.avro",
            "n/a.avro",
            ".hidden",
            "c.tar.partial",
            ".git/d.avro",
            "a.avro",
        ] {
            put(name);
        }
        let mut folder = Folder::new(root.path().to_owned(), false);
        assert_eq!(names(&mut folder), ["a.avro", "b.avro", "n/a.avro"]);
        assert_eq!(names(&mut folder), [""; 0]);
        let path = |name: &str| root.path().join(name);
        std::fs::rename(path("c.tar.partial"), path("c.tar")).unwrap();
        put("n/deep/er.avro");
        assert_eq!(names(&mut folder), ["c.tar", "n/deep/er.avro"]);
        assert_eq!(folder.path("n/a.avro"), path("n/a.avro"));
        folder.forget("a.avro");
        assert_eq!(names(&mut folder), ["a.avro"]);
    }

    #[test]
    fn a_file_may_be_named_itself() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.bin");
        std::fs::write(&path, b"x").unwrap();
        let mut folder = Folder::new(path.clone(), false);
        assert_eq!(names(&mut folder), ["x.bin"]);
        assert_eq!(folder.path("x.bin"), path);
        assert!(folder.is_named("x.bin"));
        let mut whole = Folder::new(root.path().to_owned(), true);
        assert_eq!(names(&mut whole), [path.to_str().unwrap()]);
        assert_eq!(whole.path(path.to_str().unwrap()), path);
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        assert!(
            Folder::new("/nowhere/at/all".into(), false)
                .scan(|_| true)
                .is_err()
        );
    }
}

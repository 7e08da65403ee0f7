//! Compiled filters on disk: loading one is as powerful as running native code, so nothing is loaded
//! that this host did not write.
//!
//! In: compiled code under the digest of its upload. Out: the path of the same code, checked against
//! a keyed digest. Never: a file changed in place, or readable by others.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of the key and of a digest.
const KEY_BYTES: usize = 32;

/// A folder that only this host writes.
pub(super) struct Cache {
    folder: PathBuf,
    key: [u8; KEY_BYTES],
    /// Of the engine that the code has to fit.
    compatibility: String,
    most_bytes: u64,
}

impl Cache {
    /// Opens the folder, makes it and its key where they are missing.
    pub(super) fn open(
        folder: &Path,
        compatibility: String,
        most_bytes: u64,
    ) -> std::io::Result<Cache> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Cache {
            folder: folder.to_owned(),
            key: key(folder)?,
            compatibility,
            most_bytes,
        })
    }

    /// The compiled code of an upload, if it is there and as we wrote it.
    pub(super) fn get(&self, digest: &str) -> Option<PathBuf> {
        let path = self.path(digest, "cwasm");
        let tag = fs::read(self.path(digest, "tag")).ok()?;
        let code = fs::read(&path).ok()?;
        self.mac(digest, &code).verify_slice(&tag).ok()?;
        Some(path)
    }

    /// Keeps compiled code and returns where.
    pub(super) fn put(&self, digest: &str, code: &[u8]) -> std::io::Result<PathBuf> {
        let path = self.path(digest, "cwasm");
        self.write(&path, code)?;
        let tag = self.mac(digest, code).finalize().into_bytes();
        self.write(&self.path(digest, "tag"), &tag)?;
        self.make_room(&path)?;
        Ok(path)
    }

    /// Forgets an upload's code.
    pub(super) fn remove(&self, digest: &str) {
        // What is gone already is as good as removed.
        drop(fs::remove_file(self.path(digest, "tag")));
        drop(fs::remove_file(self.path(digest, "cwasm")));
    }

    fn path(&self, digest: &str, extension: &str) -> PathBuf {
        self.folder
            .join(format!("{digest}-{}.{extension}", self.compatibility))
    }

    fn mac(&self, digest: &str, code: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        for part in [digest.as_bytes(), self.compatibility.as_bytes(), code] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }

    /// Writes another file and renames it: a mapped one stays as it is.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new()
            .prefix("new-")
            .tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Removes the oldest files until the folder is within its bound. Programs that run from one
    /// have it mapped and go on.
    fn make_room(&self, newest: &Path) -> std::io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|one| one != "cwasm") {
                continue;
            }
            // Another upload may make room at the same time.
            let Some(about) = if_there(fs::metadata(&path))? else {
                continue;
            };
            files.push((
                about.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                about.len(),
                path,
            ));
        }
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files.iter().filter(|(_, _, path)| path != newest) {
            if total <= self.most_bytes {
                break;
            }
            drop(fs::remove_file(path.with_extension("tag")));
            if_there(fs::remove_file(path))?;
            total -= bytes;
        }
        Ok(())
    }
}

/// None where there is no such file any more.
fn if_there<T>(done: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

/// The key of this installation; made at the first start, for its owner's eyes alone.
fn key(folder: &Path) -> std::io::Result<[u8; KEY_BYTES]> {
    let path = folder.join("key");
    let mut key = [0; KEY_BYTES];
    match File::open(&path) {
        Ok(mut file) => file.read_exact(&mut key).map(|()| key),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            getrandom::fill(&mut key).map_err(std::io::Error::other)?;
            match OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
            {
                Ok(mut file) => file
                    .write_all(&key)
                    .and_then(|()| file.sync_all())
                    .map(|()| key),
                // Another process of this host was faster.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    File::open(&path)?.read_exact(&mut key).map(|()| key)
                }
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn opened(folder: &Path, most_bytes: u64) -> Cache {
        Cache::open(folder, "engine".to_owned(), most_bytes).unwrap()
    }

    #[test]
    fn what_was_put_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = opened(folder.path(), 1000).put("a", b"code").unwrap();
        assert_eq!(opened(folder.path(), 1000).get("a"), Some(path.clone()));
        assert_eq!(opened(folder.path(), 1000).get("b"), None);
        assert_eq!(
            Cache::open(folder.path(), "other".to_owned(), 1000)
                .unwrap()
                .get("a"),
            None
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&path), mode(&folder.path().join("key"))),
            (0o600, 0o600)
        );
    }

    #[test]
    fn changed_or_exchanged_code_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = opened(folder.path(), 1000);
        let path = cache.put("a", b"code").unwrap();
        fs::write(&path, b"evil").unwrap();
        assert_eq!(cache.get("a"), None);
        let other = cache.put("b", b"other").unwrap();
        fs::copy(&other, &path).unwrap();
        fs::copy(other.with_extension("tag"), path.with_extension("tag")).unwrap();
        assert_eq!(cache.get("a"), None, "good code of another upload");
        fs::write(folder.path().join("key"), [7; KEY_BYTES]).unwrap();
        assert_eq!(
            opened(folder.path(), 1000).get("b"),
            None,
            "another installation's"
        );
    }

    #[test]
    fn the_folder_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = opened(folder.path(), 250);
        for digest in ["a", "b", "c", "d"] {
            cache.put(digest, &[0; 100]).unwrap();
        }
        let kept = ["a", "b", "c", "d"]
            .iter()
            .filter(|digest| cache.get(digest).is_some())
            .count();
        assert_eq!(kept, 2);
        assert!(cache.get("d").is_some());
    }
    #[test]
    fn many_may_put_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = opened(folder.path(), 250);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let cache = &cache;
                scope.spawn(move || {
                    for number in 0..200 {
                        cache.put(&format!("{worker}-{number}"), &[0; 100]).unwrap();
                    }
                });
            }
        });
    }
}

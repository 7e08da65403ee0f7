//! Schema documents from a folder, by the id that Confluent-framed packets carry.
//!
//! In: a folder of whole documents named `<id>.avsc`, or Rubin's own tree `<major>/<minor>/*.avsc`
//! (id = major * 100 + minor), whose files refer to each other by name. Out: one whole document per
//! id. Read once, at the start: a wrong document is found before the first packet. Never: the
//! network, or a survey's names.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skysieve_decode::{LARGEST_DOCUMENT, Schema, SchemaError, SchemaSource, assemble};

/// Greatest number of files that are looked at; Rubin's whole tree has about a hundred.
const MOST_FILES: usize = 10_000;

/// The schema documents of a folder.
#[derive(Debug, Clone, Default)]
pub struct SchemaFolder {
    documents: BTreeMap<u32, Arc<str>>,
}

/// Why a folder of schemas cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFolderError {
    /// A folder or file cannot be read.
    #[error("the schema folder cannot be read: {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Nothing that looks like a schema.
    #[error(
        "{} holds no schemas: it has to hold whole documents named <id>.avsc, or a tree \
         <major>/<minor>/*.avsc as Rubin publishes it", .0.display()
    )]
    Empty(PathBuf),
    /// Two documents for one id.
    #[error("schema id {id} stands twice in the schema folder, the second time in {}", path.display())]
    Twice {
        /// The id.
        id: u32,
        /// The second document.
        path: PathBuf,
    },
    /// Far more files than schemas are.
    #[error("{} holds more than {MOST_FILES} files; is it a folder of schemas?", .0.display())]
    TooMany(PathBuf),
    /// A document that is not a schema.
    #[error("{}: {error}", path.display())]
    Schema {
        /// File, or folder of files that belong together.
        path: PathBuf,
        /// What is wrong with it.
        error: SchemaError,
    },
}

impl SchemaFolder {
    /// Reads every schema of a folder.
    ///
    /// # Errors
    /// When it cannot be read, holds none, or holds one that is not a schema.
    pub fn read(folder: &Path) -> Result<SchemaFolder, SchemaFolderError> {
        let mut schemas = SchemaFolder::default();
        for path in list(folder)? {
            if let (Some(id), true) = (number_of(path.file_stem()), is_schema(&path)) {
                let text = read_text(&path)?;
                schemas.add(id, &path, text)?;
            } else if let (Some(major), true) = (number_of(path.file_name()), path.is_dir()) {
                schemas.read_major(major, &path)?;
            }
        }
        if schemas.documents.is_empty() {
            return Err(SchemaFolderError::Empty(folder.to_owned()));
        }
        Ok(schemas)
    }

    /// The ids, rising.
    pub fn ids(&self) -> impl Iterator<Item = u32> {
        self.documents.keys().copied()
    }

    fn read_major(&mut self, major: u32, folder: &Path) -> Result<(), SchemaFolderError> {
        for path in list(folder)? {
            let id = number_of(path.file_name())
                .and_then(|minor| major.checked_mul(100)?.checked_add(minor));
            let (Some(id), true) = (id, path.is_dir()) else {
                continue;
            };
            let files = list(&path)?.into_iter().filter(|file| is_schema(file));
            let parts = files.map(|file| Ok((file.display().to_string(), read_text(&file)?)));
            let parts = parts.collect::<Result<Vec<_>, SchemaFolderError>>()?;
            if !parts.is_empty() {
                let whole = assemble(&parts).map_err(|error| wrong(&path, error))?;
                self.add(id, &path, whole)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, id: u32, path: &Path, text: String) -> Result<(), SchemaFolderError> {
        Schema::parse(&text).map_err(|error| wrong(path, error))?;
        match self.documents.insert(id, text.into()) {
            None => Ok(()),
            Some(_) => Err(SchemaFolderError::Twice {
                id,
                path: path.to_owned(),
            }),
        }
    }
}

impl SchemaSource for SchemaFolder {
    fn schema(&self, id: u32) -> Option<Arc<str>> {
        self.documents.get(&id).cloned()
    }
}

fn wrong(path: &Path, error: SchemaError) -> SchemaFolderError {
    SchemaFolderError::Schema {
        path: path.to_owned(),
        error,
    }
}

fn is_schema(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "avsc")
        && path.is_file()
}

fn number_of(name: Option<&std::ffi::OsStr>) -> Option<u32> {
    let name = name?.to_str()?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        name.parse().ok()
    } else {
        None
    }
}

/// What a folder holds, sorted.
fn list(folder: &Path) -> Result<Vec<PathBuf>, SchemaFolderError> {
    let failed = |error| SchemaFolderError::Read {
        path: folder.to_owned(),
        error,
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths = entries
        .take(MOST_FILES + 1)
        .map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if paths.len() > MOST_FILES {
        return Err(SchemaFolderError::TooMany(folder.to_owned()));
    }
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path) -> Result<String, SchemaFolderError> {
    let failed = |error| SchemaFolderError::Read {
        path: path.to_owned(),
        error,
    };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > LARGEST_DOCUMENT as u64 {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        return Err(wrong(path, SchemaError::TooLarge { bytes }));
    }
    std::fs::read_to_string(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALERT: &str =
        r#"{"type":"record","name":"a.alert","fields":[{"name":"source","type":"a.source"}]}"#;
    const SOURCE: &str =
        r#"{"type":"record","name":"a.source","fields":[{"name":"x","type":"int"}]}"#;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn reads_whole_documents_and_trees() {
        let tree = folder(&[
            ("7.avsc", SOURCE),
            ("notes.txt", "{"),
            ("9/1/x.alert.avsc", ALERT),
            ("9/1/x.source.avsc", SOURCE),
            ("9/1/sample_data/y.avsc", "{"),
            ("other/1/z.avsc", "{"),
        ]);
        let schemas = SchemaFolder::read(tree.path()).unwrap();
        assert_eq!(schemas.ids().collect::<Vec<_>>(), [7, 901]);
        assert!(schemas.schema(901).unwrap().contains("\"x\""));
        assert_eq!(schemas.schema(900), None);
    }

    #[test]
    fn says_what_is_wrong() {
        for (files, part) in [
            (&[][..], "holds no schemas"),
            (
                &[("7.avsc", "{")][..],
                "7.avsc: the schema is not valid JSON",
            ),
            (&[("7.avsc", ALERT)][..], "\"a.source\" is not defined"),
            (
                &[("100.avsc", SOURCE), ("1/0/a.avsc", SOURCE)][..],
                "id 100 stands twice",
            ),
        ] {
            let folder = folder(files);
            let error = SchemaFolder::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let error = SchemaFolder::read(Path::new("/nowhere/at/all"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }
}

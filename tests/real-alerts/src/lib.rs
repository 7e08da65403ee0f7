//! The real packets that tests read, where they are at hand.
//!
//! What comes in: a folder below `$SKYSIEVE_ALERTS`, else below `../shared/alerts` beside the
//! project. What goes out: its files in the order of their names; nothing, and one line saying so,
//! where the folder is absent. Never: a packet in the repository.

use std::io::Write;
use std::path::{Path, PathBuf};

/// A file of packets.
#[derive(Debug)]
pub struct File {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl File {
    /// Its name without the ending: for ZTF and Rubin the alert's id.
    pub fn stem(&self) -> &str {
        self.path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
    }
}

impl AsRef<[u8]> for File {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The folder of packets; none, and one line on standard error, where it is absent.
pub fn root() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/alerts");
    let root = std::env::var_os("SKYSIEVE_ALERTS").map_or_else(beside, PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    let line = format!("packets: none in {} (set SKYSIEVE_ALERTS)", root.display());
    eprintln!("skipped: {line}");
    count(&line);
    None
}

/// One more line in the file that `SKYSIEVE_TEST_SKIPS` names, for `cargo xtask test` to count.
fn count(line: &str) {
    let Some(path) = std::env::var_os("SKYSIEVE_TEST_SKIPS") else {
        return;
    };
    let file = std::fs::File::options()
        .append(true)
        .create(true)
        .open(path);
    if let Err(error) = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())) {
        eprintln!("SKYSIEVE_TEST_SKIPS: {error}");
    }
}

/// Every file below `folder` of the packets, such as `ztf` or `lsst/wire/v10_0`.
///
/// # Panics
///
/// Where a file or folder cannot be read.
pub fn below(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    if let Some(root) = root() {
        collect(&root.join(folder), &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    files
}

/// The documents of one of Rubin's schemas (`lsst-schemas`), each with its file's name.
pub fn lsst_schema(major: u32, minor: u32) -> Vec<(String, String)> {
    let files = below(&format!("lsst-schemas/{major}/{minor}")).into_iter();
    let schemas = files.filter(|file| file.path.extension().is_some_and(|ending| ending == "avsc"));
    schemas
        .map(|file| (file.path.display().to_string(), text(file.bytes)))
        .collect()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("schemas are text")
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    let entries = std::fs::read_dir(folder);
    for entry in entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry of a folder that was opened").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = std::fs::read(&path);
            let bytes = bytes.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            files.push(File { path, bytes });
        }
    }
}

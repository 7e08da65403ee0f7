//! The packets that everything is measured on.
//!
//! In: a folder. Out: distinct packets with cutouts, as sent. Never: fewer than 24 of them.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

/// As many distinct packets are used where the folder has them: more than a cache holds warm.
const MOST: usize = 96;
/// Fewer are no stream.
const LEAST: usize = 24;
/// A packet with its three cutouts is larger [bytes].
const WITH_CUTOUTS_BYTES: usize = 40_000;

/// Packets that all have cutouts, spread evenly over the folder's files in the order of their names.
///
/// # Errors
/// When the folder has too few.
pub fn read(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut files = Vec::new();
    walk(folder, &mut files).with_context(|| format!("cannot read {}", folder.display()))?;
    files.sort();
    let mut seen = HashSet::new();
    let mut packets = Vec::new();
    for file in files {
        for bytes in open(&file).with_context(|| format!("cannot read {}", file.display()))? {
            if bytes.len() > WITH_CUTOUTS_BYTES && seen.insert(Sha256::digest(&bytes)) {
                packets.push(bytes);
            }
        }
    }
    ensure!(
        packets.len() >= LEAST,
        "{}: fewer than {LEAST} distinct packets",
        folder.display()
    );
    let step = packets.len().div_ceil(MOST);
    Ok(packets.into_iter().step_by(step).collect())
}

/// The packets of a file: a tar's members, or the file itself.
fn open(file: &Path) -> Result<Vec<Vec<u8>>> {
    if file.extension().is_none_or(|extension| extension != "tar") {
        return Ok(vec![std::fs::read(file)?]);
    }
    let mut packets = Vec::new();
    for member in tar::Archive::new(std::fs::File::open(file)?).entries()? {
        let mut bytes = Vec::new();
        member?.read_to_end(&mut bytes)?;
        packets.push(bytes);
    }
    Ok(packets)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "avro" || extension == "tar")
        {
            files.push(path);
        }
    }
    Ok(())
}

//! The packets that went in, read without the host's help.
//!
//! In: a folder of packets, tars and compressed tars. Out: for each source position the packet's
//! digest and how many records it has. Never: what a record says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// Where a packet stands: file relative to the folder, number within it.
pub type Position = (String, i64);

/// What is known of a packet from outside.
pub struct Packet {
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// Records of its container; 1 for a bare message.
    pub records: u64,
}

/// Files below `folder`, relative to it, sorted; hidden and unfinished ones are not packets.
pub fn files(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    walk(folder, "", &mut found).with_context(|| format!("cannot read {}", folder.display()))?;
    found.sort();
    Ok(found)
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with(".partial") {
            continue;
        }
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{prefix}{name}/"), found)?;
        } else {
            found.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

/// Every packet below `folder`.
pub fn read(folder: &Path) -> Result<BTreeMap<Position, Packet>> {
    let mut packets = BTreeMap::new();
    for file in files(folder)? {
        let opened =
            File::open(folder.join(&file)).with_context(|| format!("cannot open {file}"))?;
        if file.ends_with(".tar") {
            members(&file, opened, &mut packets)?;
        } else if file.ends_with(".tar.gz") || file.ends_with(".tgz") {
            members(&file, MultiGzDecoder::new(opened), &mut packets)?;
        } else {
            insert(&file, 0, opened, &mut packets)?;
        }
    }
    Ok(packets)
}

fn members(file: &str, tar: impl Read, packets: &mut BTreeMap<Position, Packet>) -> Result<()> {
    let mut number = 0;
    for member in tar::Archive::new(tar).entries()? {
        let member = member.with_context(|| format!("{file}: member {number}"))?;
        if member.header().entry_type().is_file() {
            insert(file, number, member, packets)?;
            number += 1;
        }
    }
    Ok(())
}

fn insert(
    file: &str,
    number: i64,
    mut packet: impl Read,
    packets: &mut BTreeMap<Position, Packet>,
) -> Result<()> {
    let mut bytes = Vec::new();
    packet.read_to_end(&mut bytes)?;
    let records = records(&bytes).with_context(|| format!("{file}: packet {number}"))?;
    packets.insert(
        (file.to_owned(), number),
        Packet {
            sha256: sha256(&bytes),
            records,
        },
    );
    Ok(())
}

/// SHA-256, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// How many records a packet announces: the block counts of an object container file (Avro 1.11
/// specification, "Object Container Files"), else one.
fn records(bytes: &[u8]) -> Result<u64> {
    let Some(mut rest) = bytes.strip_prefix(b"Obj\x01") else {
        return Ok(1);
    };
    loop {
        let entries = long(&mut rest)?;
        if entries == 0 {
            break;
        }
        if entries < 0 {
            long(&mut rest)?;
        }
        for _ in 0..2 * entries.unsigned_abs() {
            let length = long(&mut rest)?;
            skip(&mut rest, length)?;
        }
    }
    skip(&mut rest, 16)?;
    let mut records = 0;
    while !rest.is_empty() {
        records += u64::try_from(long(&mut rest)?).context("negative number of records")?;
        let length = long(&mut rest)?;
        skip(&mut rest, length)?;
        skip(&mut rest, 16)?;
    }
    Ok(records)
}

/// Zigzag variable-length integer.
fn long(rest: &mut &[u8]) -> Result<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first().context("ends in a number")?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    bail!("a number of more than 10 bytes")
}

fn skip(rest: &mut &[u8], length: i64) -> Result<()> {
    let length = usize::try_from(length).context("negative length")?;
    *rest = rest.get(length..).context("ends in a block")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn container(blocks: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = b"Obj\x01\x02\x02k\x02v\x00".to_vec();
        bytes.extend([7; 16]);
        for (records, body) in blocks {
            bytes.extend([records * 2, u8::try_from(body.len() * 2).unwrap()]);
            bytes.extend(*body);
            bytes.extend([7; 16]);
        }
        bytes
    }

    #[test]
    fn records_are_counted_over_blocks() {
        assert_eq!(records(&container(&[])).unwrap(), 0);
        assert_eq!(records(&container(&[(1, b"abc"), (5, b"")])).unwrap(), 6);
        assert_eq!(records(b"\x00\x00\x00\x03\x84rest").unwrap(), 1);
    }

    #[test]
    fn a_packet_cut_short_is_an_error() {
        let whole = container(&[(1, b"abc")]);
        assert!(records(&whole[..whole.len() - 1]).is_err());
    }
}

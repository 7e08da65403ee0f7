//! Names in an archive of results: where what lies.
//!
//! ```text
//! OUT/<topic>/<night>/<stream>.<lane>.<worker>.tar     passing packets as they came
//! OUT/<topic>/<night>/<stream>.<lane>.<worker>.jsonl   a line for each of them
//! OUT/dead-letters/<stream>.<lane>.<worker>.tar, .jsonl
//! OUT/failures/<stream>.<lane>.<worker>.jsonl
//! OUT/withheld/<stream>.<lane>.<worker>.jsonl
//! OUT/.journal/<stream>.<lane>.<worker>.<epoch>.<first sequence>.jsonl
//! ```
//!
//! In: names of topics, nights, files, alerts. Out: paths and member names that are safe in every
//! file system. Never: IO.

use std::fmt::Write as _;

use crate::delivery::Output;
use crate::source::Position;

/// Folder of the journals, below the archive.
pub(super) const JOURNALS: &str = ".journal";

const DEAD_LETTERS: &str = "dead-letters";
const FAILURES: &str = "failures";
/// Folder of the lines of withheld alerts.
pub(super) const WITHHELD: &str = "withheld";

/// The place of one worker: its files carry it in their names, so that no two write the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn new(stream: &str, lane: &str, worker: usize) -> Self {
        Self(format!("{}{worker}", lane_prefix(stream, lane)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Stem of the passing alerts of one filter and night.
    pub(super) fn outputs(&self, topic: &str, night: &str) -> String {
        format!("{}/{}/{}", folder(topic), encode(night), self.0)
    }

    pub(super) fn dead_letters(&self) -> String {
        format!("{DEAD_LETTERS}/{}", self.0)
    }

    pub(super) fn failures(&self) -> String {
        format!("{FAILURES}/{}", self.0)
    }

    pub(super) fn withheld(&self) -> String {
        format!("{WITHHELD}/{}", self.0)
    }
}

/// Folder of a filter's passing alerts.
pub(super) fn folder(topic: &str) -> String {
    let folder = encode(topic);
    if [DEAD_LETTERS, FAILURES, WITHHELD].contains(&folder.as_str()) {
        return format!("%{:02X}{}", folder.as_bytes()[0], &folder[1..]);
    }
    folder
}

/// The night whose alerts lie at `stem` below the filter's `folder`; none for one whose name had to
/// be changed.
pub(super) fn night<'a>(stem: &'a str, folder: &str) -> Option<&'a str> {
    let rest = stem.strip_prefix(folder)?.strip_prefix('/')?;
    let night = rest.split('/').next()?;
    (!night.contains('%')).then_some(night)
}

/// What the journals of a stream's lane begin with.
pub(super) fn lane_prefix(stream: &str, lane: &str) -> String {
    format!("{}{}.", stream_prefix(stream), without_dots(lane))
}

/// What the journals of a stream begin with.
pub(super) fn stream_prefix(stream: &str) -> String {
    format!("{}.", without_dots(stream))
}

/// Member name of a passing alert: the alert's id, then where it came from, for an id may come
/// more than once. At most 100 bytes, which every tar can hold.
pub(super) fn member(output: &Output) -> String {
    let mut name = shortened(&output.alert_id, 24);
    name.push('_');
    name.push_str(&origin(&output.position));
    let _ = write!(name, "_{}.avro", output.record);
    name
}

/// Member name of a dead letter.
pub(super) fn dead_member(position: &Position) -> String {
    format!("{}.packet", origin(position))
}

/// A position in 58 bytes at most: the file's name, a hash of its whole path, the packet's number.
fn origin(position: &Position) -> String {
    let topic = &*position.partition.topic;
    let file = topic.rsplit('/').next().unwrap_or(topic);
    let stem = file.split('.').next().unwrap_or(file);
    let index = match position.partition.index {
        0 => String::new(),
        index => format!("-{index}"),
    };
    format!(
        "{}-{:08x}{index}_{}",
        shortened(stem, 16),
        fnv(topic),
        position.offset
    )
}

/// FNV-1a, folded to 32 bits (Fowler, Noll and Vo, draft-eastlake-fnv).
fn fnv(text: &str) -> u32 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash >> 32) ^ hash) as u32
}

fn shortened(text: &str, length: usize) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '-'
        }
    };
    text.chars().take(length).map(plain).collect()
}

fn without_dots(name: &str) -> String {
    encode(name).replace('.', "%2E")
}

/// Letters, digits, `-`, `_` and inner dots stay; every other byte is written `%XX`.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => encoded.push(byte.into()),
            b'.' if at > 0 => encoded.push('.'),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    if encoded.is_empty() {
        "%".to_owned()
    } else {
        encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Partition;

    #[test]
    fn names_stay_inside_the_archive() {
        let place = Place::new("z.tf", "main", 3);
        assert_eq!(place.as_str(), "z%2Etf.main.3");
        let place = Place::new("ztf", "main", 0);
        assert_eq!(
            place.outputs("ann.sn", "2026-04-01"),
            "ann.sn/2026-04-01/ztf.main.0"
        );
        assert_eq!(place.outputs("../x", "a/b"), "%2E.%2Fx/a%2Fb/ztf.main.0");
        assert_eq!(place.outputs("failures", ""), "%66ailures/%/ztf.main.0");
        assert_eq!(place.outputs(".journal", "n"), "%2Ejournal/n/ztf.main.0");
    }

    #[test]
    fn members_name_their_origin_in_100_bytes() {
        assert_eq!(
            fnv("a"),
            0xaf63_dc4c ^ 0x8601_ec8c,
            "the published hash of \"a\", folded"
        );
        let partition = Partition {
            topic: "n/ztf_2026.tar.gz".into(),
            index: 0,
        };
        let position = Position {
            partition,
            offset: 17,
        };
        assert_eq!(origin(&position), "ztf-2026-6ce45acb_17");
        let partition = Partition {
            topic: "x".repeat(300).into(),
            index: i32::MIN,
        };
        let longest = origin(&Position {
            partition,
            offset: i64::MIN,
        });
        assert!(
            24 + 1 + longest.len() + 1 + 10 + 5 <= 100,
            "{}",
            longest.len()
        );
    }
}

//! The packets of one file: a loose packet, or the members of a tar.
//!
//! In: a file. Out: its packets in order, each with the knowledge whether it is the last; what
//! cannot be read comes out as a packet with a reason, so that nothing is lost in silence and the
//! stream goes on. Never: decoding.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::members::{Body, Members, read_whole};
use crate::source::{Packet, Partition, Position};

const BUFFER_BYTES: usize = 256 << 10;

/// What one file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One packet.
    Packet,
    /// Members, each a packet.
    Tar,
    /// The same, compressed.
    TarGz,
}

/// Reads one file.
pub(super) struct FilePackets {
    partition: Partition,
    offset: i64,
    members: Members,
    ahead: Option<Body>,
}

impl Kind {
    /// What the name says; a file of another name is a packet if it begins like one.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        if name.ends_with(".tar") {
            Some(Self::Tar)
        } else if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            Some(Self::TarGz)
        } else {
            name.ends_with(".avro").then_some(Self::Packet)
        }
    }
}

impl FilePackets {
    /// Open `path` at packet `from`; none when it holds no packets (another kind of file).
    pub(super) fn open(
        path: &Path,
        topic: &Arc<str>,
        kind: Option<Kind>,
        from: i64,
        bound: u64,
    ) -> io::Result<Option<Self>> {
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
        let members = match kind {
            None if !begins_like_a_packet(reader.fill_buf()?) => return Ok(None),
            None | Some(Kind::Packet) => {
                let whole = (from == 0).then(|| read_whole(&mut reader, bound));
                Members::One(whole)
            }
            Some(Kind::Tar) => Members::tar(reader, bound),
            Some(Kind::TarGz) => {
                let reader = BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(reader));
                Members::tar(reader, bound)
            }
        };
        let partition = Partition {
            topic: topic.clone(),
            index: 0,
        };
        let mut packets = Self {
            partition,
            offset: 0,
            members,
            ahead: None,
        };
        packets.skip(from);
        Ok(Some(packets))
    }

    /// A file that cannot be opened, as one packet that says why.
    pub(super) fn unreadable(topic: &Arc<str>, from: i64, reason: String) -> Self {
        let partition = Partition {
            topic: topic.clone(),
            index: 0,
        };
        let ahead = Some(Body::missing(reason));
        Self {
            partition,
            offset: from,
            members: Members::One(None),
            ahead,
        }
    }

    /// The next packet, and whether it is the file's last.
    pub(super) fn next(&mut self) -> Option<(Packet, bool)> {
        let body = self.ahead.take()?;
        self.ahead = self.members.next();
        let position = Position {
            partition: self.partition.clone(),
            offset: self.offset,
        };
        self.offset += 1;
        let packet = Packet {
            bytes: body.bytes.into(),
            position,
            timestamp_ms: None,
            damage: body.damage.map(Into::into),
        };
        Some((packet, self.ahead.is_none()))
    }

    fn skip(&mut self, from: i64) {
        let members = matches!(self.members, Members::Tar { .. });
        while members && self.offset < from && self.members.next().is_some() {
            self.offset += 1;
        }
        self.ahead = self.members.next();
    }
}

fn begins_like_a_packet(start: &[u8]) -> bool {
    start.starts_with(b"Obj\x01") || (start.len() > 5 && start[0] == 0)
}

/// Whether the machine, not the file, is in trouble.
pub(super) fn is_passing(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EINTR)
    )
}

//! Header and blocks of an object container file.

use super::MAGIC;
use super::codec::Codec;
use crate::cursor::Cursor;
use crate::error::{DecodeError, FrameWrong, Wrong};

/// Greatest number of entries in a header's metadata: real ones have two to ten.
const MOST_ENTRIES: usize = 10_000;
/// Bytes of a sync marker.
const SYNC: usize = 16;

/// What stands before the first block.
pub(crate) struct Header<'a> {
    /// The writer's schema: JSON, not yet looked at, because mostly it is known already.
    pub schema: &'a [u8],
    pub codec: Codec,
    /// Every entry of the metadata, in order.
    pub entries: Vec<(&'a [u8], &'a [u8])>,
    /// Ends each block.
    pub sync: [u8; SYNC],
    /// Where the first block starts.
    pub end: usize,
}

/// One block, its frame checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    pub records: usize,
    /// Still compressed.
    pub data: &'a [u8],
    /// Where the block starts in the packet.
    pub at: usize,
    /// Where its data start in the packet.
    pub data_at: usize,
}

fn wrong(byte: usize, wrong: impl Into<FrameWrong>) -> DecodeError {
    DecodeError::Frame {
        byte,
        wrong: wrong.into(),
    }
}

impl<'a> Header<'a> {
    /// The writer's schema as text.
    pub fn schema_text(&self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.schema).map_err(|_| wrong(MAGIC.len(), FrameWrong::SchemaText))
    }

    /// Reads the header of a packet that starts with the magic bytes.
    pub fn read(packet: &'a [u8]) -> Result<Header<'a>, DecodeError> {
        let mut cursor = Cursor::starting_at(packet, MAGIC.len());
        let entries = read_entries(&mut cursor).map_err(|error| wrong(cursor.at(), error))?;
        let last = |key: &[u8]| {
            entries
                .iter()
                .rev()
                .find(|entry| entry.0 == key)
                .map(|entry| entry.1)
        };
        let schema =
            last(b"avro.schema").ok_or_else(|| wrong(cursor.at(), FrameWrong::NoSchema))?;
        let codec = Codec::named(last(b"avro.codec")).map_err(|error| wrong(MAGIC.len(), error))?;
        let sync = cursor.array().map_err(|error| wrong(cursor.at(), error))?;
        Ok(Header {
            schema,
            codec,
            entries,
            sync,
            end: cursor.at(),
        })
    }

    /// The block that starts at `at`, or none at the end of the packet.
    pub fn block(&self, packet: &'a [u8], at: usize) -> Result<Option<Block<'a>>, DecodeError> {
        if at == packet.len() {
            return Ok(None);
        }
        let mut cursor = Cursor::starting_at(packet, at);
        let records = cursor.long().map_err(|error| wrong(at, error))?;
        let records =
            usize::try_from(records).map_err(|_| wrong(at, FrameWrong::NegativeCount(records)))?;
        let size_at = cursor.at();
        let size = cursor.long().map_err(|error| wrong(size_at, error))?;
        let size =
            usize::try_from(size).map_err(|_| wrong(size_at, Wrong::NegativeLength(size)))?;
        let data_at = cursor.at();
        let lacking = size.saturating_add(SYNC).saturating_sub(cursor.left());
        let cut_off = |_| {
            wrong(
                size_at,
                FrameWrong::CutOff {
                    stated: size,
                    lacking,
                },
            )
        };
        let data = cursor.take(size).map_err(cut_off)?;
        let sync_at = cursor.at();
        let sync: [u8; SYNC] = cursor.array().map_err(cut_off)?;
        if sync != self.sync {
            return Err(wrong(sync_at, FrameWrong::Sync));
        }
        Ok(Some(Block {
            records,
            data,
            at,
            data_at,
        }))
    }
}

impl Block<'_> {
    /// Where the next block starts in the packet.
    pub fn end(&self) -> usize {
        self.data_at + self.data.len() + SYNC
    }
}

type Entry<'a> = (&'a [u8], &'a [u8]);

fn read_entries<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<Entry<'a>>, Wrong> {
    let mut entries = Vec::new();
    let mut total = 0;
    while let Some(block) = cursor.items(&mut total, MOST_ENTRIES)? {
        for _ in 0..block.items {
            entries.push((cursor.sized()?, cursor.sized()?));
        }
    }
    Ok(entries)
}

//! From a packet to its records, one after another, to whoever takes them.
//!
//! In: a framed packet, its schema, a [`Sink`]. Out: the records that are sound, and the first damage
//! with its place. A record that fails leaves nothing in the sink; a block that does not end where its
//! records end, or a Confluent body that does not, leaves none of its records, because one of them
//! must have been misread.

use std::borrow::Cow;

use crate::container::{Block, Codec, Framed, Header, decompress};
use crate::cursor::Cursor;
use crate::error::{DecodeError, FrameWrong, Wrong};
use crate::limits::Limits;
use crate::locate::locate;
use crate::schema::Schema;

/// Takes records.
pub(crate) trait Sink {
    /// Reads one record, which starts at the cursor.
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Wrong>;
    /// Number of records taken.
    fn taken(&self) -> usize;
    /// Forgets all but the first `records`, and what was left of one that failed.
    fn cut(&mut self, records: usize);
}

/// Gives every record of the packet to the sink, up to the first damage.
pub(crate) fn walk(
    packet: &[u8],
    framed: &Framed<'_>,
    schema: &Schema,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    match framed {
        Framed::Confluent { body_at, .. } => {
            let base = sink.taken();
            let mut body = Body {
                bytes: packet,
                at: *body_at,
                place: "byte",
                offset: 0,
                first: 0,
                schema,
            };
            let end = body.read(1, &mut limits.packet_items.clone(), sink)?;
            if end == packet.len() {
                return Ok(());
            }
            sink.cut(base);
            Err(DecodeError::LeftOver {
                record: 0,
                byte: end,
                left: packet.len() - end,
            })
        }
        Framed::File(header) => walk_blocks(packet, header, schema, limits, sink),
    }
}

fn walk_blocks(
    packet: &[u8],
    header: &Header<'_>,
    schema: &Schema,
    limits: &Limits,
    sink: &mut impl Sink,
) -> Result<(), DecodeError> {
    let mut at = header.end;
    let (mut records, mut bytes, mut items_left) = (0, 0_usize, limits.packet_items);
    while let Some(block) = header.block(packet, at)? {
        if block.records > limits.records - records {
            return Err(DecodeError::Frame {
                byte: block.at,
                wrong: FrameWrong::Records(limits.records),
            });
        }
        let left = &mut items_left;
        bytes += walk_block(&block, header.codec, schema, limits, (records, left), sink)?;
        if bytes > limits.packet_bytes {
            return Err(DecodeError::Frame {
                byte: block.at,
                wrong: FrameWrong::PacketBytes(limits.packet_bytes),
            });
        }
        records += block.records;
        at = block.end();
    }
    Ok(())
}

/// Gives the length of the block's data when decompressed [bytes].
fn walk_block(
    block: &Block<'_>,
    codec: Codec,
    schema: &Schema,
    limits: &Limits,
    (first, items_left): (usize, &mut usize),
    sink: &mut impl Sink,
) -> Result<usize, DecodeError> {
    let frame = |wrong| DecodeError::Frame {
        byte: block.data_at,
        wrong,
    };
    let bytes: Cow<'_, [u8]> = decompress(codec, block.data, limits.block_bytes).map_err(frame)?;
    let (place, offset) = match codec {
        Codec::Null => ("byte", block.data_at),
        _ => ("byte of the decompressed block", 0),
    };
    let base = sink.taken();
    let mut body = Body {
        bytes: &bytes,
        at: 0,
        place,
        offset,
        first,
        schema,
    };
    let end = body.read(block.records, items_left, sink)?;
    if end == bytes.len() {
        return Ok(bytes.len());
    }
    sink.cut(base);
    Err(frame(FrameWrong::LeftOver(bytes.len() - end)))
}

/// Records end to end.
struct Body<'a> {
    bytes: &'a [u8],
    at: usize,
    /// What a position in `bytes` is called, and what to add to it.
    place: &'static str,
    offset: usize,
    /// Index of the first record within the packet.
    first: usize,
    schema: &'a Schema,
}

impl Body<'_> {
    /// Reads so many records; gives where the last one ends.
    fn read(
        &mut self,
        records: usize,
        items_left: &mut usize,
        sink: &mut impl Sink,
    ) -> Result<usize, DecodeError> {
        let mut cursor = Cursor::starting_at(self.bytes, self.at).with_items_left(*items_left);
        for index in 0..records {
            let start = cursor.at();
            let taken = sink.taken();
            if let Err(wrong) = sink.read(&mut cursor) {
                sink.cut(taken);
                return Err(self.damage(index, start, cursor.at(), wrong));
            }
        }
        *items_left = cursor.items_left();
        Ok(cursor.at())
    }

    #[cold]
    fn damage(&self, index: usize, start: usize, at: usize, wrong: Wrong) -> DecodeError {
        DecodeError::Record {
            record: u32::try_from(self.first + index).unwrap_or(u32::MAX),
            place: self.place,
            byte: self.offset + at,
            path: locate(self.schema, self.bytes, start, at),
            wrong,
        }
    }
}

//! Avro's primitive values out of a slice, each bounded by what is left of it.
//!
//! In: a slice. Out: numbers and sub-slices. Never: a copy, or a step forward over a value that
//! turned out wrong (so that the position names the culprit).

use crate::error::Wrong;

/// A position in a slice.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Items of arrays and maps that may still come.
    items_left: usize,
}

/// One block of an array or map: how many items, and how many bytes they take where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ItemBlock {
    pub items: usize,
    pub bytes: Option<usize>,
}

impl<'a> Cursor<'a> {
    /// At `at`, which is within `bytes`.
    pub fn starting_at(bytes: &'a [u8], at: usize) -> Cursor<'a> {
        Cursor {
            bytes,
            at,
            items_left: usize::MAX,
        }
    }

    /// With a bound on the items of all arrays and maps together.
    pub fn with_items_left(self, items_left: usize) -> Cursor<'a> {
        Cursor { items_left, ..self }
    }

    pub fn items_left(&self) -> usize {
        self.items_left
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Back to an earlier position.
    pub fn back_to(&mut self, at: usize) {
        debug_assert!(at <= self.at);
        self.at = at;
    }

    /// The bytes from an earlier position up to here.
    pub fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.at]
    }

    #[inline(always)]
    pub fn long(&mut self) -> Result<i64, Wrong> {
        match self.bytes.get(self.at) {
            Some(&first) if first < 0x80 => {
                self.at += 1;
                Ok(zigzag(u64::from(first)))
            }
            Some(_) => self.long_of_several(),
            None => Err(Wrong::End),
        }
    }

    #[inline(never)]
    fn long_of_several(&mut self) -> Result<i64, Wrong> {
        let mut value = 0u64;
        for (index, &byte) in self.bytes[self.at..].iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(Wrong::Varint);
            }
            value |= bits << (7 * index);
            if byte < 0x80 {
                self.at += index + 1;
                return Ok(zigzag(value));
            }
        }
        Err(if self.left() < 10 {
            Wrong::End
        } else {
            Wrong::Varint
        })
    }

    #[inline(always)]
    pub fn int(&mut self) -> Result<i32, Wrong> {
        let start = self.at;
        let value = self.long()?;
        i32::try_from(value).map_err(|_| {
            self.at = start;
            Wrong::IntRange(value)
        })
    }

    /// A number of a choice out of `count`; `wrong` makes the error.
    #[inline(always)]
    fn choice(&mut self, count: usize, wrong: fn(i64) -> Wrong) -> Result<usize, Wrong> {
        let start = self.at;
        let value = self.long()?;
        match usize::try_from(value) {
            Ok(index) if index < count => Ok(index),
            _ => {
                self.at = start;
                Err(wrong(value))
            }
        }
    }

    #[inline(always)]
    pub fn symbol(&mut self, symbols: usize) -> Result<usize, Wrong> {
        self.choice(symbols, Wrong::EnumIndex)
    }

    #[inline(always)]
    pub fn branch(&mut self, branches: usize) -> Result<usize, Wrong> {
        self.choice(branches, Wrong::UnionIndex)
    }

    /// A length that fits what is left.
    #[inline(always)]
    pub fn length(&mut self) -> Result<usize, Wrong> {
        let start = self.at;
        let value = self.long()?;
        match usize::try_from(value) {
            Ok(length) if length <= self.left() => Ok(length),
            converted => {
                self.at = start;
                Err(match converted {
                    Ok(length) => Wrong::Length(length as u64),
                    Err(_) => Wrong::NegativeLength(value),
                })
            }
        }
    }

    /// Text or bytes: a length and as many bytes.
    #[inline(always)]
    pub fn sized(&mut self) -> Result<&'a [u8], Wrong> {
        let length = self.length()?;
        let bytes = &self.bytes[self.at..self.at + length];
        self.at += length;
        Ok(bytes)
    }

    #[inline(always)]
    pub fn text(&mut self) -> Result<&'a str, Wrong> {
        let start = self.at;
        let bytes = self.sized()?;
        std::str::from_utf8(bytes).map_err(|_| {
            self.at = start;
            Wrong::Utf8
        })
    }

    #[inline(always)]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        if count > self.left() {
            return Err(Wrong::End);
        }
        let bytes = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(bytes)
    }

    #[inline(always)]
    pub fn skip(&mut self, count: usize) -> Result<(), Wrong> {
        if count > self.left() {
            return Err(Wrong::End);
        }
        self.at += count;
        Ok(())
    }

    #[inline(always)]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let bytes = self.bytes[self.at..].first_chunk::<N>().ok_or(Wrong::End)?;
        self.at += N;
        Ok(*bytes)
    }

    #[inline(always)]
    pub fn boolean(&mut self) -> Result<bool, Wrong> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 2 => {
                self.at += 1;
                Ok(byte == 1)
            }
            Some(&byte) => Err(Wrong::Boolean(byte)),
            None => Err(Wrong::End),
        }
    }

    /// The next block of an array or map, or none at its end. `total` counts over all blocks.
    pub fn items(&mut self, total: &mut usize, limit: usize) -> Result<Option<ItemBlock>, Wrong> {
        let start = self.at;
        let count = self.long()?;
        if count == 0 {
            return Ok(None);
        }
        let items = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        *total = total.saturating_add(items);
        if *total > limit {
            self.at = start;
            return Err(Wrong::Items(limit));
        }
        let Some(items_left) = self.items_left.checked_sub(items) else {
            self.at = start;
            return Err(Wrong::PacketItems);
        };
        self.items_left = items_left;
        let bytes = if count < 0 {
            Some(self.length()?)
        } else {
            None
        };
        Ok(Some(ItemBlock { items, bytes }))
    }

    /// Whether the items read since `start` take the bytes that their block states.
    pub fn check_block(&mut self, block: ItemBlock, start: usize) -> Result<(), Wrong> {
        match block.bytes {
            Some(bytes) if self.at - start != bytes => {
                self.at = start;
                Err(Wrong::BlockLength)
            }
            _ => Ok(()),
        }
    }
}

#[inline(always)]
fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn start(bytes: &[u8]) -> Cursor<'_> {
        Cursor::starting_at(bytes, 0)
    }

    fn check_long(bytes: &[u8], expected: Result<i64, Wrong>) {
        let mut cursor = start(bytes);
        assert_eq!(cursor.long(), expected, "{bytes:02x?}");
        assert_eq!(cursor.at(), if expected.is_ok() { bytes.len() } else { 0 });
    }

    #[test]
    fn integers_of_every_length() {
        check_long(&[0], Ok(0));
        check_long(&[1], Ok(-1));
        check_long(&[0x7f], Ok(-64));
        check_long(&[0x80, 0x01], Ok(64));
        let mut most = vec![0xfe];
        most.extend([0xff; 8]);
        most.push(1);
        check_long(&most, Ok(i64::MAX));
        most[0] = 0xff;
        check_long(&most, Ok(i64::MIN));
        most[9] = 2;
        check_long(&most, Err(Wrong::Varint));
        check_long(&[0xff; 11], Err(Wrong::Varint));
        check_long(&[0xff; 9], Err(Wrong::End));
        check_long(&[], Err(Wrong::End));
    }

    #[test]
    fn wrong_values_do_not_move_the_cursor() {
        let mut wide = start(&[0x80, 0x80, 0x80, 0x80, 0x10]);
        assert_eq!(wide.int(), Err(Wrong::IntRange(1 << 31)));
        assert_eq!(wide.at(), 0);
        assert_eq!(start(&[8, 1, 2]).sized(), Err(Wrong::Length(4)));
        assert_eq!(start(&[1]).sized(), Err(Wrong::NegativeLength(-1)));
        assert_eq!(start(&[2, 0xff]).text(), Err(Wrong::Utf8));
        assert_eq!(start(&[2]).boolean(), Err(Wrong::Boolean(2)));
        assert_eq!(start(&[4]).branch(2), Err(Wrong::UnionIndex(2)));
        assert_eq!(start(&[1]).symbol(2), Err(Wrong::EnumIndex(-1)));
        assert_eq!(start(&[0, 0, 0]).array::<4>(), Err(Wrong::End));
    }

    #[test]
    fn blocks_count_together() {
        let mut cursor = start(&[4, 3, 0, 0]);
        let mut total = 0;
        assert_eq!(
            cursor.items(&mut total, 4),
            Ok(Some(ItemBlock {
                items: 2,
                bytes: None
            }))
        );
        assert_eq!(
            cursor.items(&mut total, 4),
            Ok(Some(ItemBlock {
                items: 2,
                bytes: Some(0)
            }))
        );
        assert_eq!(cursor.items(&mut total, 4), Ok(None));
        let mut cursor = start(&[4, 3, 0, 0]);
        let mut total = 0;
        assert!(cursor.items(&mut total, 3).is_ok());
        assert_eq!(cursor.items(&mut total, 3), Err(Wrong::Items(3)));
        assert_eq!(cursor.at(), 1);
    }
}

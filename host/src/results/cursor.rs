//! How far a reader has come.
//!
//! In: places in the partitions of one filter's topic. Out: a text that clients keep and send back.
//! It names no topic: the topic always comes from the filter that is asked, so that no text, however
//! made, leads to another filter's alerts. Never: a cursor of one filter taken for another's.

use std::collections::BTreeMap;

/// Greatest length of a cursor's text [bytes]; one of 100 partitions takes 4,000.
const LONGEST: usize = 32 << 10;
/// Greatest number of partitions or logs.
const MOST_PLACES: usize = 2_000;

/// The next thing to read of a partition or log. In a topic the offset; in an archive the number of a
/// commit and how many of its alerts were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Offset, or number of the commit.
    pub number: i64,
    /// Alerts of the commit that were read.
    pub within: u32,
}

/// Places by partition or log. What is not named is read from its beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor(pub BTreeMap<String, Place>);

/// A text that is no cursor of this filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not one of ours.
    #[error("it is none of ours")]
    Malformed,
    /// Of another filter, or of other alerts of this one.
    #[error("it belongs to another filter, or to other alerts of this one")]
    Foreign,
}

impl Cursor {
    /// From now on read `partition` at `place`.
    pub fn put(&mut self, partition: &str, place: Place) {
        match self.0.get_mut(partition) {
            Some(known) => *known = place,
            None => _ = self.0.insert(partition.to_owned(), place),
        }
    }

    /// The earlier of the two places of each partition; the beginning where one of them has none.
    #[must_use]
    pub fn earlier(&self, other: &Self) -> Self {
        let both = |(partition, place): (&String, &Place)| {
            let other = other.0.get(partition)?;
            Some((partition.clone(), *place.min(other)))
        };
        Self(self.0.iter().filter_map(both).collect())
    }

    /// The later of the two places of each partition.
    #[must_use]
    pub fn later(mut self, other: &Self) -> Self {
        for (partition, place) in &other.0 {
            let known = self.0.get(partition).copied().unwrap_or_default();
            self.put(partition, known.max(*place));
        }
        self
    }

    /// As a text, for the filter of this number; that of withheld alerts is the filter's below zero.
    #[must_use]
    pub fn to_text(&self, filter: i64) -> String {
        let mut text = format!("1 {filter}");
        for (partition, Place { number, within }) in &self.0 {
            text.push_str(&format!(" {partition}={number}"));
            if *within > 0 {
                text.push_str(&format!("+{within}"));
            }
        }
        base16ct::lower::encode_string(text.as_bytes())
    }

    /// The text of a cursor of the filter of this number.
    ///
    /// # Errors
    /// When it is none, or another filter's.
    pub fn from_text(text: &str, filter: i64) -> Result<Self, CursorError> {
        if text.len() > LONGEST {
            return Err(CursorError::Malformed);
        }
        let bytes = base16ct::lower::decode_vec(text).map_err(|_| CursorError::Malformed)?;
        let text = String::from_utf8(bytes).map_err(|_| CursorError::Malformed)?;
        let mut words = text.split(' ');
        if words.next() != Some("1") {
            return Err(CursorError::Malformed);
        }
        let of: Option<i64> = words.next().and_then(|number| number.parse().ok());
        match of {
            Some(number) if number == filter => {}
            Some(_) => return Err(CursorError::Foreign),
            None => return Err(CursorError::Malformed),
        }
        let mut cursor = Self::default();
        for word in words {
            let (partition, place) = parse(word).ok_or(CursorError::Malformed)?;
            let is_new = cursor.0.insert(partition.to_owned(), place).is_none();
            if !is_new || cursor.0.len() > MOST_PLACES {
                return Err(CursorError::Malformed);
            }
        }
        Ok(cursor)
    }
}

fn parse(word: &str) -> Option<(&str, Place)> {
    let (partition, place) = word.rsplit_once('=')?;
    let (number, within) = place.split_once('+').unwrap_or((place, "0"));
    let number: i64 = number.parse().ok().filter(|number| *number >= 0)?;
    let within = within.parse().ok()?;
    (!partition.is_empty()).then_some((partition, Place { number, within }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hex(text: &str) -> String {
        base16ct::lower::encode_string(text.as_bytes())
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let mut cursor = Cursor::default();
        assert_eq!(Cursor::from_text(&cursor.to_text(7), 7), Ok(cursor.clone()));
        for (partition, number, within) in [("0", 0, 0), ("11", i64::MAX, 0), ("main.0.0a", 5, 3)] {
            cursor.put(partition, Place { number, within });
        }
        assert_eq!(Cursor::from_text(&cursor.to_text(7), 7), Ok(cursor.clone()));
        assert_eq!(
            Cursor::from_text(&cursor.to_text(7), 8),
            Err(CursorError::Foreign)
        );
    }

    #[test]
    fn two_readers_have_an_earlier_and_a_later_place() {
        let of = |places: &[(&str, i64)]| {
            let place = |(partition, number): &(&str, i64)| {
                let (number, within) = (*number, 0);
                ((*partition).to_owned(), Place { number, within })
            };
            Cursor(places.iter().map(place).collect())
        };
        let (one, other) = (of(&[("0", 5), ("1", 2)]), of(&[("0", 3), ("2", 7)]));
        assert_eq!(one.earlier(&other), of(&[("0", 3)]));
        assert_eq!(one.later(&other), of(&[("0", 5), ("1", 2), ("2", 7)]));
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in [
            "",
            "1",
            "2 7",
            "1 x",
            "1 7 0",
            "1 7 =1",
            "1 7 0=-1",
            "1 7 0=x",
            "1 7 0=1+x",
            "1 7 0=1 0=2",
            "1 7  0=1",
        ] {
            let found = Cursor::from_text(&hex(wrong), 7);
            assert_eq!(found, Err(CursorError::Malformed), "{wrong}");
        }
        for wrong in ["zz", "abc", "ff", &"31".repeat(LONGEST)] {
            assert_eq!(Cursor::from_text(wrong, 7), Err(CursorError::Malformed));
        }
        let many: String = (0..=MOST_PLACES).map(|n| format!(" {n}=1")).collect();
        assert_eq!(
            Cursor::from_text(&hex(&format!("1 7{many}")), 7),
            Err(CursorError::Malformed)
        );
    }
}

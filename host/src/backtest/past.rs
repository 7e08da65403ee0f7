//! The past of a stream as a source: an archive's files or a range of topics, from a place on.
//!
//! In: a stream's settings, a choice, the place that was saved. Out: packets in the order in which
//! they were sent. Never: a wait without an end, or what is still to come.

use super::BacktestError;
use super::choice::{self, Choice, Origin, WrongChoice};
use crate::kafka::{KafkaRange, Range};
use crate::source::archive::PastFiles;
use crate::source::place::Place;
use crate::source::{BatchLimits, Packet};
use crate::stream::{SourceSettings, StreamSettings};

/// Packets of the past.
pub struct Past {
    reader: Reader,
    place: Place,
}

enum Reader {
    Files(Box<PastFiles>),
    Topics(KafkaRange),
}

impl Past {
    /// From `place` on, or from the beginning.
    ///
    /// # Errors
    /// When the stream has no such past, or it cannot be reached.
    pub fn open(
        stream: &StreamSettings,
        choice: &Choice,
        place: Option<Place>,
    ) -> Result<Self, BacktestError> {
        choice.check(stream)?;
        match (choice.from, &stream.source) {
            (Origin::Archive, _) => Self::files(stream, place.unwrap_or_else(Place::archive)),
            (Origin::Topics, SourceSettings::Kafka(settings)) => {
                let stretches = match place {
                    Some(Place::Topics(stretches)) => stretches,
                    _ => KafkaRange::find(
                        settings,
                        Range {
                            since_ms: choice.since_ms,
                            until_ms: choice.until_ms,
                        },
                    )?,
                };
                Ok(Self {
                    reader: Reader::Topics(KafkaRange::open(settings, &stretches)?),
                    place: Place::Topics(stretches),
                })
            }
            (Origin::Topics, SourceSettings::Archive(_)) => Err(WrongChoice::NoTopics.into()),
        }
    }

    fn files(stream: &StreamSettings, place: Place) -> Result<Self, BacktestError> {
        let (path, packet_bytes) = choice::archive(stream).ok_or(WrongChoice::NoArchive)?;
        let (name, next) = match &place {
            Place::File { name, next } => (name.as_str(), *next),
            Place::Topics(_) => ("", 0),
        };
        let files = PastFiles::open(path, packet_bytes, name, next)?;
        Ok(Self {
            reader: Reader::Files(Box::new(files)),
            place,
        })
    }

    /// The next packets; empty where the broker is late, none at the end.
    ///
    /// # Errors
    /// When the past cannot be read now, or ever.
    pub fn poll(&mut self, limits: &BatchLimits) -> Result<Option<Vec<Packet>>, BacktestError> {
        let packets = match &mut self.reader {
            Reader::Files(files) => files.poll(limits)?,
            Reader::Topics(range) => range.poll(limits)?,
        };
        if let Some(packets) = &packets {
            self.place.advance(packets);
        }
        Ok(packets)
    }

    /// Behind the last packet that came.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Which part is read, 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        match (&self.reader, &self.place) {
            (Reader::Files(files), _) => files.fraction(),
            (Reader::Topics(_), Place::Topics(stretches)) => KafkaRange::fraction(stretches),
            (Reader::Topics(_), Place::File { .. }) => 0.0,
        }
    }
}

//! The walk through one filter's folder, commit by commit.
//!
//! In: bounds. Out: alerts of whole and of begun commits, and the cursor behind them. Never: an alert
//! twice, or one passed over without being told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::ArchiveError;
use super::journal::Segment;
use super::ledger::{Ledger, Portion, Range};
use super::results::ArchiveReader;
use super::{layout, members};
use crate::results::{Cursor, Look, Looked, Place, Reader, ResultsError};

/// Pause between two looks at the journals.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl ArchiveReader {
    /// Everything that is there, up to the bounds.
    fn once(&mut self, look: &Look, looked: &mut Looked) -> Result<(), ArchiveError> {
        let segments = self.segments()?;
        let mut bytes = 0;
        for of_log in segments.chunk_by(|one, next| one.log == next.log) {
            self.log(of_log, look, looked, &mut bytes)?;
            if looked.more {
                break;
            }
        }
        Ok(())
    }

    fn log(
        &mut self,
        segments: &[Segment],
        look: &Look,
        looked: &mut Looked,
        bytes: &mut usize,
    ) -> Result<(), ArchiveError> {
        let log = &segments[0].log;
        let place = self
            .cursor
            .0
            .get(self.partition(log))
            .copied()
            .unwrap_or_default();
        let known = self.ledgers.remove(log);
        let new = || Ledger::new(place.number.max(1), &self.folder);
        let mut ledger = known.unwrap_or_else(new);
        let outcome = loop {
            if look.is_over(looked.found.len(), *bytes) {
                looked.more = true;
                break Ok(());
            }
            match ledger.next(&self.journals, segments, look.deadline) {
                Ok(Some(portion)) => {
                    let done = self.portion(log, &portion, look, looked, bytes);
                    if !matches!(done, Ok(true)) {
                        ledger.again(portion);
                        break done.map(drop);
                    }
                }
                Ok(None) => {
                    looked.more |= ledger.is_behind();
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        self.put_reached(log, &ledger);
        self.ledgers.insert(log.clone(), ledger);
        outcome
    }

    /// Behind the last commit of which nothing is left to read.
    fn put_reached(&mut self, log: &str, ledger: &Ledger) {
        let known = self
            .cursor
            .0
            .get(self.partition(log))
            .copied()
            .unwrap_or_default();
        if ledger.reached() > known.number {
            self.put(
                log,
                Place {
                    number: ledger.reached(),
                    within: 0,
                },
            );
        }
    }

    /// The alerts of one commit; true when all of them were read.
    fn portion(
        &mut self,
        log: &str,
        portion: &Portion,
        look: &Look,
        looked: &mut Looked,
        bytes: &mut usize,
    ) -> Result<bool, ArchiveError> {
        let partition: Arc<str> = self.partition(log).into();
        let place = self.cursor.0.get(&*partition).copied().unwrap_or_default();
        if portion.sequence < place.number {
            return Ok(true);
        }
        let skip = if portion.sequence == place.number {
            place.within
        } else {
            0
        };
        let mut walk = Walk {
            portion,
            partition: partition.clone(),
            skip,
            within: 0,
            look,
            looked,
            bytes,
        };
        for range in &portion.ranges {
            match walk.range(self, range) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) if error.is_damage() => {
                    tracing::warn!(%error, "results were changed; the rest of a commit is left out");
                    walk.looked.lost += 1;
                }
                Err(error) => return Err(error),
            }
        }
        let number = portion.sequence + 1;
        self.cursor.put(&partition, Place { number, within: 0 });
        Ok(true)
    }
}

/// Through the alerts of one commit.
pub(super) struct Walk<'a> {
    pub portion: &'a Portion,
    pub partition: Arc<str>,
    /// So many of its alerts were read before.
    pub skip: u32,
    pub within: u32,
    pub look: &'a Look,
    pub looked: &'a mut Looked,
    pub bytes: &'a mut usize,
}

impl Walk<'_> {
    /// True when all alerts of the range were read.
    fn range(&mut self, reader: &mut ArchiveReader, range: &Range) -> Result<bool, ArchiveError> {
        if let Some(of) = reader.withheld_of.clone() {
            return self.withheld(reader, range, &of);
        }
        let night = layout::night(&range.stem, &reader.folder);
        let mut members = members::Members::open(&reader.root, range)?;
        self.looked.lost += members.lost();
        let is_wanted = night.is_none_or(|night| self.look.wants_night(night))
            && reader
                .since_s
                .is_none_or(|since_s| members.modified_s() >= since_s);
        while let Some(line) = members.line()? {
            self.within += 1;
            if self.within <= self.skip || !is_wanted {
                members.pass_over()?;
                continue;
            }
            if self.look.is_over(self.looked.found.len(), *self.bytes) {
                self.looked.more = true;
                return Ok(false);
            }
            let (number, within) = (self.portion.sequence, self.within);
            let after = Place { number, within };
            let found = members.take(&line, self.partition.clone(), after)?;
            reader.cursor.put(&self.partition, after);
            *self.bytes += found.payload.len();
            if !self.portion.holds(&found.source) {
                self.looked.lost += 1;
            } else if self.look.wants(&found) {
                self.looked.found.push(found);
            }
        }
        Ok(true)
    }
}

impl Reader for ArchiveReader {
    fn look(&mut self, look: &Look) -> Result<Looked, ResultsError> {
        let patience = (Instant::now() + look.wait).min(look.deadline);
        let mut looked = Looked::default();
        loop {
            self.once(look, &mut looked)?;
            let left = patience.saturating_duration_since(Instant::now());
            if !looked.found.is_empty() || looked.more || left.is_zero() {
                return Ok(looked);
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    fn cursor(&self) -> Cursor {
        self.cursor.clone()
    }
}

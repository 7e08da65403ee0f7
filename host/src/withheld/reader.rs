//! A night's withheld alerts, as far as the quotas of the night still go.
//!
//! In: a reader of records, what makes alerts of them, what was read of the night before. Out: alerts,
//! in the order of their records; what of them is new and counts. Never: an alert beyond the quotas, or
//! one that is passed over for it: the reading stops there.

use std::time::Instant;

use super::{Again, Restore};
use crate::results::{Cursor, Found, Look, Looked, Place, Reader, ResultsError};
use crate::source::lookback::Bound;

/// Alerts that are restored at once.
const AT_ONCE: usize = 256;

/// What the owner may still have of the night.
#[derive(Debug, Clone, Default)]
pub struct Allowance {
    /// How far the night was read before: what lies before it has been counted.
    pub reached: Cursor,
    /// So many alerts more.
    pub alerts: u64,
    /// So many bytes of payload more.
    pub bytes: u64,
}

/// What a page adds to what was read of the night.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charge {
    /// Alerts that had not been read before.
    pub alerts: u64,
    /// Their bytes of payload.
    pub bytes: u64,
}

/// Reads alerts that were withheld, later.
pub struct Later {
    records: Box<dyn Reader>,
    restore: Box<dyn Restore>,
    allowance: Allowance,
    cursor: Cursor,
    /// What each alert that was given adds.
    given: Vec<Charge>,
    stopped: Option<&'static str>,
}

impl Later {
    /// What `records` tells of, restored, within the allowance.
    #[must_use]
    pub fn new(records: Box<dyn Reader>, restore: Box<dyn Restore>, allowance: Allowance) -> Self {
        Self {
            cursor: records.cursor(),
            records,
            restore,
            allowance,
            given: Vec::new(),
            stopped: None,
        }
    }

    /// The quota that ended the last look, if one did.
    #[must_use]
    pub fn stopped(&self) -> Option<&'static str> {
        self.stopped
    }

    /// What the first `alerts` alerts that were given add.
    #[must_use]
    pub fn charge(&self, alerts: usize) -> Charge {
        let taken = self.given.iter().take(alerts);
        taken.fold(Charge::default(), |sum, one| Charge {
            alerts: sum.alerts + one.alerts,
            bytes: sum.bytes + one.bytes,
        })
    }

    /// What an alert adds, or the quota that has no room for it.
    fn admit(&mut self, found: &Found) -> Result<Charge, &'static str> {
        let known = self.allowance.reached.0.get(&*found.partition);
        let is_old = found.after <= known.copied().unwrap_or_default();
        // What is told of an alert that is gone is no alert.
        if is_old || found.missing.is_some() {
            return Ok(Charge::default());
        }
        let bytes = found.payload.len() as u64;
        if self.allowance.alerts == 0 {
            return Err("alerts_per_night");
        }
        if bytes > self.allowance.bytes {
            return Err("bytes_per_night");
        }
        self.allowance.alerts -= 1;
        self.allowance.bytes -= bytes;
        Ok(Charge { alerts: 1, bytes })
    }

    /// Behind the last alert that was dealt with.
    fn pass(&mut self, partition: &str, after: Place) {
        self.cursor.put(partition, after);
    }
}

impl Reader for Later {
    fn look(&mut self, look: &Look) -> Result<Looked, ResultsError> {
        let now = Instant::now();
        let half = now + look.deadline.saturating_duration_since(now) / 2;
        // Records of others are many and small: time bounds them, and leaves some for the packets.
        let mut looked = self.records.look(&Look {
            alerts: look.alerts.min(AT_ONCE),
            bytes: usize::MAX,
            deadline: half,
            ..look.clone()
        })?;
        let records = std::mem::take(&mut looked.found);
        let places: Vec<_> = records
            .iter()
            .map(|one| (one.partition.clone(), one.after))
            .collect();
        let bound = Bound {
            deadline: look.deadline,
            bytes: look.bytes,
        };
        let none_was_read = |again: &[Again]| again.iter().all(|one| matches!(one, Again::Unread));
        let again = self.restore.restore(records, &bound)?;
        if !again.is_empty() && none_was_read(&again) {
            let late = "the packets of the withheld alerts cannot be found in time";
            return Err(ResultsError::Unavailable(late.to_owned()));
        }
        for (one, (partition, after)) in again.into_iter().zip(places) {
            let found = match one {
                Again::Found(found) => *found,
                Again::Hidden => {
                    self.pass(&partition, after);
                    continue;
                }
                Again::Unread => {
                    looked.more = true;
                    return Ok(looked);
                }
            };
            match self.admit(&found) {
                Ok(charge) => {
                    self.given.push(charge);
                    self.pass(&partition, after);
                    looked.found.push(found);
                }
                Err(quota) => {
                    self.stopped = Some(quota);
                    looked.more = true;
                    return Ok(looked);
                }
            }
        }
        self.cursor = self.records.cursor();
        Ok(looked)
    }

    fn cursor(&self) -> Cursor {
        self.cursor.clone()
    }
}

//! An alert of the recent lookback: first where workers lately were, then backwards through what the
//! source keeps.
//!
//! In: the id of an alert or object. Out: the newest such alert that the filter may see, explained.
//! Never: a search without an end, or a hint at an alert beyond the rights of the filter's owner.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ExplainError, Explainer, Explanation};
use crate::evaluate::active::ActiveSet;
use crate::judge::Judge;
use crate::logbook::{Recent, Wanted};
use crate::source::Packet;
use crate::source::lookback::{Lookback, Search};

/// Longest time for a search; a request may take 15 s.
const TIME: Duration = Duration::from_secs(8);
/// Alerts that are looked at backwards.
const ALERTS: usize = 50_000;
/// Packets that are tried, newest first, until one may be seen.
const TRIED: usize = 16;
/// Packets that are decoded at once.
const BATCH: usize = 64;

/// Looks for alerts of one stream.
pub struct Finder<'a> {
    /// Where the alerts lately judged by this host stand.
    pub recent: &'a Recent,
    /// What the source still keeps.
    pub lookback: &'a dyn Lookback,
}

/// An alert that was found.
#[derive(Debug)]
pub struct Found {
    /// The packet that holds it.
    pub packet: Packet,
    /// What the filter makes of it.
    pub explanation: Explanation,
}

impl Finder<'_> {
    /// The newest alert that is wanted, as the filter of `explainer` sees it. Those that this host
    /// judged lately first; else those sent since `since_ms` [ms since the Unix epoch], backwards.
    /// Blocks for seconds.
    ///
    /// # Errors
    /// [`ExplainError::NoAlert`] where there is none within the bounds.
    pub fn find(
        &self,
        explainer: &mut Explainer,
        wanted: &Wanted,
        since_ms: i64,
    ) -> Result<Found, ExplainError> {
        let deadline = Instant::now() + TIME;
        for position in self.recent.find(wanted, TRIED) {
            let packet = self.lookback.packet(&position, deadline)?;
            if let Some(found) = packet.and_then(|packet| newest(explainer, packet, wanted)) {
                return Ok(found);
            }
        }
        let mut backwards = Backwards::new(explainer, wanted);
        self.lookback
            .backwards(since_ms, deadline, &mut backwards)?;
        backwards.finish().ok_or(ExplainError::NoAlert)
    }
}

/// The last of the wanted alerts of a packet.
fn newest(explainer: &mut Explainer, packet: Packet, wanted: &Wanted) -> Option<Found> {
    // A packet that cannot be decoded holds nothing that could be wanted.
    let explanation = explainer.explain(&packet, Some(wanted)).ok()?.pop()?;
    Some(Found {
        packet,
        explanation,
    })
}

/// A search backwards.
struct Backwards<'a> {
    explainer: &'a mut Explainer,
    wanted: &'a Wanted,
    /// Reads ids alone.
    identities: Judge,
    waiting: Vec<Packet>,
    alerts: usize,
    /// Packets of this run that hold the alert.
    matches: Vec<Packet>,
    found: Option<Found>,
}

impl<'a> Backwards<'a> {
    fn new(explainer: &'a mut Explainer, wanted: &'a Wanted) -> Self {
        let nobody = Arc::new(ActiveSet::default());
        let (settings, schemas) = (explainer.settings.clone(), explainer.schemas.clone());
        Self {
            explainer,
            wanted,
            identities: Judge::new(settings, schemas, nobody),
            waiting: Vec::new(),
            alerts: 0,
            matches: Vec::new(),
            found: None,
        }
    }

    fn look_at_waiting(&mut self) {
        let packets = std::mem::take(&mut self.waiting);
        let judgement = self.identities.judge(&packets);
        self.alerts += judgement.alerts.len() + judgement.damages.len();
        let mut last = None;
        for alert in judgement.alerts {
            if self.wanted.is(&alert) && last != Some(alert.packet) {
                last = Some(alert.packet);
                self.matches.push(packets[alert.packet].clone());
            }
        }
        // The newest are tried first; of an object with many alerts the older ones can go.
        let surplus = self.matches.len().saturating_sub(TRIED);
        self.matches.sort_by_key(|packet| packet.timestamp_ms);
        self.matches.drain(..surplus);
    }

    fn finish(mut self) -> Option<Found> {
        self.is_over();
        self.found
    }
}

impl Search for Backwards<'_> {
    fn look(&mut self, packets: Vec<Packet>) {
        self.waiting.extend(packets);
        if self.waiting.len() >= BATCH {
            self.look_at_waiting();
        }
    }

    fn is_over(&mut self) -> bool {
        self.look_at_waiting();
        while let (Some(packet), None) = (self.matches.pop(), &self.found) {
            self.found = newest(self.explainer, packet, self.wanted);
        }
        self.matches.clear();
        self.found.is_some()
    }

    fn is_exhausted(&self) -> bool {
        self.alerts >= ALERTS
    }
}

//! One worker's page of the logbook: what it tells, kept within bounds until somebody comes for it.
//!
//! In: judgements, failures. Out: [`Notes`]. Never: more than the bounds below, or a wait for
//! anything but the moment in which the page is taken away.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::nights::Nights;
use super::notes::{Cause, Example, Failed, LastAlert, Line, Notes, SettingNotes};
use super::place::place;
use crate::delivery::{Destination, Failure};
use crate::evaluate::LogLine;
use crate::judge::{Alert, Judgement, Verdicts};
use crate::source::Packet;

/// Text of log lines that one filter may leave on a page [bytes].
const FILTER_BYTES: usize = 64 << 10;
/// ... and all filters together.
const PAGE_BYTES: usize = 8 << 20;
/// Causes of failure that one filter may leave on a page.
const CAUSES: usize = 32;
/// Packets that all filters together may leave on a page [bytes].
const EXAMPLE_BYTES: usize = 16 << 20;
/// Causes whose example was taken; all are forgotten at once where there are more.
const KNOWN: usize = 100_000;

/// What has been told and not yet taken away.
#[derive(Default)]
pub(super) struct Pending {
    notes: Notes,
    line_bytes: usize,
    /// By setting.
    filter_bytes: HashMap<i64, usize>,
    example_bytes: usize,
    /// Causes whose example somebody took.
    known: HashSet<(i64, Cause)>,
    /// Settings whose filter has used up what it may log of a night.
    full: HashSet<(i64, Arc<str>)>,
}

/// A page, shared by a worker and whoever takes its notes away.
#[derive(Default)]
pub(super) struct Sheet(Mutex<Pending>);

impl Sheet {
    /// Take note of a batch judged at `at_ms`.
    pub(super) fn note(&self, judgement: &Judgement, at_ms: i64) {
        let mut pending = self.lock();
        let nights = Nights::of(&judgement.alerts);
        for said in &judgement.verdicts {
            pending.add(said, &judgement.alerts, &nights, at_ms);
        }
    }

    /// Take note of the alerts that filters failed on.
    pub(super) fn failed(&self, packets: &[Packet], failures: &[Failure], at_ms: i64) {
        if failures.is_empty() {
            return;
        }
        let mut pending = self.lock();
        for failure in failures {
            pending.fail(packets, failure, at_ms);
        }
    }

    /// What was told since the last time, without what can wait: last alerts and costs.
    pub(super) fn take_urgent(&self) -> Notes {
        let mut pending = self.lock();
        pending.line_bytes = 0;
        pending.filter_bytes.clear();
        pending.example_bytes = 0;
        let urgent = |(setting, notes): (&i64, &mut SettingNotes)| {
            (!notes.is_quiet()).then(|| {
                let urgent = SettingNotes {
                    version: notes.version,
                    lines: std::mem::take(&mut notes.lines),
                    dropped_lines: std::mem::take(&mut notes.dropped_lines),
                    causes: std::mem::take(&mut notes.causes),
                    ..SettingNotes::default()
                };
                (*setting, urgent)
            })
        };
        pending.notes.iter_mut().filter_map(urgent).collect()
    }

    /// What was told since the last time.
    pub(super) fn take(&self) -> Notes {
        let mut pending = self.lock();
        // Asked anew now and then: the quota may have been raised.
        pending.full.clear();
        pending.line_bytes = 0;
        pending.filter_bytes.clear();
        pending.example_bytes = 0;
        std::mem::take(&mut pending.notes)
    }

    /// A setting's filter has used up what it may log of a night.
    pub(super) fn told_full(&self, setting: i64, night: &Arc<str>) {
        self.lock().full.insert((setting, night.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        // Whole enough at every moment: a panic elsewhere leaves a line less at the most.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn add(&mut self, said: &Verdicts, alerts: &[Alert], nights: &Nights, at_ms: i64) {
        let Some(last) = said.rows.last().map(|row| &alerts[*row as usize]) else {
            return;
        };
        let destination = &said.filter.destination;
        let notes = notes_of(&mut self.notes, destination);
        notes.see(last, at_ms);
        let rows = said.rows.len() as u64;
        let (fuel, time_ns) = (
            said.evaluation.fuel / rows,
            said.evaluation.elapsed_ns / rows,
        );
        for (night, alerts) in nights.count(&said.rows) {
            notes.cost(night, fuel, time_ns, alerts);
        }
        let dropped = said.evaluation.dropped_logs;
        if dropped > 0 {
            let night = last.identity.night.clone();
            *notes.dropped_lines.entry(night).or_default() += dropped;
        }
        for line in &said.evaluation.logs {
            self.log(destination, line, last, alerts, at_ms);
        }
    }

    fn log(
        &mut self,
        destination: &Destination,
        line: &LogLine,
        last: &Alert,
        alerts: &[Alert],
        at_ms: i64,
    ) {
        let about = line.row.and_then(|row| alerts.get(row as usize));
        let night = about.unwrap_or(last).identity.night.clone();
        let bytes = line.message.len();
        let setting = destination.setting;
        let of_filter = self.filter_bytes.entry(setting).or_default();
        let is_full = !self.full.is_empty() && self.full.contains(&(setting, night.clone()));
        let fits =
            !is_full && *of_filter + bytes <= FILTER_BYTES && self.line_bytes + bytes <= PAGE_BYTES;
        let notes = notes_of(&mut self.notes, destination);
        if !fits {
            *notes.dropped_lines.entry(night).or_default() += 1;
            return;
        }
        *of_filter += bytes;
        self.line_bytes += bytes;
        notes.lines.push(Line {
            at_ms,
            night,
            level: line.level,
            alert_id: about.map_or_else(String::new, |alert| alert.identity.alert_id.clone()),
            message: line.message.clone(),
        });
    }

    fn fail(&mut self, packets: &[Packet], failure: &Failure, at_ms: i64) {
        let destination = &failure.destination;
        let cause = Cause {
            kind: failure.kind,
            place: place(&failure.message),
        };
        let notes = notes_of(&mut self.notes, destination);
        let cause = if notes.causes.len() < CAUSES || notes.causes.contains_key(&cause) {
            cause
        } else {
            Cause::others(failure.kind)
        };
        let failed = match notes.causes.entry(cause) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                if self.known.len() >= KNOWN {
                    self.known.clear();
                }
                let known = (destination.setting, new.key().clone());
                let is_new = !self.known.contains(&known);
                let packet = packets
                    .iter()
                    .find(|packet| is_new && packet.position == failure.position)
                    .map(|packet| packet.bytes.clone())
                    .filter(|bytes| self.example_bytes + bytes.len() <= EXAMPLE_BYTES);
                if let Some(packet) = &packet {
                    self.example_bytes += packet.len();
                    self.known.insert(known);
                }
                new.insert(first_of(failure, packet, at_ms))
            }
        };
        failed.last_ms = at_ms;
        *failed.nights.entry(failure.night.clone()).or_default() += 1;
    }
}

fn notes_of<'a>(notes: &'a mut Notes, destination: &Destination) -> &'a mut SettingNotes {
    let notes = notes.entry(destination.setting).or_default();
    notes.version = destination.version;
    notes
}

fn first_of(failure: &Failure, packet: Option<Arc<[u8]>>, at_ms: i64) -> Failed {
    Failed {
        nights: std::collections::BTreeMap::new(),
        first_ms: at_ms,
        last_ms: at_ms,
        example: Example {
            message: failure.message.clone(),
            alert_id: failure.alert_id.clone(),
            object_id: failure.object_id.clone(),
            night: failure.night.clone(),
            position: failure.position.clone(),
            record: failure.record,
            packet,
        },
    }
}

impl SettingNotes {
    fn see(&mut self, alert: &Alert, at_ms: i64) {
        let identity = &alert.identity;
        match &mut self.last {
            Some(last) => {
                last.at_ms = at_ms;
                last.alert_id.clone_from(&identity.alert_id);
                last.object_id.clone_from(&identity.object_id);
                if *last.night != *identity.night {
                    last.night = identity.night.to_string();
                }
            }
            None => {
                self.last = Some(LastAlert {
                    at_ms,
                    alert_id: identity.alert_id.clone(),
                    object_id: identity.object_id.clone(),
                    night: identity.night.to_string(),
                });
            }
        }
    }

    fn cost(&mut self, night: &Arc<str>, fuel: u64, time_ns: u64, alerts: u64) {
        // Hardly ever new, and then the name is copied.
        if !self.costs.contains_key(night) {
            self.costs.insert(night.clone(), Default::default());
        }
        if let Some(costs) = self.costs.get_mut(night) {
            costs.fuel.add_many(fuel, alerts);
            costs.time_ns.add_many(time_ns, alerts);
        }
    }
}

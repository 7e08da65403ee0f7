//! What of a delivery goes out: output quotas per night, and the pass-rate gate of a live filter.
//!
//! In: deliveries before they are committed, and what the registry has counted so far. Out: the same
//! deliveries without the outputs that are withheld; these are counted and recorded in them. Never:
//! IO, a verdict changed, or one filter's limit felt by another.
//!
//! One ledger serves all workers of a stream, so within a host a quota holds to the alert. What other
//! hosts deliver is known from the registry, about a second late.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::delivery::{Counts, Delivery, Destination, Failure, Judged, Output, OutputLimits};

mod admitted;
mod met;
mod used;
mod window;

pub use admitted::Admitted;
pub use met::{Met, Withheld};
use used::Spent;
pub use used::Used;
use window::{Block, Window};

/// Nights that are remembered of a filter; late alerts of earlier ones start again from what the
/// registry says.
pub const NIGHTS: usize = 8;
/// Nights that the registry is asked for at once.
const NIGHTS_ASKED: usize = 16;

/// The ledger of a stream.
#[derive(Debug, Default)]
pub struct Outflow(Mutex<Ledger>);

#[derive(Debug, Default)]
struct Ledger {
    /// By the filter's topic, which no other filter has.
    filters: HashMap<String, Flow>,
    met: BTreeSet<Met>,
}

/// One filter.
#[derive(Debug, Default)]
struct Flow {
    nights: Vec<(Arc<str>, Spent)>,
    window: Window,
    /// The setting that the window is of: another one begins afresh.
    setting: i64,
}

impl Outflow {
    /// Before the first alert: what the registry has counted of a filter's night.
    pub fn begin(&self, topic: &str, night: &str, used: Used) {
        let mut ledger = self.lock();
        ledger.filter(topic).night(&night.into()).begin(used);
    }

    /// What the registry has counted by now of a filter's night; of no interest where the filter has
    /// no alerts of it here.
    pub fn tell(&self, topic: &str, night: &str, used: Used) {
        let mut ledger = self.lock();
        let nights = ledger.filters.get_mut(topic).map(|flow| &mut flow.nights);
        let known =
            nights.and_then(|nights| nights.iter_mut().find(|(known, _)| **known == *night));
        if let Some((_, spent)) = known {
            spent.tell(used);
        }
    }

    /// Nights that filters had alerts of since they were last given, at most 16 at a time.
    pub fn nights(&self) -> Vec<Arc<str>> {
        let mut ledger = self.lock();
        let mut given: BTreeSet<Arc<str>> = BTreeSet::new();
        let nights = ledger
            .filters
            .values_mut()
            .flat_map(|flow| &mut flow.nights);
        for (night, spent) in nights.filter(|(_, spent)| spent.is_touched) {
            if given.contains(night) || given.len() < NIGHTS_ASKED {
                spent.is_touched = false;
                given.insert(night.clone());
            }
        }
        given.into_iter().collect()
    }

    /// The limits that were met since the last call, each once.
    pub fn met(&self) -> Vec<Met> {
        std::mem::take(&mut self.lock().met).into_iter().collect()
    }

    /// Whether a filter has used up its time of a night.
    #[must_use]
    pub fn is_out_of_time(&self, destination: &Destination, night: &Arc<str>) -> bool {
        let limit_ns = destination
            .limits
            .cpu_ms_per_night
            .saturating_mul(1_000_000);
        if limit_ns == u64::MAX {
            return false;
        }
        let mut ledger = self.lock();
        let spent = ledger.filter(&destination.topic).touch(night).now();
        let is_out = spent.elapsed_ns >= limit_ns;
        if is_out {
            ledger.note(destination, night, Withheld::Cpu);
        }
        is_out
    }

    /// Takes out of `delivery` what may not go out, and counts it there.
    pub fn admit(&self, delivery: &mut Delivery) -> Admitted {
        let mut ledger = self.lock();
        let mut admitted = Admitted::default();
        ledger.observe(&std::mem::take(&mut delivery.judged), &mut admitted);
        let outputs = std::mem::take(&mut delivery.outputs);
        for output in outputs {
            match ledger.decide(&output) {
                None => {
                    let used = Used {
                        alerts: 1,
                        bytes: output.payload.len() as u64,
                        elapsed_ns: 0,
                    };
                    ledger.spend(&output.destination, &output.night, &used, &mut admitted);
                    delivery.outputs.push(output);
                }
                Some(limit) => {
                    ledger.note(&output.destination, &output.night, limit);
                    let counts = counts(delivery, &output.destination, &output.night);
                    *counts
                        .withheld
                        .entry(limit.as_str().to_owned())
                        .or_default() += 1;
                    delivery.withheld.push(record(output, limit));
                }
            }
        }
        for ((_, night), (destination, used)) in &admitted.nights {
            counts(delivery, destination, night).bytes_out += used.bytes;
        }
        admitted
    }

    /// What was let out was not committed: it will come again.
    pub fn take_back(&self, admitted: &Admitted) {
        let mut ledger = self.lock();
        for ((_, night), (destination, used)) in &admitted.nights {
            let flow = ledger.filter(&destination.topic);
            flow.night(night).here.take_back(used);
        }
        for ((_, number), (destination, block)) in &admitted.windows {
            let flow = ledger.filter(&destination.topic);
            flow.window.take_back(*number, block);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Whole at every moment: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    fn filter(&mut self, topic: &str) -> &mut Flow {
        // No text is made for a filter that is known.
        if !self.filters.contains_key(topic) {
            self.filters.insert(topic.to_owned(), Flow::default());
        }
        self.filters.get_mut(topic).expect("it was just made")
    }

    /// Before anything goes out: how many alerts each filter judged, and in what time.
    fn observe(&mut self, judged: &[Judged], admitted: &mut Admitted) {
        for judged in judged {
            let limits = &judged.destination.limits;
            if limits.has_gate() {
                let flow = self.filter(&judged.destination.topic);
                if flow.setting != judged.destination.setting {
                    flow.setting = judged.destination.setting;
                    flow.window.clear();
                }
                let number = flow.window.judged(judged.alerts, limits.gate_alerts);
                let block = Block {
                    judged: judged.alerts,
                    passing: 0,
                };
                admitted.count(&judged.destination, number, &block);
            }
            if limits.cpu_ms_per_night < u64::MAX {
                let used = Used {
                    elapsed_ns: judged.elapsed_ns,
                    ..Used::default()
                };
                self.spend(&judged.destination, &judged.night, &used, admitted);
            }
        }
    }

    /// Why an output is withheld; none where it goes out.
    fn decide(&mut self, output: &Output) -> Option<Withheld> {
        let destination = &*output.destination;
        let limits = &destination.limits;
        if *limits == OutputLimits::NONE {
            return None;
        }
        let flow = self.filter(&destination.topic);
        if limits.has_gate() && flow.window.passing() >= limits.gate_passing {
            return Some(Withheld::Gate);
        }
        let used = flow.touch(&output.night).now();
        if used.alerts >= limits.alerts_per_night {
            return Some(Withheld::Alerts);
        }
        let bytes = used.bytes.saturating_add(output.payload.len() as u64);
        (bytes > limits.bytes_per_night).then_some(Withheld::Bytes)
    }

    fn spend(
        &mut self,
        destination: &Arc<Destination>,
        night: &Arc<str>,
        used: &Used,
        admitted: &mut Admitted,
    ) {
        admitted.add(destination, night, used);
        let limits = &destination.limits;
        if *limits == OutputLimits::NONE {
            return;
        }
        let flow = self.filter(&destination.topic);
        if limits.has_gate()
            && let Some(number) = flow.window.passed(used.alerts)
        {
            let block = Block {
                judged: 0,
                passing: used.alerts,
            };
            admitted.count(destination, number, &block);
        }
        flow.touch(night).here.add(used);
    }

    fn note(&mut self, destination: &Destination, night: &Arc<str>, limit: Withheld) {
        self.met.insert(Met {
            setting: destination.setting,
            night: night.clone(),
            limit,
        });
    }
}

impl Flow {
    /// The night, which the registry is to be asked about.
    fn touch(&mut self, night: &Arc<str>) -> &mut Spent {
        let spent = self.night(night);
        spent.is_touched = true;
        spent
    }

    fn night(&mut self, night: &Arc<str>) -> &mut Spent {
        let known = self.nights.iter().position(|(known, _)| known == night);
        let place = known.unwrap_or_else(|| {
            if self.nights.len() >= NIGHTS {
                self.nights.remove(0);
            }
            self.nights.push((night.clone(), Spent::default()));
            self.nights.len() - 1
        });
        &mut self.nights[place].1
    }
}

fn counts<'a>(
    delivery: &'a mut Delivery,
    destination: &Destination,
    night: &str,
) -> &'a mut Counts {
    delivery.counts.entry(destination.key(night)).or_default()
}

fn record(output: Output, limit: Withheld) -> Failure {
    Failure {
        destination: output.destination,
        position: output.position,
        record: output.record,
        alert_id: output.alert_id,
        object_id: output.object_id,
        night: output.night,
        programme: output.programme,
        kind: limit.as_str(),
        message: "passed, and was withheld".to_owned(),
    }
}

#[cfg(test)]
mod tests;

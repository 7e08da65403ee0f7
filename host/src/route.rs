//! Verdicts to a [`Delivery`]. Pure.
//!
//! In: packets, the judgement of each record by each active setting. Out: one `Delivery`.
//! Never: IO, time, the registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use skysieve_decode::Damage;

use crate::delivery::{
    AnnotationValue, Counts, DeadLetter, Delivery, Destination, Failure, Judged, Output,
};
use crate::evaluate::{Fault, Verdict};
use crate::judge::{Alert, Judgement, Verdicts};
use crate::payload::Payload;
use crate::source::{Packet, Partition};

/// Turn a judgement of `packets` into what is to be delivered.
#[must_use]
pub fn route(packets: &[Packet], judgement: Judgement) -> Delivery {
    let mut delivery = Delivery {
        packets: packets.len() as u64,
        alerts: judgement.alerts.len() as u64,
        generation: judgement.generation,
        positions: positions(packets),
        dead_letters: dead_letters(packets, &judgement.damages),
        ..Delivery::default()
    };
    for verdicts in judgement.verdicts {
        add_verdicts(&mut delivery, packets, &judgement.alerts, verdicts);
    }
    delivery
}

fn positions(packets: &[Packet]) -> BTreeMap<Partition, (i64, i64)> {
    let mut positions = BTreeMap::new();
    for Packet { position, .. } in packets {
        let next = position.offset + 1;
        positions
            .entry(position.partition.clone())
            .or_insert((position.offset, next))
            .1 = next;
    }
    positions
}

fn dead_letters(packets: &[Packet], damages: &[Damage]) -> Vec<DeadLetter> {
    damages
        .iter()
        .map(|damage| {
            let packet = packets[damage.origin.packet as usize].clone();
            let unread = packet.damage.as_ref().map(ToString::to_string);
            let reason = unread.unwrap_or_else(|| damage.error.to_string());
            DeadLetter {
                packet,
                record: damage.origin.record,
                reason,
            }
        })
        .collect()
}

/// What one filter did in one night of a batch: counted by code before any text is touched.
struct Tally {
    night: Arc<str>,
    passed: u64,
    lacking: u64,
    skipped: u64,
    rejected: [u64; 256],
    failed: BTreeMap<&'static str, u64>,
}

impl Tally {
    fn new(night: Arc<str>) -> Self {
        Self {
            night,
            passed: 0,
            lacking: 0,
            skipped: 0,
            rejected: [0; 256],
            failed: BTreeMap::new(),
        }
    }

    fn evaluated(&self) -> u64 {
        self.passed + self.rejected.iter().sum::<u64>() + self.failed.values().sum::<u64>()
    }

    fn counts(&self, destination: &Destination) -> Counts {
        let rejected: BTreeMap<String, u64> = (0_u8..=255)
            .filter(|code| self.rejected[usize::from(*code)] > 0)
            .map(|code| {
                (
                    destination.reason(code).to_owned(),
                    self.rejected[usize::from(code)],
                )
            })
            .collect();
        let failed: BTreeMap<String, u64> = self
            .failed
            .iter()
            .map(|(kind, count)| ((*kind).to_owned(), *count))
            .collect();
        Counts {
            evaluated: self.evaluated(),
            passed: self.passed,
            rejected,
            failed,
            lacking: self.lacking,
            skipped: self.skipped,
            ..Counts::default()
        }
    }
}

fn add_verdicts(delivery: &mut Delivery, packets: &[Packet], alerts: &[Alert], said: Verdicts) {
    let Verdicts {
        filter,
        rows,
        hidden,
        skipped,
        evaluation,
        mut payloads,
        ..
    } = said;
    let destination = &filter.destination;
    let mut judged = rows.into_iter().zip(evaluation.verdicts).peekable();
    let mut hidden = hidden.into_iter().peekable();
    let mut skipped = skipped.into_iter().peekable();
    let mut tallies: Vec<Tally> = Vec::with_capacity(1);
    for (row, alert) in (0_u32..).zip(alerts) {
        // Beyond the owner's rights: as if it had not been sent.
        if hidden.next_if_eq(&row).is_some() {
            continue;
        }
        let tally = tally(&mut tallies, &alert.identity.night);
        let Some((_, verdict)) = judged.next_if(|(judged, _)| *judged == row) else {
            match skipped.next_if_eq(&row) {
                Some(_) => tally.skipped += 1,
                None => tally.lacking += 1,
            }
            continue;
        };
        let packet = &packets[alert.packet];
        match verdict {
            Verdict::Pass(annotations) => {
                tally.passed += 1;
                let annotations = filter.name_annotations(annotations);
                let less = payloads.remove(&row);
                delivery
                    .outputs
                    .push(output(destination, packet, alert, less, annotations));
            }
            Verdict::Reject { code, .. } => tally.rejected[usize::from(code)] += 1,
            Verdict::Fail(fault) => {
                *tally.failed.entry(fault.kind.as_str()).or_default() += 1;
                delivery
                    .failures
                    .push(failure(destination, packet, alert, fault));
            }
        }
    }
    let evaluated: u64 = tallies.iter().map(Tally::evaluated).sum();
    for tally in &tallies {
        let mut counts = tally.counts(destination);
        counts.fuel = share(evaluation.fuel, counts.evaluated, evaluated);
        counts.elapsed_ns = share(evaluation.elapsed_ns, counts.evaluated, evaluated);
        delivery.judged.push(Judged {
            destination: destination.clone(),
            night: tally.night.clone(),
            alerts: counts.eligible() + counts.lacking,
            elapsed_ns: counts.elapsed_ns,
        });
        let key = destination.key(&tally.night);
        delivery.counts.entry(key).or_default().add(&counts);
    }
}

/// A night's part of what a batch cost, by its alerts.
fn share(cost: u64, part: u64, whole: u64) -> u64 {
    let share = u128::from(cost) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

fn tally<'a>(tallies: &'a mut Vec<Tally>, night: &Arc<str>) -> &'a mut Tally {
    let index = tallies
        .iter()
        // Alerts of one night share its name, so the text is hardly ever compared.
        .position(|tally| Arc::ptr_eq(&tally.night, night) || tally.night == *night)
        .unwrap_or_else(|| {
            tallies.push(Tally::new(night.clone()));
            tallies.len() - 1
        });
    &mut tallies[index]
}

fn output(
    destination: &Arc<Destination>,
    packet: &Packet,
    alert: &Alert,
    less: Option<Arc<[u8]>>,
    annotations: Vec<(Arc<str>, AnnotationValue)>,
) -> Output {
    let holds = match less {
        Some(_) => destination.payload.word(),
        None => Payload::Packet.word(),
    };
    let packet_alone = || alert.alone.as_ref().unwrap_or(&packet.bytes).clone();
    Output {
        destination: destination.clone(),
        payload: less.unwrap_or_else(packet_alone),
        holds,
        position: packet.position.clone(),
        record: alert.record,
        timestamp_ms: packet.timestamp_ms,
        object_id: alert.identity.object_id.clone(),
        alert_id: alert.identity.alert_id.clone(),
        night: alert.identity.night.clone(),
        programme: alert.identity.programme,
        annotations,
    }
}

fn failure(
    destination: &Arc<Destination>,
    packet: &Packet,
    alert: &Alert,
    fault: Fault,
) -> Failure {
    Failure {
        destination: destination.clone(),
        position: packet.position.clone(),
        record: alert.record,
        alert_id: alert.identity.alert_id.clone(),
        object_id: alert.identity.object_id.clone(),
        night: alert.identity.night.clone(),
        programme: alert.identity.programme,
        kind: fault.kind.as_str(),
        message: fault.message,
    }
}

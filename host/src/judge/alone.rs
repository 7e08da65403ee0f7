//! Passing records of packets that hold several, each given a packet of its own.
//!
//! In: packets, verdicts. Out: what goes out in place of the packet. Never: a record that goes out together
//! with others.

use super::{Alert, Judge, Verdicts};
use crate::evaluate::{Fault, FaultKind, Verdict};
use crate::source::Packet;

impl Judge {
    /// Give each passing record of a packet that holds several a packet of its own.
    /// One that cannot be cut out is nobody's: its packet may hold alerts beyond an owner's rights.
    pub(super) fn isolate(
        &mut self,
        packets: &[Packet],
        alerts: &mut [Alert],
        verdicts: &mut [Verdicts],
    ) {
        if alerts.iter().all(|alert| alert.record == 0) {
            return;
        }
        let mut passes = vec![false; alerts.len()];
        for said in &*verdicts {
            for (row, verdict) in said.rows.iter().zip(&said.evaluation.verdicts) {
                passes[*row as usize] |= matches!(verdict, Verdict::Pass(_));
            }
        }
        let mut lost = Vec::new();
        let mut passing: Vec<(usize, &mut Alert)> = alerts
            .iter_mut()
            .enumerate()
            .zip(passes)
            .filter(|(_, passes)| *passes)
            .map(|(alert, _)| alert)
            .collect();
        for of_packet in passing.chunk_by_mut(|(_, one), (_, next)| one.packet == next.packet) {
            let records: Vec<u32> = of_packet.iter().map(|(_, alert)| alert.record).collect();
            let packet = &packets[of_packet[0].1.packet].bytes;
            let Ok(alone) = self.decoder.isolate(packet, &records) else {
                lost.extend(of_packet.iter().map(|(row, _)| *row));
                continue;
            };
            for ((_, alert), bytes) in of_packet.iter_mut().zip(alone) {
                alert.alone = Some(bytes.into());
            }
        }
        for said in verdicts.iter_mut().filter(|_| !lost.is_empty()) {
            said.fail(&lost, "the alert cannot be cut out of its packet");
        }
    }
}

impl Verdicts {
    /// Makes passes of these alerts failures.
    fn fail(&mut self, alerts: &[usize], message: &str) {
        for (row, verdict) in self.rows.iter().zip(&mut self.evaluation.verdicts) {
            if matches!(verdict, Verdict::Pass(_)) && alerts.contains(&(*row as usize)) {
                *verdict = Verdict::Fail(Fault {
                    kind: FaultKind::Malformed,
                    message: message.to_owned(),
                });
            }
        }
    }
}

//! One setting over packets of the past, with the engine of the live stream.
//!
//! In: packets in order, an active set of the one setting or of two. Out: a tally that can be saved
//! and gone on with. Never: IO, or a look at a later packet.

use std::sync::Arc;

use serde_json::Value;
use skysieve_decode::SchemaSource;

use super::difference;
use super::nights::ChosenNights;
use super::report::Report;
use super::tally::Tally;
use crate::evaluate::Reason;
use crate::evaluate::active::{ActiveSet, Candidate};
use crate::gate::Tested;
use crate::judge::Judge;
use crate::route::route;
use crate::source::{Packet, Position};
use crate::stream::StreamSettings;

/// Of so many packets one is judged again, its alerts alone, for the distributions of cost.
const MEASURED: u64 = 32;

/// A setting that is being tested.
pub struct Examination {
    judge: Judge,
    /// Judges the tested setting alone, alert by alert.
    alone: Judge,
    setting: i64,
    reasons: Vec<Reason>,
    nights: Option<ChosenNights>,
    tally: Tally,
}

impl Examination {
    /// Of `tested` on alerts of `nights` (any, where none is named), compared with `against`.
    #[must_use]
    pub fn new(
        settings: &Arc<StreamSettings>,
        schemas: &Arc<dyn SchemaSource>,
        tested: Candidate,
        against: Option<Candidate>,
        nights: &[String],
    ) -> Self {
        let judge = |candidates| {
            let active = Arc::new(ActiveSet::new(1, candidates));
            Judge::new(settings.clone(), schemas.clone(), active)
        };
        let tally = Tally::new(against.as_ref().map(|other| other.destination.setting));
        let setting = tested.destination.setting;
        let reasons = tested.program.description().reasons.clone();
        let alone = judge(vec![tested.clone()]).alone(true);
        Self {
            judge: judge(std::iter::once(tested).chain(against).collect()),
            alone,
            setting,
            reasons,
            nights: ChosenNights::new(nights, settings, schemas),
            tally,
        }
    }

    /// Judge the next packets.
    pub fn examine(&mut self, packets: Vec<Packet>) {
        let packets = match &mut self.nights {
            Some(nights) => nights.choose(packets),
            None => packets,
        };
        if packets.is_empty() {
            return;
        }
        let judgement = self.judge.judge(&packets);
        let nights = self.nights.as_ref();
        if let Some(of) = &mut self.tally.difference {
            difference::add(of, self.setting, &packets, &judgement, nights);
        }
        self.tally
            .add(route(&packets, judgement), self.setting, nights);
        for packet in packets.iter().filter(|one| is_measured(&one.position)) {
            self.measure(packet);
        }
    }

    /// Alerts judged and passed so far.
    #[must_use]
    pub fn tested(&self) -> Tested {
        self.tally.tested()
    }

    /// What was found so far, for its owner.
    #[must_use]
    pub fn report(&self) -> Report {
        self.tally.report(&self.reasons)
    }

    /// What was found so far, to be gone on with.
    #[must_use]
    pub fn save(&self) -> Value {
        serde_json::to_value(&self.tally).expect("a tally has text keys and numbers")
    }

    /// Go on with what was saved.
    ///
    /// # Errors
    /// When it was not saved by this program.
    pub fn resume(&mut self, saved: Value) -> Result<(), serde_json::Error> {
        self.tally = serde_json::from_value(saved)?;
        Ok(())
    }

    fn measure(&mut self, packet: &Packet) {
        let judgement = self.alone.judge(std::slice::from_ref(packet));
        for said in &judgement.verdicts {
            for fuel in &said.fuels {
                self.tally.fuel.add(*fuel);
            }
            let (alerts, elapsed_ns) = (said.fuels.len() as u64, said.evaluation.elapsed_ns);
            // A packet of several alerts: their mean.
            if let Some(mean_ns) = elapsed_ns.checked_div(alerts) {
                (0..alerts).for_each(|_| self.tally.time_ns.add(mean_ns));
            }
        }
    }
}

/// By its place alone, so that the same packets are measured at every run (FNV-1a over the place).
fn is_measured(position: &Position) -> bool {
    let (partition, offset) = (&position.partition, position.offset);
    let place = partition.topic.bytes();
    let place = place
        .chain(partition.index.to_le_bytes())
        .chain(offset.to_le_bytes());
    let hash = place.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // The low bits follow the last bytes too closely.
    (hash >> 32).is_multiple_of(MEASURED)
}

//! Records of withheld alerts to the alerts themselves: their packets are read at their places and
//! judged again.
//!
//! In: records, the source, a judge for each setting. Out: what became of each. Never: an alert taken
//! for another that stands at its place now.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::json;

use super::{Again, Restore};
use crate::delivery::Output;
use crate::judge::Judge;
use crate::results::{Found, Origin, ResultsError};
use crate::route::route;
use crate::source::lookback::{Bound, Lookback};
use crate::source::{Packet, Partition, Position};

/// Makes a judge of one setting of a filter, under the rights of its owner.
pub type JudgeOf = Box<dyn Fn(i64) -> Result<Judge, ResultsError> + Send>;

const GONE: &str = "its packet is no longer kept where it was read from";
const ANOTHER: &str = "another alert stands where it was read from";
const NOT_PASSING: &str = "the filter no longer passes it: its packet is damaged, or the filter's fuel or memory is less than it was";

/// Restores alerts of one filter.
pub struct Restorer {
    lookback: Arc<dyn Lookback>,
    judge_of: JudgeOf,
}

/// What a judge says again of the alerts of some packets.
#[derive(Default)]
struct Said {
    outputs: HashMap<(Position, u32), Output>,
    hidden: HashSet<(Position, u32)>,
}

impl Restorer {
    /// From this source, by these judges.
    #[must_use]
    pub fn new(lookback: Arc<dyn Lookback>, judge_of: JudgeOf) -> Self {
        Self { lookback, judge_of }
    }
}

impl Restore for Restorer {
    fn restore(&mut self, records: Vec<Found>, bound: &Bound) -> Result<Vec<Again>, ResultsError> {
        let positions: Vec<Position> = records.iter().map(|one| position(&one.source)).collect();
        let packets = self.lookback.packets(&positions, bound);
        let packets = packets.map_err(|error| ResultsError::Unavailable(error.to_string()))?;
        let mut by_setting: BTreeMap<i64, HashMap<&Position, &Packet>> = BTreeMap::new();
        for (record, position) in records.iter().zip(&positions) {
            if let Some(Some(packet)) = packets.get(position) {
                let of_setting = by_setting.entry(record.setting).or_default();
                of_setting.insert(position, packet);
            }
        }
        let mut said: BTreeMap<i64, Said> = BTreeMap::new();
        for (setting, packets) in by_setting {
            let judge = (self.judge_of)(setting)?;
            let packets: Vec<Packet> = packets.into_values().cloned().collect();
            said.insert(setting, judged(judge, &packets));
        }
        let again = |(record, position): (Found, Position)| match packets.get(&position) {
            None => Again::Unread,
            Some(None) => missing(record, GONE),
            Some(Some(_)) => {
                let said = said.entry(record.setting).or_default();
                let key = (position, record.source.record);
                match said.outputs.remove(&key) {
                    Some(output) => found(record, output),
                    None if said.hidden.contains(&key) => Again::Hidden,
                    None => missing(record, NOT_PASSING),
                }
            }
        };
        Ok(records.into_iter().zip(positions).map(again).collect())
    }
}

/// The same way as the live stream goes, without limits of what goes out.
fn judged(mut judge: Judge, packets: &[Packet]) -> Said {
    let judgement = judge.judge(packets);
    let place = |row: &u32| {
        let alert = &judgement.alerts[*row as usize];
        (packets[alert.packet].position.clone(), alert.record)
    };
    let hidden = judgement.verdicts.iter().flat_map(|said| &said.hidden);
    let hidden = hidden.map(place).collect();
    let outputs = route(packets, judgement).outputs.into_iter();
    Said {
        hidden,
        outputs: outputs
            .map(|output| ((output.position.clone(), output.record), output))
            .collect(),
    }
}

fn found(record: Found, output: Output) -> Again {
    if output.alert_id != record.alert_id || output.object_id != record.object_id {
        return missing(record, ANOTHER);
    }
    let annotations = output.annotations.iter();
    let annotations = annotations.map(|(name, value)| (name.to_string(), json!(value)));
    Again::Found(Box::new(Found {
        programme: output.programme,
        holds: output.holds.to_owned(),
        annotations: annotations.collect(),
        payload: output.payload.to_vec(),
        source: Origin {
            timestamp_ms: output.timestamp_ms,
            ..record.source
        },
        ..record
    }))
}

fn missing(record: Found, why: &str) -> Again {
    Again::Found(Box::new(Found {
        missing: Some(why.to_owned()),
        ..record
    }))
}

fn position(origin: &Origin) -> Position {
    Position {
        partition: Partition {
            topic: origin.topic.as_str().into(),
            index: origin.partition,
        },
        offset: origin.offset,
    }
}

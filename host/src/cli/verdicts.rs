//! The verdicts of a replay, one JSON line for each alert and filter.
//!
//! In: a judgement. Out: lines. Never: counting.

use serde_json::{Map, Value, json};

use crate::explain::Spoken;
use crate::judge::{Judgement, Verdicts};
use crate::source::Packet;

/// One line for each damaged packet and for each alert and filter.
pub(super) fn verdict_lines(packets: &[Packet], judgement: &Judgement) -> Vec<Value> {
    let damages = judgement.damages.iter().map(|damage| {
        let mut line = place(
            &packets[damage.origin.packet as usize],
            damage.origin.record,
        );
        line.insert("error".to_owned(), damage.error.to_string().into());
        Value::Object(line)
    });
    let verdicts = judgement.verdicts.iter();
    damages
        .chain(verdicts.flat_map(|said| filter_lines(packets, judgement, said)))
        .collect()
}

fn filter_lines(packets: &[Packet], judgement: &Judgement, said: &Verdicts) -> Vec<Value> {
    let fuels = said.fuels.iter();
    let mut judged = said
        .rows
        .iter()
        .zip(&said.evaluation.verdicts)
        .zip(fuels)
        .peekable();
    let line = |(row, alert): (u32, &crate::judge::Alert)| {
        let mut line = place(&packets[alert.packet], alert.record);
        line.insert(
            "alert_id".to_owned(),
            alert.identity.alert_id.clone().into(),
        );
        line.insert(
            "object_id".to_owned(),
            alert.identity.object_id.clone().into(),
        );
        line.insert(
            "filter".to_owned(),
            said.filter.destination.filter.clone().into(),
        );
        let judged = judged.next_if(|((judged, _), _)| **judged == row);
        let spoken = Spoken::of(&said.filter, judged.map(|((_, verdict), _)| verdict));
        if let Value::Object(spoken) = json!(spoken) {
            line.extend(spoken);
        }
        line.insert(
            "fuel".to_owned(),
            judged.map_or(0, |(_, fuel)| *fuel).into(),
        );
        Value::Object(line)
    };
    (0_u32..).zip(&judgement.alerts).map(line).collect()
}

fn place(packet: &Packet, record: u32) -> Map<String, Value> {
    let position = &packet.position;
    Map::from_iter([
        (
            "file".to_owned(),
            position.partition.topic.to_string().into(),
        ),
        ("packet".to_owned(), position.offset.into()),
        ("record".to_owned(), record.into()),
    ])
}

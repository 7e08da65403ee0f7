//! The verdicts of a replay, one JSON line for each alert and filter.
//!
//! In: a judgement. Out: lines. Never: counting.

use serde_json::{Map, Value, json};

use crate::delivery::AnnotationValue;
use crate::evaluate::Verdict;
use crate::judge::{Judgement, Verdicts};
use crate::source::Packet;

/// The reason of an alert that lacks a field which the filter requires (code 200 of the contract).
const LACKING: &str = "lacks_a_required_field";

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
        let verdict = judged.next_if(|((judged, _), _)| **judged == row);
        add_verdict(
            &mut line,
            said,
            verdict.map(|((_, verdict), fuel)| (verdict, *fuel)),
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

fn add_verdict(line: &mut Map<String, Value>, said: &Verdicts, verdict: Option<(&Verdict, u64)>) {
    let filter = &said.filter;
    let named = |annotations: &[(u32, AnnotationValue)]| -> Value {
        let named = filter.name_annotations(annotations.to_vec());
        named
            .into_iter()
            .map(|(name, value)| (name.to_string(), json!(value)))
            .collect::<Map<_, _>>()
            .into()
    };
    let (word, reason, annotations) = match verdict {
        None => ("reject", LACKING.into(), json!({})),
        Some((Verdict::Pass(annotations), _)) => ("pass", Value::Null, named(annotations)),
        Some((Verdict::Reject { code, annotations }, _)) => (
            "reject",
            filter.destination.reason(*code).into(),
            named(annotations),
        ),
        Some((Verdict::Fail(fault), _)) => {
            line.insert("message".to_owned(), fault.message.clone().into());
            ("fail", fault.kind.as_str().into(), json!({}))
        }
    };
    line.insert("verdict".to_owned(), word.into());
    line.insert("reason".to_owned(), reason);
    line.insert("annotations".to_owned(), annotations);
    line.insert(
        "fuel".to_owned(),
        verdict.map_or(0, |(_, fuel)| fuel).into(),
    );
}

//! The JSON line beside each passing alert, dead letter and failure.
//!
//! In: what a delivery holds. Out: one line each, `\n` included. Never: IO.

use serde_json::{Map, Value, json};

use crate::delivery::{DeadLetter, Destination, Failure, Output};
use crate::source::Position;

/// The line of a passing alert.
pub(super) fn output(member: &str, output: &Output) -> String {
    let annotations: Map<String, Value> = output
        .annotations
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value)))
        .collect();
    let mut line = json!({
        "member": member,
        "alert_id": output.alert_id,
        "object_id": output.object_id,
        "night": &*output.night,
        "source": source(&output.position, output.record, output.timestamp_ms),
        "payload": output.holds,
    });
    add_destination(&mut line, &output.destination);
    if let Some(programme) = output.programme {
        line["programme"] = programme.into();
    }
    line["annotations"] = annotations.into();
    format!("{line}\n")
}

/// The line of a dead letter.
pub(super) fn dead_letter(member: &str, letter: &DeadLetter) -> String {
    let packet = &letter.packet;
    let line = json!({
        "member": member,
        "source": source(&packet.position, letter.record, packet.timestamp_ms),
        "reason": letter.reason,
    });
    format!("{line}\n")
}

/// The line of a failure.
pub(super) fn failure(failure: &Failure) -> String {
    let mut line = json!({
        "alert_id": failure.alert_id,
        "object_id": failure.object_id,
        "night": &*failure.night,
        "source": source(&failure.position, failure.record, None),
    });
    add_destination(&mut line, &failure.destination);
    if let Some(programme) = failure.programme {
        line["programme"] = programme.into();
    }
    line["kind"] = failure.kind.into();
    line["message"] = failure.message.as_str().into();
    format!("{line}\n")
}

fn source(position: &Position, record: u32, timestamp_ms: Option<i64>) -> Value {
    json!({
        "topic": &*position.partition.topic,
        "partition": position.partition.index,
        "offset": position.offset,
        "record": record,
        "timestamp_ms": timestamp_ms,
    })
}

fn add_destination(line: &mut Value, destination: &Destination) {
    line["owner"] = destination.owner.as_str().into();
    line["filter"] = destination.filter.as_str().into();
    line["setting"] = destination.setting.into();
    line["version"] = destination.version.into();
}

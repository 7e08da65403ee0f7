//! What a native run says of one alert.
//!
//! What comes in: a filter's outcome for one row. What goes out: the verdict by name, annotations
//! by name, log lines; as one JSON line where two runs are compared. Never: a judgement of its own.

use serde_json::{Map, Value, json};

use crate::annotation::AnnotationValue;
use crate::description::Description;
use crate::filter::Outcome;
use crate::log::Level;

/// What a filter said of one alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Index of the packet.
    pub packet: usize,
    /// Index of the record within its packet, from 0.
    pub record: usize,
    /// The verdict.
    pub verdict: Judgement,
    /// The annotations, by name.
    pub annotations: Vec<(&'static str, AnnotationValue)>,
    /// The lines that it wrote.
    pub log: Vec<(Level, String)>,
}

/// The verdict on one alert, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It passes.
    Pass,
    /// It is rejected for the reason of this name.
    Reject(&'static str),
    /// The filter could not judge it.
    Fail(String),
    /// The host withholds it: this field is required and null.
    Withheld(&'static str),
    /// The packet cannot be decoded.
    Damaged(String),
}

impl Judged {
    /// True where the alert passes.
    pub fn passes(&self) -> bool {
        self.verdict == Judgement::Pass
    }

    /// The annotation of this name.
    pub fn annotation(&self, name: &str) -> Option<&AnnotationValue> {
        self.annotations
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| value)
    }

    /// One JSON line with the keys of `skysieve replay --verdicts`: `record`, `verdict` (`pass`,
    /// `reject`, `fail`), `reason`, `annotations`, for a failure `message`; or `error` for a packet
    /// that cannot be decoded. Numbers have the digits that give back the same bits.
    pub fn to_json(&self) -> String {
        let mut line = Map::new();
        line.insert("record".to_owned(), self.record.into());
        let (verdict, reason) = match &self.verdict {
            Judgement::Pass => ("pass", Value::Null),
            Judgement::Reject(name) => ("reject", (*name).into()),
            Judgement::Withheld(_) => ("reject", "lacks_a_required_field".into()),
            Judgement::Fail(message) => {
                line.insert("message".to_owned(), message.as_str().into());
                ("fail", "not_judged".into())
            }
            Judgement::Damaged(error) => {
                line.insert("error".to_owned(), error.as_str().into());
                return Value::Object(line).to_string();
            }
        };
        line.insert("verdict".to_owned(), verdict.into());
        line.insert("reason".to_owned(), reason);
        let annotations = self
            .annotations
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json(value)));
        line.insert(
            "annotations".to_owned(),
            Value::Object(annotations.collect()),
        );
        Value::Object(line).to_string()
    }

    /// What an outcome of one row says.
    pub(super) fn of(outcome: Outcome, description: &Description) -> (Judgement, Named) {
        let verdict = match outcome.verdicts.first().copied() {
            Some(0) => Judgement::Pass,
            Some(255) | None => {
                let failure = outcome.failures.into_iter().next();
                Judgement::Fail(failure.map(|failure| failure.message).unwrap_or_default())
            }
            Some(code) => Judgement::Reject(description.reasons[usize::from(code) - 1].name),
        };
        let annotations = outcome.annotations.into_iter();
        let named = annotations
            .map(|each| (description.annotations[each.kind as usize].name, each.value))
            .collect();
        (verdict, named)
    }
}

type Named = Vec<(&'static str, AnnotationValue)>;

fn json(value: &AnnotationValue) -> Value {
    match value {
        AnnotationValue::Boolean(value) => json!(value),
        AnnotationValue::Int64(value) => json!(value),
        AnnotationValue::Float64(value) => json!(value),
        AnnotationValue::Utf8(value) => json!(value),
    }
}

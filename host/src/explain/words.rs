//! A verdict in words: what replays print, back-tests keep and explanations show.
//!
//! In: a filter, what it said of one alert. Out: [`Spoken`]. Never: a judgement of its own.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::delivery::AnnotationValue;
use crate::evaluate::Verdict;
use crate::evaluate::active::ActiveFilter;

/// The reason of an alert that lacks a field which the filter requires (code 200 of the contract).
pub const LACKING: &str = "lacks_a_required_field";

/// One verdict.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Spoken {
    /// `pass`, `reject` or `fail`.
    pub verdict: &'static str,
    /// Name of the reason, or the kind of the failure; null for an alert that passes.
    pub reason: Option<String>,
    /// What a filter that failed said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the filter attached, by name.
    pub annotations: Map<String, Value>,
}

impl Spoken {
    /// What `filter` said of an alert; `None`: it was not handed over, for a required field is missing.
    #[must_use]
    pub fn of(filter: &ActiveFilter, verdict: Option<&Verdict>) -> Self {
        let spoken = |verdict, reason: Option<&str>, annotations| Self {
            verdict,
            reason: reason.map(str::to_owned),
            message: None,
            annotations,
        };
        let none = Map::new();
        match verdict {
            None => spoken("reject", Some(LACKING), none),
            Some(Verdict::Pass(annotations)) => spoken("pass", None, named(filter, annotations)),
            Some(Verdict::Reject { code, annotations }) => {
                let reason = filter.destination.reason(*code);
                spoken("reject", Some(reason), named(filter, annotations))
            }
            Some(Verdict::Fail(fault)) => Self {
                message: Some(fault.message.clone()),
                ..spoken("fail", Some(fault.kind.as_str()), none)
            },
        }
    }
}

fn named(filter: &ActiveFilter, annotations: &[(u32, AnnotationValue)]) -> Map<String, Value> {
    let named = filter.name_annotations(annotations.to_vec());
    named
        .into_iter()
        .map(|(name, value)| (name.to_string(), json!(value)))
        .collect()
}

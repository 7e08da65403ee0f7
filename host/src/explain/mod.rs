//! "Why did my alert not pass?": one filter under one setting, one alert, everything that is known.
//!
//! In: a filter, a packet or the id of an alert of the recent past. Out: [`Explanation`]s, by the same
//! [`Judge`] as the live stream. Never: an alert beyond the rights of the filter's owner, which is
//! answered like one that does not exist.

mod fields;
mod find;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use skysieve_decode::{Decoder, Limits, Schema, SchemaSource, schema_text};

pub use fields::FieldValue;
pub use find::{Finder, Found};
pub use words::{LACKING, Spoken};

use crate::evaluate::LogLine;
use crate::evaluate::active::{ActiveSet, Candidate};
use crate::judge::{Alert, Judge, Verdicts};
use crate::logbook::Wanted;
use crate::source::{Packet, SourceError};
use crate::stream::StreamSettings;

/// Records of one packet that are explained; surveys send one.
const RECORDS: usize = 16;
/// Longest time for all records of a packet; further ones are left out.
const TIME: Duration = Duration::from_secs(5);

/// What a filter did with one alert.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    /// The alert's own id.
    pub alert_id: String,
    /// Object of the alert.
    pub object_id: String,
    /// Observing night.
    pub night: String,
    /// Index of the record within its packet.
    pub record: u32,
    /// The verdict.
    #[serde(flatten)]
    pub spoken: Spoken,
    /// The reason in the words of the filter, or ours.
    pub summary: Option<String>,
    /// Required fields that the alert lacks: then the filter was not asked.
    pub lacking: Vec<String>,
    /// Every declared field.
    pub fields: Vec<FieldValue>,
    /// Fuel spent on this alert alone.
    pub fuel: u64,
    /// Time spent in the sandbox [ns].
    pub elapsed_ns: u64,
    /// What the filter logged.
    pub logs: Vec<LogLine>,
    /// Lines beyond the bound.
    pub dropped_logs: u64,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no such alert, or not for whoever asks.
    #[error("there is no such alert")]
    NoAlert,
    /// The packet cannot be decoded.
    #[error("the packet cannot be decoded: {0}")]
    Damaged(String),
    /// The recent past cannot be read now.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// Explains one filter.
pub struct Explainer {
    settings: Arc<StreamSettings>,
    schemas: Arc<dyn SchemaSource>,
    judge: Judge,
}

impl Explainer {
    /// Explains what `candidate` makes of the alerts of a stream.
    #[must_use]
    pub fn new(
        settings: &Arc<StreamSettings>,
        schemas: &Arc<dyn SchemaSource>,
        candidate: Candidate,
    ) -> Self {
        let active = Arc::new(ActiveSet::new(1, vec![candidate]));
        let judge = Judge::new(settings.clone(), schemas.clone(), active).alone(true);
        Self {
            settings: settings.clone(),
            schemas: schemas.clone(),
            judge,
        }
    }

    /// What the filter makes of the alerts of a packet, or of those that are wanted.
    ///
    /// # Errors
    /// When the packet cannot be decoded, or holds no such alert.
    pub fn explain(
        &mut self,
        packet: &Packet,
        wanted: Option<&Wanted>,
    ) -> Result<Vec<Explanation>, ExplainError> {
        let begun = Instant::now();
        let records = self.records(packet)?;
        let mut explanations = Vec::new();
        for (number, one) in records {
            if explanations.len() >= RECORDS || begun.elapsed() > TIME {
                break;
            }
            let explanation = self.record(number, &one);
            let is_wanted = |one: &Explanation| wanted.is_none_or(|wanted| one.is(wanted));
            explanations.extend(explanation.filter(is_wanted));
        }
        if explanations.is_empty() {
            return Err(ExplainError::NoAlert);
        }
        Ok(explanations)
    }

    /// A packet of its own for every record: what a filter logs without naming an alert then belongs
    /// to this one.
    fn records(&self, packet: &Packet) -> Result<Vec<(u32, Packet)>, ExplainError> {
        let damaged = |error: String| ExplainError::Damaged(error);
        if let Some(damage) = &packet.damage {
            return Err(damaged(damage.to_string()));
        }
        let mut decoder = Decoder::new(Vec::new(), self.schemas.clone(), Limits::default())
            .map_err(|error| damaged(error.to_string()))?;
        let batch = decoder.decode(&[&packet.bytes]);
        match (batch.rows.len(), batch.damages.first()) {
            (0, Some(damage)) => Err(damaged(damage.error.to_string())),
            (0, None) => Err(damaged("it holds no record".to_owned())),
            (1, _) => Ok(vec![(0, packet.clone())]),
            (_, _) => {
                let numbers: Vec<u32> = batch.rows.iter().map(|row| row.record).collect();
                let alone = decoder
                    .isolate(&packet.bytes, &numbers)
                    .map_err(|error| damaged(error.to_string()))?;
                let one = |(number, bytes): (u32, Vec<u8>)| {
                    let bytes = bytes.into();
                    let packet = Packet {
                        bytes,
                        ..packet.clone()
                    };
                    (number, packet)
                };
                Ok(numbers.into_iter().zip(alone).map(one).collect())
            }
        }
    }

    /// None where the alert is not the filter's to see.
    fn record(&mut self, record: u32, packet: &Packet) -> Option<Explanation> {
        let judgement = self.judge.judge(std::slice::from_ref(packet));
        let (alert, said) = (judgement.alerts.first()?, judgement.verdicts.first()?);
        if !said.hidden.is_empty() {
            return None;
        }
        let schema = schema_text(&packet.bytes, &*self.schemas).ok();
        let schema = schema.and_then(|text| Schema::parse(&text).ok());
        Some(explanation(record, alert, said, schema.as_ref()))
    }
}

/// Of a judgement of one alert.
fn explanation(
    record: u32,
    alert: &Alert,
    said: &Verdicts,
    schema: Option<&Schema>,
) -> Explanation {
    let filter = &said.filter;
    let description = filter.program.description();
    let spoken = Spoken::of(filter, said.evaluation.verdicts.first());
    Explanation {
        alert_id: alert.identity.alert_id.clone(),
        object_id: alert.identity.object_id.clone(),
        night: alert.identity.night.to_string(),
        record,
        summary: summary(&spoken, said),
        spoken,
        lacking: fields::lacking(&description.fields, &said.columns, 0),
        fields: fields::values(&description.fields, &said.columns, 0, schema),
        fuel: said.evaluation.fuel,
        elapsed_ns: said.evaluation.elapsed_ns,
        logs: said.evaluation.logs.clone(),
        dropped_logs: said.evaluation.dropped_logs,
    }
}

fn summary(spoken: &Spoken, said: &Verdicts) -> Option<String> {
    let name = spoken.reason.as_deref()?;
    if name == LACKING {
        return Some("a field that the filter requires is missing".to_owned());
    }
    let reasons = &said.filter.program.description().reasons;
    let declared = reasons.iter().find(|reason| reason.name == name);
    declared
        .filter(|_| spoken.verdict == "reject")
        .map(|reason| reason.summary.clone())
}

impl Explanation {
    fn is(&self, wanted: &Wanted) -> bool {
        match wanted {
            Wanted::Alert(id) => *id == self.alert_id,
            Wanted::Object(id) => *id == self.object_id,
        }
    }
}

//! Found alerts as text and as Avro.
//!
//! In: [`Found`] alerts, a choice of what to show of each. Out: JSON lines with the very numbers of the
//! packet, or an Avro object container file. What was stored as less than the packet is shown as that:
//! nothing can be chosen that is not there. Never: IO, or a text beyond its bound.

use std::fmt::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use skysieve_decode::{
    FieldPath, Limits, Reduced, Reducer, Reference, SchemaSource, WholeDecoder, write_container,
    write_json,
};
use utoipa::ToSchema;

use super::{Found, Origin};
use crate::payload::Payload;

/// Longest text of one alert [bytes]; real ones take up to some megabytes.
const MOST_TEXT: usize = 64 << 20;

/// Renders alerts; keeps what was prepared for their schemas.
pub struct Renderer {
    choice: Payload,
    /// None for references, which are made from the alert's names.
    reducer: Option<Reducer>,
    whole: WholeDecoder,
}

/// A passing alert. Its own values stand in `alert`, behind everything else, unless the payload is a
/// `reference`; numbers have all their digits, NaN and infinities are texts, bytes are
/// `{"bytes": LENGTH, "sha256": HEX}`.
#[derive(Serialize, ToSchema)]
#[schema(as = Alert)]
pub struct Line<'a> {
    /// Behind this alert.
    cursor: &'a str,
    object_id: &'a str,
    alert_id: &'a str,
    /// The local date of its evening, or `unknown`.
    night: &'a str,
    version: i64,
    setting: i64,
    /// What is shown: `packet`, `without_cutouts`, `fields` or `reference`.
    payload: &'a str,
    /// Where the packet stood before it was judged.
    source: &'a Origin,
    /// The quota that held it back when it passed, or `gate`; missing where it was delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    withheld: Option<&'a str>,
    /// By name, as the filter declared them.
    annotations: &'a Map<String, Value>,
    /// Why the payload cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Written by itself: the values are text already.
    #[serde(skip)]
    #[schema(value_type = Option<Object>)]
    #[expect(dead_code, reason = "it stands here for the document's sake")]
    alert: (),
}

impl Renderer {
    /// Shows `choice` of each alert; `cutouts` are the stream's.
    #[must_use]
    pub fn new(choice: Payload, cutouts: &[FieldPath], schemas: Arc<dyn SchemaSource>) -> Self {
        let limits = Limits::default;
        let parts = choice.parts(cutouts);
        Self {
            reducer: parts.map(|parts| Reducer::new(parts, schemas.clone(), limits())),
            choice,
            whole: WholeDecoder::new(schemas, limits()),
        }
    }

    /// One line of JSON, without its end. A payload that cannot be read is told as `error`.
    pub fn json(&mut self, found: &Found, cursor: &str) -> String {
        let alert = if let Some(why) = &found.missing {
            Err(why.clone())
        } else if self.shown(found) == Payload::Reference.word() {
            Ok(None)
        } else {
            self.alert(found).map(Some)
        };
        match alert {
            Ok(None) => self.envelope(found, cursor, None),
            Err(error) => self.envelope(found, cursor, Some(error)),
            Ok(Some(alert)) => {
                let mut text = self.envelope(found, cursor, None);
                // The alert is text already: it goes in before the closing brace.
                text.pop();
                text.push_str(",\"alert\":");
                text.push_str(&alert);
                text.push('}');
                text
            }
        }
    }

    /// All but the alert's own values.
    fn envelope(&self, found: &Found, cursor: &str, error: Option<String>) -> String {
        let line = Line {
            cursor,
            object_id: &found.object_id,
            alert_id: &found.alert_id,
            night: &found.night,
            version: found.version,
            setting: found.setting,
            payload: self.shown(found),
            source: &found.source,
            withheld: found.withheld.as_deref(),
            annotations: &found.annotations,
            error,
            alert: (),
        };
        serde_json::to_string(&line).expect("a line has text keys and finite numbers only")
    }

    /// What is shown of it: the choice, or the less that is stored.
    fn shown<'a>(&'a self, found: &'a Found) -> &'a str {
        match self.choice {
            Payload::Packet => &found.holds,
            _ if found.holds == Payload::Reference.word() => &found.holds,
            _ => self.choice.word(),
        }
    }

    fn alert(&mut self, found: &Found) -> Result<String, String> {
        let reduced;
        let packet = match (&self.choice, &mut self.reducer) {
            (Payload::Packet, _) | (_, None) => &found.payload,
            (_, Some(reducer)) => {
                let less = reducer.reduce(&found.payload);
                reduced = less.map_err(|error| error.to_string())?.container();
                &reduced
            }
        };
        let whole = self
            .whole
            .decode(packet)
            .map_err(|error| error.to_string())?;
        let rows = whole.records.len();
        let Some(row) = rows
            .checked_sub(1)
            .map(|last| last.min(found.source.record as usize))
        else {
            let error = whole.error.map(|error| error.to_string());
            return Err(error.unwrap_or_else(|| "the packet holds no record".to_owned()));
        };
        let mut text = Bounded(String::new());
        write_json(&mut text, &whole.records, row)
            .map_err(|fmt::Error| format!("the alert takes more than {MOST_TEXT} bytes as JSON"))?;
        Ok(text.0)
    }

    /// The schema and the bytes of its record.
    fn record(&mut self, found: &Found) -> Result<(Arc<str>, Vec<u8>), String> {
        if let Some(why) = &found.missing {
            return Err(why.clone());
        }
        let Some(reducer) = &mut self.reducer else {
            let source = &found.source;
            let reference = Reference {
                object_id: &found.object_id,
                alert_id: &found.alert_id,
                topic: &source.topic,
                partition: source.partition,
                offset: source.offset,
                record: source.record,
            };
            return Ok((Reference::SCHEMA.into(), reference.record_bytes()));
        };
        let Reduced {
            schema,
            mut records,
            ..
        } = reducer
            .reduce(&found.payload)
            .map_err(|error| error.to_string())?;
        let last = records
            .len()
            .checked_sub(1)
            .ok_or("the packet holds no record")?;
        Ok((
            schema,
            records.swap_remove(last.min(found.source.record as usize)),
        ))
    }
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > MOST_TEXT - self.0.len() {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// Alerts of one schema, gathered for an Avro object container file.
#[derive(Default)]
pub struct AvroPage {
    schema: Option<Arc<str>>,
    records: Vec<Vec<u8>>,
    /// A JSON line for each record, without its values.
    lines: Vec<String>,
    /// Lines of those that cannot be read.
    damaged: Vec<String>,
    bytes: usize,
}

impl AvroPage {
    /// Takes the alert; false where its schema is another than that of the others, and it is not
    /// taken.
    pub fn push(&mut self, renderer: &mut Renderer, found: &Found, cursor: &str) -> bool {
        match renderer.record(found) {
            Err(error) => {
                let line = renderer.envelope(found, cursor, Some(error));
                self.bytes += line.len();
                self.damaged.push(line);
                true
            }
            Ok((schema, _)) if self.schema.as_ref().is_some_and(|known| *known != schema) => false,
            Ok((schema, record)) => {
                let line = renderer.envelope(found, cursor, None);
                self.bytes += record.len() + line.len();
                self.schema = Some(schema);
                self.records.push(record);
                self.lines.push(line);
                true
            }
        }
    }

    /// About how many bytes the file has so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The file. Its metadata hold what the records themselves do not: `skysieve.alerts`, a JSON array
    /// with an object for each record, and `skysieve.damaged`, one of alerts that cannot be read.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let array = |lines: &[String]| format!("[{}]", lines.join(","));
        let (alerts, damaged) = (array(&self.lines), array(&self.damaged));
        let metadata = [
            ("skysieve.alerts", alerts.as_bytes()),
            ("skysieve.damaged", damaged.as_bytes()),
        ];
        let schema = self.schema.as_deref().unwrap_or(Reference::SCHEMA);
        write_container(schema, &metadata, self.records.iter().map(Vec::as_slice))
    }
}

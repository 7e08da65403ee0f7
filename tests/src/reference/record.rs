//! One alert as apache-avro reads it.
//!
//! In: a packet, a whole object container file. Out: values by dotted path. Never: a default; what
//! is null or not there is none.

use anyhow::{Context, Result};
use apache_avro::Reader;
use apache_avro::types::Value;

/// A whole record.
pub struct Record(Value);

impl Record {
    /// The only record of a packet.
    pub fn open(packet: &[u8]) -> Result<Self> {
        let record = Reader::new(packet)?
            .next()
            .context("a packet without a record")?;
        Ok(Self(record?))
    }

    /// A number, in full.
    pub fn number(&self, path: &str) -> Option<f64> {
        number(find(&self.0, path)?)
    }

    /// A text.
    pub fn text(&self, path: &str) -> Option<String> {
        match find(&self.0, path)? {
            Value::String(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// Earlier detections in `band`: (JD, mag, error); upper limits have no magnitude.
    pub fn history(&self, band: f64) -> Vec<(f64, f64, f64)> {
        let Some(Value::Array(entries)) = find(&self.0, "prv_candidates") else {
            return Vec::new();
        };
        let detection = |entry: &Value| {
            let of = |name: &str| number(find(entry, name)?);
            let same = of("fid")? == band;
            same.then_some((of("jd")?, of("magpsf")?, of("sigmapsf")?))
        };
        entries.iter().filter_map(detection).collect()
    }
}

/// What lies at `path`, without its union; none where it is null.
fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = inside(value)?;
    for name in path.split('.') {
        let Value::Record(fields) = value else {
            return None;
        };
        value = inside(&fields.iter().find(|(field, _)| field == name)?.1)?;
    }
    Some(value)
}

fn inside(value: &Value) -> Option<&Value> {
    match value {
        Value::Union(_, inner) => inside(inner),
        Value::Null => None,
        other => Some(other),
    }
}

#[allow(clippy::cast_precision_loss)] // ids are not asked for as numbers
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(f64::from(*value)),
        Value::Long(value) => Some(*value as f64),
        Value::Float(value) => Some(f64::from(*value)),
        Value::Double(value) => Some(*value),
        _ => None,
    }
}

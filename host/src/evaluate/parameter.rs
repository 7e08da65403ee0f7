//! Numbers and words that a filter's owner may change without a new upload.
//!
//! In: what the filter declares, what the owner sets (JSON or text). Out: one value for each
//! declared parameter, in order, within its range. Never: a value of another type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::description::{Description, ValueType};
use super::parameter_value::{PARAMETER_TEXT_BYTES, ParameterValue};
use super::text::for_people;

/// A number or word that the owner may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Parameter {
    /// Unique within the filter.
    pub name: String,
    /// As LSST writes units.
    pub unit: String,
    /// One sentence for people.
    pub summary: String,
    /// Used until another is set; fixes the type.
    pub default: ParameterValue,
    /// Least allowed.
    pub minimum: Option<ParameterValue>,
    /// Greatest allowed.
    pub maximum: Option<ParameterValue>,
    /// The allowed values, where not every one is.
    pub choices: Vec<ParameterValue>,
}

impl Parameter {
    /// Whether `value` may be set.
    ///
    /// # Errors
    /// What may be set instead.
    pub fn check(&self, value: &ParameterValue) -> Result<(), ParameterError> {
        let of_type = value.value_type() == self.default.value_type() && value.is_sound();
        let below = self
            .minimum
            .as_ref()
            .is_some_and(|minimum| value.is_below(minimum));
        let above = self
            .maximum
            .as_ref()
            .is_some_and(|maximum| maximum.is_below(value));
        let chosen = self.choices.is_empty() || self.choices.contains(value);
        if of_type && !below && !above && chosen {
            return Ok(());
        }
        Err(self.refuse(&value.to_string()))
    }

    /// The value of a JSON `value`.
    ///
    /// # Errors
    /// What may be set instead.
    pub fn from_json(&self, value: &Value) -> Result<ParameterValue, ParameterError> {
        let read = ParameterValue::from_json(value, self.default.value_type());
        let read = read.ok_or_else(|| self.refuse(&value.to_string()))?;
        self.check(&read).map(|()| read)
    }

    /// The value of what stands behind `=` on a command line.
    ///
    /// # Errors
    /// What may be set instead.
    pub fn from_text(&self, text: &str) -> Result<ParameterValue, ParameterError> {
        let read = ParameterValue::from_text(text, self.default.value_type());
        let read = read.ok_or_else(|| self.refuse(text))?;
        self.check(&read).map(|()| read)
    }

    fn refuse(&self, found: &str) -> ParameterError {
        ParameterError::Value {
            name: self.name.clone(),
            found: for_people(found, 100),
            allowed: self.allowed(),
        }
    }

    /// What may be set, in words: `a number (float64) from 10.0 to 22.0 mag`.
    #[must_use]
    pub fn allowed(&self) -> String {
        let mut words = match self.default.value_type() {
            ValueType::Boolean => "true or false".to_owned(),
            ValueType::Int64 => "a whole number".to_owned(),
            ValueType::Float64 => "a finite number".to_owned(),
            ValueType::Utf8 => format!("a text of at most {PARAMETER_TEXT_BYTES} bytes"),
        };
        if !self.choices.is_empty() {
            let choices: Vec<_> = self.choices.iter().map(ToString::to_string).collect();
            words = format!("one of {}", choices.join(", "));
        }
        for (word, bound) in [("from", &self.minimum), ("to", &self.maximum)] {
            if let Some(bound) = bound {
                words = format!("{words} {word} {bound}");
            }
        }
        if self.unit.is_empty() {
            words
        } else {
            format!("{words} [{}]", self.unit)
        }
    }
}

/// Why parameters cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The filter has no such parameter.
    #[error("the filter has no parameter `{name}`; it has {has}")]
    Unknown {
        /// As given.
        name: String,
        /// What it has, in words.
        has: String,
    },
    /// Not a value that may be set.
    #[error("parameter `{name}` cannot be {found}; it takes {allowed}")]
    Value {
        /// The parameter.
        name: String,
        /// As given.
        found: String,
        /// What may be set, in words.
        allowed: String,
    },
}

impl Description {
    /// One value for each declared parameter, in order: what is given, else the default.
    ///
    /// # Errors
    /// The first given one that the filter does not have or does not take.
    pub fn parameters_from(
        &self,
        given: &BTreeMap<String, Value>,
    ) -> Result<Vec<ParameterValue>, ParameterError> {
        given
            .keys()
            .try_for_each(|name| self.parameter(name).map(drop))?;
        let value = |parameter: &Parameter| {
            given.get(&parameter.name).map_or_else(
                || Ok(parameter.default.clone()),
                |value| parameter.from_json(value),
            )
        };
        self.parameters.iter().map(value).collect()
    }

    /// The same from `NAME=VALUE` on a command line, already split.
    ///
    /// # Errors
    /// As above.
    pub fn parameters_from_text(
        &self,
        given: &[(String, String)],
    ) -> Result<Vec<ParameterValue>, ParameterError> {
        let mut values: Vec<_> = self
            .parameters
            .iter()
            .map(|parameter| parameter.default.clone())
            .collect();
        for (name, text) in given {
            let (index, parameter) = self.parameter(name)?;
            values[index] = parameter.from_text(text)?;
        }
        Ok(values)
    }

    fn parameter(&self, name: &str) -> Result<(usize, &Parameter), ParameterError> {
        let found = self
            .parameters
            .iter()
            .enumerate()
            .find(|(_, parameter)| parameter.name == name);
        found.ok_or_else(|| {
            let names: Vec<_> = self
                .parameters
                .iter()
                .map(|parameter| parameter.name.as_str())
                .collect();
            let has = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            };
            ParameterError::Unknown {
                name: for_people(name, 100),
                has,
            }
        })
    }
}

/// A parameter in JSON: the type once, the values plain.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = Parameter)]
pub(super) struct Written {
    name: String,
    #[serde(rename = "type")]
    value_type: ValueType,
    unit: String,
    summary: String,
    #[schema(value_type = ParameterValue)]
    default: Value,
    #[schema(value_type = Option<ParameterValue>)]
    minimum: Option<Value>,
    #[schema(value_type = Option<ParameterValue>)]
    maximum: Option<Value>,
    #[schema(value_type = Vec<ParameterValue>)]
    choices: Vec<Value>,
}

impl From<Parameter> for Written {
    fn from(parameter: Parameter) -> Written {
        let written = |value: &ParameterValue| match value {
            ParameterValue::Boolean(value) => Value::from(*value),
            ParameterValue::Int64(value) => Value::from(*value),
            ParameterValue::Float64(value) => Value::from(*value),
            ParameterValue::Utf8(value) => Value::from(value.as_str()),
        };
        Written {
            value_type: parameter.default.value_type(),
            default: written(&parameter.default),
            minimum: parameter.minimum.as_ref().map(written),
            maximum: parameter.maximum.as_ref().map(written),
            choices: parameter.choices.iter().map(written).collect(),
            name: parameter.name,
            unit: parameter.unit,
            summary: parameter.summary,
        }
    }
}

impl TryFrom<Written> for Parameter {
    type Error = String;

    fn try_from(written: Written) -> Result<Parameter, String> {
        let read = |value: &Value| {
            ParameterValue::from_json(value, written.value_type)
                .ok_or_else(|| format!("{value} is not of type {}", written.value_type.as_str()))
        };
        Ok(Parameter {
            default: read(&written.default)?,
            minimum: written.minimum.as_ref().map(read).transpose()?,
            maximum: written.maximum.as_ref().map(read).transpose()?,
            choices: written.choices.iter().map(read).collect::<Result<_, _>>()?,
            name: written.name,
            unit: written.unit,
            summary: written.summary,
        })
    }
}

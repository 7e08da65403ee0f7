//! The rules of the world for what a filter says of itself.
//!
//! In: a guest's own description. Out: a [`Description`], or the first rule that it breaks. Never:
//! a look at any stream; whether the fields exist is the upload's question.

use std::collections::HashSet;

use skysieve_decode::{Field, FieldPath};

use super::bindings::types;
use super::description::{
    AnnotationKind, DeclaredField, Description, ElementType, Reason, ValueType,
};
use super::invalid::{
    ANNOTATIONS, CHOICES, FIELDS, InvalidDescription, LINE_BYTES, NAME_BYTES, PARAMETERS, REASONS,
    SUMMARY_BYTES, UNIT_BYTES,
};
use super::parameter::Parameter;
use super::parameter_value::{PARAMETER_TEXT_BYTES, ParameterValue};
use super::text::for_people;

type Checked<T> = Result<T, InvalidDescription>;

/// Checks a guest's answer and puts it into the host's words.
///
/// # Errors
/// The first rule that it breaks.
pub(super) fn description(said: types::Description) -> Checked<Description> {
    at_most("fields", said.fields.len(), FIELDS)?;
    at_most("parameters", said.parameters.len(), PARAMETERS)?;
    at_most("reasons", said.reasons.len(), REASONS)?;
    at_most("annotations", said.annotations.len(), ANNOTATIONS)?;
    if said.title.trim().is_empty() {
        return Err(InvalidDescription::NoTitle);
    }
    unique(
        "parameter",
        said.parameters.iter().map(|parameter| &parameter.name),
    )?;
    unique("reason", said.reasons.iter().map(|reason| &reason.name))?;
    unique("annotation", said.annotations.iter().map(|kind| &kind.name))?;
    Ok(Description {
        title: line("the title", said.title, LINE_BYTES)?,
        built_with: line("built-with", said.built_with, LINE_BYTES)?,
        fields: said
            .fields
            .into_iter()
            .enumerate()
            .map(field)
            .collect::<Checked<_>>()?,
        parameters: said
            .parameters
            .into_iter()
            .map(parameter)
            .collect::<Checked<_>>()?,
        reasons: said
            .reasons
            .into_iter()
            .map(reason)
            .collect::<Checked<_>>()?,
        annotations: said
            .annotations
            .into_iter()
            .map(annotation)
            .collect::<Checked<_>>()?,
    })
}

fn at_most(what: &'static str, count: usize, most: usize) -> Checked<()> {
    if count > most {
        Err(InvalidDescription::TooMany { what, count, most })
    } else {
        Ok(())
    }
}

fn unique<'a>(what: &'static str, names: impl Iterator<Item = &'a String>) -> Checked<()> {
    let mut seen = HashSet::new();
    for name in names {
        let shown = || for_people(name, NAME_BYTES);
        if !is_name(name) {
            return Err(InvalidDescription::Name {
                what,
                name: shown(),
            });
        }
        if !seen.insert(name) {
            return Err(InvalidDescription::Twice {
                what,
                name: shown(),
            });
        }
    }
    Ok(())
}

/// `[a-z][a-z0-9_]*`, of bearable length.
fn is_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(rest)
}

fn line(what: &str, text: String, most: usize) -> Checked<String> {
    if text.len() <= most && for_people(&text, usize::MAX) == text {
        return Ok(text);
    }
    Err(InvalidDescription::Text {
        what: what.to_owned(),
        text: for_people(&text, 40),
        most,
    })
}

fn field((index, said): (usize, types::Field)) -> Checked<DeclaredField> {
    let refuse = |reason: String| InvalidDescription::Field {
        number: index + 1,
        reason: for_people(&reason, 500),
    };
    let parse = |path: &String| {
        path.parse::<FieldPath>()
            .map_err(|error| refuse(error.to_string()))
    };
    let paths = said.paths.iter().map(parse).collect::<Checked<Vec<_>>>()?;
    let element = element(said.element);
    Field {
        paths,
        element: element.into(),
    }
    .validate()
    .map_err(|error| refuse(error.to_string()))?;
    Ok(DeclaredField {
        paths: said.paths,
        element,
        required: said.required,
    })
}

fn element(said: types::ElementType) -> ElementType {
    match said {
        types::ElementType::Boolean => ElementType::Boolean,
        types::ElementType::Int32 => ElementType::Int32,
        types::ElementType::Int64 => ElementType::Int64,
        types::ElementType::Float32 => ElementType::Float32,
        types::ElementType::Float64 => ElementType::Float64,
        types::ElementType::Utf8 => ElementType::Utf8,
        types::ElementType::Binary => ElementType::Binary,
    }
}

fn reason(said: types::Reason) -> Checked<Reason> {
    let summary = line(
        &format!("the summary of reason `{}`", said.name),
        said.summary,
        SUMMARY_BYTES,
    )?;
    Ok(Reason {
        name: said.name,
        summary,
    })
}

fn annotation(said: types::AnnotationKind) -> Checked<AnnotationKind> {
    let of = format!("annotation `{}`", said.name);
    Ok(AnnotationKind {
        unit: line(&format!("the unit of {of}"), said.unit, UNIT_BYTES)?,
        summary: line(&format!("the summary of {of}"), said.summary, SUMMARY_BYTES)?,
        name: said.name,
        element: match said.element {
            types::AnnotationType::Boolean => ValueType::Boolean,
            types::AnnotationType::Int64 => ValueType::Int64,
            types::AnnotationType::Float64 => ValueType::Float64,
            types::AnnotationType::Utf8 => ValueType::Utf8,
        },
    })
}

fn parameter(said: types::Parameter) -> Checked<Parameter> {
    let of = format!("parameter `{}`", said.name);
    let parameter = Parameter {
        unit: line(&format!("the unit of {of}"), said.unit, UNIT_BYTES)?,
        summary: line(&format!("the summary of {of}"), said.summary, SUMMARY_BYTES)?,
        default: value(said.default),
        minimum: said.minimum.map(value),
        maximum: said.maximum.map(value),
        choices: said.choices.into_iter().map(value).collect(),
        name: said.name,
    };
    let misfit = misfit(&parameter);
    misfit.map_or(Ok(()), |reason| {
        Err(InvalidDescription::Parameter {
            name: parameter.name.clone(),
            reason,
        })
    })?;
    Ok(parameter)
}

fn value(said: types::ParameterValue) -> ParameterValue {
    match said {
        types::ParameterValue::Boolean(value) => ParameterValue::Boolean(value),
        types::ParameterValue::Int64(value) => ParameterValue::Int64(value),
        types::ParameterValue::Float64(value) => ParameterValue::Float64(value),
        types::ParameterValue::Utf8(value) => ParameterValue::Utf8(value),
    }
}

/// The first thing about a parameter's values that does not fit.
fn misfit(parameter: &Parameter) -> Option<&'static str> {
    let Parameter {
        default,
        minimum,
        maximum,
        choices,
        ..
    } = parameter;
    let values = || {
        std::iter::once(default)
            .chain(minimum)
            .chain(maximum)
            .chain(choices)
    };
    let numeric = matches!(default.value_type(), ValueType::Int64 | ValueType::Float64);
    let line = |value: &ParameterValue| !matches!(value, ParameterValue::Utf8(text) if for_people(text, PARAMETER_TEXT_BYTES) != *text);
    let rules = [
        (choices.len() <= CHOICES, "more than 64 choices"),
        (
            values().all(ParameterValue::is_sound),
            "numbers have to be finite, texts of at most 1024 bytes",
        ),
        (
            values().all(line),
            "texts have to be without control characters",
        ),
        (
            values().all(|value| value.value_type() == default.value_type()),
            "minimum, maximum and choices have to be of the default's type",
        ),
        (
            numeric || (minimum.is_none() && maximum.is_none()),
            "minimum and maximum are for numbers alone",
        ),
        (
            !matches!((minimum, maximum), (Some(minimum), Some(maximum)) if maximum.is_below(minimum)),
            "the minimum is above the maximum",
        ),
        (
            choices.iter().all(|choice| parameter.check(choice).is_ok()),
            "a choice lies outside minimum and maximum",
        ),
        (
            parameter.check(default).is_ok(),
            "the default is not among the allowed values",
        ),
    ];
    rules
        .into_iter()
        .find(|(holds, _)| !holds)
        .map(|(_, reason)| reason)
}

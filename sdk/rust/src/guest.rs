//! The sandbox's side of the contract `wit/world.wit`, compiled for wasm alone.
//!
//! What comes in: the host's batch. What goes out: the filter's description and outcome. Never:
//! another import than the log.

use std::marker::PhantomData;

use crate::annotation::AnnotationValue;
use crate::column::{Column, Level, Values, Varying};
use crate::description::{self, BUILT_WITH, ParameterValue};
use crate::filter::{Filter, Outcome};

use bindings::exports::skysieve::filter::program as wit;
use bindings::skysieve::filter::types;

/// What wit-bindgen writes from the contract.
#[allow(unsafe_code, missing_docs, unused_qualifications, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/world.wit",
        world: "filter",
        pub_export_macro: true,
        default_bindings_module: "::skysieve_sdk::__private::bindings",
        generate_all,
    });
}

/// Offers the filter `F` to the host.
pub struct Program<F>(PhantomData<F>);

impl<F: Filter> wit::Guest for Program<F> {
    fn describe() -> types::Description {
        description(F::describe())
    }

    fn evaluate(batch: types::Batch, parameters: Vec<types::ParameterValue>) -> types::Outcome {
        std::panic::set_hook(Box::new(|panic| crate::log::error(panic)));
        let columns: Vec<Column<'_>> = batch.columns.iter().map(column).collect();
        let parameters: Vec<ParameterValue<'_>> = parameters.iter().map(parameter_value).collect();
        outcome(F::judge(&columns, 0..batch.rows, &parameters))
    }
}

fn column(column: &types::Column) -> Column<'_> {
    Column {
        levels: column.levels.iter().map(level).collect(),
        values: values(&column.values),
        validity: column.validity.as_deref(),
    }
}

fn level(level: &types::Level) -> Level<'_> {
    Level {
        offsets: &level.offsets,
        validity: level.validity.as_deref(),
    }
}

fn values(values: &types::Values) -> Values<'_> {
    match values {
        types::Values::Boolean(bits) => Values::Boolean(bits),
        types::Values::Int32(numbers) => Values::Int32(numbers),
        types::Values::Int64(numbers) => Values::Int64(numbers),
        types::Values::Float32(numbers) => Values::Float32(numbers),
        types::Values::Float64(numbers) => Values::Float64(numbers),
        types::Values::Utf8(texts) => Values::Utf8(varying(texts)),
        types::Values::Binary(texts) => Values::Binary(varying(texts)),
    }
}

fn varying(varying: &types::Varying) -> Varying<'_> {
    Varying {
        offsets: &varying.offsets,
        bytes: &varying.bytes,
    }
}

fn parameter_value(value: &types::ParameterValue) -> ParameterValue<'_> {
    match value {
        types::ParameterValue::Boolean(value) => ParameterValue::Boolean(*value),
        types::ParameterValue::Int64(value) => ParameterValue::Int64(*value),
        types::ParameterValue::Float64(value) => ParameterValue::Float64(*value),
        types::ParameterValue::Utf8(value) => ParameterValue::Utf8(value),
    }
}

fn outcome(outcome: Outcome) -> types::Outcome {
    types::Outcome {
        verdicts: outcome.verdicts,
        annotations: outcome
            .annotations
            .into_iter()
            .map(|annotation| types::Annotation {
                row: annotation.row,
                kind: annotation.kind,
                value: annotation_value(annotation.value),
            })
            .collect(),
        failures: outcome
            .failures
            .into_iter()
            .map(|failure| types::Failure {
                row: failure.row,
                message: failure.message,
            })
            .collect(),
    }
}

fn annotation_value(value: AnnotationValue) -> types::AnnotationValue {
    match value {
        AnnotationValue::Boolean(value) => types::AnnotationValue::Boolean(value),
        AnnotationValue::Int64(value) => types::AnnotationValue::Int64(value),
        AnnotationValue::Float64(value) => types::AnnotationValue::Float64(value),
        AnnotationValue::Utf8(value) => types::AnnotationValue::Utf8(value),
    }
}

fn description(of: description::Description) -> types::Description {
    types::Description {
        title: of.title.to_owned(),
        built_with: BUILT_WITH.to_owned(),
        fields: of.fields.iter().map(field).collect(),
        parameters: of.parameters.iter().map(parameter).collect(),
        reasons: of.reasons.iter().map(reason).collect(),
        annotations: of.annotations.iter().map(annotation_kind).collect(),
    }
}

fn field(field: &description::Field) -> types::Field {
    use description::ElementType;
    types::Field {
        paths: field.paths.iter().map(|&path| path.to_owned()).collect(),
        element: match field.element {
            ElementType::Boolean => types::ElementType::Boolean,
            ElementType::Int32 => types::ElementType::Int32,
            ElementType::Int64 => types::ElementType::Int64,
            ElementType::Float32 => types::ElementType::Float32,
            ElementType::Float64 => types::ElementType::Float64,
            ElementType::Utf8 => types::ElementType::Utf8,
            ElementType::Binary => types::ElementType::Binary,
        },
        required: field.required,
    }
}

fn parameter(parameter: &description::Parameter) -> types::Parameter {
    types::Parameter {
        name: parameter.name.to_owned(),
        unit: parameter.unit.to_owned(),
        summary: parameter.summary.to_owned(),
        default: declared(&parameter.default),
        minimum: parameter.minimum.as_ref().map(declared),
        maximum: parameter.maximum.as_ref().map(declared),
        choices: parameter.choices.iter().map(declared).collect(),
    }
}

fn declared(value: &ParameterValue<'static>) -> types::ParameterValue {
    match *value {
        ParameterValue::Boolean(value) => types::ParameterValue::Boolean(value),
        ParameterValue::Int64(value) => types::ParameterValue::Int64(value),
        ParameterValue::Float64(value) => types::ParameterValue::Float64(value),
        ParameterValue::Utf8(value) => types::ParameterValue::Utf8(value.to_owned()),
    }
}

fn reason(reason: &description::Reason) -> types::Reason {
    types::Reason {
        name: reason.name.to_owned(),
        summary: reason.summary.to_owned(),
    }
}

fn annotation_kind(kind: &description::AnnotationKind) -> types::AnnotationKind {
    use description::AnnotationType;
    types::AnnotationKind {
        name: kind.name.to_owned(),
        unit: kind.unit.to_owned(),
        summary: kind.summary.to_owned(),
        element: match kind.element {
            AnnotationType::Boolean => types::AnnotationType::Boolean,
            AnnotationType::Int64 => types::AnnotationType::Int64,
            AnnotationType::Float64 => types::AnnotationType::Float64,
            AnnotationType::Utf8 => types::AnnotationType::Utf8,
        },
    }
}

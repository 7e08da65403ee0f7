//! What a filter answers: codes, annotations, failures, parameters.
//!
//! What comes in: filters that show one thing each. What goes out: that their outcome and
//! description follow the contract. Never: a packet.
#![allow(clippy::unwrap_used)]

use skysieve_sdk::prelude::*;
use skysieve_sdk::{AnnotationType, AnnotationValue, Column, ParameterValue, Reason, Values};

#[derive(Alert)]
struct Source {
    #[alert(path = "diaSource.psfFlux")]
    flux: f64,
}

/// What the owner may change.
#[derive(Parameters, Debug, PartialEq)]
struct Limits {
    /// Least flux
    /// that passes.
    #[parameter(unit = "nJy", default = 10, minimum = -5.5, maximum = 1e3)]
    least: f64,
    #[parameter(summary = "How often.", default = 3, minimum = 1)]
    times: i64,
    #[parameter(default = true)]
    careful: bool,
    #[parameter(default = "r", choices = ["g", "r"])]
    band: String,
}

#[derive(Annotations)]
struct Found<'a> {
    /// The flux again.
    #[annotation(unit = "nJy")]
    flux: f64,
    ratio: Option<f32>,
    band: &'a str,
}

/// Lifetimes in a signature are the author's own business.
#[filter(title = "Shows all there is")]
fn keep<'limits>(alert: &Source, limits: &'limits Limits) -> Verdict<Found<'limits>> {
    if alert.flux == 0.0 {
        could_not_judge!("no flux");
    }
    reject_unless!(
        alert.flux > limits.least,
        name = "faint",
        "flux not above its limit"
    );
    for time in 0..limits.times {
        reject_if!(
            limits.careful && alert.flux == 1e6 + time as f64,
            "suspicious flux"
        );
    }
    match limits.band.as_str() {
        "g" => reject!("wrong band"),
        band => pass!(Found {
            flux: alert.flux,
            ratio: Some(f32::NAN),
            band
        }),
    }
}

fn column(fluxes: &[f64]) -> [Column<'_>; 1] {
    [Column {
        levels: Vec::new(),
        values: Values::Float64(fluxes),
        validity: None,
    }]
}

fn defaults() -> Vec<ParameterValue<'static>> {
    keep::describe()
        .parameters
        .iter()
        .map(|parameter| parameter.default)
        .collect()
}

#[test]
fn codes_follow_the_order_of_the_cuts() {
    let outcome = keep::judge(
        &column(&[20.0, 5.0, 0.0, 1e6 + 2.0, f64::NAN]),
        0..5,
        &defaults(),
    );
    assert_eq!(outcome.verdicts, [0, 1, 255, 2, 1]);
    assert_eq!(
        (
            outcome.failures[0].row,
            outcome.failures[0].message.as_str()
        ),
        (2, "no flux")
    );
}

#[test]
fn annotations_of_passing_alerts_come_without_nan() {
    let outcome = keep::judge(&column(&[5.0, 20.0]), 0..2, &defaults());
    let values: Vec<_> = outcome
        .annotations
        .iter()
        .map(|each| (each.row, each.kind, &each.value))
        .collect();
    let text = AnnotationValue::Utf8("r".to_owned());
    assert_eq!(
        values,
        [(1, 0, &AnnotationValue::Float64(20.0)), (1, 2, &text)]
    );
}

#[test]
fn parameters_arrive() {
    let mut parameters = defaults();
    parameters[0] = ParameterValue::Float64(30.0);
    assert_eq!(
        keep::judge(&column(&[20.0]), 0..1, &parameters).verdicts,
        [1]
    );
    parameters[0] = ParameterValue::Float64(10.0);
    parameters[3] = ParameterValue::Utf8("g");
    assert_eq!(
        keep::judge(&column(&[20.0]), 0..1, &parameters).verdicts,
        [3]
    );
}

#[test]
#[should_panic(expected = "parameters that describe() declared")]
fn other_parameters_than_declared_are_refused() {
    keep::judge(&column(&[20.0]), 0..1, &[ParameterValue::Int64(10)]);
}

#[test]
fn the_function_can_be_called_as_it_is() {
    let limits = Limits::default();
    let expected = Limits {
        least: 10.0,
        times: 3,
        careful: true,
        band: "r".to_owned(),
    };
    assert_eq!(limits, expected);
    assert_eq!(keep(&Source { flux: 3.0 }, &limits).reason(), Some("faint"));
    assert!(keep(&Source { flux: 30.0 }, &limits).passes());
}

#[test]
fn the_description_is_complete() {
    let description = keep::describe();
    assert_eq!(description.title, "Shows all there is");
    let reason = |name, summary| Reason { name, summary };
    let expected = [
        reason("faint", "flux not above its limit"),
        reason("suspicious_flux", "suspicious flux"),
        reason("wrong_band", "wrong band"),
    ];
    assert_eq!(description.reasons, expected);

    let [least, times, ..] = description.parameters else {
        panic!("four parameters")
    };
    assert_eq!(
        (least.name, least.unit, least.summary),
        ("least", "nJy", "Least flux that passes.")
    );
    assert_eq!(least.minimum, Some(ParameterValue::Float64(-5.5)));
    assert_eq!(
        (times.default, times.maximum),
        (ParameterValue::Int64(3), None)
    );

    let [flux, ratio, band] = description.annotations else {
        panic!("three annotations")
    };
    assert_eq!((flux.unit, flux.summary), ("nJy", "The flux again."));
    assert_eq!(
        (ratio.element, band.element),
        (AnnotationType::Float64, AnnotationType::Utf8)
    );
}

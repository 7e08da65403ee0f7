//! Each cut obeyed and violated, NaN for missing, and the verdicts on real packets.
#![allow(clippy::unwrap_used)]

use super::*;
use skysieve_sdk::testing::{self, Judgement, series};

fn transient() -> Lsst<'static> {
    Lsst {
        flux_njy: Some(10_000.0),
        flux_error_njy: Some(100.0),
        reliability: Some(0.95),
        solar_system_id: Some(0),
        dipole: Some(false),
        saturated: Some(false),
        extendedness: Some(0.0),
        history_njy: None,
    }
}

fn reason(alert: Lsst) -> Option<&'static str> {
    keep(alert, &Limits::default()).reason()
}

#[test]
fn a_transient_passes_with_its_magnitude() {
    let found = keep(transient(), &Limits::default()).annotations().unwrap();
    assert!((found.magnitude - 21.4).abs() < 1e-9);
    assert_eq!(found.earlier_detections, 0);
    let seen = Lsst { history_njy: Some(series(&[Some(5.0), None])), ..transient() };
    assert_eq!(keep(seen, &Limits::default()).annotations().unwrap().earlier_detections, 2);
}

#[test]
fn each_cut_rejects() {
    assert_eq!(reason(Lsst { reliability: Some(0.5), ..transient() }), Some("unreliable"));
    assert_eq!(reason(Lsst { dipole: Some(true), ..transient() }), Some("dipole"));
    assert_eq!(reason(Lsst { saturated: Some(true), ..transient() }), Some("saturated"));
    assert_eq!(reason(Lsst { solar_system_id: Some(7), ..transient() }), Some("solar_system"));
    assert_eq!(reason(Lsst { extendedness: Some(1.0), ..transient() }), Some("extended"));
    assert_eq!(reason(Lsst { flux_error_njy: Some(1001.0), ..transient() }), Some("noise"));
    assert_eq!(reason(Lsst { flux_njy: Some(-10_000.0), ..transient() }), Some("noise"));
    assert_eq!(
        reason(Lsst { flux_njy: Some(0.0), flux_error_njy: Some(0.0), ..transient() }),
        Some("negative")
    );
    assert_eq!(
        reason(Lsst { flux_njy: Some(900.0), flux_error_njy: Some(9.0), ..transient() }),
        Some("faint")
    );
}

#[test]
fn a_missing_number_is_nan_and_rejects() {
    assert_eq!(reason(Lsst { reliability: Some(f32::NAN), ..transient() }), Some("unreliable"));
    assert_eq!(reason(Lsst { reliability: None, ..transient() }), Some("unreliable"));
    assert_eq!(reason(Lsst { flux_njy: Some(f32::NAN), ..transient() }), Some("noise"));
    assert_eq!(reason(Lsst { flux_error_njy: Some(f32::NAN), ..transient() }), Some("noise"));
}

#[test]
fn real_packets_are_judged_as_before() {
    let files = real_alerts::below("lsst/wire/v10_0");
    let trial = testing::Trial::<keep>::new();
    let trial = match files.is_empty() {
        true => trial,
        false => trial.schema_files(1000, &real_alerts::lsst_schema(10, 0)),
    };
    for (file, judged) in files.iter().zip(trial.run(&files)) {
        let expected = match file.stem() {
            "170239611403501616" | "170239611403501655" => Judgement::Pass,
            _ => continue,
        };
        assert_eq!(judged.verdict, expected, "{}", file.path.display());
    }
}

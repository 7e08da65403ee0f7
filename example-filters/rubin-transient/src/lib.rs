//! Reliable transients in Rubin's diaSource.
//!
//! What comes in: an LSST alert. What goes out: a verdict, and for passing alerts the AB magnitude.
//! Never: trust in a NaN; Rubin says "there is none" with NaN, and an id of 0 means none as well.

use skysieve_sdk::astronomy::photometry::{Measured, ab_magnitude_measured};
use skysieve_sdk::prelude::*;

/// What the filter reads.
#[derive(Alert)]
pub struct Lsst<'a> {
    #[alert(path = "diaSource.psfFlux")]
    flux_njy: Option<f32>,
    #[alert(path = "diaSource.psfFluxErr")]
    flux_error_njy: Option<f32>,
    #[alert(path = "diaSource.reliability")]
    reliability: Option<f32>,
    #[alert(path = "diaSource.ssObjectId")]
    solar_system_id: Option<i64>,
    #[alert(path = "diaSource.isDipole")]
    dipole: Option<bool>,
    #[alert(path = "diaSource.pixelFlags_saturatedCenter")]
    saturated: Option<bool>,
    #[alert(path = "diaSource.extendedness")]
    extendedness: Option<f32>,
    #[alert(path = "prvDiaSources[].psfFlux")]
    history_njy: Option<Series<'a, Option<f32>>>,
}

/// What the owner may change.
#[derive(Parameters)]
pub struct Limits {
    /// Least probability that the source is real.
    #[parameter(default = 0.6, minimum = 0.0, maximum = 1.0)]
    reliability: f64,
    /// Least signal-to-noise ratio of the difference flux.
    #[parameter(default = 10.0, minimum = 5.0)]
    signal_to_noise: f64,
    /// Magnitude at which an alert becomes too faint.
    #[parameter(unit = "mag", default = 24.0, minimum = 15.0, maximum = 28.0)]
    faintest_mag: f64,
}

/// What passing alerts carry.
#[derive(Annotations)]
pub struct Found {
    /// AB magnitude of the difference flux.
    #[annotation(unit = "mag")]
    magnitude: f64,
    /// Its 1-sigma error.
    #[annotation(unit = "mag")]
    magnitude_error: f64,
    /// Detections before this one, as far as the alert tells.
    earlier_detections: i64,
}

/// Judges one alert.
#[filter(title = "Reliable Rubin transients")]
pub fn keep(alert: Lsst, limits: &Limits) -> Verdict<Found> {
    // Every comparison is written so that NaN rejects.
    let reliability = alert.reliability.map_or(f64::NAN, f64::from);
    reject_unless!(reliability >= limits.reliability, name = "unreliable", "reliability below its limit");
    reject_if!(alert.dipole == Some(true), name = "dipole", "fitted better by a dipole");
    reject_if!(alert.saturated == Some(true), name = "saturated", "saturated in its centre");
    let moving = alert.solar_system_id.is_some_and(|id| id != 0);
    reject_if!(moving, name = "solar_system", "linked to a known solar-system object");
    let extendedness = alert.extendedness.unwrap_or(0.0);
    reject_if!(extendedness > 0.5, name = "extended", "extendedness above 0.5");
    let flux = Measured {
        value: alert.flux_njy.map_or(f64::NAN, f64::from),
        error: alert.flux_error_njy.map_or(f64::NAN, f64::from),
    };
    let enough = flux.value >= limits.signal_to_noise * flux.error;
    reject_unless!(enough, name = "noise", "signal-to-noise ratio of the flux below its limit");
    let Some(magnitude) = ab_magnitude_measured(flux) else {
        reject!(name = "negative", "the flux is not above zero")
    };
    reject_unless!(magnitude.value < limits.faintest_mag, name = "faint", "not brighter than the limit");
    pass!(Found {
        magnitude: magnitude.value,
        magnitude_error: magnitude.error,
        earlier_detections: alert.history_njy.map_or(0, |history| history.len() as i64),
    })
}

#[cfg(test)]
mod tests;

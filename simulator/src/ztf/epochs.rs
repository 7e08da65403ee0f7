//! When ZTF looked at a place, and what it measured there.
//!
//! In: an object and the time of its alert. Out: the alert's own exposure and those of the 30 days
//! before, in order. Never: an exposure after the alert.

use super::object::{Kind, Object, flux_of, mag_of};
use crate::random::Random;

/// History in a packet [d].
const HISTORY_D: f64 = 30.0;

/// More exposures than any real packet has.
const MOST: usize = 141;

/// A detection's signal-to-noise ratio, at least.
pub(super) const THRESHOLD: f64 = 5.0;

/// One exposure of the place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Epoch {
    pub jd: f64,
    /// 1 g, 2 r, 3 i.
    pub band: i64,
    /// 5-sigma limit of the difference image [mag].
    pub limit_mag: f64,
    /// Measured, in units of a 25th-magnitude source.
    pub flux: f64,
    pub flux_error: f64,
}

impl Epoch {
    /// The alert's own exposure: a detection, always.
    pub(super) fn of_alert(object: &Object, jd: f64, random: &mut Random) -> Self {
        let band = if random.chance(0.5) { 1 } else { 2 };
        let mut epoch = Self::measure(object, jd, 0.0, band, random);
        let least = 1.01 * THRESHOLD * epoch.flux_error;
        if epoch.flux.abs() < least {
            epoch.flux = least.copysign(epoch.flux);
        }
        epoch
    }

    fn measure(object: &Object, jd: f64, days: f64, band: i64, random: &mut Random) -> Self {
        let limit_mag = 20.4 + 0.35 * random.normal();
        let flux_error = flux_of(limit_mag) / THRESHOLD;
        let truth = object.flux(days, band);
        // Bright sources are limited by calibration, 1 %.
        let error = libm::hypot(flux_error, 0.01 * truth);
        let mut flux = truth + error * random.normal();
        if object.kind == Kind::Bogus && days < 0.0 && random.chance(0.05) {
            flux = 6.0 * flux_error;
        }
        Self {
            jd,
            band,
            limit_mag,
            flux,
            flux_error: error,
        }
    }

    pub(super) fn is_detection(&self) -> bool {
        self.flux.abs() >= THRESHOLD * self.flux_error
    }

    pub(super) fn mag(&self) -> f64 {
        mag_of(self.flux)
    }

    pub(super) fn mag_error(&self) -> f64 {
        std::f64::consts::LOG10_E * 2.5 * self.flux_error / self.flux.abs()
    }

    pub(super) fn signal_to_noise(&self) -> f64 {
        self.flux.abs() / self.flux_error
    }
}

/// The exposures before the alert's, oldest first.
pub(super) fn before(object: &Object, jd: f64, random: &mut Random) -> Vec<Epoch> {
    let mut epochs = Vec::new();
    if object.kind == Kind::Asteroid && random.chance(0.5) {
        return epochs; // A place where nothing was seen before.
    }
    let cadence_d = random.between(1.6, 7.0);
    let mut days = -HISTORY_D + random.between(0.0, cadence_d);
    while days < -0.4 && epochs.len() < MOST - 2 {
        let bands = if random.chance(0.7) {
            &[1, 2][..]
        } else {
            &[2][..]
        };
        for (number, band) in bands.iter().enumerate() {
            let days = days + 0.04 * number as f64;
            epochs.push(Epoch::measure(object, jd + days, days, *band, random));
        }
        days += libm::round(random.between(0.6, 1.4) * cadence_d).max(1.0) + 0.02 * random.normal();
    }
    epochs
}

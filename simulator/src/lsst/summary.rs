//! An object's fluxes in one band, summed up.
//!
//! In: its visits. Out: the values of the band's fields in `diaObject`. Never: other bands' visits.

use super::object::{Object, Visit};
use crate::avro::Value;

/// One band's fluxes [nJy].
pub(super) struct Summary {
    count: i64,
    mean: f64,
    mean_error: f64,
    sigma: f64,
    science: f64,
    least: f64,
    greatest: f64,
    slope: f64,
    error: f64,
}

impl Summary {
    /// None where the band was never used.
    pub(super) fn of(object: &Object, visits: &[Visit], band: usize) -> Option<Self> {
        let visits = visits.iter().filter(|visit| visit.band == band);
        let count = visits.clone().count();
        if count == 0 {
            return None;
        }
        let n = count as f64;
        let fluxes = visits.clone().map(|visit| visit.flux_njy);
        let mean = fluxes.clone().sum::<f64>() / n;
        let error = visits.clone().map(|visit| visit.error_njy).sum::<f64>() / n;
        let squares = fluxes
            .clone()
            .map(|flux| (flux - mean) * (flux - mean))
            .sum::<f64>();
        let pairs = visits.clone().zip(visits.skip(1));
        let slopes =
            pairs.map(|(a, b)| ((b.flux_njy - a.flux_njy) / (b.mjd_tai - a.mjd_tai)).abs());
        Some(Self {
            count: count as i64,
            mean,
            mean_error: error / libm::sqrt(n),
            sigma: if count > 1 {
                libm::sqrt(squares / (n - 1.0))
            } else {
                f64::NAN
            },
            science: object.template_njy + mean,
            least: fluxes.clone().fold(f64::INFINITY, f64::min),
            greatest: fluxes.fold(f64::NEG_INFINITY, f64::max),
            slope: slopes.fold(f64::NAN, f64::max),
            error,
        })
    }

    /// The values of a group of fields, in its order.
    pub(super) fn group(&self, group: usize) -> Vec<Value<'static>> {
        let nan = Value::Double(f64::NAN);
        let number = |value: f64| Value::Double(value);
        match group {
            0 => vec![
                number(self.mean),
                number(self.mean_error),
                number(self.sigma),
                Value::Integer(self.count),
                nan,
                nan,
            ],
            1 => vec![number(self.science), number(self.mean_error)],
            _ => vec![
                number(self.least),
                number(self.greatest),
                number(self.slope),
                number(self.error),
            ],
        }
    }
}

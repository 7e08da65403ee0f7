//! Flux to magnitude and back, with errors.
//!
//! What comes in: fluxes \[nJy\] or \[DN\], magnitudes \[mag\]. What goes out: the other. Never: a
//! magnitude of a flux that is not above zero (a difference image has many).

use libm::{log, log10, pow};

/// AB magnitude of 1 nJy \[mag\]: 8.90 + 22.5 (Oke & Gunn 1983, ApJ 266, 713: 0 mag is 3631 Jy).
/// Rubin's fluxes are in nJy (Data Products Definition Document, LSE-163).
pub const AB_ZERO_POINT_NJY: f64 = 31.4;

/// A value and its 1-sigma error, in the same unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// Its 1-sigma error.
    pub error: f64,
}

/// AB magnitude \[mag\] of a flux \[nJy\]: 31.4 - 2.5 log10(flux). None unless the flux is above zero
/// and finite.
///
/// ```
/// # use skysieve_sdk::astronomy::photometry::ab_magnitude;
/// assert_eq!(ab_magnitude(1000.0), Some(31.4 - 7.5));
/// assert_eq!(ab_magnitude(-20.0), None);
/// ```
pub fn ab_magnitude(flux_njy: f64) -> Option<f64> {
    magnitude(flux_njy, AB_ZERO_POINT_NJY)
}

/// AB magnitude and error \[mag\] of a flux and error \[nJy\].
pub fn ab_magnitude_measured(flux_njy: Measured) -> Option<Measured> {
    magnitude_measured(flux_njy, AB_ZERO_POINT_NJY)
}

/// Flux \[nJy\] of an AB magnitude \[mag\].
///
/// ```
/// # use skysieve_sdk::astronomy::photometry::ab_flux_njy;
/// assert!((ab_flux_njy(31.4) - 1.0).abs() < 1e-12);
/// ```
pub fn ab_flux_njy(magnitude: f64) -> f64 {
    flux(magnitude, AB_ZERO_POINT_NJY)
}

/// Flux and error \[nJy\] of an AB magnitude and error \[mag\].
pub fn ab_flux_njy_measured(magnitude: Measured) -> Measured {
    flux_measured(magnitude, AB_ZERO_POINT_NJY)
}

/// Magnitude \[mag\] of a flux in the unit of the zero point \[mag\], such as ZTF's `forcediffimflux`
/// \[DN\] with `magzpsci`: zero point - 2.5 log10(flux) (Masci et al. 2023, arXiv:2305.16279).
/// None unless the flux is above zero and finite.
///
/// ```
/// # use skysieve_sdk::astronomy::photometry::magnitude;
/// assert_eq!(magnitude(100.0, 26.0), Some(21.0));
/// ```
pub fn magnitude(flux: f64, zero_point: f64) -> Option<f64> {
    (flux > 0.0 && flux.is_finite()).then(|| zero_point - 2.5 * log10(flux))
}

/// Magnitude and error \[mag\] of a flux and error: the error is 2.5 / ln 10 of the relative one
/// (first order, for errors well below the flux).
pub fn magnitude_measured(flux: Measured, zero_point: f64) -> Option<Measured> {
    let value = magnitude(flux.value, zero_point)?;
    Some(Measured {
        value,
        error: pogson() * flux.error / flux.value,
    })
}

/// Flux of a magnitude \[mag\], in the unit of the zero point \[mag\].
pub fn flux(magnitude: f64, zero_point: f64) -> f64 {
    pow(10.0, 0.4 * (zero_point - magnitude))
}

/// Flux and error of a magnitude and error \[mag\], in the unit of the zero point \[mag\].
pub fn flux_measured(magnitude: Measured, zero_point: f64) -> Measured {
    let value = flux(magnitude.value, zero_point);
    Measured {
        value,
        error: value * magnitude.error / pogson(),
    }
}

/// 2.5 / ln 10 = 1.0857...
fn pogson() -> f64 {
    2.5 / log(10.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Fukugita et al. 1996 (AJ 111, 1748): 0 mag AB is 3631 Jy; SDSS's nanomaggie, 3.631 uJy, is
    /// 22.5 mag; 24.5 mag is 575.44 nJy (rounded constants: 31.4 stands for 31.40006).
    #[test]
    fn published_fluxes_have_their_magnitudes() {
        for (flux_njy, expected) in [(3631e9, 0.0), (3631.0, 22.5), (575.44, 24.5)] {
            let magnitude = ab_magnitude(flux_njy).unwrap();
            assert!(
                (magnitude - expected).abs() < 1e-4,
                "{flux_njy} nJy: {magnitude}"
            );
            assert!((ab_flux_njy(expected) / flux_njy - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn there_is_no_magnitude_without_a_positive_flux() {
        for flux in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(ab_magnitude(flux), None, "{flux}");
        }
    }

    /// 1.0857 sigma/flux: a flux at 5 sigma has 0.217 mag, and back.
    #[test]
    fn errors_go_both_ways() {
        let measured = ab_magnitude_measured(Measured {
            value: 500.0,
            error: 100.0,
        })
        .unwrap();
        assert!((measured.error - 0.21715).abs() < 1e-5);
        let flux = ab_flux_njy_measured(measured);
        assert!((flux.value - 500.0).abs() < 1e-9 && (flux.error - 100.0).abs() < 1e-9);
    }
}

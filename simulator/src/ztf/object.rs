//! What ZTF sees: kinds of sources and their light curves.
//!
//! In: random numbers. Out: an object with its flux at any time. Never: noise; that is the epoch's.

use std::f64::consts::TAU;

use crate::random::Random;

/// Fluxes are in units of a 25th-magnitude source.
pub(super) const ZERO_POINT: f64 = 25.0;

/// What kind of source an alert is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    RisingSupernova,
    FadingSupernova,
    FastFader,
    VariableStar,
    ActiveNucleus,
    Asteroid,
    Bogus,
}

/// Shares of the kinds among the alerts: roughly the public stream's, transients doubled.
const SHARES: [(Kind, f64); 7] = [
    (Kind::VariableStar, 0.48),
    (Kind::Asteroid, 0.18),
    (Kind::Bogus, 0.17),
    (Kind::FadingSupernova, 0.05),
    (Kind::RisingSupernova, 0.04),
    (Kind::ActiveNucleus, 0.05),
    (Kind::FastFader, 0.03),
];

/// One source.
#[derive(Debug)]
pub(super) struct Object {
    pub kind: Kind,
    pub ra_deg: f64,
    pub dec_deg: f64,
    /// Of the nearest source in the reference image [mag].
    pub reference_mag: f64,
    /// Its distance [arcsec].
    pub reference_arcsec: f64,
    curve: Curve,
}

/// Difference flux over time, in days from the alert.
#[derive(Debug)]
enum Curve {
    /// Rises as t² to `peak`, then fades linearly in magnitude.
    Explosion {
        peak_d: f64,
        peak_mag: f64,
        rise_d: f64,
        fade_mag_d: f64,
        colour: f64,
    },
    /// Two sinusoids; negative half of the time.
    Wave {
        flux: f64,
        period_d: f64,
        phase: f64,
        second: f64,
    },
    /// There in this exposure alone.
    Once { flux: f64 },
}

impl Object {
    pub(super) fn new(random: &mut Random) -> Self {
        let kind = choose(random);
        let (ra_deg, dec_deg) = random.direction_deg(-28.0, 89.0);
        let reference_mag = match kind {
            Kind::VariableStar => random.between(13.5, 18.5),
            Kind::ActiveNucleus => random.between(15.5, 19.5),
            _ => random.between(16.5, 22.0),
        };
        let reference_arcsec = match kind {
            Kind::VariableStar | Kind::ActiveNucleus => 0.25 * random.normal().abs(),
            Kind::RisingSupernova | Kind::FadingSupernova => random.between(0.3, 9.0),
            _ => random.between(0.5, 25.0),
        };
        let curve = curve(kind, reference_mag, random);
        Self {
            kind,
            ra_deg,
            dec_deg,
            reference_mag,
            reference_arcsec,
            curve,
        }
    }

    /// Difference flux `days` after the alert (before: negative) in a band (1 g, 2 r, 3 i).
    pub(super) fn flux(&self, days: f64, band: i64) -> f64 {
        match self.curve {
            Curve::Explosion {
                peak_d,
                peak_mag,
                rise_d,
                fade_mag_d,
                colour,
            } => {
                let peak = flux_of(peak_mag + colour * (2 - band) as f64);
                let since = days - peak_d;
                if since < -rise_d {
                    0.0
                } else if since < 0.0 {
                    let grown = (since + rise_d) / rise_d;
                    peak * grown * grown
                } else {
                    peak * libm::exp10(-0.4 * fade_mag_d * since)
                }
            }
            Curve::Wave {
                flux,
                period_d,
                phase,
                second,
            } => {
                let angle = TAU * days / period_d + phase;
                flux * (libm::sin(angle) + second * libm::sin(2.3 * angle))
            }
            Curve::Once { flux } => {
                if days == 0.0 {
                    flux
                } else {
                    0.0
                }
            }
        }
    }

    pub(super) fn is_real(&self) -> bool {
        self.kind != Kind::Bogus
    }

    /// Whether the nearest catalogued source is a star right here.
    pub(super) fn is_star(&self) -> bool {
        self.kind == Kind::VariableStar
    }
}

pub(super) fn flux_of(mag: f64) -> f64 {
    libm::exp10(-0.4 * (mag - ZERO_POINT))
}

pub(super) fn mag_of(flux: f64) -> f64 {
    ZERO_POINT - 2.5 * libm::log10(flux.abs())
}

fn choose(random: &mut Random) -> Kind {
    let mut left = random.unit();
    for (kind, share) in SHARES {
        if left < share {
            return kind;
        }
        left -= share;
    }
    Kind::Bogus
}

fn curve(kind: Kind, reference_mag: f64, random: &mut Random) -> Curve {
    let explosion = |random: &mut Random, peak_d, peak_mag, rise_d, fade_mag_d| {
        let colour = 0.15 * random.normal() + 0.1;
        Curve::Explosion {
            peak_d,
            peak_mag,
            rise_d,
            fade_mag_d,
            colour,
        }
    };
    match kind {
        Kind::RisingSupernova => {
            let (peak_d, peak_mag) = (random.between(1.0, 9.0), random.between(16.0, 18.8));
            explosion(random, peak_d, peak_mag, 18.0, 0.06)
        }
        Kind::FadingSupernova => {
            let fade = random.between(0.02, 0.12);
            let age = random.between(1.0, 25.0);
            let peak_mag = random.between(15.8, 18.8 - 0.6 * fade * age);
            explosion(random, -age, peak_mag, 18.0, fade)
        }
        Kind::FastFader => {
            let fade = random.between(0.2, 0.9);
            let age = random.between(0.8, (3.0 / fade).min(8.0));
            let peak_mag = random.between(15.5, 19.3 - fade * age);
            let rise_d = random.between(0.3, 2.0);
            explosion(random, -age, peak_mag, rise_d, fade)
        }
        Kind::VariableStar | Kind::ActiveNucleus => {
            let star = kind == Kind::VariableStar;
            let period_d = if star {
                libm::exp(random.between(-1.5, 4.5))
            } else {
                random.between(60.0, 400.0)
            };
            // Of the reference flux; always well seen in the alert's own exposure.
            let least = flux_of(19.0) / flux_of(reference_mag);
            let amplitude = least.max(random.between(0.05, 0.6));
            let positive = random.chance(0.55);
            let rising = random.between(0.5, 1.4);
            let phase = if positive { rising } else { rising + TAU / 2.0 };
            let flux = flux_of(reference_mag) * amplitude;
            Curve::Wave {
                flux,
                period_d,
                phase,
                second: random.between(-0.2, 0.2),
            }
        }
        Kind::Asteroid => Curve::Once {
            flux: flux_of(random.between(15.5, 19.6)),
        },
        Kind::Bogus => {
            let sign = if random.chance(0.7) { 1.0 } else { -1.0 };
            Curve::Once {
                flux: sign * flux_of(random.between(16.0, 20.0)),
            }
        }
    }
}

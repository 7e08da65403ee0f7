//! What Rubin sees: kinds of sources, their difference fluxes over time, their visits.
//!
//! In: random numbers. Out: an object, and what was measured of it in each visit, oldest first.
//! Never: a visit after the alert's.

use std::f64::consts::TAU;

use crate::random::Random;

/// Names of the bands.
pub(super) const BANDS: [&str; 6] = ["u", "g", "r", "i", "z", "y"];

/// Limits of single visits, 5 sigma [mag, AB].
const LIMIT_MAG: [f64; 6] = [23.7, 24.7, 24.2, 23.8, 23.2, 22.4];

/// How far back a packet's history reaches [d].
const HISTORY_D: f64 = 114.0;

/// Prior sources in a packet.
const MOST: f64 = 300.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    VariableStar,
    ActiveNucleus,
    Supernova,
    Asteroid,
    Artefact,
}

const SHARES: [(Kind, f64); 5] = [
    (Kind::VariableStar, 0.34),
    (Kind::Asteroid, 0.28),
    (Kind::Artefact, 0.20),
    (Kind::Supernova, 0.08),
    (Kind::ActiveNucleus, 0.10),
];

/// One source.
#[derive(Debug)]
pub(super) struct Object {
    pub kind: Kind,
    pub ra_deg: f64,
    pub dec_deg: f64,
    /// Flux of what stands in the template [nJy].
    pub template_njy: f64,
    /// Greatest difference flux [nJy].
    amplitude_njy: f64,
    period_d: f64,
    phase: f64,
}

/// One visit to the place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub mjd_tai: f64,
    /// Index into [`BANDS`].
    pub band: usize,
    pub detector: i64,
    /// Measured difference flux and its error [nJy].
    pub flux_njy: f64,
    pub error_njy: f64,
}

impl Visit {
    pub(super) fn signal_to_noise(&self) -> f64 {
        self.flux_njy.abs() / self.error_njy
    }

    /// `2026040700201`: night and number of the exposure.
    pub(super) fn number(&self) -> i64 {
        libm::floor(self.mjd_tai * 1000.0) as i64 * 100_000
            + libm::floor(self.mjd_tai.fract() * 9e4) as i64
    }
}

/// Flux of an AB magnitude [nJy] (zero point 31.4 mag).
pub(super) fn njy_of(mag: f64) -> f64 {
    libm::exp10((31.4 - mag) / 2.5)
}

impl Object {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut left = random.unit();
        let mut kind = Kind::Artefact;
        for (candidate, share) in SHARES {
            if left < share {
                kind = candidate;
                break;
            }
            left -= share;
        }
        let (ra_deg, dec_deg) = random.direction_deg(-72.0, 12.0);
        let template_mag = match kind {
            Kind::VariableStar => random.between(16.0, 22.5),
            _ => random.between(18.5, 25.0),
        };
        let amplitude_mag = match kind {
            Kind::VariableStar => template_mag + random.between(1.0, 5.0),
            _ => random.between(20.0, 24.6),
        };
        Self {
            kind,
            ra_deg,
            dec_deg,
            template_njy: njy_of(template_mag),
            amplitude_njy: njy_of(amplitude_mag),
            period_d: libm::exp(random.between(-1.5, 4.0)),
            phase: random.between(0.4, 2.7) + if random.chance(0.4) { TAU / 2.0 } else { 0.0 },
        }
    }

    /// Difference flux `days` after the alert (before: negative) [nJy].
    fn flux_njy(&self, days: f64) -> f64 {
        let level = match self.kind {
            Kind::VariableStar => libm::sin(TAU * days / self.period_d + self.phase),
            Kind::ActiveNucleus => {
                libm::sin(TAU * days / (40.0 * self.period_d.max(2.0)) + self.phase)
            }
            Kind::Supernova => {
                let since = days + 12.0 * self.phase;
                if since < 0.0 {
                    0.0
                } else {
                    (since / 18.0) * (since / 18.0) * libm::exp(2.0 - since / 9.0)
                }
            }
            Kind::Asteroid => f64::from(days == 0.0),
            Kind::Artefact => libm::sin(self.phase) * f64::from(days == 0.0),
        };
        self.amplitude_njy * level
    }

    fn measure(&self, mjd_tai: f64, days: f64, random: &mut Random) -> Visit {
        let band = [0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5][random.below(11) as usize];
        let limit_mag = LIMIT_MAG[band] + 0.2 * random.normal();
        let truth = self.flux_njy(days);
        let error_njy = libm::hypot(njy_of(limit_mag) / 5.0, 0.01 * truth);
        Visit {
            mjd_tai,
            band,
            detector: random.below(189) as i64,
            flux_njy: truth + error_njy * random.normal(),
            error_njy,
        }
    }

    /// The alert's own visit: a detection, always.
    pub(super) fn detected(&self, mjd_tai: f64, random: &mut Random) -> Visit {
        let mut visit = self.measure(mjd_tai, 0.0, random);
        let least = 5.05 * visit.error_njy;
        if visit.flux_njy.abs() < least {
            visit.flux_njy = least.copysign(visit.flux_njy);
        }
        visit
    }

    /// The visits before it: none for what was never seen here.
    pub(super) fn before(&self, mjd_tai: f64, random: &mut Random) -> Vec<Visit> {
        let count = match self.kind {
            Kind::Asteroid => 0.0,
            Kind::Artefact => {
                if random.chance(0.7) {
                    0.0
                } else {
                    3.0
                }
            }
            _ => libm::exp(2.3 + 1.2 * random.normal()).min(MOST),
        };
        let mut days: Vec<f64> = (0..count as usize)
            .map(|_| -random.between(0.02, HISTORY_D))
            .collect();
        days.sort_by(f64::total_cmp);
        let visits = days
            .into_iter()
            .map(|days| self.measure(mjd_tai + days, days, random));
        visits.collect()
    }
}

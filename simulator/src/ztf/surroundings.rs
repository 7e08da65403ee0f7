//! What else a detection is told with: scores, the solar system, catalogued neighbours.
//!
//! In: an object and its detection. Out: values; "there is none" is -999, the name of no asteroid
//! is the text `null`. Never: a measurement.

use super::epochs::Epoch;
use super::object::{Kind, Object};
use crate::random::Random;

const NONE: f64 = -999.0;

/// Real or bogus, 0 to 1.
pub(super) struct Scores {
    pub forest: f64,
    pub deep: f64,
}

impl Scores {
    pub(super) fn of(object: &Object, epoch: &Epoch, random: &mut Random) -> Self {
        let (one, two) = (random.unit(), random.unit());
        if object.is_real() {
            let clear = (epoch.signal_to_noise() / 10.0).min(1.0);
            let forest = (0.55 + 0.3 * clear + 0.1 * random.normal()).clamp(0.05, 1.0);
            Self {
                forest,
                deep: 1.0 - 0.3 * one * one * one * one,
            }
        } else {
            Self {
                forest: 0.55 * one,
                deep: 0.6 * two * two,
            }
        }
    }
}

/// The nearest known object of the solar system.
pub(super) struct SolarSystem {
    pub distance_arcsec: f64,
    pub mag: f64,
    pub name: String,
}

impl SolarSystem {
    pub(super) fn of(object: &Object, now: &Epoch, random: &mut Random) -> Self {
        if object.kind == Kind::Asteroid {
            let name = if random.chance(0.9) {
                (1 + random.below(700_000)).to_string()
            } else {
                format!(
                    "{}{}{}",
                    2000 + random.below(25),
                    "QRSTU".as_bytes()[random.below(5) as usize] as char,
                    "ABC"
                )
            };
            let distance_arcsec = 0.5 * random.normal().abs();
            return Self {
                distance_arcsec,
                mag: now.mag() + 0.3 * random.normal(),
                name,
            };
        }
        if random.chance(0.01) {
            let (distance_arcsec, mag) = (random.between(13.0, 30.0), random.between(17.0, 22.0));
            return Self {
                distance_arcsec,
                mag,
                name: (1 + random.below(700_000)).to_string(),
            };
        }
        Self {
            distance_arcsec: NONE,
            mag: NONE,
            name: "null".to_owned(),
        }
    }
}

/// Catalogued sources around.
pub(super) struct Neighbours {
    pub ids: [i64; 3],
    pub mags: [f64; 3],
    pub scores: [f64; 3],
    pub arcsec: [f64; 3],
    pub gaia_arcsec: f64,
    pub gaia_mag: f64,
    pub bright_gaia_arcsec: f64,
    pub bright_gaia_mag: f64,
}

impl Neighbours {
    pub(super) fn of(object: &Object, random: &mut Random) -> Self {
        let star = object.is_star();
        let near =
            |random: &mut Random, far: f64| (random.between(0.3, far), random.between(17.0, 22.5));
        let mut arcsec = [object.reference_arcsec, 0.0, 0.0];
        let mut mags = [object.reference_mag, NONE, NONE];
        let score = if star {
            random.between(0.9, 1.0)
        } else {
            random.between(0.0, 0.6)
        };
        let mut scores = [score, NONE, NONE];
        let base = 80_000_000_000_000_000 + random.below(120_000_000_000_000_000) as i64;
        let mut ids = [base, -999, -999];
        (arcsec[1], arcsec[2]) = (NONE, NONE);
        for number in 1..1 + random.below(3) as usize {
            (arcsec[number], mags[number]) = near(random, 28.0);
            arcsec[number] = (arcsec[number] + arcsec[number - 1]).min(30.0);
            scores[number] = random.unit();
            ids[number] = base + 7919 * number as i64;
        }
        let bright = random.chance(0.3);
        Self {
            ids,
            mags,
            scores,
            arcsec,
            gaia_arcsec: if star {
                object.reference_arcsec
            } else {
                random.between(3.0, 60.0)
            },
            gaia_mag: if star {
                object.reference_mag
            } else {
                random.between(14.0, 20.5)
            },
            bright_gaia_arcsec: if bright {
                random.between(10.0, 90.0)
            } else {
                NONE
            },
            bright_gaia_mag: if bright {
                random.between(9.0, 14.0)
            } else {
                NONE
            },
        }
    }
}

//! The pool of ZTF cutouts: science, template and difference, gzipped FITS, 63 x 63.
//!
//! In: a seed. Out: 2,400 cutouts, each made and compressed once, when first asked for. Never: one
//! for each alert.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::object::Kind;
use crate::fits::{Fits, Image, Spot};
use crate::random::Random;

/// Sets of three; eight looks, a hundred of each.
const SETS: u64 = 800;
const LOOKS: u64 = 8;
const PURPOSE: u64 = 2;

const SIZE: usize = 63;

/// Of the difference image [DN].
const NOISE: f32 = 12.0;

/// What a difference image shows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Look {
    /// A point source of this signal-to-noise ratio.
    Point(f64),
    /// A source that is brighter in the reference.
    Hole,
    /// Badly subtracted.
    Dipole,
    /// One or two hot pixels.
    CosmicRay,
    /// The trail of a satellite.
    Trail,
}

/// Three cutouts of one place.
#[derive(Debug)]
pub(super) struct Stamps {
    pub science: Vec<u8>,
    pub template: Vec<u8>,
    pub difference: Vec<u8>,
    /// Width of what stands in the centre [pixel].
    pub fwhm: f64,
    /// Long over short axis.
    pub elongation: f64,
}

/// Makes and keeps them.
#[derive(Debug)]
pub(super) struct Pool {
    seed: u64,
    made: Vec<Option<Stamps>>,
}

impl Pool {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            made: (0..SETS).map(|_| None).collect(),
        }
    }

    /// Cutouts that suit a kind of object, the sign of its flux and its signal-to-noise ratio.
    pub(super) fn pick(
        &mut self,
        kind: Kind,
        positive: bool,
        signal_to_noise: f64,
        random: &mut Random,
    ) -> &Stamps {
        let look = match kind {
            Kind::Bogus => 5 + random.below(3),
            _ if !positive => 4,
            _ => (1..4)
                .filter(|look| signal_to_noise > POINTS[*look as usize] / 1.6)
                .count() as u64,
        };
        let number = random.below(SETS / LOOKS) * LOOKS + look;
        let seed = self.seed;
        self.made[number as usize].get_or_insert_with(|| make(seed, number, look))
    }
}

/// Signal-to-noise ratios of the first four looks.
const POINTS: [f64; 4] = [7.0, 15.0, 40.0, 150.0];

fn look_of(number: u64) -> Look {
    match number {
        0..=3 => Look::Point(POINTS[number as usize]),
        4 => Look::Hole,
        5 => Look::Dipole,
        6 => Look::CosmicRay,
        _ => Look::Trail,
    }
}

fn make(seed: u64, number: u64, look: u64) -> Stamps {
    let mut random = Random::of(seed, PURPOSE, number);
    let seeing = random.between(1.7, 3.2);
    let place = Spot {
        x: 0.3 * random.normal(),
        y: 0.3 * random.normal(),
        flux: 0.0,
        fwhm: (seeing, seeing * random.between(1.0, 1.12)),
        angle: random.between(0.0, 3.1),
    };
    let (spots, fwhm) = difference(look_of(look), place, &mut random);
    let mut science = Image::noise(&mut random, SIZE, 180.0, NOISE);
    let mut template = Image::noise(&mut random, SIZE, 2.0, 0.3 * NOISE);
    let mut difference = Image::noise(&mut random, SIZE, 0.0, NOISE);
    for host in hosts(seeing, &mut random) {
        science.add(&host);
        template.add(&host);
    }
    for spot in &spots {
        science.add(spot);
        difference.add(spot);
    }
    let elongation = spots[0].fwhm.0.max(spots[0].fwhm.1) / spots[0].fwhm.0.min(spots[0].fwhm.1);
    let height = if random.chance(0.02) {
        40 + random.below(20) as usize
    } else {
        SIZE
    };
    let [science, template, difference] = [science, template, difference].map(|mut image| {
        image.cut(height);
        compress(&image)
    });
    Stamps {
        science,
        template,
        difference,
        fwhm,
        elongation,
    }
}

/// What is added to a difference image, and the width that would be measured.
fn difference(look: Look, place: Spot, random: &mut Random) -> (Vec<Spot>, f64) {
    let seeing = place.fwhm.0;
    // Signal-to-noise ratio of a Gaussian in even noise: flux / (noise sqrt(4 pi) sigma).
    let flux = |ratio: f64| ratio * f64::from(NOISE) * 3.544_907_701_8 * seeing / 2.354_820_045;
    match look {
        Look::Point(ratio) => {
            let ratio = ratio * random.between(0.8, 1.25);
            (
                vec![Spot {
                    flux: flux(ratio),
                    ..place
                }],
                seeing,
            )
        }
        Look::Hole => (
            vec![Spot {
                flux: -flux(random.between(8.0, 60.0)),
                ..place
            }],
            seeing,
        ),
        Look::Dipole => {
            let flux = flux(random.between(10.0, 60.0));
            let up = Spot { flux, ..place };
            let down = Spot {
                flux: -0.9 * flux,
                x: place.x + 1.8,
                y: place.y + 0.7,
                ..place
            };
            (vec![up, down], 0.8 * seeing)
        }
        Look::CosmicRay => {
            let fwhm = (0.6, 0.8);
            (
                vec![Spot {
                    flux: flux(30.0),
                    fwhm,
                    ..place
                }],
                0.8,
            )
        }
        Look::Trail => {
            let fwhm = (seeing * random.between(2.5, 6.0), seeing);
            (
                vec![Spot {
                    flux: flux(60.0),
                    fwhm,
                    ..place
                }],
                fwhm.0,
            )
        }
    }
}

/// A star or galaxy near the centre, and a few sources around.
fn hosts(seeing: f64, random: &mut Random) -> Vec<Spot> {
    let count = 1 + random.below(4);
    (0..count)
        .map(|number| {
            let reach = if number == 0 { 5.0 } else { 28.0 };
            let width = seeing
                * if random.chance(0.5) {
                    1.0
                } else {
                    random.between(1.2, 4.0)
                };
            Spot {
                x: random.between(-reach, reach),
                y: random.between(-reach, reach),
                flux: libm::exp(random.between(6.0, 11.0)),
                fwhm: (width, width * random.between(0.5, 1.0)),
                angle: random.between(0.0, 3.1),
            }
        })
        .collect()
}

fn compress(image: &Image) -> Vec<u8> {
    let mut file = Fits::default();
    file.image("", image, &[]);
    let mut encoder = GzEncoder::new(Vec::with_capacity(file.0.len()), Compression::fast());
    encoder.write_all(&file.0).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

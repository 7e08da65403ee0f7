//! The pool of Rubin cutouts: plain FITS of three units, image, uncertainty and point-spread
//! function.
//!
//! In: a seed. Out: 2,100 cutouts, each made once, when first asked for. Never: an alert's own
//! coordinates; those are written over the reference point's cards.

use super::object::Kind;
use crate::fits::{Fits, Image, Spot};
use crate::random::Random;

/// Sets of three, of 7 looks, a hundred of each.
const SETS: u64 = 700;
const LOOKS: u64 = 7;
const PURPOSE: u64 = 4;

const SIZE: usize = 30;
const PSF_SIZE: usize = 41;
const NOISE_NJY: f32 = 40.0;
const PIXEL_DEG: f64 = 0.2 / 3600.0;

/// Three cutouts of one place.
#[derive(Debug)]
pub(super) struct Stamps {
    pub difference: Vec<u8>,
    pub science: Vec<u8>,
    pub template: Vec<u8>,
}

/// Makes and keeps them.
#[derive(Debug)]
pub(super) struct Pool {
    seed: u64,
    made: Vec<Option<Stamps>>,
}

/// Signal-to-noise ratios of the first looks.
const POINTS: [f64; 4] = [7.0, 15.0, 40.0, 150.0];

impl Pool {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            made: (0..SETS).map(|_| None).collect(),
        }
    }

    pub(super) fn pick(
        &mut self,
        kind: Kind,
        positive: bool,
        signal_to_noise: f64,
        random: &mut Random,
    ) -> &Stamps {
        let look = match kind {
            Kind::Artefact => 5 + random.below(2),
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

fn make(seed: u64, number: u64, look: u64) -> Stamps {
    let mut random = Random::of(seed, PURPOSE, number);
    let seeing = random.between(3.4, 6.0);
    let size = if random.chance(0.05) {
        SIZE + 2 * random.below(10) as usize
    } else {
        SIZE
    };
    let ratio = POINTS.get(look as usize).copied().unwrap_or(25.0) * random.between(0.8, 1.25);
    let flux = ratio * f64::from(NOISE_NJY) * 3.544_907_701_8 * seeing / 2.354_820_045;
    let sign = if look == 4 { -1.0 } else { 1.0 };
    let fwhm = if look == 6 {
        (4.0 * seeing, seeing)
    } else {
        (seeing, seeing)
    };
    let place = Spot {
        x: 0.0,
        y: 0.0,
        flux: sign * flux,
        fwhm,
        angle: random.between(0.0, 3.1),
    };
    let mut difference = Image::noise(&mut random, size, 0.0, NOISE_NJY);
    difference.add(&place);
    if look == 5 {
        difference.add(&Spot {
            flux: -0.9 * flux,
            x: 2.0,
            ..place
        });
    }
    let host = Spot {
        flux: 3.0 * flux,
        x: random.between(-3.0, 3.0),
        ..place
    };
    let mut template = Image::noise(&mut random, size, 0.0, 0.3 * NOISE_NJY);
    template.add(&host);
    let mut science = Image::noise(&mut random, size, 0.0, NOISE_NJY);
    science.add(&host);
    science.add(&place);
    let mut psf = Image::flat(PSF_SIZE, 0.0);
    psf.add(&Spot {
        x: 0.0,
        y: 0.0,
        flux: 1.0,
        fwhm: (seeing, seeing),
        angle: 0.0,
    });
    let [difference, science, template] =
        [difference, science, template].map(|image| file(&image, &psf));
    Stamps {
        difference,
        science,
        template,
    }
}

fn file(image: &Image, psf: &Image) -> Vec<u8> {
    let centre = (image.width / 2 + 1) as f64;
    let cards = [
        ("CRPIX1", centre),
        ("CRPIX2", centre),
        ("CRVAL1", 0.0),
        ("CRVAL2", 0.0),
        ("CD1_1", -PIXEL_DEG),
        ("CD2_2", PIXEL_DEG),
        ("ROTPA", 0.0),
    ];
    let mut file = Fits::default();
    file.image("", image, &cards);
    let mut uncertainty = Image::flat(image.width, NOISE_NJY);
    uncertainty.cut(image.height);
    file.image("UNCERT", &uncertainty, &[]);
    file.wide_image("PSFIMAGE", psf);
    file.0
}

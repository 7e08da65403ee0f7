//! Small images and their FITS files.
//!
//! In: pixels. Out: header and data units in blocks of 2,880 bytes (FITS standard 4.0). Never: a
//! world coordinate system beyond a reference point.

use crate::random::Random;

const BLOCK: usize = 2880;
const CARD: usize = 80;

/// A square grey image, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<f32>,
}

/// A Gaussian on an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    /// Centre, from the image's centre [pixel].
    pub x: f64,
    pub y: f64,
    pub flux: f64,
    /// Full width at half maximum along its axes [pixel].
    pub fwhm: (f64, f64),
    /// Of the first axis, from the x axis [rad].
    pub angle: f64,
}

impl Image {
    /// Noise of standard deviation `sigma` around `level`.
    pub(crate) fn noise(random: &mut Random, size: usize, level: f32, sigma: f32) -> Self {
        let pixels = (0..size * size)
            .map(|_| level + sigma * random.pixel_noise())
            .collect();
        Self {
            width: size,
            height: size,
            pixels,
        }
    }

    pub(crate) fn flat(size: usize, level: f32) -> Self {
        Self {
            width: size,
            height: size,
            pixels: vec![level; size * size],
        }
    }

    /// Add a Gaussian, cut off beyond four standard deviations.
    pub(crate) fn add(&mut self, spot: &Spot) {
        let sigma = (spot.fwhm.0 / FWHM_PER_SIGMA, spot.fwhm.1 / FWHM_PER_SIGMA);
        let peak = spot.flux / (std::f64::consts::TAU * sigma.0 * sigma.1);
        let centre = (
            spot.x + (self.width / 2) as f64,
            spot.y + (self.height / 2) as f64,
        );
        let reach = 4.0 * sigma.0.max(sigma.1);
        let range = |at: f64, size: usize| {
            let (low, high) = ((at - reach).max(0.0), (at + reach).min(size as f64 - 1.0));
            libm::ceil(low) as usize..=libm::floor(high).max(0.0) as usize
        };
        let (sine, cosine) = (libm::sin(spot.angle), libm::cos(spot.angle));
        for y in range(centre.1, self.height) {
            for x in range(centre.0, self.width) {
                let (dx, dy) = (x as f64 - centre.0, y as f64 - centre.1);
                let (u, v) = (cosine * dx + sine * dy, cosine * dy - sine * dx);
                let (u, v) = (u / sigma.0, v / sigma.1);
                let value = peak * libm::exp(-0.5 * (u * u + v * v));
                self.pixels[y * self.width + x] += value as f32;
            }
        }
    }

    /// Keep the first `height` rows: what a detector's edge leaves.
    pub(crate) fn cut(&mut self, height: usize) {
        self.height = height;
        self.pixels.truncate(self.width * height);
    }
}

/// 2 sqrt(2 ln 2).
const FWHM_PER_SIGMA: f64 = 2.354_820_045_030_949_3;

/// Writes the units of one file.
#[derive(Debug, Default)]
pub(crate) struct Fits(pub Vec<u8>);

impl Fits {
    /// Append an image of 32-bit floats; the first unit of a file is the primary one, a later one
    /// an extension called `name`.
    pub(crate) fn image(&mut self, name: &str, image: &Image, cards: &[(&str, f64)]) {
        self.header(name, -32, image, cards);
        self.0
            .extend(image.pixels.iter().flat_map(|pixel| pixel.to_be_bytes()));
        self.pad(0);
    }

    /// The same with 64-bit floats.
    pub(crate) fn wide_image(&mut self, name: &str, image: &Image) {
        self.header(name, -64, image, &[]);
        self.0.extend(
            image
                .pixels
                .iter()
                .flat_map(|pixel| f64::from(*pixel).to_be_bytes()),
        );
        self.pad(0);
    }

    fn header(&mut self, name: &str, bitpix: i64, image: &Image, cards: &[(&str, f64)]) {
        if self.0.is_empty() {
            self.card("SIMPLE", "T");
        } else {
            self.text_card("XTENSION", "IMAGE   ");
        }
        self.card("BITPIX", &bitpix.to_string());
        self.card("NAXIS", "2");
        self.card("NAXIS1", &image.width.to_string());
        self.card("NAXIS2", &image.height.to_string());
        if !name.is_empty() {
            self.card("PCOUNT", "0");
            self.card("GCOUNT", "1");
            self.text_card("EXTNAME", name);
        }
        for (key, value) in cards {
            self.card(key, &fixed(*value));
        }
        self.push(b"END");
        self.pad(b' ');
    }

    fn card(&mut self, key: &str, value: &str) {
        self.push(format!("{key:<8}= {value:>20}").as_bytes());
    }

    fn text_card(&mut self, key: &str, value: &str) {
        self.push(format!("{key:<8}= '{value:<8}'").as_bytes());
    }

    fn push(&mut self, card: &[u8]) {
        self.0.extend_from_slice(card);
        self.0.resize(self.0.len() + CARD - card.len(), b' ');
    }

    fn pad(&mut self, with: u8) {
        self.0.resize(self.0.len().next_multiple_of(BLOCK), with);
    }
}

/// Twenty characters, so that one value can be written over another.
fn fixed(value: f64) -> String {
    format!("{value:>20.9}")
}

/// Write `value` over that of the first card called `key`.
pub(crate) fn set_card(file: &mut [u8], key: &str, value: f64) {
    let start = format!("{key:<8}= ");
    let card = file
        .chunks_exact_mut(CARD)
        .take(36)
        .find(|card| card.starts_with(start.as_bytes()));
    if let Some(card) = card {
        card[10..30].copy_from_slice(&fixed(value).as_bytes()[..20]);
    }
}

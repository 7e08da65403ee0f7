//! Opens cutouts: small FITS images, gzipped (ZTF) or plain (Rubin).
//!
//! What comes in: the bytes of a cutout field. What goes out: the image of the primary HDU as
//! 32-bit floats. Never: more memory than [`LARGEST_BYTES`], nor a look at later HDUs.

use std::io::Read;

use flate2::read::GzDecoder;

/// Greatest size of a cutout, decompressed \[bytes\]: 64 times ZTF's 20,160 and beyond any of Rubin's.
pub const LARGEST_BYTES: usize = 4 << 20;

const CARD_BYTES: usize = 80;
const BLOCK_BYTES: usize = 2880;
const PIXEL_BYTES: usize = 4;

/// The image of a cutout.
#[derive(Debug, Clone, PartialEq)]
pub struct Cutout {
    /// Pixels along the first axis (NAXIS1).
    pub width: usize,
    /// Pixels along the second axis (NAXIS2).
    pub height: usize,
    /// Row after row, `width` pixels each, in the survey's unit (ZTF: DN, Rubin: nJy). NaN where
    /// the survey says so.
    pub pixels: Vec<f32>,
}

/// Why a cutout cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CutoutError {
    /// Gzip's magic number, then something else.
    #[error("the cutout is not sound gzip: {0}")]
    Gzip(String),
    /// Beyond [`LARGEST_BYTES`].
    #[error("the cutout has more than {LARGEST_BYTES} bytes")]
    TooLarge,
    /// Another format (the JPEGs of ZTF 1.x).
    #[error("the cutout is not FITS")]
    NotFits,
    /// A header without its end, or without a card that an image has.
    #[error("the FITS header lacks {0}")]
    Header(&'static str),
    /// Not a 2-D image of unscaled 32-bit floats.
    #[error("the FITS image is not 2-D float32: {0}")]
    Unsupported(&'static str),
    /// Fewer bytes than the header promises.
    #[error("the FITS image is cut off")]
    CutOff,
}

impl Cutout {
    /// Opens a cutout (FITS standard, Pence et al. 2010, A&A 524, A42: 2880-byte blocks,
    /// 80-byte cards, big-endian pixels). Headers with cards out of their columns, as ZTF's first
    /// one, are read.
    ///
    /// # Errors
    ///
    /// See [`CutoutError`].
    ///
    /// ```
    /// # use skysieve_sdk::astronomy::cutout::{Cutout, CutoutError};
    /// assert_eq!(Cutout::open(b"\xff\xd8 a JPEG"), Err(CutoutError::NotFits));
    /// ```
    pub fn open(bytes: &[u8]) -> Result<Self, CutoutError> {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return Self::open_fits(&gunzip(bytes)?);
        }
        if bytes.len() > LARGEST_BYTES {
            return Err(CutoutError::TooLarge);
        }
        Self::open_fits(bytes)
    }

    /// The pixel in column `x` of row `y`, both from 0; none outside of the image.
    pub fn pixel(&self, x: usize, y: usize) -> Option<f32> {
        (x < self.width && y < self.height).then(|| self.pixels[y * self.width + x])
    }

    fn open_fits(bytes: &[u8]) -> Result<Self, CutoutError> {
        let header = Header::read(bytes)?;
        let count = header.width.checked_mul(header.height);
        let length = count
            .and_then(|count| count.checked_mul(PIXEL_BYTES))
            .ok_or(CutoutError::TooLarge)?;
        let end = header
            .data_start
            .checked_add(length)
            .ok_or(CutoutError::TooLarge)?;
        let data = bytes
            .get(header.data_start..end)
            .ok_or(CutoutError::CutOff)?;
        let (pixels, _) = data.as_chunks::<PIXEL_BYTES>();
        Ok(Self {
            width: header.width,
            height: header.height,
            pixels: pixels
                .iter()
                .map(|pixel| f32::from_be_bytes(*pixel))
                .collect(),
        })
    }
}

fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, CutoutError> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes)
        .take(LARGEST_BYTES as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|error| CutoutError::Gzip(error.to_string()))?;
    if plain.len() > LARGEST_BYTES {
        Err(CutoutError::TooLarge)
    } else {
        Ok(plain)
    }
}

struct Header {
    width: usize,
    height: usize,
    data_start: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, CutoutError> {
        if !bytes.starts_with(b"SIMPLE") {
            return Err(CutoutError::NotFits);
        }
        let (cards, _) = bytes.as_chunks::<CARD_BYTES>();
        let end = cards
            .iter()
            .position(|card| name(card) == b"END")
            .ok_or(CutoutError::Header("END"))?;
        let cards = &cards[..end];
        if required(cards, "BITPIX")? != -32.0 {
            return Err(CutoutError::Unsupported("BITPIX is not -32"));
        }
        if required(cards, "NAXIS")? != 2.0 {
            return Err(CutoutError::Unsupported("NAXIS is not 2"));
        }
        let scaled = |key, neutral| number(cards, key).is_some_and(|value| value != neutral);
        if scaled("BSCALE", 1.0) || scaled("BZERO", 0.0) {
            return Err(CutoutError::Unsupported("BSCALE or BZERO is set"));
        }
        Ok(Self {
            width: pixels(required(cards, "NAXIS1")?)?,
            height: pixels(required(cards, "NAXIS2")?)?,
            data_start: ((end + 1) * CARD_BYTES).next_multiple_of(BLOCK_BYTES),
        })
    }
}

fn name(card: &[u8; CARD_BYTES]) -> &[u8] {
    card[..8].trim_ascii()
}

fn required(cards: &[[u8; CARD_BYTES]], key: &'static str) -> Result<f64, CutoutError> {
    number(cards, key).ok_or(CutoutError::Header(key))
}

/// The value of a card, wherever in its columns it stands.
fn number(cards: &[[u8; CARD_BYTES]], key: &str) -> Option<f64> {
    let card = cards.iter().find(|card| name(card) == key.as_bytes())?;
    let text = str::from_utf8(card).ok()?.split_once('=')?.1;
    text.split('/').next()?.trim().parse().ok()
}

fn pixels(axis: f64) -> Result<usize, CutoutError> {
    if (0.0..=LARGEST_BYTES as f64).contains(&axis) && axis.trunc() == axis {
        Ok(axis as usize)
    } else {
        Err(CutoutError::Unsupported("an axis has no sensible length"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn fits(cards: &[&str], data: &[u8]) -> Vec<u8> {
        let mut bytes: Vec<u8> = cards
            .iter()
            .flat_map(|card| format!("{card:<80}").into_bytes())
            .collect();
        bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), b' ');
        bytes.extend_from_slice(data);
        bytes
    }

    fn small(pixels: [f32; 6]) -> Vec<u8> {
        let cards = [
            "SIMPLE  =  T / out of its columns",
            "BITPIX  =                  -32 / bits",
            "NAXIS   =                    2",
            "NAXIS1  =                    3",
            "NAXIS2  =                    2",
            "END",
        ];
        fits(&cards, &pixels.map(f32::to_be_bytes).concat())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_gzipped_give_the_same_image() {
        let bytes = small([1.0, 2.0, 3.0, 4.0, -5.0, 6.5]);
        let cutout = Cutout::open(&bytes).unwrap();
        assert_eq!((cutout.width, cutout.height), (3, 2));
        assert_eq!(cutout.pixel(1, 1), Some(-5.0));
        assert_eq!(cutout.pixel(3, 0), None);
        assert_eq!(Cutout::open(&gzip(&bytes)), Ok(cutout));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let sound = small([0.0; 6]);
        let bad = |from: &str, to: &str| {
            let text = String::from_utf8(sound.clone()).unwrap();
            Cutout::open(text.replace(from, to).as_bytes()).unwrap_err()
        };
        assert_eq!(bad("SIMPLE", "JPEG  "), CutoutError::NotFits);
        assert_eq!(bad("END", "XXX"), CutoutError::Header("END"));
        assert_eq!(bad("NAXIS1", "NAXISX"), CutoutError::Header("NAXIS1"));
        assert_eq!(
            bad("-32", " 16"),
            CutoutError::Unsupported("BITPIX is not -32")
        );
        assert_eq!(
            bad("  3", " -3"),
            CutoutError::Unsupported("an axis has no sensible length")
        );
        assert_eq!(
            Cutout::open(&sound[..sound.len() - 1]),
            Err(CutoutError::CutOff)
        );
        assert!(matches!(
            Cutout::open(&gzip(&sound)[..40]),
            Err(CutoutError::Gzip(_))
        ));
        assert_eq!(Cutout::open(b""), Err(CutoutError::NotFits));
    }

    #[test]
    fn sizes_are_bounded_before_and_after_gunzip() {
        let at_the_limit = vec![0; LARGEST_BYTES];
        let beyond = vec![0; LARGEST_BYTES + 1];
        assert_eq!(Cutout::open(&at_the_limit), Err(CutoutError::NotFits));
        assert_eq!(Cutout::open(&beyond), Err(CutoutError::TooLarge));
        assert_eq!(
            Cutout::open(&gzip(&at_the_limit)),
            Err(CutoutError::NotFits)
        );
        assert_eq!(Cutout::open(&gzip(&beyond)), Err(CutoutError::TooLarge));
        let [width, height] = ["NAXIS1  = 4000000", "NAXIS2  = 4000000"];
        let huge = [
            "SIMPLE  = T",
            "BITPIX  = -32",
            "NAXIS   = 2",
            width,
            height,
            "END",
        ];
        assert_eq!(Cutout::open(&fits(&huge, &[])), Err(CutoutError::CutOff));
    }
}

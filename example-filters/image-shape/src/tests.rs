//! Each cut obeyed and violated on made images; ZTF's own count of negative pixels on real ones.
#![allow(clippy::unwrap_used)]

use super::*;
use skysieve_sdk::testing::{self, Judgement};

const SIDE: usize = 63;

/// FITS bytes of a square image.
fn fits(side: usize, pixel: impl Fn(f64, f64) -> f64) -> Vec<u8> {
    let axes = [format!("NAXIS1  = {side}"), format!("NAXIS2  = {side}")];
    let cards = ["SIMPLE  = T", "BITPIX  = -32", "NAXIS   = 2", &axes[0], &axes[1], "END"];
    let mut bytes = cards.map(|card| format!("{card:<80}")).concat().into_bytes();
    bytes.resize(2880, b' ');
    let middle = (side / 2) as f64;
    for place in 0..side * side {
        let (x, y) = ((place % side) as f64 - middle, (place / side) as f64 - middle);
        bytes.extend_from_slice(&(pixel(x, y) as f32).to_be_bytes());
    }
    bytes
}

fn gaussian(x_sigma: f64, y_sigma: f64) -> Vec<u8> {
    let exponent = move |x: f64, y: f64| -0.5 * ((x / x_sigma).powi(2) + (y / y_sigma).powi(2));
    fits(SIDE, move |x, y| 1000.0 * skysieve_sdk::libm::exp(exponent(x, y)))
}

fn judge(cutout: Option<&[u8]>) -> Verdict<Shape> {
    keep(Ztf { mag: 17.0, fwhm_pixels: Some(3.0), cutout })
}

#[test]
fn a_round_source_passes_and_is_measured() {
    let sigma = 3.0 / FWHM_PER_SIGMA;
    let shape = judge(Some(&gaussian(sigma, sigma))).annotations().unwrap();
    assert!((shape.fwhm - 3.0).abs() < 0.01 && (shape.elongation - 1.0).abs() < 1e-6, "{shape:?}");
    assert_eq!((shape.negative_pixels, shape.sum_ratio), (0, 1.0));
}

#[test]
fn each_cut_rejects() {
    let reason = |cutout: Option<&[u8]>| judge(cutout).reason();
    let round = gaussian(1.3, 1.3);
    let faint = Ztf { mag: 18.0, fwhm_pixels: Some(3.0), cutout: Some(&round) };
    assert_eq!(keep(faint).reason(), Some("faint"));
    assert_eq!(reason(None), Some("no_cutout"));
    assert_eq!(reason(Some(&fits(48, |_, _| 1.0))), Some("edge"));
    assert_eq!(reason(Some(&fits(SIDE, |_, _| -1.0))), Some("empty"));
    assert_eq!(reason(Some(&fits(SIDE, |x, _| x))), Some("negative_pixels"));
    let hole = fits(SIDE, |x, y| if (x, y) == (1.0, 1.0) { -5.0 } else { 1.0 });
    assert_eq!(reason(Some(&hole)), Some("dipole"));
    assert_eq!(reason(Some(&gaussian(1.3, 1.7))), Some("elongated"));
    assert_eq!(reason(Some(&gaussian(0.7, 0.7))), Some("sharp"));
    assert_eq!(reason(Some(&fits(SIDE, |_, _| 1.0))), Some("extended"));
}

#[test]
fn a_jpeg_is_not_judged() {
    assert_eq!(judge(Some(b"\xff\xd8")), Verdict::Fail("the cutout is not FITS".to_owned()));
}

#[derive(Alert)]
struct Published<'a> {
    #[alert(path = "candidate.nneg")]
    negative_pixels: Option<i32>,
    #[alert(path = "cutoutDifference.stampData")]
    cutout: Option<&'a [u8]>,
}

/// `candidate.nneg` is ZTF's own count of negative pixels in the same 5 x 5 pixels.
#[filter(title = "Compares with ZTF's own count")]
fn agrees(alert: Published) -> Verdict {
    let measured = alert.cutout.and_then(|cutout| Cutout::open(cutout).ok());
    let Some(shape) =
        measured.filter(|cutout| cutout.width == SIDE && cutout.height == SIDE).as_ref().and_then(measure)
    else {
        reject!(name = "unmeasured", "nothing to compare")
    };
    reject_unless!(alert.negative_pixels == Some(shape.negative_pixels), name = "differs", "another count");
    pass!()
}

#[test]
fn real_cutouts_have_as_many_negative_pixels_as_published() {
    let judged = testing::run::<agrees>(&real_alerts::below("ztf"));
    let count = |verdict: Judgement| judged.iter().filter(|each| each.verdict == verdict).count();
    let (agreeing, differing) = (count(Judgement::Pass), count(Judgement::Reject("differs")));
    println!("{agreeing} counts agree, {differing} differ");
    assert_eq!(differing, 0, "{agreeing} counts agree");
}

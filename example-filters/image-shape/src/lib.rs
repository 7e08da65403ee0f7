//! Clean point sources, measured in the FITS cutout of ZTF's difference image.
//!
//! What comes in: the gzipped cutout and a few fields of a ZTF alert. What goes out: a verdict, and
//! for passing alerts what was measured. Never: a judgement of an image without its centre.

use skysieve_sdk::astronomy::cutout::Cutout;
use skysieve_sdk::prelude::*;

/// What the filter reads.
#[derive(Alert)]
pub struct Ztf<'a> {
    #[alert(path = "candidate.magpsf")]
    mag: f32,
    #[alert(path = "candidate.fwhm")]
    fwhm_pixels: Option<f32>,
    #[alert(path = "cutoutDifference.stampData")]
    cutout: Option<&'a [u8]>,
}

/// What was measured in the cutout.
#[derive(Annotations, Debug, PartialEq)]
pub struct Shape {
    /// Negative ones among the central 5 x 5 pixels.
    pub negative_pixels: i32,
    /// Sum of the central 5 x 5 pixels over the sum of their absolute values.
    pub sum_ratio: f32,
    /// Width (FWHM of a Gaussian with the same second moments) of the central 11 x 11 pixels.
    #[annotation(unit = "pixel")]
    pub fwhm: f64,
    /// Ratio of the long to the short axis, from the second moments.
    pub elongation: f64,
}

/// Judges one alert.
#[filter(title = "Clean point sources in the difference image")]
pub fn keep(alert: Ztf) -> Verdict<Shape> {
    reject_unless!(alert.mag < 18.0, name = "faint", "18 mag or fainter");
    let Some(bytes) = alert.cutout else { reject!(name = "no_cutout", "no cutout of the difference image") };
    let cutout = match Cutout::open(bytes) {
        Ok(cutout) => cutout,
        Err(error) => could_not_judge!("{error}"),
    };
    reject_unless!(cutout.width == 63 && cutout.height == 63, name = "edge", "cut by the detector's edge");
    let Some(shape) = measure(&cutout) else {
        reject!(name = "empty", "no flux in the centre of the cutout")
    };
    reject_unless!(shape.negative_pixels <= 1, name = "negative_pixels", "more than 1 of 25 pixels negative");
    reject_unless!(shape.sum_ratio > 0.95, name = "dipole", "flux ratio sum / sum of absolutes at most 0.95");
    reject_unless!(shape.elongation < 1.15, name = "elongated", "axis ratio 1.15 or more");
    let width = shape.fwhm / alert.fwhm_pixels.map_or(f64::NAN, f64::from);
    reject_unless!(width > 0.75, name = "sharp", "narrower than 0.75 of the seeing (cosmic ray)");
    reject_unless!(width < 1.5, name = "extended", "wider than 1.5 of the seeing");
    pass!(shape)
}

/// The shape of what stands in the centre; none without positive flux there.
pub fn measure(cutout: &Cutout) -> Option<Shape> {
    let core = window(cutout, 2);
    let (sum, absolute) =
        core.clone().fold((0.0, 0.0), |(sum, absolute), (_, _, pixel)| (sum + pixel, absolute + pixel.abs()));
    let negative_pixels = core.filter(|(_, _, pixel)| *pixel < 0.0).count() as i32;
    let light = window(cutout, 5).map(|(x, y, pixel)| (x, y, pixel.max(0.0)));
    let flux: f64 = light.clone().map(|(_, _, pixel)| pixel).sum();
    let mean =
        |f: fn(f64, f64) -> f64| light.clone().map(|(x, y, pixel)| f(x, y) * pixel).sum::<f64>() / flux;
    let (x, y) = (mean(|x, _| x), mean(|_, y| y));
    let (xx, yy) = (mean(|x, _| x * x) - x * x, mean(|_, y| y * y) - y * y);
    let xy = mean(|x, y| x * y) - x * y;
    let (half_sum, half_difference) = ((xx + yy) / 2.0, (xx - yy) / 2.0);
    let root = (half_difference * half_difference + xy * xy).sqrt();
    let (long, short) = (half_sum + root, half_sum - root);
    // Not above zero: no flux (NaN), or all of it in one row.
    (short > 0.0).then(|| Shape {
        negative_pixels,
        sum_ratio: (sum / absolute) as f32,
        fwhm: FWHM_PER_SIGMA * half_sum.sqrt(),
        elongation: (long / short).sqrt(),
    })
}

/// 2 sqrt(2 ln 2).
const FWHM_PER_SIGMA: f64 = 2.354_820_045_030_949_3;

/// The pixels at most `reach` from the central one, with their places from it; NaN is none.
fn window(cutout: &Cutout, reach: usize) -> impl Iterator<Item = (f64, f64, f64)> + Clone {
    let (x0, y0) = (cutout.width / 2, cutout.height / 2);
    let rows = y0.saturating_sub(reach)..=y0 + reach;
    let places = rows.flat_map(move |y| (x0.saturating_sub(reach)..=x0 + reach).map(move |x| (x, y)));
    let offset = |place: usize, centre: usize| place as f64 - centre as f64;
    places.filter_map(move |(x, y)| {
        let pixel = cutout.pixel(x, y).filter(|pixel| pixel.is_finite())?;
        Some((offset(x, x0), offset(y, y0), f64::from(pixel)))
    })
}

#[cfg(test)]
mod tests;

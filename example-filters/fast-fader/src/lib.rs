//! Transients that fade fast, from their ZTF light curves.
//!
//! What comes in: a ZTF alert with its 30 days of history. What goes out: a verdict, and for
//! passing alerts the fade rate. Never: a comparison of magnitudes of two bands.

use skysieve_sdk::astronomy::fit::{Line, Point, weighted_line};
use skysieve_sdk::prelude::*;

/// What the filter reads.
#[derive(Alert)]
pub struct Ztf<'a> {
    #[alert(path = "candidate.jd")]
    jd: f64,
    #[alert(path = "candidate.fid")]
    band: i32,
    #[alert(path = "candidate.magpsf")]
    mag: f32,
    #[alert(path = "candidate.sigmapsf")]
    mag_error: f32,
    #[alert(path = "candidate.isdiffpos")]
    sign: &'a str,
    #[alert(path = "candidate.rb")]
    real_bogus: Option<f32>,
    #[alert(path = "candidate.ssdistnr")]
    solar_system_arcsec: Option<f32>,
    #[alert(path = "candidate.sgscore1")]
    star_score: Option<f32>,
    #[alert(path = "candidate.distpsnr1")]
    star_arcsec: Option<f32>,
    #[alert(path = "prv_candidates[].jd")]
    jds: Series<'a, f64>,
    #[alert(path = "prv_candidates[].fid")]
    bands: Series<'a, i32>,
    #[alert(path = "prv_candidates[].magpsf")]
    mags: Series<'a, Option<f32>>,
    #[alert(path = "prv_candidates[].sigmapsf")]
    mag_errors: Series<'a, Option<f32>>,
    #[alert(path = "prv_candidates[].isdiffpos")]
    signs: Series<'a, Option<&'a str>>,
}

/// What the owner may change.
#[derive(Parameters)]
pub struct Limits {
    /// Slowest fading that counts as fast.
    #[parameter(unit = "mag/d", default = 0.1, minimum = 0.0, maximum = 10.0)]
    slowest_mag_per_d: f64,
}

/// What passing alerts carry.
#[derive(Annotations)]
pub struct Fade {
    /// Fading in the alert's band since its brightest detection of the last 30 days.
    #[annotation(unit = "mag/d")]
    fade_rate: f64,
    /// Its 1-sigma error.
    #[annotation(unit = "mag/d")]
    fade_rate_error: f64,
    /// Time since that brightest detection.
    #[annotation(unit = "d")]
    since_peak: f64,
}

/// Judges one alert.
#[filter(title = "Fast-fading transients")]
pub fn keep(alert: Ztf, limits: &Limits) -> Verdict<Fade> {
    reject_unless!(positive(alert.sign), name = "negative", "fainter than the reference");
    reject_unless!(alert.real_bogus.unwrap_or(0.0) > 0.3, name = "bogus", "rb score at most 0.3");
    let moving = alert.solar_system_arcsec.is_some_and(|distance| (0.0..=12.0).contains(&distance));
    reject_if!(moving, name = "solar_system", "within 12 arcsec of a known solar-system object");
    let near_star = alert.star_arcsec.is_some_and(|distance| (0.0..=2.0).contains(&distance));
    let star = near_star && alert.star_score.is_some_and(|score| score > 0.76);
    reject_if!(star, name = "star", "within 2 arcsec of a PS1 source with star score above 0.76");
    let now = Point { x: alert.jd, y: alert.mag.into(), error: alert.mag_error.into() };
    let peak = history(&alert).fold(now, |peak, point| if point.y < peak.y { point } else { peak });
    let since_peak = now.x - peak.x;
    reject_unless!(since_peak > 0.5, name = "no_fade", "brightest within the last 0.5 d");
    let fading = history(&alert).filter(|point| point.x >= peak.x).chain([now]);
    let Some(Line { slope, slope_error, .. }) = weighted_line(fading) else {
        reject!(name = "short", "too few detections in this band")
    };
    reject_unless!(slope > limits.slowest_mag_per_d, name = "slow", "fading slower than the limit");
    reject_unless!(slope > 2.0 * slope_error, name = "uncertain", "not fading at 2 sigma");
    pass!(Fade { fade_rate: slope, fade_rate_error: slope_error, since_peak })
}

/// ZTF writes `t` or `1` where the source is brighter than the reference.
fn positive(sign: &str) -> bool {
    matches!(sign, "t" | "1")
}

/// The detections before this one in its band, brighter than the reference [JD, mag].
fn history(alert: &Ztf) -> impl Iterator<Item = Point> + Clone {
    let band = alert.band;
    let measured = alert.mags.iter().zip(alert.mag_errors).zip(alert.signs);
    let entries = alert.jds.iter().zip(alert.bands).zip(measured);
    entries.filter(move |((_, entry), _)| *entry == band).filter_map(|((jd, _), ((mag, error), sign))| {
        let point = Point { x: jd, y: f64::from(mag?), error: f64::from(error?) };
        positive(sign?).then_some(point)
    })
}

#[cfg(test)]
mod tests;

//! Bright, rising supernova candidates in ZTF.
//!
//! What comes in: a ZTF alert with its 30 days of history. What goes out: a verdict, and for
//! passing alerts the rise rate. Never: a judgement of bands other than the alert's own.

use skysieve_sdk::astronomy::fit::{Line, Point, weighted_line};
use skysieve_sdk::astronomy::sky::galactic;
use skysieve_sdk::prelude::*;

/// What the filter reads.
#[derive(Alert)]
pub struct Ztf<'a> {
    #[alert(path = "candidate.jd")]
    jd: f64,
    #[alert(path = "candidate.fid")]
    band: i32,
    #[alert(path = "candidate.ra")]
    ra_deg: f64,
    #[alert(path = "candidate.dec")]
    dec_deg: f64,
    #[alert(path = "candidate.magpsf")]
    mag: f32,
    #[alert(path = "candidate.sigmapsf")]
    mag_error: f32,
    #[alert(path = "candidate.isdiffpos")]
    sign: &'a str,
    #[alert(path = "candidate.drb")]
    deep_real_bogus: Option<f32>,
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
}

/// What the owner may change.
#[derive(Parameters)]
pub struct Limits {
    /// Magnitude at which an alert becomes too faint.
    #[parameter(unit = "mag", default = 19.0, minimum = 10.0, maximum = 22.0)]
    faintest_mag: f64,
    /// Least real-bogus score (drb, or rb where there is none).
    #[parameter(default = 0.65, minimum = 0.0, maximum = 1.0)]
    real_bogus: f64,
}

/// What passing alerts carry.
#[derive(Annotations)]
pub struct Rise {
    /// Brightening in the alert's band, over 30 days at most.
    #[annotation(unit = "mag/d")]
    rise_rate: f64,
    /// Its 1-sigma error.
    #[annotation(unit = "mag/d")]
    rise_rate_error: f64,
}

/// Judges one alert.
#[filter(title = "Bright, rising supernova candidates")]
pub fn keep(alert: Ztf, limits: &Limits) -> Verdict<Rise> {
    reject_unless!(matches!(alert.sign, "t" | "1"), name = "negative", "fainter than the reference");
    let score = alert.deep_real_bogus.or(alert.real_bogus).map_or(0.0, f64::from);
    reject_unless!(score > limits.real_bogus, name = "bogus", "real-bogus score not above its limit");
    reject_unless!(f64::from(alert.mag) < limits.faintest_mag, name = "faint", "not brighter than the limit");
    let latitude = galactic(alert.ra_deg, alert.dec_deg).latitude_deg;
    reject_unless!(latitude.abs() > 7.0, name = "galactic_plane", "within 7 deg of the galactic plane");
    reject_if!(
        within(alert.solar_system_arcsec, 12.0),
        name = "solar_system",
        "within 12 arcsec of a known solar-system object"
    );
    let star = alert.star_score.is_some_and(|score| score > 0.76) && within(alert.star_arcsec, 2.0);
    reject_if!(star, name = "star", "within 2 arcsec of a PS1 source with star score above 0.76");
    let seen_before = history(&alert).any(|point| alert.jd - point.x > 0.02);
    reject_unless!(seen_before, name = "first", "not seen in this band over 0.02 d before (may move)");
    let Some(Line { slope, slope_error, .. }) = light_curve(&alert).filter(|line| line.points > 2) else {
        reject!(name = "short", "fewer than 3 detections in this band")
    };
    reject_unless!(slope < -3.0 * slope_error, name = "not_rising", "not brightening at 3 sigma");
    pass!(Rise { rise_rate: -slope, rise_rate_error: slope_error })
}

/// True for a distance up to `limit`; ZTF's "there is none" is -999.
fn within(distance: Option<f32>, limit: f32) -> bool {
    distance.is_some_and(|distance| (0.0..=limit).contains(&distance))
}

/// The detections before this one in its band [JD, mag]; upper limits have no magnitude.
fn history(alert: &Ztf) -> impl Iterator<Item = Point> + Clone {
    let band = alert.band;
    let measured = alert.mags.iter().zip(alert.mag_errors);
    let entries = alert.jds.iter().zip(alert.bands).zip(measured);
    entries.filter(move |((_, entry), _)| *entry == band).filter_map(|((jd, _), (mag, error))| {
        Some(Point { x: jd, y: f64::from(mag?), error: f64::from(error?) })
    })
}

fn light_curve(alert: &Ztf) -> Option<Line> {
    let now = Point { x: alert.jd, y: alert.mag.into(), error: alert.mag_error.into() };
    weighted_line(history(alert).chain([now]))
}

#[cfg(test)]
mod tests;

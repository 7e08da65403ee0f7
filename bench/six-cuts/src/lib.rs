//! Six cuts on nine ZTF fields, numbers, nulls and text among them: the benchmark's filter.
//!
//! In: a ZTF alert. Out: a verdict. Never: anything that a real filter would find worth keeping
//! beyond "real, bright, positive, no star, no asteroid, seen before".

use skysieve_sdk::prelude::*;

/// What it reads.
#[derive(Alert)]
pub struct Ztf<'a> {
    /// PSF magnitude [mag].
    #[alert(path = "candidate.magpsf")]
    mag: f32,
    /// Its error [mag].
    #[alert(path = "candidate.sigmapsf")]
    mag_error: f32,
    /// Real-bogus score of the network, 0 to 1.
    #[alert(path = "candidate.drb")]
    drb: Option<f32>,
    /// Real-bogus score of the forest, 0 to 1, where the network's is missing.
    #[alert(path = "candidate.rb")]
    rb: Option<f32>,
    /// `t` or `1` where brighter than the reference.
    #[alert(path = "candidate.isdiffpos")]
    is_positive: &'a str,
    /// Distance of the nearest source of the PS1 catalogue [arcsec].
    #[alert(path = "candidate.distpsnr1")]
    star_distance: Option<f32>,
    /// Its star score, 0 to 1.
    #[alert(path = "candidate.sgscore1")]
    star_score: Option<f32>,
    /// Distance of the nearest known asteroid [arcsec]; -999 where there is none.
    #[alert(path = "candidate.ssdistnr")]
    asteroid_distance: Option<f32>,
    /// Detections at this place so far.
    #[alert(path = "candidate.ndethist")]
    detections: i32,
}

/// What the owner may change.
#[derive(Parameters)]
pub struct Limits {
    /// Magnitude at which an alert becomes too faint.
    #[parameter(unit = "mag", default = 19.0, minimum = 0.0, maximum = 30.0)]
    faintest: f64,
}

/// Judges one alert.
#[filter(title = "Six cuts")]
pub fn keep(alert: Ztf, limits: &Limits) -> Verdict {
    let score = alert.drb.or(alert.rb).unwrap_or(0.0);
    reject_unless!(score > 0.5, name = "bogus", "real-bogus score at most 0.5");
    reject_unless!(
        f64::from(alert.mag) < limits.faintest,
        name = "faint",
        "not brighter than the limit"
    );
    reject_unless!(
        alert.mag_error < 0.2,
        name = "noisy",
        "error of 0.2 mag or more"
    );
    let positive = matches!(alert.is_positive, "t" | "1");
    reject_unless!(positive, name = "negative", "fainter than the reference");
    let near = alert
        .star_distance
        .is_some_and(|arcsec| (0.0..1.5).contains(&arcsec));
    let star = near && alert.star_score.is_some_and(|score| score > 0.76);
    let asteroid = alert
        .asteroid_distance
        .is_some_and(|arcsec| (0.0..12.0).contains(&arcsec));
    reject_if!(
        star || asteroid,
        name = "known",
        "within 1.5\" of a star or 12\" of an asteroid"
    );
    reject_unless!(alert.detections > 1, name = "new", "not detected before");
    pass!()
}

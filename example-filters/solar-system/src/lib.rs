//! Detections of known asteroids and comets in ZTF.
//!
//! What comes in: a ZTF alert and the nearest solar-system object that ZTF found for it. What goes
//! out: a verdict, and for passing alerts the object's name. Never: trust in a sentinel; ZTF says
//! "there is none" with -999 and with the text `null`.

use skysieve_sdk::prelude::*;

/// What the filter reads.
#[derive(Alert)]
pub struct Ztf<'a> {
    #[alert(path = "candidate.magpsf")]
    mag: f32,
    #[alert(path = "candidate.isdiffpos")]
    sign: &'a str,
    #[alert(path = "candidate.rb")]
    real_bogus: Option<f32>,
    #[alert(path = "candidate.ssdistnr")]
    distance_arcsec: Option<f32>,
    #[alert(path = "candidate.ssmagnr")]
    predicted_mag: Option<f32>,
    #[alert(path = "candidate.ssnamenr")]
    name: Option<&'a str>,
    #[alert(path = "candidate.ndethist")]
    detections: i32,
}

/// What the owner may change.
#[derive(Parameters)]
pub struct Limits {
    /// Greatest distance from the predicted place.
    #[parameter(unit = "arcsec", default = 5.0, minimum = 0.0, maximum = 30.0)]
    farthest_arcsec: f64,
    /// Greatest difference from the predicted brightness (cometary activity, phase, filter).
    #[parameter(unit = "mag", default = 2.0, minimum = 0.0)]
    greatest_offset_mag: f64,
}

/// What passing alerts carry.
#[derive(Annotations)]
pub struct Match<'a> {
    /// The object's name or number in the Minor Planet Center's catalogue.
    object: &'a str,
    /// Distance from the predicted place.
    #[annotation(unit = "arcsec")]
    distance: f32,
    /// Observed less predicted magnitude, where there is a prediction.
    #[annotation(unit = "mag")]
    mag_offset: Option<f32>,
}

/// Judges one alert.
#[filter(title = "Known asteroids and comets")]
pub fn keep<'a>(alert: Ztf<'a>, limits: &Limits) -> Verdict<Match<'a>> {
    reject_unless!(matches!(alert.sign, "t" | "1"), name = "negative", "fainter than the reference");
    reject_unless!(alert.real_bogus.unwrap_or(0.0) > 0.3, name = "bogus", "rb score at most 0.3");
    let Some(distance) = alert.distance_arcsec.filter(|distance| *distance >= 0.0) else {
        reject!(name = "no_object", "no known solar-system object near")
    };
    let Some(object) = alert.name.filter(|name| !name.is_empty() && *name != "null") else {
        reject!(name = "no_name", "the near solar-system object has no name")
    };
    reject_unless!(
        f64::from(distance) <= limits.farthest_arcsec,
        name = "far",
        "too far from the prediction"
    );
    let predicted = alert.predicted_mag.filter(|mag| *mag > 0.0);
    let mag_offset = predicted.map(|predicted| alert.mag - predicted);
    reject_if!(
        mag_offset.is_some_and(|offset| f64::from(offset.abs()) > limits.greatest_offset_mag),
        name = "brightness",
        "too bright or too faint for the predicted object"
    );
    reject_unless!(alert.detections <= 5, name = "stays", "more than 5 detections at this place");
    pass!(Match { object, distance, mag_offset })
}

#[cfg(test)]
mod tests;

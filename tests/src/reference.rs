//! An independent reference: two example filters' cuts, computed on whole records by apache-avro.
//!
//! In: a ZTF packet. Out: the verdict that a filter has to come to. Never: code of the host, the
//! decoder or the SDK; formulas are written anew from their definitions.

mod record;

use anyhow::Result;

use record::Record;

/// What a filter has to say of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It passes.
    Pass,
    /// It is rejected for the reason of this name.
    Reject(&'static str),
    /// It lacks a required field, the filter never sees it.
    Lacking,
}

/// A filter's reference.
pub type Reference = fn(&[u8]) -> Result<Verdict>;

/// `example-filters/solar-system` with its default parameters.
///
/// # Errors
/// When apache-avro cannot read the packet.
pub fn solar_system(packet: &[u8]) -> Result<Verdict> {
    let alert = Record::open(packet)?;
    let (Some(mag), Some(sign), Some(detections)) = (
        alert.number("candidate.magpsf"),
        alert.text("candidate.isdiffpos"),
        alert.number("candidate.ndethist"),
    ) else {
        return Ok(Verdict::Lacking);
    };
    let distance = alert
        .number("candidate.ssdistnr")
        .filter(|arcsec| *arcsec >= 0.0);
    let name = alert
        .text("candidate.ssnamenr")
        .filter(|name| !matches!(&**name, "" | "null"));
    let predicted = alert.number("candidate.ssmagnr").filter(|mag| *mag > 0.0);
    // The filter subtracts in the survey's own width.
    #[allow(clippy::cast_possible_truncation)]
    let offset = predicted.map(|predicted| f64::from(mag as f32 - predicted as f32));
    let cuts = [
        ("negative", sign == "t" || sign == "1"),
        (
            "bogus",
            alert.number("candidate.rb").unwrap_or(0.0) > f64::from(0.3_f32),
        ),
        ("no_object", distance.is_some()),
        ("no_name", name.is_some()),
        ("far", distance.is_some_and(|arcsec| arcsec <= 5.0)),
        (
            "brightness",
            offset.is_none_or(|offset| offset.abs() <= 2.0),
        ),
        ("stays", detections <= 5.0),
    ];
    Ok(first_failed(&cuts))
}

/// `example-filters/bright-supernova` with its default parameters.
///
/// # Errors
/// When apache-avro cannot read the packet.
pub fn bright_supernova(packet: &[u8]) -> Result<Verdict> {
    let alert = Record::open(packet)?;
    let numbers = ["jd", "fid", "ra", "dec", "magpsf", "sigmapsf"];
    let numbers = numbers.map(|name| alert.number(&format!("candidate.{name}")));
    let [
        Some(jd),
        Some(band),
        Some(ra),
        Some(dec),
        Some(mag),
        Some(error),
    ] = numbers
    else {
        return Ok(Verdict::Lacking);
    };
    let Some(sign) = alert.text("candidate.isdiffpos") else {
        return Ok(Verdict::Lacking);
    };
    let number = |name: &str| alert.number(&format!("candidate.{name}"));
    let within =
        |distance: Option<f64>, arcsec: f64| distance.is_some_and(|d| d >= 0.0 && d <= arcsec);
    let score = number("drb").or_else(|| number("rb")).unwrap_or(0.0);
    let star = number("sgscore1").is_some_and(|score| score > f64::from(0.76_f32));
    let history = alert.history(band);
    let mut curve = history.clone();
    curve.push((jd, mag, error));
    let rise = slope(&curve);
    let cuts = [
        ("negative", sign == "t" || sign == "1"),
        ("bogus", score > 0.65),
        ("faint", mag < 19.0),
        ("galactic_plane", galactic_latitude_deg(ra, dec).abs() > 7.0),
        ("solar_system", !within(number("ssdistnr"), 12.0)),
        ("star", !(star && within(number("distpsnr1"), 2.0))),
        (
            "first",
            history.iter().any(|(epoch, _, _)| jd - epoch > 0.02),
        ),
        ("short", rise.is_some_and(|(_, _, points)| points > 2)),
        (
            "not_rising",
            rise.is_some_and(|(slope, error, _)| slope < -3.0 * error),
        ),
    ];
    Ok(first_failed(&cuts))
}

/// The first cut that does not hold.
fn first_failed(cuts: &[(&'static str, bool)]) -> Verdict {
    let failed = cuts.iter().find(|(_, holds)| !holds);
    failed.map_or(Verdict::Pass, |(reason, _)| Verdict::Reject(reason))
}

/// Latitude above the galactic plane by the north galactic pole of J2000, alpha 192.85948 deg, delta
/// 27.12825 deg (Hipparcos catalogue, ESA SP-1200, volume 1, section 1.5.3).
fn galactic_latitude_deg(ra_deg: f64, dec_deg: f64) -> f64 {
    let (pole, dec) = (27.128_25_f64.to_radians(), dec_deg.to_radians());
    let from_pole = (ra_deg - 192.859_48).to_radians();
    let sine = pole.sin() * dec.sin() + pole.cos() * dec.cos() * from_pole.cos();
    sine.clamp(-1.0, 1.0).asin().to_degrees()
}

/// Slope of the line of least chi-squared through (x, y, error), its error, the number of points:
/// by the normal equations about the first x.
fn slope(points: &[(f64, f64, f64)]) -> Option<(f64, f64, usize)> {
    let sound = |(x, y, error): &&(f64, f64, f64)| {
        x.is_finite() && y.is_finite() && error.is_finite() && *error > 0.0
    };
    let points: Vec<_> = points.iter().filter(sound).collect();
    let origin = points.first()?.0;
    let (mut s, mut sx, mut sy, mut sxx, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y, error) in &points {
        let (x, weight) = (x - origin, 1.0 / (error * error));
        s += weight;
        sx += weight * x;
        sy += weight * y;
        sxx += weight * x * x;
        sxy += weight * x * y;
    }
    let determinant = s * sxx - sx * sx;
    let distinct = points.iter().any(|(x, _, _)| (x - origin).abs() > 0.0);
    distinct.then(|| {
        (
            (s * sxy - sx * sy) / determinant,
            (s / determinant).sqrt(),
            points.len(),
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_pole_and_the_centre_lie_where_they_should() {
        assert!((galactic_latitude_deg(192.859_48, 27.128_25) - 90.0).abs() < 1e-4);
        assert!(galactic_latitude_deg(266.405, -28.936).abs() < 0.01);
    }

    #[test]
    fn a_straight_line_is_found() {
        let (value, error, points) =
            slope(&[(0.0, 19.0, 0.1), (2.0, 18.6, 0.1), (4.0, 18.2, 0.1)]).unwrap();
        assert!((value + 0.2).abs() < 1e-12 && points == 3);
        assert!((error - 0.1 / 8.0_f64.sqrt()).abs() < 1e-12);
        assert!(slope(&[(1.0, 19.0, 0.1), (1.0, 18.0, 0.1)]).is_none());
    }

    #[test]
    fn the_first_cut_that_fails_is_the_reason() {
        assert_eq!(
            first_failed(&[("a", true), ("b", false), ("c", false)]),
            Verdict::Reject("b")
        );
        assert_eq!(first_failed(&[("a", true)]), Verdict::Pass);
    }
}

//! Which night an alert belongs to: from local noon to local noon at the observatory.
//!
//! In: the alert's own observation time, the stream's settings. Out: the local date of the evening.
//! Never: the host's clock.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::stream::{ObservationTime, TimeFormat, TimeScale};

/// The night of an alert without an observation time.
pub const UNKNOWN_NIGHT: &str = "unknown";

/// JD of MJD 0 [d] (IAU 1997 resolution B1).
const MJD_EPOCH_JD: f64 = 2_400_000.5;
/// TAI − UTC since 2017 [s] (IERS Bulletin C 52). Up to 10 s less before: no matter at noon.
const TAI_MINUS_UTC_S: f64 = 37.0;
/// Julian day number of 2000-01-01, the day that began at its noon.
const JDN_2000: i64 = 2_451_545;
/// The civil dates that [`night_of`] can name end here, far from any observation.
const GREATEST_JDN: i64 = 5_373_484;

/// Whether a night may be called so: `YYYY-MM-DD`, or [`UNKNOWN_NIGHT`].
#[must_use]
pub fn is_name(text: &str) -> bool {
    text == UNKNOWN_NIGHT || (text.len() == 10 && text.parse::<Date>().is_ok())
}

/// Names nights; remembers the last one, for a batch holds few.
#[derive(Debug)]
pub struct Nights {
    observed: Option<ObservationTime>,
    unknown: Arc<str>,
    last: (i64, Arc<str>),
}

impl Nights {
    /// For a stream; without an observation time every night is [`UNKNOWN_NIGHT`].
    #[must_use]
    pub fn new(observed: Option<ObservationTime>) -> Self {
        let unknown: Arc<str> = UNKNOWN_NIGHT.into();
        Self {
            observed,
            last: (i64::MIN, unknown.clone()),
            unknown,
        }
    }

    /// The night of an alert observed at `time`, in the stream's format and scale.
    pub fn name(&mut self, time: Option<f64>) -> Arc<str> {
        let day = self
            .observed
            .as_ref()
            .zip(time)
            .and_then(|(o, time)| julian_day(time, o));
        let Some(day) = day else {
            return self.unknown.clone();
        };
        if self.last.0 != day {
            self.last = (day, evening(day).to_string().into());
        }
        self.last.1.clone()
    }
}

/// Julian day number, counted from local mean noon.
#[allow(clippy::cast_possible_truncation)] // bounded just above
fn julian_day(time: f64, observed: &ObservationTime) -> Option<i64> {
    let mut jd_utc = match observed.format {
        TimeFormat::Jd => time,
        TimeFormat::Mjd => time + MJD_EPOCH_JD,
    };
    if observed.scale == TimeScale::Tai {
        jd_utc -= TAI_MINUS_UTC_S / 86_400.0;
    }
    let local = (jd_utc + observed.longitude_deg / 360.0).floor();
    (local > 0.0 && local < GREATEST_JDN as f64).then_some(local as i64)
}

fn evening(julian_day: i64) -> Date {
    date(2000, 1, 1).saturating_add((julian_day - JDN_2000).days())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(time: f64, format: TimeFormat, scale: TimeScale, longitude_deg: f64, night: &str) {
        let observed = ObservationTime {
            path: vec![],
            format,
            scale,
            longitude_deg,
        };
        assert_eq!(&*Nights::new(Some(observed)).name(Some(time)), night);
    }

    #[test]
    fn a_night_runs_from_local_noon_to_local_noon() {
        // JD 2458420.5 is 2018-10-29 00:00 UTC, in California the evening of the 28th.
        check(
            2_458_420.5,
            TimeFormat::Jd,
            TimeScale::Utc,
            -116.865,
            "2018-10-28",
        );
        check(
            2_458_421.3,
            TimeFormat::Jd,
            TimeScale::Utc,
            -116.865,
            "2018-10-28",
        );
        check(
            2_458_421.33,
            TimeFormat::Jd,
            TimeScale::Utc,
            -116.865,
            "2018-10-29",
        );
        // Greenwich: noon is the border, 37 s later on the TAI clock.
        check(58_420.5, TimeFormat::Mjd, TimeScale::Utc, 0.0, "2018-10-29");
        check(58_420.5, TimeFormat::Mjd, TimeScale::Tai, 0.0, "2018-10-28");
    }

    #[test]
    fn a_time_that_is_none_gives_no_night() {
        for time in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -999.0, 1e300] {
            check(time, TimeFormat::Jd, TimeScale::Utc, 0.0, UNKNOWN_NIGHT);
        }
        assert_eq!(&*Nights::new(None).name(Some(2_458_420.5)), UNKNOWN_NIGHT);
    }
}

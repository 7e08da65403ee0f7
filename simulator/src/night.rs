//! An observing night and when in it the exposures are.
//!
//! In: the local date of its evening, `YYYY-MM-DD`. Out: instants as MJD [d, UTC]. Never: the
//! clock of this machine.

use jiff::civil::Date;

/// JD of MJD 0 [d].
pub(crate) const JD_OF_MJD_0: f64 = 2_400_000.5;

/// TAI - UTC [d]: 37 s since 2017.
pub(crate) const TAI_MINUS_UTC_D: f64 = 37.0 / 86_400.0;

/// MJD of 1970-01-01.
const UNIX_EPOCH_MJD: i64 = 40_587;

/// A night, by the local date of its evening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Night(Date);

impl Night {
    /// Parse `YYYY-MM-DD`.
    ///
    /// # Errors
    /// When that is no date of the years 2017 to 2060, with what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let date: Date = text
            .parse()
            .map_err(|_| format!("{text:?} is no date: write the evening's as 2026-04-01"))?;
        if (2017..=2060).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(format!(
                "{text:?}: nights from 2017 to 2060 can be simulated"
            ))
        }
    }

    /// Its year.
    pub(crate) fn year(self) -> i16 {
        self.0.year()
    }

    /// MJD of the date's beginning, UTC [d].
    pub(crate) fn mjd(self) -> i64 {
        let days = (self.0 - Date::constant(1970, 1, 1)).get_days();
        UNIX_EPOCH_MJD + i64::from(days)
    }
}

impl std::fmt::Display for Night {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// The exposures of a night and how its alerts fall on them, in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposures {
    /// First one's start, MJD UTC [d].
    pub first_mjd: f64,
    /// From one to the next [d].
    pub step_d: f64,
    pub count: u64,
    pub alerts: u64,
}

impl Exposures {
    /// At most `most` of them, in `hours` from `first_mjd` on.
    pub(crate) fn new(first_mjd: f64, hours: f64, most: u64, alerts: u64) -> Self {
        let count = most.min(alerts.div_ceil(4)).max(1);
        Self {
            first_mjd,
            step_d: hours / 24.0 / count as f64,
            count,
            alerts,
        }
    }

    /// Exposure of an alert, and the alert's number within it.
    pub(crate) fn of(&self, alert: u64) -> (u64, u64) {
        let per_exposure = self.alerts.div_ceil(self.count).max(1);
        (alert / per_exposure, alert % per_exposure)
    }

    pub(crate) fn mjd(&self, exposure: u64) -> f64 {
        self.first_mjd + self.step_d * exposure as f64
    }
}

/// Milliseconds since the Unix epoch of an MJD [d, UTC].
pub(crate) fn unix_ms(mjd: f64) -> i64 {
    libm::round((mjd - UNIX_EPOCH_MJD as f64) * 86_400_000.0) as i64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nights_are_parsed_and_dated() {
        assert_eq!(
            Night::parse("1970-01-01").unwrap_err().split(':').count(),
            2
        );
        assert_eq!(Night::parse("2018-10-29").unwrap().mjd(), 58_420);
        assert_eq!(
            Night::parse("2026-04-07").unwrap().to_string(),
            "2026-04-07"
        );
        assert!(Night::parse("tonight").is_err());
        assert_eq!(unix_ms(58_420.5), 1_540_814_400_000);
    }

    #[test]
    fn every_alert_has_its_place_in_an_exposure() {
        for alerts in [1, 7, 1000, 100_003] {
            let exposures = Exposures::new(58_420.1, 10.0, 750, alerts);
            let mut places: Vec<_> = (0..alerts).map(|alert| exposures.of(alert)).collect();
            assert!(places.is_sorted());
            places.dedup();
            assert_eq!(places.len() as u64, alerts);
            assert!(
                places
                    .iter()
                    .all(|(exposure, _)| *exposure < exposures.count)
            );
        }
    }
}

//! Julian dates.
//!
//! What comes in: days. What goes out: days in another count, of the same time scale (ZTF sends
//! UTC, Rubin TAI). Never: a change of scale.

/// JD of the MJD's zero \[d\] (IAU 1997 resolution B1).
pub const MJD_ZERO_JD: f64 = 2_400_000.5;

/// Modified Julian date \[d\] of a Julian date \[d\].
///
/// ```
/// # use skysieve_sdk::astronomy::time::mjd_from_jd;
/// assert_eq!(mjd_from_jd(2_451_545.0), 51_544.5); // J2000
/// ```
pub fn mjd_from_jd(jd: f64) -> f64 {
    jd - MJD_ZERO_JD
}

/// Julian date \[d\] of a modified Julian date \[d\].
///
/// ```
/// # use skysieve_sdk::astronomy::time::jd_from_mjd;
/// assert_eq!(jd_from_mjd(51_544.5), 2_451_545.0);
/// ```
pub fn jd_from_mjd(mjd: f64) -> f64 {
    mjd + MJD_ZERO_JD
}

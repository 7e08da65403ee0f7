//! Places on the sky.
//!
//! What comes in: J2000 (ICRS) right ascension and declination \[deg\]. What goes out: separations
//! and galactic places \[deg\]. Never: precession or proper motion.

use libm::{asin, atan2, cos, sin};

/// A galactic place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Galactic {
    /// Longitude, 0 to 360 \[deg\].
    pub longitude_deg: f64,
    /// Latitude, -90 to 90 \[deg\].
    pub latitude_deg: f64,
}

/// The galactic axes in equatorial coordinates, one a row: the transpose of `A_G` in The Hipparcos
/// and Tycho Catalogues, ESA SP-1200 (1997), vol. 1, equation 1.5.11.
const EQUATORIAL_TO_GALACTIC: [[f64; 3]; 3] = [
    [
        -0.054_875_560_416_2,
        -0.873_437_090_234_9,
        -0.483_835_015_548_7,
    ],
    [
        0.494_109_427_875_6,
        -0.444_829_629_960_0,
        0.746_982_244_497_1,
    ],
    [
        -0.867_666_149_019_0,
        -0.198_076_373_431_2,
        0.455_983_776_175_1,
    ],
];

/// Angle \[deg\] between two places: the formula of T. Vincenty (1975, Survey Review 23, 88) on the
/// sphere, exact for small and for nearly opposite angles alike.
///
/// ```
/// # use skysieve_sdk::astronomy::sky::separation_deg;
/// assert!((separation_deg(10.0, 0.0, 11.0, 0.0) - 1.0).abs() < 1e-12);
/// ```
pub fn separation_deg(ra1_deg: f64, dec1_deg: f64, ra2_deg: f64, dec2_deg: f64) -> f64 {
    let (sin1, cos1) = sin_cos(dec1_deg);
    let (sin2, cos2) = sin_cos(dec2_deg);
    let (sin_ra, cos_ra) = sin_cos(ra2_deg - ra1_deg);
    let across = cos2 * sin_ra;
    let along = cos1 * sin2 - sin1 * cos2 * cos_ra;
    let opposite = (across * across + along * along).sqrt();
    atan2(opposite, sin1 * sin2 + cos1 * cos2 * cos_ra).to_degrees()
}

/// The galactic place of an equatorial one \[deg\].
///
/// ```
/// # use skysieve_sdk::astronomy::sky::galactic;
/// let m31 = galactic(10.684_708, 41.268_75);
/// assert!((m31.latitude_deg + 21.5733).abs() < 1e-3);
/// ```
pub fn galactic(ra_deg: f64, dec_deg: f64) -> Galactic {
    let (sin_ra, cos_ra) = sin_cos(ra_deg);
    let (sin_dec, cos_dec) = sin_cos(dec_deg);
    let equatorial = [cos_dec * cos_ra, cos_dec * sin_ra, sin_dec];
    let [x, y, z] = EQUATORIAL_TO_GALACTIC
        .map(|axis| axis[0] * equatorial[0] + axis[1] * equatorial[1] + axis[2] * equatorial[2]);
    let longitude_deg = atan2(y, x).to_degrees();
    Galactic {
        longitude_deg: if longitude_deg < 0.0 {
            longitude_deg + 360.0
        } else {
            longitude_deg
        },
        latitude_deg: asin(z.clamp(-1.0, 1.0)).to_degrees(),
    }
}

fn sin_cos(angle_deg: f64) -> (f64, f64) {
    let angle = angle_deg.to_radians();
    (sin(angle), cos(angle))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arcturus and Spica: J. Meeus, Astronomical Algorithms (1998), example 17.a.
    #[test]
    fn arcturus_and_spica_are_as_far_apart_as_published() {
        let separation = separation_deg(213.9154, 19.1825, 201.2983, -11.1614);
        assert!((separation - 32.7930).abs() < 5e-5, "{separation}");
    }

    #[test]
    fn separations_hold_at_the_extremes() {
        assert_eq!(separation_deg(5.0, 5.0, 5.0, 5.0), 0.0);
        let arcsec = 1.0 / 3600.0;
        assert!((separation_deg(0.0, 60.0, 2.0 * arcsec, 60.0) / arcsec - 1.0).abs() < 1e-9);
        assert!((separation_deg(359.5, 0.0, 0.5, 0.0) - 1.0).abs() < 1e-12);
        assert!((separation_deg(30.0, 40.0, 210.0, -40.0) - 180.0).abs() < 1e-6);
    }

    /// The pole and node of ESA SP-1200 (1.5.10), and SIMBAD's places of Sgr A*, M 31 and Vega.
    #[test]
    fn galactic_places_are_as_published() {
        let pole = galactic(192.859_48, 27.128_25);
        assert!((pole.latitude_deg - 90.0).abs() < 1e-5, "{pole:?}");
        for (ra, dec, longitude, latitude) in [
            (266.416_837, -29.007_811, 359.9442, -0.0462),
            (10.684_708, 41.268_75, 121.1743, -21.5733),
            (279.234_735, 38.783_689, 67.4482, 19.2372),
            (282.859_48, 0.0, 32.931_92, 0.0),
        ] {
            let place = galactic(ra, dec);
            assert!(
                (place.longitude_deg - longitude).abs() < 2e-4,
                "{ra}: {place:?}"
            );
            assert!(
                (place.latitude_deg - latitude).abs() < 2e-4,
                "{ra}: {place:?}"
            );
        }
    }
}

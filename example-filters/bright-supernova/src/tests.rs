//! Each cut obeyed and violated, and the verdicts on real packets.
#![allow(clippy::unwrap_used)]

use super::*;
use skysieve_sdk::testing::{self, Judgement, series};

/// A bright source that rises by 0.2 mag/d.
fn rising() -> Ztf<'static> {
    Ztf {
        jd: 2_459_000.75,
        band: 1,
        ra_deg: 180.0,
        dec_deg: 30.0,
        mag: 18.0,
        mag_error: 0.05,
        sign: "t",
        deep_real_bogus: Some(0.99),
        real_bogus: Some(0.2),
        solar_system_arcsec: Some(-999.0),
        star_score: Some(0.1),
        star_arcsec: Some(0.5),
        jds: series(&[2_458_996.75, 2_458_997.75, 2_458_998.75]),
        bands: series(&[1, 2, 1]),
        mags: series(&[Some(18.8), Some(10.0), Some(18.4)]),
        mag_errors: series(&[Some(0.05), Some(0.05), Some(0.05)]),
    }
}

fn reason(alert: Ztf) -> Option<&'static str> {
    keep(alert, &Limits::default()).reason()
}

#[test]
fn a_rising_source_passes_with_its_rate() {
    let rise = keep(rising(), &Limits::default()).annotations().unwrap();
    assert!((rise.rise_rate - 0.2).abs() < 1e-6);
}

#[test]
fn each_cut_rejects() {
    assert_eq!(reason(Ztf { sign: "f", ..rising() }), Some("negative"));
    assert_eq!(reason(Ztf { deep_real_bogus: Some(0.65), ..rising() }), Some("bogus"));
    assert_eq!(reason(Ztf { deep_real_bogus: None, ..rising() }), Some("bogus"));
    assert_eq!(reason(Ztf { mag: 19.0, ..rising() }), Some("faint"));
    assert_eq!(reason(Ztf { ra_deg: 266.4, dec_deg: -29.0, ..rising() }), Some("galactic_plane"));
    assert_eq!(reason(Ztf { solar_system_arcsec: Some(12.0), ..rising() }), Some("solar_system"));
    assert_eq!(reason(Ztf { star_score: Some(0.9), ..rising() }), Some("star"));
    assert_eq!(reason(Ztf { jd: 2_458_996.76, ..rising() }), Some("first"));
    assert_eq!(reason(Ztf { bands: series(&[1, 2, 2]), ..rising() }), Some("short"));
    assert_eq!(reason(Ztf { mag: 18.7, ..rising() }), Some("not_rising"));
}

#[test]
fn sentinels_are_no_neighbours() {
    let alone = Ztf { star_score: Some(0.9), star_arcsec: Some(-999.0), ..rising() };
    assert_eq!(reason(alone), None);
}

#[test]
fn real_packets_are_judged_as_before() {
    let files = real_alerts::below("ztf");
    for (file, judged) in files.iter().zip(testing::run::<keep>(&files)) {
        let expected = match file.stem() {
            "1079564896215015003" | "1127536316315015004" => Judgement::Pass,
            "1391345455815015017" | "1391345455815015018" => Judgement::Pass,
            "2695378462115010012" => Judgement::Reject("negative"),
            _ => continue,
        };
        assert_eq!(judged.verdict, expected, "{}", file.path.display());
    }
}

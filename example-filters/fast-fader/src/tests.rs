//! Each cut obeyed and violated, and the verdicts on real packets.
#![allow(clippy::unwrap_used)]

use super::*;
use skysieve_sdk::testing::{self, Judgement, series};

/// A source that fades by 0.5 mag/d since its peak two days ago, after a rise.
fn fading() -> Ztf<'static> {
    Ztf {
        jd: 2_459_004.5,
        band: 2,
        mag: 18.0,
        mag_error: 0.05,
        sign: "t",
        real_bogus: Some(0.9),
        solar_system_arcsec: Some(-999.0),
        star_score: Some(0.1),
        star_arcsec: Some(0.5),
        jds: series(&[2_459_001.5, 2_459_002.5, 2_459_003.0, 2_459_003.5, 2_459_003.6]),
        bands: series(&[2, 2, 1, 2, 2]),
        mags: series(&[Some(19.0), Some(17.0), Some(15.0), Some(17.5), None]),
        mag_errors: series(&[Some(0.05), Some(0.05), Some(0.05), Some(0.05), None]),
        signs: series(&[Some("t"), Some("1"), Some("t"), Some("t"), None]),
    }
}

fn reason(alert: Ztf) -> Option<&'static str> {
    keep(alert, &Limits::default()).reason()
}

#[test]
fn a_fading_source_passes_with_its_rate_since_the_peak() {
    let fade = keep(fading(), &Limits::default()).annotations().unwrap();
    assert!((fade.fade_rate - 0.5).abs() < 1e-6);
    assert_eq!(fade.since_peak, 2.0);
}

#[test]
fn each_cut_rejects() {
    assert_eq!(reason(Ztf { sign: "0", ..fading() }), Some("negative"));
    assert_eq!(reason(Ztf { real_bogus: None, ..fading() }), Some("bogus"));
    assert_eq!(reason(Ztf { solar_system_arcsec: Some(3.0), ..fading() }), Some("solar_system"));
    assert_eq!(reason(Ztf { star_score: Some(0.9), ..fading() }), Some("star"));
    assert_eq!(reason(Ztf { mag: 16.9, ..fading() }), Some("no_fade"));
    let slow = Ztf { mag: 17.15, mags: series(&[None, Some(17.0), None, None, None]), ..fading() };
    assert_eq!(reason(slow), Some("slow"));
    let noisy = series(&[Some(1.0), Some(1.0), Some(1.0), Some(1.0), None]);
    assert_eq!(reason(Ztf { mag_error: 1.0, mag_errors: noisy, ..fading() }), Some("uncertain"));
    assert_eq!(reason(Ztf { mag_error: f32::NAN, ..fading() }), None);
}

#[test]
fn an_owner_sets_the_rate() {
    let limits = Limits { slowest_mag_per_d: 0.6 };
    assert_eq!(keep(fading(), &limits).reason(), Some("slow"));
}

#[test]
fn real_packets_are_judged_as_before() {
    let files = real_alerts::below("ztf");
    for (file, judged) in files.iter().zip(testing::run::<keep>(&files)) {
        let expected = match file.stem() {
            "1127107111615015007" | "1704167675315015038" => Judgement::Pass,
            "2695378462115010012" => Judgement::Reject("negative"),
            _ => continue,
        };
        assert_eq!(judged.verdict, expected, "{}", file.path.display());
    }
}

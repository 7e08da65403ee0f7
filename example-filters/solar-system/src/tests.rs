//! Each cut obeyed and violated, and the verdicts on real packets.
#![allow(clippy::unwrap_used)]

use super::*;
use skysieve_sdk::testing::{self, Judgement};

fn asteroid() -> Ztf<'static> {
    Ztf {
        mag: 18.5,
        sign: "t",
        real_bogus: Some(0.8),
        distance_arcsec: Some(0.0),
        predicted_mag: Some(18.0),
        name: Some("162804"),
        detections: 1,
    }
}

fn reason(alert: Ztf) -> Option<&'static str> {
    keep(alert, &Limits::default()).reason()
}

#[test]
fn an_asteroid_passes_with_its_name() {
    let found = keep(asteroid(), &Limits::default()).annotations().unwrap();
    assert_eq!((found.object, found.distance, found.mag_offset), ("162804", 0.0, Some(0.5)));
}

#[test]
fn each_cut_rejects() {
    assert_eq!(reason(Ztf { sign: "f", ..asteroid() }), Some("negative"));
    assert_eq!(reason(Ztf { real_bogus: Some(0.3), ..asteroid() }), Some("bogus"));
    assert_eq!(reason(Ztf { distance_arcsec: Some(5.1), ..asteroid() }), Some("far"));
    assert_eq!(reason(Ztf { mag: 20.5, ..asteroid() }), Some("brightness"));
    assert_eq!(reason(Ztf { detections: 6, ..asteroid() }), Some("stays"));
}

#[test]
fn sentinels_are_no_objects() {
    assert_eq!(reason(Ztf { distance_arcsec: Some(-999.0), ..asteroid() }), Some("no_object"));
    assert_eq!(reason(Ztf { distance_arcsec: None, ..asteroid() }), Some("no_object"));
    assert_eq!(reason(Ztf { name: Some("null"), ..asteroid() }), Some("no_name"));
    let unpredicted = Ztf { predicted_mag: Some(-999.0), ..asteroid() };
    let found = keep(unpredicted, &Limits::default()).annotations().unwrap();
    assert_eq!(found.mag_offset, None);
}

#[test]
fn real_packets_are_judged_as_before() {
    let files = real_alerts::below("ztf");
    for (file, judged) in files.iter().zip(testing::run::<keep>(&files)) {
        match &judged.verdict {
            Judgement::Pass => assert!(judged.annotation("object").is_some()),
            Judgement::Reject(_) => {}
            other => panic!("{}: {other:?}", file.path.display()),
        }
        if file.stem() == "2695378462115010012" {
            assert_eq!(judged.verdict, Judgement::Reject("negative"));
        }
    }
}

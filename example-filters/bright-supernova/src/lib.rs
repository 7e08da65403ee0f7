//! Bright, rising supernova candidates in ZTF.
//!
//! What comes in: a ZTF alert with its 30 days of history. What goes out: a verdict, and the rise
//! rate. Never: a candidate near a known star or asteroid.

use skysieve_sdk::prelude::*;

/// What the filter reads.
#[derive(Alert)]
struct Ztf<'a> {
    #[alert(path = "candidate.magpsf")]
    mag: f32,
    #[alert(path = "candidate.drb")]
    drb: Option<f32>,
    #[alert(path = "prv_candidates[].magpsf")]
    history: Series<'a, Option<f32>>,
}

/// Judges one alert.
#[filter(title = "Bright and rising")]
fn keep(alert: Ztf) -> Verdict {
    reject_unless!(
        alert.drb.unwrap_or(0.0) > 0.8,
        "real-bogus score at most 0.8"
    );
    reject_unless!(alert.mag < 18.5, "fainter than 18.5 mag");
    reject_unless!(
        alert.history.iter().flatten().all(|mag| mag > alert.mag),
        "not the brightest so far"
    );
    pass!()
}

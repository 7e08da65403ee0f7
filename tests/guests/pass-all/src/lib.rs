//! A guest that passes every alert: what comes out is then what went in.
//!
//! In: any alert with a name. Out: that it passes. Never: a rejection.

use skysieve_sdk::prelude::*;

/// What it reads.
#[derive(Alert)]
pub struct Any<'a> {
    #[alert(paths = ["name", "objectId"])]
    name: Option<&'a str>,
}

/// Judges one alert.
#[filter(title = "Passes everything")]
pub fn keep(alert: Any) -> Verdict {
    reject_if!(
        alert.name == Some("nobody"),
        name = "nobody",
        "the name is `nobody`"
    );
    pass!()
}

//! Functions that are no filters, and cuts without their reason.
use skysieve_sdk::prelude::*;

#[derive(Alert)]
struct Ztf {
    #[alert(path = "candidate.magpsf")]
    mag: f32,
}

#[filter]
fn untitled(alert: Ztf) -> Verdict {
    pass!()
}

#[filter(title = "No reason")]
fn no_reason(alert: Ztf) -> Verdict {
    reject_unless!(alert.mag < 18.5);
    pass!()
}

#[filter(title = "No name")]
fn no_name(alert: Ztf) -> Verdict {
    reject_unless!(alert.mag < 18.5, "18.5 mag or fainter");
    pass!()
}

#[filter(title = "One name for two reasons")]
fn twice(alert: Ztf) -> Verdict {
    reject_unless!(alert.mag < 18.5, name = "faint", "18.5 mag or fainter");
    reject_unless!(alert.mag > 10.0, name = "faint", "10 mag or brighter");
    pass!()
}

#[filter(title = "Parameters by value")]
fn by_value(alert: Ztf, limits: Limits) -> Verdict {
    pass!()
}

#[filter(title = "Nothing said")]
fn silent(alert: Ztf) {}

fn no_filter(mag: f32) -> Verdict {
    reject_unless!(mag < 18.5, "faint");
    pass!()
}

fn main() {}

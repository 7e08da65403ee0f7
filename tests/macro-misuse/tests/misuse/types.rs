//! Types that the host does not hand over, or not around that path.
use skysieve_sdk::prelude::*;

#[derive(Alert)]
struct Flat {
    #[alert(path = "prv_candidates[].magpsf")]
    history: Option<f32>,
}

#[derive(Alert)]
struct Deep<'a> {
    #[alert(path = "candidate.magpsf")]
    mag: Series<'a, f32>,
}

struct NoAlert;

#[filter(title = "Reads nothing")]
fn keep(alert: NoAlert) -> Verdict {
    let _ = alert;
    pass!()
}

fn main() {}

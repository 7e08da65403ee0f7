//! Wrong places of fields, and types that no field has.
use skysieve_sdk::prelude::*;

#[derive(Alert)]
struct Unplaced {
    mag: f32,
}

#[derive(Alert)]
struct Malformed {
    #[alert(path = "candidate..magpsf")]
    mag: f32,
}

#[derive(Alert)]
struct Uneven<'a> {
    #[alert(paths = ["history[].mag", "mag"])]
    mag: Series<'a, f32>,
}

#[derive(Alert)]
struct Misspelt {
    #[alert(pth = "candidate.magpsf")]
    mag: f32,
}

#[derive(Alert)]
struct Generic<T> {
    #[alert(path = "candidate.magpsf")]
    mag: T,
}

#[derive(Alert)]
struct Unsigned {
    #[alert(path = "candidate.nid")]
    night: u32,
}

fn main() {}

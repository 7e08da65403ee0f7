//! Parameters and annotations that contradict themselves.
use skysieve_sdk::prelude::*;

#[derive(Parameters)]
struct NoDefault {
    #[parameter(unit = "mag")]
    faintest: f64,
}

#[derive(Parameters)]
struct OutOfRange {
    #[parameter(unit = "mag", default = 30.0, minimum = 10.0, maximum = 25.0)]
    faintest: f64,
}

#[derive(Parameters)]
struct NoChoice {
    #[parameter(default = "z", choices = ["g", "r", "i"])]
    band: String,
}

#[derive(Parameters)]
struct Single {
    #[parameter(default = 18.5)]
    faintest: f32,
}

#[derive(Annotations)]
struct Shouting {
    RATE: f64,
}

fn main() {}

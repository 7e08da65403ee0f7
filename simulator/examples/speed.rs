//! Alerts per second on one core: `cargo run --release -p skysieve-simulator --example speed`.
//!
//! In: a survey's name, a number, a folder (optional). Out: one line; the packets, where a folder
//! is given.

use std::time::Instant;

use skysieve_simulator::{Night, Simulation, Survey};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let survey = match arguments.first().map(String::as_str) {
        Some("lsst") => Survey::Lsst,
        _ => Survey::Ztf,
    };
    let alerts: u64 = arguments
        .get(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(20_000);
    let night = Night::parse("2026-04-01").expect("it is a date");
    let begun = Instant::now();
    let mut simulation = Simulation::new(survey, night, 1, alerts);
    let mut bytes = 0;
    for number in 0..alerts {
        let alert = simulation.alert(number);
        bytes += alert.bytes.len();
        if let Some(folder) = arguments.get(2) {
            let path = format!("{folder}/{}.avro", alert.alert_id);
            std::fs::write(path, &alert.bytes).expect("the folder can be written");
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{}: {alerts} alerts, {:.0} per second, {} bytes each",
        survey.name(),
        alerts as f64 / seconds,
        bytes as u64 / alerts
    );
}

//! Many scientists upload at once, one of them many versions.
//!
//! In: a running host. Out: how long each waited, and how others were answered meanwhile. Never: an upload
//! that is given up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use super::caller::Caller;
use super::site::{Engine, Site};
use super::variant::variant;
use super::{Scale, examples};
use crate::report::Report;

/// Scientists.
const SCIENTISTS: usize = 50;
/// Versions of each, one after the other.
const VERSIONS: usize = 3;
/// Versions of the eager one, at once.
const AT_ONCE: usize = 30;
/// The modest one comes when the eager one has waited so long.
const LATER: Duration = Duration::from_millis(500);

/// Somebody's uploads.
#[derive(Default)]
struct Waits {
    /// Of each upload from the first try to its end [s].
    took_s: Vec<f64>,
    refused: usize,
}

/// Measure.
pub fn run(
    scale: &Scale,
    site: &Site,
    engine: Engine,
    what: &str,
    report: &mut Report,
) -> Result<()> {
    let module = examples(&scale.filters)?.remove(0).module;
    let scientists = if scale.quick { 6 } else { SCIENTISTS };
    let names: Vec<String> = (0..scientists).map(|n| format!("uploader-{n}")).collect();
    let mut callers = BTreeMap::new();
    for name in names
        .iter()
        .map(String::as_str)
        .chain(["eager", "modest", "reader"])
    {
        let caller = site.caller(name, "scientist")?;
        caller.post(
            "/v1/filters",
            &json!({"name": "mine", "stream": "ztf", "summary": ""}),
        )?;
        callers.insert(name.to_owned(), caller);
    }
    let caller = |name: &str| callers.get(name).context("everybody has a caller");
    let alone = upload(caller("modest")?, "modest", &variant(&module, 1), &mut 0)?;
    let number = AtomicUsize::new(1_000_000);
    let next = || variant(&module, number.fetch_add(1, Ordering::Relaxed) as u64);
    let done = AtomicBool::new(false);
    let begun = Instant::now();
    let each = |name: &str| many(caller(name)?, name, VERSIONS, &next);
    let one = || many(caller("eager")?, "eager", 1, &next);
    let (each, one) = (&each, &one);
    let (mut everybody, eager, modest, mut reads) = std::thread::scope(|scope| {
        let reads = scope.spawn(|| read(caller("reader")?, &done));
        let everybody: Vec<_> = names
            .iter()
            .map(|name| scope.spawn(move || each(name)))
            .collect();
        let eager: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(one)).collect();
        let modest = scope.spawn(|| {
            std::thread::sleep(LATER);
            upload(caller("modest")?, "modest", &next(), &mut 0)
        });
        let everybody = join(everybody);
        let (eager, modest) = (join(eager), join(vec![modest]));
        done.store(true, Ordering::Relaxed);
        Ok::<_, anyhow::Error>((everybody?, eager?, modest?, join(vec![reads])?.remove(0)))
    })?;
    let all_s = begun.elapsed().as_secs_f64();
    let refused: usize = everybody.iter().chain(&eager).map(|one| one.refused).sum();
    let mut of_everybody: Vec<f64> = everybody.drain(..).flat_map(|one| one.took_s).collect();
    let of_eager: Vec<f64> = eager.into_iter().flat_map(|one| one.took_s).collect();
    reads.sort();
    ensure!(
        of_everybody.len() == scientists * VERSIONS && of_eager.len() == AT_ONCE,
        "all are uploaded"
    );
    let mut figure = |name: &str, value: f64, unit: &str| {
        report.figure(
            &format!("uploads_{}_{what}_{name}", engine.name()),
            value,
            unit,
        );
    };
    let most = |times: &[f64]| times.iter().copied().fold(0.0, f64::max);
    let place = (reads.len() * 99).div_ceil(100).max(1) - 1;
    figure(
        "finished",
        (of_everybody.len() + of_eager.len() + 1) as f64,
        "uploads",
    );
    figure("refused_and_tried_again", refused as f64, "times");
    figure("all_s", all_s, "s");
    figure("longest_s", most(&of_everybody), "s");
    figure("median_s", crate::rounds::median(&mut of_everybody), "s");
    figure("eager_longest_s", most(&of_eager), "s");
    figure("modest_s", modest[0], "s");
    figure("alone_s", alone, "s");
    figure("others_p99_ms", reads[place].as_secs_f64() * 1e3, "ms");
    figure("others_requests", reads.len() as f64, "requests");
    Ok(())
}

fn join<T>(threads: Vec<std::thread::ScopedJoinHandle<'_, Result<T>>>) -> Result<Vec<T>> {
    let joined = threads.into_iter().map(|thread| {
        let panic = |_| anyhow!("a thread panicked");
        thread.join().map_err(panic)?
    });
    joined.collect()
}

/// One version after the other.
fn many(caller: &Caller, name: &str, versions: usize, next: &dyn Fn() -> Vec<u8>) -> Result<Waits> {
    let mut waits = Waits::default();
    for _ in 0..versions {
        let took = upload(caller, name, &next(), &mut waits.refused)?;
        waits.took_s.push(took);
    }
    Ok(waits)
}

/// Try until it is taken, as Retry-After says; the time until then [s].
fn upload(caller: &Caller, name: &str, wasm: &[u8], refused: &mut usize) -> Result<f64> {
    let begun = Instant::now();
    loop {
        let answer = caller.upload(&format!("{name}/mine"), wasm)?;
        if answer.again_in_s == 0 {
            answer.json()?;
            return Ok(begun.elapsed().as_secs_f64());
        }
        *refused += 1;
        std::thread::sleep(Duration::from_secs(answer.again_in_s));
    }
}

/// Ask for filters until the uploads are done.
fn read(caller: &Caller, done: &AtomicBool) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let answer = caller.get("/v1/filters")?;
        answer.json()?;
        times.push(answer.took);
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(times)
}

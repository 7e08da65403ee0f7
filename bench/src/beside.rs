//! The live stream with and without a back-test beside it.
//!
//! In: tars of packets in a folder, as many workers as the machine has cores. Out: time per alert of the
//! busiest machine there is, alone and beside a back-test that never ends; how far that one gets.
//! Never: an idle core that the back-test could have for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use skysieve::backtest::{self, Choice, Examination, Past, lowest_priority};
use skysieve::evaluate::active::Candidate;
use skysieve::evaluate::{Program, Sandbox, Settings, Vouched, compile};
use skysieve::source::BatchLimits;
use skysieve::stream::StreamSettings;

use crate::evaluate::component;
use crate::report::Report;
use crate::rounds::median;
use crate::whole_way::{self, candidate, fill, settings};

/// Filters of the live stream.
const FILTERS: usize = 10;

/// Measure the stream alone and beside a back-test, in turn, and report it.
///
/// # Errors
/// When a worker or the back-test cannot run.
pub fn run(module: &[u8], packets: &[Vec<u8>], quick: bool, report: &mut Report) -> Result<()> {
    let (alerts, rounds) = if quick { (2_000, 1) } else { (16_000, 15) };
    let workers = std::thread::available_parallelism()?.get();
    let folder = tempfile::tempdir()?;
    fill(&folder.path().join("incoming"), packets, alerts)?;
    let code = compile(&component(module)?)?;
    let live = load(&Sandbox::new(&Settings::default())?, &code, FILTERS)?;
    let own = Sandbox::new(&backtest::sandbox(&Settings::default(), 1))?;
    let tested = load(&own, &code, 1)?.remove(0);
    let (mut alone, mut beside, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let stream = |name: &str| {
            let results = folder.path().join(format!("results-{round}-{name}"));
            settings(&folder.path().join("incoming"), &results)
        };
        alone.push(live_ns(&stream("alone")?, &live, workers, alerts)?);
        let settings = stream("beside")?;
        let (ns, rate) = with_backtest(&settings, &tested, || {
            live_ns(&settings, &live, workers, alerts)
        })?;
        beside.push(ns);
        rates.push(rate);
        for name in ["alone", "beside"] {
            std::fs::remove_dir_all(folder.path().join(format!("results-{round}-{name}")))?;
        }
    }
    report.figure("live_alone_ns", median(&mut alone), "ns/alert, wall clock");
    report.figure(
        "live_beside_backtest_ns",
        median(&mut beside),
        "ns/alert, wall clock",
    );
    report.figure("backtest_beside_live_rate", median(&mut rates), "alerts/s");
    report.ratio(
        "live_beside_backtest_over_alone",
        "live_beside_backtest_ns",
        "live_alone_ns",
    );
    Ok(())
}

/// Time per alert of the whole archive, shared by the workers [ns].
fn live_ns(
    settings: &StreamSettings,
    programs: &[Program],
    workers: usize,
    alerts: usize,
) -> Result<f64> {
    let settings = StreamSettings {
        workers,
        ..settings.clone()
    };
    let workers = whole_way::workers(&settings, programs, true)?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = workers
            .into_iter()
            .map(|worker| scope.spawn(|| worker.run()))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            let ended = thread.join().map_err(|_| anyhow!("a worker panicked"))?;
            Ok::<_, anyhow::Error>(ended?)
        })
    })?;
    Ok(begun.elapsed().as_nanos() as f64 / alerts as f64)
}

/// What `work` gave while a back-test ran, and the back-test's rate [alerts/s].
fn with_backtest(
    settings: &StreamSettings,
    program: &Program,
    work: impl FnOnce() -> Result<f64>,
) -> Result<(f64, f64)> {
    let (stop, judged) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            lowest_priority();
            examine_until(&stop, &judged, settings, program)
        });
        let begun = Instant::now();
        let worked = work();
        let rate = judged.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        beside
            .join()
            .map_err(|_| anyhow!("the back-test panicked"))??;
        Ok((worked?, rate))
    })
}

/// The archive again and again.
fn examine_until(
    stop: &AtomicBool,
    judged: &AtomicU64,
    settings: &StreamSettings,
    program: &Program,
) -> Result<()> {
    let tested: Candidate = candidate(0, program);
    let schemas: Arc<dyn skysieve_decode::SchemaSource> = Arc::new(skysieve_decode::NoSchemas);
    let choice = Choice::everything(settings);
    let shared = Arc::new(settings.clone());
    let limits = BatchLimits {
        age: Duration::from_millis(200),
        ..settings.batch_limits()
    };
    while !stop.load(Ordering::Relaxed) {
        let mut examination = Examination::new(&shared, &schemas, tested.clone(), None, &[]);
        let mut past = Past::open(settings, &choice, None).context("the past")?;
        while !stop.load(Ordering::Relaxed)
            && let Some(packets) = past.poll(&limits)?
        {
            judged.fetch_add(packets.len() as u64, Ordering::Relaxed);
            examination.examine(packets);
        }
    }
    Ok(())
}

/// Every filter's code lies in memory of its own.
fn load(sandbox: &Arc<Sandbox>, code: &[u8], count: usize) -> Result<Vec<Program>> {
    let load = |_| Ok(sandbox.load(&Vouched::from_our_compiler(code))?);
    (0..count).map(load).collect()
}

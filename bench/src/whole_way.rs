//! From archive to archive: one worker with many filters.
//!
//! In: tars of packets in a folder. Out: time per alert with 1, 10 and 100 filters, everything
//! included: reading, decoding, judging, writing, syncing. Never: a filter that shares its code with
//! another, or outputs by the hundred; filters are selective.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use skysieve::delivery::{Destination, OutputLimits};
use skysieve::evaluate::active::{ActiveSet, Candidate};
use skysieve::evaluate::{ParameterValue, Program, Sandbox, Settings, Vouched, compile};
use skysieve::judge::Judge;
use skysieve::logbook;
use skysieve::opened::OpenStream;
use skysieve::payload::Payload;
use skysieve::rights::Rights;
use skysieve::stream::StreamSettings;
use skysieve::worker::{Pace, Worker};

use crate::evaluate::{FAINTEST_MAG, component};
use crate::report::Report;
use crate::rounds::{busy, median};

/// Numbers of filters.
const FILTERS: [usize; 3] = [1, 10, 100];
/// All but the first filter ask for so bright an alert that next to none passes [mag].
const BRIGHT_MAG: f64 = 13.0;
/// Packets of one tar.
const TAR: usize = 500;

/// Measure every number of filters, a few times in turn, and report it.
///
/// # Errors
/// When the worker cannot run.
pub fn run(module: &[u8], packets: &[Vec<u8>], quick: bool, report: &mut Report) -> Result<()> {
    let (alerts, rounds) = if quick { (1_000, 1) } else { (4_000, 5) };
    let folder = tempfile::tempdir()?;
    fill(&folder.path().join("incoming"), packets, alerts)?;
    let programs = load(module)?;
    let mut times = vec![(Vec::new(), Vec::new(), Vec::new()); FILTERS.len()];
    for round in 0..rounds {
        for (filters, (busy, wall, unnoted)) in FILTERS.iter().zip(&mut times) {
            let results = folder.path().join(format!("results-{round}-{filters}"));
            let settings = settings(&folder.path().join("incoming"), &results)?;
            let (busy_ns, wall_ns) = time(&settings, &programs[..*filters], true)?;
            busy.push(busy_ns / alerts as f64);
            wall.push(wall_ns / alerts as f64);
            std::fs::remove_dir_all(&results)?;
            let (busy_ns, _) = time(&settings, &programs[..*filters], false)?;
            unnoted.push(busy_ns / alerts as f64);
            std::fs::remove_dir_all(results)?;
        }
    }
    for (filters, (busy, wall, unnoted)) in FILTERS.iter().zip(&mut times) {
        report.figure(
            &format!("archive_{filters}_filters_ns"),
            median(busy),
            "ns/alert",
        );
        let without = format!("archive_{filters}_filters_without_logbook_ns");
        report.figure(&without, median(unnoted), "ns/alert");
        report.ratio(
            &format!("archive_{filters}_filters_over_without_logbook"),
            &format!("archive_{filters}_filters_ns"),
            &without,
        );
        let rate = 1e9 / median(wall);
        report.figure(
            &format!("archive_{filters}_filters_rate"),
            rate,
            "alerts/s, wall clock",
        );
    }
    report.ratio(
        "archive_100_over_1_filters",
        "archive_100_filters_ns",
        "archive_1_filters_ns",
    );
    Ok(())
}

/// Processor and wall time of one worker over the whole archive, keeping a logbook or not [ns].
fn time(settings: &StreamSettings, programs: &[Program], noting: bool) -> Result<(f64, f64)> {
    let mut workers = workers(settings, programs, noting)?;
    let worker = workers.pop().context("a stream has one worker at least")?;
    let (begun, clock) = (busy(), Instant::now());
    worker.run()?;
    Ok((
        (busy() - begun).as_nanos() as f64,
        clock.elapsed().as_nanos() as f64,
    ))
}

/// The workers of a stream, each with its share of the archive; `noting`: with a logbook, as a host
/// has them.
///
/// # Errors
/// When the stream cannot be opened.
pub fn workers(
    settings: &StreamSettings,
    programs: &[Program],
    noting: bool,
) -> Result<Vec<Worker>> {
    let stream = OpenStream::open(settings, &logbook::Settings::default())?;
    let candidates = programs
        .iter()
        .enumerate()
        .map(|(index, program)| candidate(index, program));
    stream
        .active
        .replace(ActiveSet::new(1, candidates.collect()));
    let pace = Pace {
        batch: settings.batch_limits(),
        commit_interval: settings.commit_interval(),
    };
    let settings = Arc::new(settings.clone());
    let worker = |way| {
        let (active, outflow) = (stream.active.clone(), stream.outflow.clone());
        let judge = Judge::new(settings.clone(), stream.schemas.clone(), active.current());
        let stop = Arc::new(AtomicBool::new(false));
        let samples = stream.samples.clone();
        let worker = Worker::new(way, judge, (active, outflow), samples, pace, stop);
        if noting {
            worker.noting(stream.logbook.page())
        } else {
            worker
        }
    };
    Ok(stream.ways.into_iter().map(worker).collect())
}

/// A filter as it stands in the active set.
pub fn candidate(index: usize, program: &Program) -> Candidate {
    let faintest_mag = if index == 0 { FAINTEST_MAG } else { BRIGHT_MAG };
    let filter = format!("filter-{index}");
    let reasons = program
        .description()
        .reasons
        .iter()
        .map(|reason| reason.name.clone());
    let destination = Destination {
        setting: i64::try_from(index).unwrap_or(i64::MAX),
        owner: "bench".to_owned(),
        topic: format!("skysieve.ztf.bench.{filter}"),
        payload: Payload::Packet,
        filter,
        version: 1,
        reasons: reasons.collect(),
        limits: OutputLimits::NONE,
    };
    let parameters = vec![ParameterValue::Float64(faintest_mag)];
    Candidate {
        destination,
        program: program.clone(),
        parameters,
        rights: Rights::all(),
    }
}

/// Every filter's code lies in memory of its own.
fn load(module: &[u8]) -> Result<Vec<Program>> {
    let code = compile(&component(module)?)?;
    let sandbox = Sandbox::new(&Settings::default())?;
    let most = FILTERS.into_iter().max().unwrap_or(1);
    let load = |_| Ok(sandbox.load(&Vouched::from_our_compiler(&code))?);
    (0..most).map(load).collect()
}

/// Tars of packets in `folder`, those of `packets` again and again.
///
/// # Errors
/// When they cannot be written.
pub fn fill(folder: &Path, packets: &[Vec<u8>], alerts: usize) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut packets = packets.iter().cycle();
    ensure!(alerts.is_multiple_of(TAR), "whole tars");
    for number in 0..alerts / TAR {
        let file = std::fs::File::create(folder.join(format!("{number:03}.tar")))?;
        let mut tar = tar::Builder::new(file);
        for (member, bytes) in (0..TAR).zip(&mut packets) {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, format!("{member}.avro"), &bytes[..])?;
        }
        tar.finish()?;
    }
    Ok(())
}

/// From tars to an archive, once.
///
/// # Errors
/// Never, but for a mistake here.
pub fn settings(incoming: &Path, results: &Path) -> Result<StreamSettings> {
    Ok(serde_json::from_value(json!({
        "name": "ztf",
        "object_id": ["objectId"],
        "alert_id": ["candid"],
        "source": {"kind": "archive", "path": incoming, "follow": false},
        "sink": {"kind": "archive", "path": results},
        "observed": {"path": ["candidate.jd"], "format": "jd", "scale": "utc", "longitude_deg": -116.865},
    }))?)
}

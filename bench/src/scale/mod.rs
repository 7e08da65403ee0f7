//! Scale: a registry of many users beside an empty one, a host of many live filters, many uploads at once.
//!
//! In: the program, example filters, packets. Out: a table, and figures for `scale.json`. Never: code of
//! the host on the way that is timed; what is timed is the program, asked over HTTP.

mod caller;
mod listings;
mod site;
mod uploads;
mod variant;
mod year;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use comfy_table::Table;
use serde_json::json;

use crate::report::Report;
use caller::Caller;
use listings::{Listing, Timed};
pub use site::Engine;
use site::{ADMINISTRATOR, SCIENTIST, Site};
use year::Year;

/// Packets that the trials of uploads see.
const SAMPLES: usize = 32;

/// What is to be measured.
pub struct Scale {
    /// The `skysieve` program.
    pub program: PathBuf,
    /// Example filters, built for the sandbox, that read ZTF's alerts.
    pub filters: Vec<PathBuf>,
    /// On what.
    pub engines: Vec<Engine>,
    /// Where compiled filters are kept from run to run, if anywhere.
    pub compiled: Option<PathBuf>,
    /// Fewer of everything.
    pub quick: bool,
}

impl Scale {
    const fn year(&self) -> Year {
        match self.quick {
            true => Year {
                users: 100,
                filters: 500,
                nights: 60,
            },
            false => Year {
                users: 1_000,
                filters: 10_000,
                nights: 180,
            },
        }
    }

    const fn requests(&self) -> usize {
        if self.quick { 20 } else { 200 }
    }

    const fn starts(&self) -> usize {
        if self.quick { 1 } else { 5 }
    }
}

/// A filter that was uploaded.
struct Example {
    name: String,
    module: Vec<u8>,
}

/// Measure on both engines.
///
/// # Errors
/// When a host does not do what it should.
pub fn run(scale: &Scale, packets: &[Vec<u8>], report: &mut Report) -> Result<()> {
    let examples = examples(&scale.filters)?;
    let packets = &packets[..packets.len().min(SAMPLES)];
    let folder = tempfile::tempdir()?;
    let compiled = scale.compiled.as_deref().unwrap_or(folder.path());
    std::fs::create_dir_all(compiled)?;
    for engine in scale.engines.iter().copied() {
        let Some(empty) = Site::prepare(&scale.program, engine, packets)? else {
            eprintln!("PostgreSQL is not installed: nothing is measured on it");
            continue;
        };
        eprintln!("── {}: an empty registry", engine.name());
        let empty = Place::open(empty, &examples)?.measure(scale, engine, "empty", 1, report)?;
        let full =
            Site::prepare(&scale.program, engine, packets)?.context("it was there before")?;
        let mut full = Place::open(full, &examples)?;
        eprintln!("── {}: a full registry", engine.name());
        full.fill(scale, engine, &examples, compiled, report)?;
        let live = 1 + scale.year().live();
        let full = full.measure(scale, engine, "full", live, report)?;
        compare(engine, &empty, &full, report);
    }
    Ok(())
}

fn examples(filters: &[PathBuf]) -> Result<Vec<Example>> {
    let read = |path: &PathBuf| {
        let name = path.file_stem().context("a filter has a name")?;
        Ok(Example {
            name: name.to_string_lossy().replace('_', "-"),
            module: std::fs::read(path).with_context(|| path.display().to_string())?,
        })
    };
    filters.iter().map(read).collect()
}

/// A host, the two who ask it, and the filter with the long history.
struct Place {
    site: Site,
    scientist: Caller,
    administrator: Caller,
    deep: String,
}

/// What each listing took, by name, of the slower of the two who ask.
type Times = BTreeMap<(String, &'static str), Timed>;

impl Place {
    /// Upload the examples; the first is switched on.
    fn open(mut site: Site, examples: &[Example]) -> Result<Self> {
        let scientist = site.caller(SCIENTIST, "scientist")?;
        let administrator = site.caller(ADMINISTRATOR, "administrator")?;
        site.start(&scientist, 0)?;
        for example in examples {
            let new = json!({"name": example.name, "stream": "ztf", "summary": "of the benchmark"});
            scientist.post("/v1/filters", &new)?;
            let filter = format!("{SCIENTIST}/{}", example.name);
            scientist.upload(&filter, &example.module)?.json()?;
        }
        let deep = examples.first().context("examples")?.name.clone();
        let path = format!("/v1/filters/{SCIENTIST}/{deep}/activate");
        scientist.post(&path, &json!({"version": 1}))?;
        site.stop()?;
        Ok(Self {
            site,
            scientist,
            administrator,
            deep,
        })
    }

    /// Fill the registry, and let the host compile all live filters once: the first time, after which
    /// `compiled` holds them.
    fn fill(
        &mut self,
        scale: &Scale,
        engine: Engine,
        examples: &[Example],
        compiled: &Path,
        report: &mut Report,
    ) -> Result<()> {
        let wrap = |example: &Example| crate::evaluate::component(&example.module);
        let components = examples.iter().map(wrap).collect::<Result<Vec<_>>>()?;
        let runtime = tokio::runtime::Runtime::new()?;
        let registry = self.site.registry();
        runtime.block_on(year::fill(engine, &registry, scale.year(), &components))?;
        let cache = self.site.data().join("compiled");
        if compiled.read_dir()?.next().is_some() {
            copy(compiled, &cache)?;
            self.site.start(&self.scientist, 1 + scale.year().live())?;
            return self.site.stop();
        }
        eprintln!("   filled; the first start compiles all live filters");
        let took = self.site.start(&self.scientist, 1 + scale.year().live())?;
        report.figure("start_full_nothing_compiled_s", took.as_secs_f64(), "s");
        self.site.stop()?;
        copy(&cache, compiled)
    }

    /// Starts, listings, uploads.
    fn measure(
        mut self,
        scale: &Scale,
        engine: Engine,
        what: &str,
        live: usize,
        report: &mut Report,
    ) -> Result<Times> {
        let mut starts = Vec::new();
        for _ in 0..scale.starts() {
            self.site.stop()?;
            starts.push(self.site.start(&self.scientist, live)?.as_secs_f64());
        }
        let median = crate::rounds::median(&mut starts);
        report.figure(&format!("start_{}_{what}_s", engine.name()), median, "s");
        let times = self.listings(scale)?;
        uploads::run(scale, &self.site, engine, what, report).with_context(|| self.site.words())?;
        ensure!(!self.site.panicked(), "{}", self.site.words());
        Ok(times)
    }

    fn listings(&self, scale: &Scale) -> Result<Times> {
        let mut times = Times::new();
        for (who, caller) in [
            ("scientist", &self.scientist),
            ("administrator", &self.administrator),
        ] {
            for listing in listings::of(caller, &self.deep)? {
                let Listing { name, .. } = &listing;
                if let Some(timed) = listings::time(caller, &listing, scale.requests())? {
                    times.insert((name.clone(), who), timed);
                }
            }
        }
        Ok(times)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in from.read_dir()? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The table of one engine, and its slowest listing.
fn compare(engine: Engine, empty: &Times, full: &Times, report: &mut Report) {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header([
        engine.name(),
        "who",
        "items",
        "kB",
        "empty p99",
        "p50",
        "p99",
        "max [ms]",
    ]);
    let mut slowest = 0.0_f64;
    for (key, timed) in full {
        let (name, who) = key;
        let before = empty.get(key).map(|timed| timed.percentile_ms(99));
        let [p50, p99, max] = [50, 99, 100].map(|percent| timed.percentile_ms(percent));
        slowest = slowest.max(p99);
        table.add_row([
            name.clone(),
            (*who).to_owned(),
            timed.items.map_or(String::new(), |items| items.to_string()),
            (timed.bytes / 1_000).to_string(),
            before.map_or(String::new(), |ms| format!("{ms:.1}")),
            format!("{p50:.1}"),
            format!("{p99:.1}"),
            format!("{max:.1}"),
        ]);
        let figure = format!("{}_{who} {name}", engine.name());
        report.detail(
            &figure,
            json!({
                "p50_ms": p50, "p99_ms": p99, "max_ms": max, "empty_p99_ms": before,
                "items": timed.items, "bytes": timed.bytes,
            }),
        );
    }
    println!("{table}");
    let worst = |times: &Times| {
        times
            .values()
            .map(|one| one.percentile_ms(99))
            .fold(0.0, f64::max)
    };
    report.figure(
        &format!("listings_{}_empty_slowest_p99", engine.name()),
        worst(empty),
        "ms",
    );
    report.figure(
        &format!("listings_{}_full_slowest_p99", engine.name()),
        slowest,
        "ms",
    );
}

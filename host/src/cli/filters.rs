//! Filters from files, for commands that run without a registry.
//!
//! In: compiled filters, `NAME=VALUE` parameters. Out: an active set, settings numbered from 1.
//! Never: a check less than an upload's.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Usage;
use super::report::{Cut, Examples, FilterLine};
use crate::delivery::{Counts, Destination, OutputLimits};
use crate::evaluate::active::{ActiveSet, Candidate};
use crate::evaluate::{self, ParameterValue, Program, Sandbox};
use crate::payload::Payload;
use crate::rights::Rights;
use crate::upload::{self, Accepted, StreamSamples, Uploader};

/// One filter from a file.
pub(super) struct LocalFilter {
    name: String,
    sha256: String,
    program: Program,
    parameters: Vec<ParameterValue>,
}

/// Validate, compile and load each of `files`; set `assignments` wherever a filter has the name.
pub(super) fn load(files: &[PathBuf], assignments: &[String]) -> anyhow::Result<Vec<LocalFilter>> {
    let assignments: Vec<(String, String)> = assignments
        .iter()
        .map(|one| split(one))
        .collect::<Result<_, _>>()?;
    distinct_names(files)?;
    let cache = tempfile::tempdir().context("cannot make a temporary folder")?;
    let uploader = local_uploader(cache.path())?;
    let mut filters = Vec::with_capacity(files.len());
    for file in files {
        let filter = load_one(&uploader, file, &assignments);
        filters.push(filter.with_context(|| file.display().to_string())?);
    }
    for (name, _) in &assignments {
        if !filters.iter().any(|filter| filter.has(name)) {
            let message = format!(
                "no filter has a parameter {name:?}; `skysieve describe` shows what there is"
            );
            return Err(Usage(message).into());
        }
    }
    Ok(filters)
}

/// Filters go by the names of their files.
fn distinct_names(files: &[PathBuf]) -> Result<(), Usage> {
    let mut seen = BTreeSet::new();
    match files.iter().find(|file| !seen.insert(file.file_stem())) {
        None => Ok(()),
        Some(file) => Err(Usage(format!(
            "{}: another filter has the same file name; rename one of them",
            file.display()
        ))),
    }
}

/// The upload room under the default limits, its compiled code in `cache`.
pub(super) fn local_uploader(cache: &Path) -> anyhow::Result<Uploader> {
    let sandbox = Sandbox::new(&evaluate::Settings::default())?;
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    Ok(Uploader::new(
        sandbox,
        cache,
        program,
        &upload::Settings::default(),
    )?)
}

fn split(assignment: &str) -> Result<(String, String), Usage> {
    match assignment.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Usage(format!("--parameter {assignment}: write NAME=VALUE"))),
    }
}

fn load_one(
    uploader: &Uploader,
    file: &Path,
    assignments: &[(String, String)],
) -> anyhow::Result<LocalFilter> {
    let bytes = std::fs::read(file)?;
    let Accepted {
        sha256, program, ..
    } = uploader.accept(&bytes, &StreamSamples::default())?;
    let name = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut filter = LocalFilter {
        name,
        sha256,
        program,
        parameters: Vec::new(),
    };
    let own: Vec<_> = assignments
        .iter()
        .filter(|(name, _)| filter.has(name))
        .cloned()
        .collect();
    let values = filter.program.description().parameters_from_text(&own);
    filter.parameters = values.map_err(|error| Usage(error.to_string()))?;
    Ok(filter)
}

/// All of them, under the settings 1, 2, 3 ...
pub(super) fn active_set(filters: &[LocalFilter]) -> ActiveSet {
    let candidates = (1_i64..).zip(filters).map(|(setting, filter)| Candidate {
        destination: filter.destination(setting),
        program: filter.program.clone(),
        parameters: filter.parameters.clone(),
        rights: Rights::all(),
    });
    ActiveSet::new(1, candidates.collect())
}

impl LocalFilter {
    fn has(&self, parameter: &str) -> bool {
        self.program
            .description()
            .parameters
            .iter()
            .any(|one| one.name == parameter)
    }

    fn destination(&self, setting: i64) -> Destination {
        let reasons = self
            .program
            .description()
            .reasons
            .iter()
            .map(|reason| reason.name.clone());
        Destination {
            setting,
            owner: "replay".to_owned(),
            filter: self.name.clone(),
            version: 1,
            topic: self.name.clone(),
            payload: Payload::Packet,
            reasons: reasons.collect(),
            limits: OutputLimits::NONE,
        }
    }

    /// Its line of the report.
    pub(super) fn line(
        &self,
        counts: &Counts,
        examples: Examples,
        samples: &StreamSamples,
    ) -> FilterLine {
        let mut remaining = counts.evaluated - counts.failed.values().sum::<u64>();
        let cuts = self.program.description().reasons.iter().map(|reason| {
            let rejected = counts.rejected.get(&reason.name).copied().unwrap_or(0);
            remaining -= rejected;
            Cut {
                reason: reason.name.clone(),
                summary: reason.summary.clone(),
                rejected,
                remaining,
            }
        });
        let cuts = cuts.collect();
        let each = |total: u64| total as f64 / counts.evaluated.max(1) as f64;
        FilterLine {
            filter: self.name.clone(),
            title: self.program.description().title.clone(),
            sha256: self.sha256.clone(),
            evaluated: counts.evaluated,
            passed: counts.passed,
            rejected: cuts,
            failed: counts
                .failed
                .iter()
                .map(|(kind, count)| (kind.clone(), (*count).into()))
                .collect(),
            lacking: counts.lacking,
            fuel_per_alert: each(counts.fuel),
            us_per_alert: each(counts.elapsed_ns) / 1e3,
            notes: samples
                .complaints(self.program.description())
                .map(|complaint| complaint.to_string())
                .collect(),
            examples,
        }
    }
}

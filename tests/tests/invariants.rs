//! The house's invariants, held by text: who may import what, how files open, how long they grow.
//!
//! In: every Rust file of the workspace. Out: the lines that break a rule. Never: a build.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// One Rust file, without its test module.
struct File {
    /// Relative to the workspace, `/`-separated.
    path: String,
    text: String,
}

impl File {
    /// Lines of code with their numbers: no comments, nothing after `#[cfg(test)]`.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .take_while(|line| !line.trim_start().starts_with("#[cfg(test)]"))
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line.split("// ").next().unwrap()))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn collect(folder: &Path, files: &mut Vec<File>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path
                .strip_prefix(root())
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            files.push(File { path, text });
        }
    }
}

fn files() -> Vec<File> {
    let mut files = Vec::new();
    collect(&root(), &mut files);
    assert!(
        files.len() > 20,
        "only {} Rust files found in {}",
        files.len(),
        root().display()
    );
    files
}

fn is_word(line: &str, word: &str) -> bool {
    let edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        edge(line[..at].chars().next_back()) && edge(line[at + word.len()..].chars().next())
    })
}

/// Fail with every offending line.
fn refuse(rule: &str, offences: impl IntoIterator<Item = (String, usize, String)>) {
    let mut report = String::new();
    for (path, number, line) in offences {
        writeln!(report, "  {path}:{number}: {}", line.trim()).unwrap();
    }
    assert!(report.is_empty(), "{rule}:\n{report}");
}

/// Lines of `files` in which `wrong` sees something.
fn offences<'a>(
    files: impl IntoIterator<Item = &'a File>,
    wrong: impl Fn(&File, &str) -> bool,
) -> Vec<(String, usize, String)> {
    let mut found = Vec::new();
    for file in files {
        let lines = file.code().filter(|(_, line)| wrong(file, line));
        found.extend(lines.map(|(number, line)| (file.path.clone(), number, line.to_owned())));
    }
    found
}

/// Tests beside the code.
fn is_test(file: &File) -> bool {
    file.path.contains("/tests/") || file.path.ends_with("tests.rs")
}

/// Product code, as against tests and set-up.
fn is_product(file: &File) -> bool {
    ["host/src/", "decode/src/", "sdk/", "simulator/src/"]
        .iter()
        .any(|p| file.path.starts_with(p))
        && !file.path.contains("/tests/")
}

#[test]
fn each_big_library_lives_in_one_room() {
    const ROOMS: [(&str, &[&str]); 9] = [
        ("rdkafka", &["host/src/kafka"]),
        ("sqlx", &["host/src/registry"]),
        ("wasmtime", &["host/src/evaluate"]),
        ("axum", &["host/src/api"]),
        ("ureq", &["host/src/client"]),
        ("lettre", &["host/src/notices"]),
        ("prometheus_client", &["host/src/metrics"]),
        ("arrow_avro", &["decode/src"]),
        ("apache_avro", &["decode/", "simulator/src"]),
    ];
    let files = files();
    for (library, rooms) in ROOMS {
        let elsewhere = files.iter().filter(|file| {
            is_product(file) && !rooms.iter().any(|room| file.path.starts_with(room))
        });
        let found = offences(elsewhere, |_, line| {
            is_word(line, library)
                && (line.contains("use ") || line.contains(&format!("{library}::")))
        });
        refuse(&format!("{library} belongs in {}", rooms.join(", ")), found);
    }
}

#[test]
fn decode_route_and_the_sdk_do_no_io() {
    const IO: [&str; 8] = [
        "std::fs",
        "std::net",
        "std::process",
        "std::env::var",
        "std::io::stdin",
        "tokio",
        "rdkafka",
        "ureq",
    ];
    const PURE: [&str; 5] = [
        "decode/src/",
        "host/src/route",
        "host/src/judge",
        "host/src/delivery",
        "sdk/rust/src/",
    ];
    let files = files();
    let pure = files
        .iter()
        .filter(|file| PURE.iter().any(|room| file.path.starts_with(room)));
    let found = offences(pure, |_, line| IO.iter().any(|io| line.contains(io)));
    refuse("decode, judge, route and the SDK do no IO", found);
}

/// The host's rooms in the order in which an alert meets them.
const STAGES: [&str; 6] = ["source", "evaluate", "judge", "route", "sink", "worker"];

/// What stands beside the stream, joined to it by `cli/serve`.
const BESIDE: [&str; 6] = ["registry", "upload", "api", "cli", "client", "notices"];

fn room(file: &File) -> Option<&str> {
    let rest = file.path.strip_prefix("host/src/")?;
    rest.split('/')
        .next()?
        .strip_suffix(".rs")
        .or_else(|| rest.split('/').next())
}

fn imports(line: &str, room: &str) -> bool {
    is_word(line, &format!("crate::{room}"))
        || (line.contains("use crate::{") && is_word(line, room))
}

#[test]
fn no_stage_imports_a_later_one() {
    let files = files();
    let found = offences(&files, |file, line| {
        let stage = STAGES.iter().position(|stage| room(file) == Some(stage));
        stage.is_some_and(|at| {
            STAGES[at + 1..]
                .iter()
                .chain(&BESIDE[1..])
                .any(|later| imports(line, later))
        })
    });
    refuse(
        "data walks one way: a stage never imports a later one",
        found,
    );
}

#[test]
fn the_hot_path_never_touches_the_database() {
    let files = files();
    let found = offences(&files, |file, line| {
        STAGES.iter().any(|stage| room(file) == Some(stage)) && imports(line, "registry")
    });
    refuse("a stage never imports the registry", found);
}

#[test]
fn no_survey_is_known_to_the_host() {
    const NAMES: [&str; 18] = [
        "candidate",
        "candid",
        "objectId",
        "magpsf",
        "prv_candidates",
        "fp_hists",
        "cutoutScience",
        "diaSource",
        "diaSourceId",
        "diaObject",
        "diaObjectId",
        "ssObjectId",
        "prvDiaSources",
        "psfFlux",
        "midpointMjdTai",
        "schemavsn",
        "programid",
        "isdiffpos",
    ];
    let files = files();
    let host = files.iter().filter(|file| {
        (file.path.starts_with("host/src/") || file.path.starts_with("decode/src/"))
            && !is_test(file)
    });
    let found = offences(host, |_, line| {
        if line.contains("for example") {
            return false;
        }
        let texts = line.split('"').skip(1).step_by(2);
        texts
            .into_iter()
            .any(|text| NAMES.iter().any(|name| is_word(text, name)))
    });
    refuse(
        "surveys are configuration and data, no field name of theirs stands in the host",
        found,
    );
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let files = files();
    let found = files
        .iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| {
            (
                file.path.clone(),
                1,
                file.text.lines().next().unwrap_or("").to_owned(),
            )
        });
    refuse(
        "every file opens with `//!`: what comes in, what goes out, what it never does",
        found,
    );
}

#[test]
fn no_file_is_longer_than_three_hundred_lines() {
    const LONGEST: usize = 300;
    let files = files();
    let found = files
        .iter()
        .filter(|file| is_product(file) && !is_test(file))
        .filter_map(|file| {
            let lines = file
                .text
                .lines()
                .take_while(|l| !l.trim_start().starts_with("#[cfg(test)]"));
            let count = lines.count();
            (count > LONGEST).then(|| (file.path.clone(), count, "split it by noun".to_owned()))
        });
    refuse("a file has at most 300 lines without its tests", found);
}

#[test]
fn no_file_is_named_for_nothing() {
    let files = files();
    let found = files
        .iter()
        .filter(|file| {
            let mut parts = file
                .path
                .split('/')
                .map(|part| part.trim_end_matches(".rs"));
            parts.any(|part| ["utils", "util", "common", "helpers", "base", "misc"].contains(&part))
        })
        .map(|file| (file.path.clone(), 1, String::new()));
    refuse("files are split by noun", found);
}

#[test]
fn the_rules_see_what_they_forbid() {
    let file = |path: &str, text: &str| File {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let bad = file(
        "host/src/source/mod.rs",
        "use crate::sink::Sink;\n// use crate::worker;\n",
    );
    assert_eq!(
        bad.code().filter(|(_, line)| imports(line, "sink")).count(),
        1
    );
    assert_eq!(
        bad.code()
            .filter(|(_, line)| imports(line, "worker"))
            .count(),
        0
    );
    assert!(imports("use crate::{config, sink};", "sink"));
    assert!(!imports("use crate::sinking;", "sink"));
    assert!(is_word("\"candidate.x\"", "candidate") && !is_word("candidates", "candidate"));
    assert_eq!(room(&file("host/src/route.rs", "")), Some("route"));
    assert_eq!(room(&file("host/src/kafka/topics.rs", "")), Some("kafka"));
}

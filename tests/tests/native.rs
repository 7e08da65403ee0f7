//! Every example filter gives the same verdicts, reasons and annotations, bit for bit, as a native
//! function in `cargo test` and in the sandbox by `skysieve replay`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use skysieve_sdk::Filter;
use skysieve_sdk::testing::{Judged, Trial};
use skysieve_tests::host::{program, wasm};

/// Simulated alerts of each survey.
const SIMULATED: &str = "600";
/// What both sides say of an alert.
const SAID: [&str; 4] = ["verdict", "reason", "annotations", "message"];

/// Packets in the order of `skysieve replay`: file and number within it.
type Packets = Vec<((String, u64), Vec<u8>)>;

#[test]
fn ztf_filters_are_the_same_on_simulated_packets() {
    let folder = tempfile::tempdir().unwrap();
    let packets = simulate("ztf", folder.path());
    check_ztf(&packets, &tars(folder.path()));
}

#[test]
fn the_rubin_filter_is_the_same_on_simulated_packets() {
    let folder = tempfile::tempdir().unwrap();
    let packets = simulate("lsst", folder.path());
    let document = fs::read_to_string(folder.path().join("1000.avsc")).unwrap();
    let trial = Trial::<rubin_transient::keep>::new().schema(1000, &document);
    let tars = tars(folder.path());
    check("rubin-transient", trial, &packets, &tars, folder.path());
}

#[test]
fn ztf_filters_are_the_same_on_real_packets() {
    let files = real_alerts::below("ztf");
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let named =
        |file: &real_alerts::File| ((file.path.display().to_string(), 0), file.bytes.clone());
    let packets: Packets = files.iter().map(named).collect();
    if !packets.is_empty() {
        check_ztf(&packets, &paths);
    }
}

fn check_ztf(packets: &Packets, paths: &[PathBuf]) {
    let no_schemas = Path::new("");
    check(
        "bright-supernova",
        Trial::<bright_supernova::keep>::new(),
        packets,
        paths,
        no_schemas,
    );
    check(
        "fast-fader",
        Trial::<fast_fader::keep>::new(),
        packets,
        paths,
        no_schemas,
    );
    check(
        "image-shape",
        Trial::<image_shape::keep>::new(),
        packets,
        paths,
        no_schemas,
    );
    check(
        "solar-system",
        Trial::<solar_system::keep>::new(),
        packets,
        paths,
        no_schemas,
    );
}

fn check<F: Filter>(
    name: &str,
    trial: Trial<F>,
    packets: &Packets,
    paths: &[PathBuf],
    schemas: &Path,
) {
    let bytes: Vec<&[u8]> = packets.iter().map(|(_, bytes)| &bytes[..]).collect();
    let native = trial.run(&bytes);
    let sandboxed = replay(name, paths, schemas);
    assert_eq!(native.len(), sandboxed.len(), "{name}");
    let mut passed = 0;
    for judged in &native {
        let (place, _) = &packets[judged.packet];
        let native: Value = serde_json::from_str(&Judged::to_json(judged)).unwrap();
        let sandboxed = &sandboxed[&(place.0.clone(), place.1, judged.record as u64)];
        for key in SAID {
            assert_eq!(
                native.get(key),
                sandboxed.get(key),
                "{name}, {key} of {place:?}"
            );
        }
        passed += u32::from(native["verdict"] == "pass");
    }
    assert!(
        passed > 0,
        "{name} passes none of {} alerts: nothing was shown",
        native.len()
    );
}

fn replay(filter: &str, paths: &[PathBuf], schemas: &Path) -> BTreeMap<(String, u64, u64), Value> {
    let folder = tempfile::tempdir().unwrap();
    let verdicts = folder.path().join("verdicts.jsonl");
    let mut command = Command::new(program());
    command
        .arg("replay")
        .args(paths)
        .arg("--filter")
        .arg(wasm(filter));
    command.arg("--json").arg("--verdicts").arg(&verdicts);
    if !schemas.as_os_str().is_empty() {
        command.arg("--schema-dir").arg(schemas);
    }
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let text = fs::read_to_string(verdicts).unwrap();
    let place = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| line[key].as_u64().unwrap();
        (
            (
                line["file"].as_str().unwrap().to_owned(),
                number("packet"),
                number("record"),
            ),
            line,
        )
    };
    text.lines().map(place).collect()
}

fn simulate(survey: &str, folder: &Path) -> Packets {
    let mut command = Command::new(program());
    command.args([
        "simulate", "--survey", survey, "--alerts", SIMULATED, "--seed", "11", "--out",
    ]);
    let done = command.arg(folder).output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    tars(folder).iter().flat_map(|tar| members(tar)).collect()
}

fn tars(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut tars: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|ending| ending == "tar"))
        .collect();
    tars.sort();
    tars
}

fn members(path: &Path) -> Packets {
    let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
    let mut packets = Packets::new();
    for (number, entry) in (0..).zip(archive.entries().unwrap()) {
        let mut bytes = Vec::new();
        entry.unwrap().read_to_end(&mut bytes).unwrap();
        packets.push(((path.display().to_string(), number), bytes));
    }
    packets
}

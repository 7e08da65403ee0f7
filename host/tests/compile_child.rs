//! Components that are hard to compile: in a process of their own, under limits, killable.
//!
//! A test program of its own, for it watches all children of its process.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "upload/stage.rs"]
mod stage;

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skysieve::upload::{Settings, StreamSamples, UploadError};

use stage::{component, module, refusal, stage_with};

/// Many functions, each as large and tangled as the caps allow.
fn bomb() -> Vec<u8> {
    let mut body = String::from("(core module ");
    for function in 0..40 {
        write!(
            body,
            "(func (export \"f{function}\") (param i64) (result i64) (local"
        )
        .unwrap();
        body.push_str(&" i64".repeat(1000));
        body.push(')');
        for step in 0..12_000_u32 {
            let (from, to) = (step * 7919 % 1000, step * 104_729 % 1000);
            write!(
                body,
                " local.get {from} local.get {to} i64.mul i64.const {step} i64.xor local.set {to}"
            )
            .unwrap();
            if step % 50 == 0 {
                write!(body, " (block (br_if 0 (i64.eqz (local.get {from}))) (local.set {to} (local.get {from})))").unwrap();
            }
        }
        body.push_str(" local.get 0)");
    }
    component(&(body + ")"))
}

/// One function that keeps as many values at once as the caps allow.
fn memory_bomb() -> Vec<u8> {
    let mut body = String::from("(core module (func (export \"f\") (param i64) (result i64)");
    for value in 0..28_000 {
        write!(body, " local.get 0 i64.const {value} i64.add").unwrap();
    }
    component(&(body + &" i64.mul".repeat(27_999) + "))"))
}

/// Compile children of this process.
fn children() -> Vec<i32> {
    let is_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parent == Some(std::process::id())
            && String::from_utf8_lossy(&command).contains("compile-component")
    };
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    processes.filter(is_child).collect()
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Waits for a condition, not for ever.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{what} did not happen"
        );
        std::thread::yield_now();
    }
}

#[test]
fn the_child_is_seen_limited_and_killable() {
    let bomb = bomb();
    let settings = Settings {
        children: 1,
        component_bytes: 32 << 20,
        ..Settings::default()
    };
    wall_clock(&bomb, &settings);
    processor_time(&bomb, &settings);
    memory(&settings);
    killed(&bomb, &settings);
    queue(&bomb, &settings);
    until("the end of all children", || children().is_empty());
}

fn wall_clock(bomb: &[u8], settings: &Settings) {
    let stage = stage_with(&Settings {
        compile_ms: 1_500,
        ..settings.clone()
    });
    let (started, before) = (Instant::now(), resident_bytes());
    let refusal = std::thread::scope(|scope| {
        let upload = scope.spawn(|| refusal(&stage, bomb));
        until("a child", || !children().is_empty() || upload.is_finished());
        upload.join().unwrap()
    });
    assert_eq!(refusal.code(), "compile_limit", "{refusal}");
    assert!(refusal.to_string().contains("more than 1 s"), "{refusal}");
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    // Copies of the component itself, not the compiler's hundreds of megabytes.
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "the host grew by {grown} bytes");
}

fn processor_time(bomb: &[u8], settings: &Settings) {
    let stage = stage_with(&Settings {
        compile_cpu_s: 1,
        ..settings.clone()
    });
    let refusal = refusal(&stage, bomb);
    assert!(
        refusal
            .to_string()
            .contains("more than 1 s of processor time"),
        "{refusal}"
    );
}

fn memory(settings: &Settings) {
    let stage = stage_with(&Settings {
        compile_address_space_bytes: 96 << 20,
        ..settings.clone()
    });
    let refusal = refusal(&stage, &memory_bomb());
    assert!(
        refusal.to_string().contains("more than 96 MB of memory"),
        "{refusal}"
    );
}

fn killed(bomb: &[u8], settings: &Settings) {
    let stage = stage_with(settings);
    let refusal = std::thread::scope(|scope| {
        let upload = scope.spawn(|| refusal(&stage, bomb));
        until("a child", || !children().is_empty());
        for child in children() {
            assert_confined(Path::new("/proc").join(child.to_string()).as_path());
            kill(Pid::from_raw(child), Signal::SIGKILL).unwrap();
        }
        upload.join().unwrap()
    });
    assert_eq!(refusal.code(), "compile_limit", "{refusal}");
    // The host is as good as before.
    stage
        .uploader
        .accept(module(), &StreamSamples::default())
        .unwrap();
}

/// The child has no environment, and no rights to gain.
fn assert_confined(process: &Path) {
    assert_eq!(std::fs::read(process.join("environ")).unwrap(), b"");
    until("the child's confinement", || {
        let limits = std::fs::read_to_string(process.join("limits")).unwrap();
        let soft = |name: &str| {
            limits.lines().find(|line| line.starts_with(name)).unwrap()[26..]
                .split_whitespace()
                .next()
                .unwrap()
                .to_owned()
        };
        soft("Max open files") == "3"
            && soft("Max file size") == "0"
            && soft("Max cpu time") == "20"
    });
    assert!(
        std::fs::read_to_string(process.join("status"))
            .unwrap()
            .contains("NoNewPrivs:\t1")
    );
}

fn queue(bomb: &[u8], settings: &Settings) {
    let stage = stage_with(&Settings {
        compile_ms: 3_000,
        queue_ms: 300,
        ..settings.clone()
    });
    std::thread::scope(|scope| {
        scope.spawn(|| refusal(&stage, bomb));
        until("a child", || !children().is_empty());
        let waited = stage
            .uploader
            .accept(module(), &StreamSamples::default())
            .unwrap_err();
        assert!(
            matches!(&waited, UploadError::Host(reason) if reason.contains("too many")),
            "{waited}"
        );
    });
    stage
        .uploader
        .accept(module(), &StreamSamples::default())
        .unwrap();
}

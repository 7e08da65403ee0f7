//! Uploads over HTTP that must be refused, with what to change, and leave nothing behind.
//!
//! In: a running host, bytes that are no filter for it. Out: 4xx each. Never: a refusal that only
//! people who know the code understand.

#![allow(clippy::unwrap_used)]

use skysieve_tests::host::{Host, USER, wasm};
use skysieve_tests::numbered;

/// Greatest upload of this host [bytes].
const LIMIT_BYTES: usize = 400_000;

fn start() -> Host {
    Host::start(|folder| {
        // The part of `[api]` that names the port comes first.
        let stream = numbered::archive_stream(folder, 1).unwrap();
        format!("upload_bytes = {LIMIT_BYTES}\n\n{stream}")
    })
    .unwrap()
}

/// Refused with a 4xx that says each of `words`; nothing is stored.
fn check(host: &Host, name: &str, wasm: &[u8], words: &[&str]) {
    host.create(name, numbered::STREAM).unwrap();
    let path = format!("/v1/filters/{USER}/{name}/versions");
    let answer = host.send(&path, wasm).unwrap();
    assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
    let text = answer.body.to_string().to_lowercase();
    for word in words {
        assert!(text.contains(word), "{name}: {word:?} is not in {text}");
    }
    let versions = host.get(&path).unwrap().created().unwrap();
    assert_eq!(
        versions["items"].as_array().unwrap().len(),
        0,
        "{name}: {versions}"
    );
}

fn module(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn what_is_no_filter_is_refused_with_advice() {
    let host = start();
    check(&host, "text", b"fn keep() {}", &["wasm"]);
    check(&host, "nothing", b"", &["empty"]);
    check(&host, "cut-short", b"\0asm\x01\0\0", &["wasm"]);
    check(
        &host,
        "other-module",
        &module("(module (func (export \"run\")))"),
        &["skysieve"],
    );
    let other = module("(component (import \"other:world/thing\" (func)))");
    check(&host, "other-world", &other, &["import"]);
    let wasi = "(module (import \"wasi_snapshot_preview1\" \"fd_write\"
        (func (param i32 i32 i32 i32) (result i32))))";
    check(&host, "wasi", &module(wasi), &["wasi"]);
    check(&host, "huge", &vec![0; 10 * LIMIT_BYTES], &["400000"]);
}

#[test]
fn a_field_that_does_not_exist_is_answered_with_the_nearest() {
    let host = start();
    // The letter that tests change: the guest then asks for `valeu`.
    let mut guest = std::fs::read(wasm("hostile")).unwrap();
    let mode = b"hostile-describe-mode: ";
    let at = guest
        .windows(mode.len())
        .position(|window| window == mode)
        .unwrap();
    guest[at + mode.len()] = b'g';
    check(&host, "mistyped", &guest, &["valeu", "value"]);
}

#[test]
fn a_stranger_is_turned_away() {
    let host = start();
    let mut stranger = host.command("token create");
    stranger.args(["--user", "eve"]);
    assert!(stranger.output().unwrap().status.success());
    host.create("mine", numbered::STREAM).unwrap();
    let eve = host
        .post("/v1/filters/eve/mine/pause", &serde_json::json!({}))
        .unwrap();
    assert!((400..500).contains(&eve.status), "{eve:?}");
}

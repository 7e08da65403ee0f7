//! A test that cannot run here says so once and is counted.
//!
//! In: what is missing. Out: one line on standard error, one line in the file that [`SKIPS`] names.
//! Never: a silent skip, or any skip under `CI=true`.

use std::io::Write as _;

/// Environment variable with the file to which each skip adds a line `what: why`; `cargo xtask test`
/// counts them.
pub const SKIPS: &str = "SKYSIEVE_TEST_SKIPS";

/// Count the calling test as skipped, for want of `what`.
///
/// # Panics
/// Under `CI=true`, where no server may be wanting.
pub fn skipped(what: &str, why: &str) {
    let thread = std::thread::current();
    let line = format!("{what}: {why} ({})", thread.name().unwrap_or("a test"));
    eprintln!("skipped: {line}");
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "skipped under CI=true: {line}"
    );
    let Some(path) = std::env::var_os(SKIPS) else {
        return;
    };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    // One write of one line, so that tests of several processes do not mix theirs.
    if let Err(error) = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())) {
        eprintln!("{SKIPS}: {error}");
    }
}

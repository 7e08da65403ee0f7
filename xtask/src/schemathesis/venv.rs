//! Schemathesis itself, in a Python environment of its own.
//!
//! In: a Python of this machine. Out: the program below `target/`, installed once. Never: a change to the
//! machine's own packages.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::house::{House, step};

/// Another one may make other requests.
const VERSION: &str = "4.32.5";

/// The program, installed where it is missing.
pub fn schemathesis(house: &House) -> Result<PathBuf> {
    let folder = house.target.join(format!("schemathesis-{VERSION}"));
    let program = folder.join("bin/schemathesis");
    if program.is_file() {
        return Ok(program);
    }
    step(
        "make a Python environment",
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    step(
        "install schemathesis",
        Command::new(folder.join("bin/pip"))
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .arg(format!("schemathesis=={VERSION}")),
    )?;
    Ok(program)
}

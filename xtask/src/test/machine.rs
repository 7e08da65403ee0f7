//! What the tests need beyond Rust: Java and Maven for a Kafka broker, PostgreSQL's server, Python.
//!
//! In: what is installed. Out: one line on each thing that is missing; under `CI=true`, as root on a
//! Debian machine, it is installed. Never: an installation on a person's own machine.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use crate::house::step;

/// One thing that tests need, and who has it.
struct Need {
    name: &'static str,
    /// Tests use the server that this variable names instead, where there is one.
    instead: Option<&'static str>,
    present: fn() -> bool,
    packages: &'static [&'static str],
}

const NEEDS: [Need; 3] = [
    Need {
        name: "Kafka (a Java runtime and Maven)",
        instead: Some("SKYSIEVE_TEST_KAFKA"),
        present: || on_path("java") && on_path("mvn"),
        packages: &["default-jre-headless", "maven"],
    },
    Need {
        name: "PostgreSQL (server binaries)",
        instead: Some("SKYSIEVE_TEST_POSTGRES"),
        present: || on_path("initdb") || debian_postgres().is_some() || asked_postgres().is_some(),
        packages: &["postgresql"],
    },
    Need {
        name: "Python (with its module venv)",
        instead: None,
        present: has_venv,
        packages: &["python3", "python3-venv"],
    },
];

/// Say what is missing; install it where that is allowed.
pub fn prepare(ci: bool) -> Result<()> {
    let missing: Vec<_> = NEEDS
        .iter()
        .filter(|need| {
            need.instead
                .is_none_or(|name| std::env::var_os(name).is_none())
        })
        .filter(|need| !(need.present)())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    if ci && is_root() && on_path("apt-get") {
        return install(missing.iter().flat_map(|need| need.packages));
    }
    for need in missing {
        let packages = need.packages.join(" ");
        let or = need
            .instead
            .map(|name| format!("; or name a server in {name}"));
        eprintln!(
            "not found: {}; its tests will be skipped (install: {packages}{})",
            need.name,
            or.unwrap_or_default()
        );
    }
    Ok(())
}

fn install<'a>(packages: impl Iterator<Item = &'a &'static str>) -> Result<()> {
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-q", "-y"]);
        apt
    };
    step("update the list of packages", apt().arg("update"))?;
    step(
        "install packages",
        apt()
            .args(["install", "--no-install-recommends"])
            .args(packages),
    )
}

/// Whether this process may install packages: who owns its own entry says who runs it.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Debian ships Python without what makes an environment of its own.
fn has_venv() -> bool {
    let mut python = Command::new("python3");
    python
        .args(["-c", "import ensurepip, venv"])
        .stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// Debian keeps the server's binaries off the path.
fn debian_postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .map(|entry| entry.path().join("bin/initdb"))
        .find(|path| path.is_file())
}

fn asked_postgres() -> Option<PathBuf> {
    let output = Command::new("pg_config")
        .arg("--bindir")
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(Path::new(folder.trim()).join("initdb")).filter(|path| path.is_file())
}

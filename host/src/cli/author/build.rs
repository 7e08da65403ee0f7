//! Building a filter's crate for the sandbox.
//!
//! In: a folder with a `Cargo.toml`, or a file that was built. Out: the bytes, and what the crate says of
//! itself. Never: another program than cargo.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::session::{items, text};
use crate::cli::Usage;

/// The target of every Rust filter.
const TARGET: &str = "wasm32-unknown-unknown";

/// A filter that is ready to be uploaded.
#[derive(Debug)]
pub struct Built {
    /// What was built.
    pub bytes: Vec<u8>,
    /// What the crate says; empty of a file.
    pub about: About,
}

/// What a crate says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The package's name, or the file's.
    pub name: String,
    /// `package.description`.
    pub summary: String,
    /// `package.repository`.
    pub source: String,
    /// `package.metadata.skysieve.stream`.
    pub stream: Option<String>,
}

/// A file as it is, a crate after building it.
pub fn build(path: &Path) -> anyhow::Result<Built> {
    if path.is_file() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let about = About {
            name: name.replace('_', "-"),
            ..About::default()
        };
        return Ok(Built {
            bytes: std::fs::read(path).with_context(|| path.display().to_string())?,
            about,
        });
    }
    let manifest = path.join("Cargo.toml");
    if !manifest.is_file() {
        let text = format!(
            "{} is no crate: name a folder with a Cargo.toml, or a .wasm file",
            path.display()
        );
        return Err(Usage(text).into());
    }
    let about = about(&manifest)?;
    let file = compile(&manifest, &about.name)?;
    let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
    Ok(Built { bytes, about })
}

/// The package of this very manifest.
fn about(manifest: &Path) -> anyhow::Result<About> {
    let output = cargo(manifest, "metadata")
        .args(["--no-deps", "--format-version", "1"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    if !output.status.success() {
        bail!("cargo metadata failed");
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let whole = manifest.canonicalize()?;
    let is_this = |package: &&Value| Path::new(&text(package, "/manifest_path")) == whole;
    let package = items(&metadata, "/packages").iter().find(is_this);
    let Some(package) = package else {
        let text = format!("{} describes no package", manifest.display());
        return Err(Usage(text).into());
    };
    Ok(About {
        name: text(package, "/name").replace('_', "-"),
        summary: text(package, "/description"),
        source: text(package, "/repository"),
        stream: Some(text(package, "/metadata/skysieve/stream")).filter(|name| !name.is_empty()),
    })
}

/// Builds it; where cargo says that the module lies.
fn compile(manifest: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let output = cargo(manifest, "build")
        .args(["--release", "--lib", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cargo cannot be run")?;
    if !output.status.success() {
        bail!("{name} cannot be built (if its target is missing: rustup target add {TARGET})");
    }
    let whole = manifest.canonicalize()?;
    let module = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter(|message| Path::new(&text(message, "/manifest_path")) == whole)
        .flat_map(|message| items(&message, "/filenames").to_vec())
        .map(|file| PathBuf::from(text(&file, "")))
        .find(|file| {
            file.extension()
                .is_some_and(|extension| extension == "wasm")
        });
    module.with_context(|| {
        format!(
            "the build of {name} left no module: add [lib] crate-type = [\"cdylib\"] to its manifest"
        )
    })
}

fn cargo(manifest: &Path, word: &str) -> Command {
    // The cargo that runs this program, where one does, else the first of the path.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(cargo);
    cargo.arg(word).arg("--manifest-path").arg(manifest);
    cargo
}

//! The workspace as seen from outside: where it lies, how its parts are built.
//!
//! In: `cargo metadata`. Out: built programs and filters, as paths. Never: another profile than
//! release, so that nothing is compiled twice.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// The target of every Rust filter.
const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// Where things lie.
pub struct House {
    /// The workspace's root.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// The example filters, by name.
    pub filters: Vec<ExampleFilter>,
    /// The tests' own guests: packages below `tests/guests`.
    pub guests: Vec<String>,
}

/// One folder of `example-filters/`.
pub struct ExampleFilter {
    /// The package's name, which becomes the filter's.
    pub name: String,
    /// What it looks for, in one line.
    pub summary: String,
    /// The stream it reads: `package.metadata.skysieve.stream`, `ztf` where it says nothing.
    pub stream: String,
    /// Where the build leaves it.
    pub wasm: PathBuf,
}

impl House {
    /// Ask cargo where things lie.
    pub fn open() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask has a parent")?;
        let output = cargo(root)
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .stderr(Stdio::inherit())
            .output()
            .context("cannot run cargo")?;
        ensure!(output.status.success(), "cargo metadata failed");
        let metadata: Value = serde_json::from_slice(&output.stdout)?;
        let target = PathBuf::from(text(&metadata["target_directory"]));
        let packages = metadata["packages"]
            .as_array()
            .context("cargo metadata lists packages")?;
        let guests = packages
            .iter()
            .filter(|package| is_below(&root.join("tests/guests"), package));
        let guests = guests
            .map(|package| text(&package["name"]).to_owned())
            .collect();
        let mut filters: Vec<_> = packages
            .iter()
            .filter(|package| is_below(&root.join("example-filters"), package))
            .map(|package| example(&target, package))
            .collect();
        filters.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            root: root.to_owned(),
            target,
            filters,
            guests,
        })
    }

    /// Cargo, in the workspace.
    pub fn cargo(&self) -> Command {
        cargo(&self.root)
    }

    /// The `skysieve` program after [`House::build_host`].
    pub fn skysieve(&self) -> PathBuf {
        self.target
            .join("release")
            .join(format!("skysieve{}", std::env::consts::EXE_SUFFIX))
    }

    /// This very program, to be run as a process of its own.
    pub fn xtask(&self) -> PathBuf {
        self.skysieve()
            .with_file_name(format!("xtask{}", std::env::consts::EXE_SUFFIX))
    }

    /// Build the workspace's programs.
    pub fn build_host(&self) -> Result<()> {
        // All of them, and with one test that needs next to nothing: so every dependency gets the
        // features that the tests give it, and none is built twice.
        let arguments = [
            "build",
            "--release",
            "--workspace",
            "--bins",
            "--test",
            "invariants",
        ];
        step("build skysieve", self.cargo().args(arguments))
    }

    /// Build the example filters for the sandbox.
    pub fn build_filters(&self) -> Result<()> {
        let names: Vec<_> = self.filters.iter().map(|filter| &*filter.name).collect();
        self.build_wasm("build the example filters", &names)?;
        for filter in &self.filters {
            ensure!(
                filter.wasm.is_file(),
                "the build left no {}",
                filter.wasm.display()
            );
        }
        Ok(())
    }

    /// Build packages of the workspace for the sandbox.
    pub fn build_wasm(&self, name: &str, packages: &[&str]) -> Result<()> {
        self.add_wasm_target()?;
        let mut build = self.cargo();
        build.args(["build", "--release", "--target", WASM_TARGET]);
        for package in packages {
            build.args(["--package", package]);
        }
        step(name, &mut build)
    }

    /// Where a package that was built for the sandbox lies.
    pub fn wasm(&self, package: &str) -> PathBuf {
        wasm(&self.target, package)
    }

    /// Install the wasm target where it is missing.
    fn add_wasm_target(&self) -> Result<()> {
        let library = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", WASM_TARGET])
            .current_dir(&self.root)
            .output()
            .context("cannot run rustc")?;
        if Path::new(String::from_utf8_lossy(&library.stdout).trim()).is_dir() {
            return Ok(());
        }
        step(
            "install the wasm target",
            Command::new("rustup")
                .args(["target", "add", WASM_TARGET])
                .current_dir(&self.root),
        )
    }
}

/// Run one step to its end, saying what it is and how long it took.
pub fn step(name: &str, command: &mut Command) -> Result<()> {
    eprintln!("── {name}");
    let begun = Instant::now();
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("{name}: cannot run {program}"))?;
    if !status.success() {
        bail!("{name}: {program} ended with {status}");
    }
    eprintln!("   {name}: {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

fn is_below(folder: &Path, package: &Value) -> bool {
    Path::new(text(&package["manifest_path"])).starts_with(folder)
}

fn wasm(target: &Path, package: &str) -> PathBuf {
    let file = format!("{}.wasm", package.replace('-', "_"));
    target.join(WASM_TARGET).join("release").join(file)
}

fn example(target: &Path, package: &Value) -> ExampleFilter {
    let name = text(&package["name"]).to_owned();
    let stream = package["metadata"]["skysieve"]["stream"]
        .as_str()
        .unwrap_or("ztf")
        .to_owned();
    let wasm = wasm(target, &name);
    let summary = text(&package["description"]).to_owned();
    ExampleFilter {
        name,
        summary,
        stream,
        wasm,
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

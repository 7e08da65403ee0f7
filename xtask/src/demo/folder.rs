//! The folder in which one demo runs.
//!
//! In: cargo's target directory. Out: paths below `target/demo/run-PID`. Never: a folder that
//! another demo still uses.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// One demo's folder.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// A new folder of `what`; those that earlier ones left are removed.
    pub fn fresh(target: &Path, what: &str) -> Result<Self> {
        let demos = target.join(what);
        std::fs::create_dir_all(&demos)?;
        for entry in std::fs::read_dir(&demos)?.flatten() {
            if !is_in_use(&entry.file_name().to_string_lossy()) {
                std::fs::remove_dir_all(entry.path())
                    .with_context(|| format!("cannot remove {}", entry.path().display()))?;
            }
        }
        let root = demos.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&root)?;
        Ok(Self { root })
    }

    /// The whole.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the host's configuration is written.
    pub fn config(&self) -> PathBuf {
        self.root.join("skysieve.toml")
    }

    /// What the host says.
    pub fn log(&self) -> PathBuf {
        self.root.join("serve.log")
    }

    /// Counts per filter, as the host showed them.
    pub fn counts(&self) -> PathBuf {
        self.root.join("counts.json")
    }

    /// A night's packets before it begins.
    pub fn staged(&self, stream: &str) -> PathBuf {
        self.root.join("staged").join(stream)
    }

    /// Sample packets for the checks of an upload.
    pub fn samples(&self, stream: &str) -> PathBuf {
        self.root.join("samples").join(stream)
    }

    /// Packets of the past, for back-tests.
    pub fn past(&self, stream: &str) -> PathBuf {
        self.root.join("past").join(stream)
    }

    /// Schema documents of a stream that needs them.
    pub fn schemas(&self, stream: &str) -> PathBuf {
        self.root.join("schemas").join(stream)
    }

    /// What the host follows.
    pub fn incoming(&self, stream: &str) -> PathBuf {
        self.root.join("incoming").join(stream)
    }

    /// What the host writes.
    pub fn results(&self, stream: &str) -> PathBuf {
        self.root.join("results").join(stream)
    }
}

/// Whether the process that made `run-PID` still lives.
fn is_in_use(name: &str) -> bool {
    let pid = name.strip_prefix("run-").and_then(|pid| pid.parse().ok());
    pid.is_some_and(|pid| kill(Pid::from_raw(pid), None).is_ok())
}

//! Python, with the packages that tests run beside the host, kept in the workspace's `target/`.
//!
//! In: `python3` with its module `venv`, `tests/python/requirements.txt`. Out: an interpreter that has
//! them, and servers run by it. Never: a package put into the machine's own Python.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::guarded::{Guarded, folder, free_port, until};
use crate::skip::skipped;

const REQUIREMENTS: &str = include_str!("../python/requirements.txt");

/// A server that is not up after this long never will be.
const UP: Duration = Duration::from_secs(60);

/// An interpreter with the packages of the tests; the calling test counts as skipped where there is
/// none.
#[must_use]
pub fn python() -> Option<PathBuf> {
    match prepared() {
        Ok(python) => Some(python),
        Err(error) => {
            skipped("Python", &format!("{error:#}"));
            None
        }
    }
}

/// Made when it is not there yet; other processes wait meanwhile.
fn prepared() -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    REQUIREMENTS.hash(&mut hasher);
    let root = target().join(format!("python-{:016x}", hasher.finish()));
    let (done, python) = (root.join("complete"), root.join("venv/bin/python"));
    std::fs::create_dir_all(&root)?;
    let lock = std::fs::File::create(root.join("lock"))?;
    lock.lock()?;
    if !done.exists() {
        run("python3", &["-m", "venv", "--clear", "venv"], &root)?;
        let requirements = root.join("requirements.txt");
        std::fs::write(&requirements, REQUIREMENTS)?;
        let install = ["-m", "pip", "install", "-q", "-r", "requirements.txt"];
        run(&python, &install, &root)?;
        std::fs::write(done, "")?;
    }
    Ok(python)
}

fn run(program: impl AsRef<OsStr>, words: &[&str], folder: &Path) -> Result<()> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let output = Command::new(program)
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{name} is not installed"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{name} {}: {}", words.join(" "), said.trim());
    }
    Ok(())
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

/// Receivers of notices: `tests/python/notices.py`.
#[derive(Debug)]
pub struct Receivers {
    folder: PathBuf,
    https: u16,
    smtp: u16,
    _server: Guarded,
}

impl Receivers {
    /// Start them; `None`, and a counted skip, where there is no Python.
    ///
    /// # Errors
    /// When they do not come up.
    pub fn start() -> Result<Option<Self>> {
        let Some(python) = python() else {
            return Ok(None);
        };
        let folder = folder(None)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/notices.py");
        let port = free_port()?.to_string();
        let line = [
            python.as_os_str(),
            script.as_os_str(),
            folder.as_os_str(),
            OsStr::new(&port),
        ];
        let server = Guarded::start(&folder, None, &line)?;
        let ready = folder.join("ready.json");
        let ports: Value = until(UP, "the receivers of notices", || {
            let text = std::fs::read_to_string(&ready).ok();
            Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
        })
        .with_context(|| server.log_tail())?;
        let number = |name: &str| {
            let port = ports[name].as_u64().context("a port")?;
            Ok::<_, anyhow::Error>(u16::try_from(port)?)
        };
        Ok(Some(Self {
            https: number("https")?,
            smtp: number("smtp")?,
            folder,
            _server: server,
        }))
    }

    /// Where webhooks go.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://localhost:{}/hook", self.https)
    }

    /// Port of the mail server.
    #[must_use]
    pub fn smtp(&self) -> u16 {
        self.smtp
    }

    /// The certificate that vouches for both.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Tell the receiver of webhooks the key.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, secret: &str) -> Result<()> {
        Ok(std::fs::write(self.folder.join("secret"), secret)?)
    }

    /// What came so far.
    ///
    /// # Errors
    /// When a line is not JSON.
    pub fn events(&self) -> Result<Vec<Value>> {
        let text = std::fs::read_to_string(self.folder.join("events.jsonl")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| Ok(serde_json::from_str(line)?))
            .collect()
    }
}

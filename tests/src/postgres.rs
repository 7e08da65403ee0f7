//! A real PostgreSQL server on the loopback, from the installed binaries.
//!
//! In: `initdb` and `postgres`. Out: an address. Never: the machine's own database.

use std::ffi::OsStr;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::guarded::{Guarded, User, command, folder, free_port, until};
use crate::skip::skipped;

/// Environment variable that names a server to use instead, `postgres://…`; databases are made in it.
pub const NAMED_SERVER: &str = "SKYSIEVE_TEST_POSTGRES";
const UP: Duration = Duration::from_secs(60);
const FOLDERS: &str = "/usr/lib/postgresql";

/// A server with an empty database.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    folder: PathBuf,
    binaries: PathBuf,
    port: u16,
    user: Option<User>,
    running: Option<Guarded>,
}

impl Postgres {
    /// A server of the test's own, or the named one; `None` when neither can be had.
    ///
    /// # Errors
    /// When one should be there but does not come up.
    pub fn start() -> Result<Option<Self>> {
        if let Ok(url) = std::env::var(NAMED_SERVER) {
            return Ok(Some(Postgres { url, own: None }));
        }
        let Some(binaries) = binaries() else {
            return Ok(None);
        };
        let user = unprivileged()?;
        let folder = folder(user)?;
        initialise(&binaries, &folder, user)
            .inspect_err(|_| drop(std::fs::remove_dir_all(&folder)))?;
        let port = free_port()?;
        let url = format!("postgres://skysieve@127.0.0.1:{port}/postgres");
        let mut server = Postgres {
            url,
            own: Some(Own {
                folder,
                binaries,
                port,
                user,
                running: None,
            }),
        };
        server.restart()?;
        Ok(Some(server))
    }

    /// The same; the calling test counts as skipped when there is none.
    ///
    /// # Errors
    /// When one should be there but does not come up.
    pub fn start_or_skip() -> Result<Option<Self>> {
        let server = Self::start()?;
        if server.is_none() {
            skipped(
                "PostgreSQL",
                "not installed here, and SKYSIEVE_TEST_POSTGRES names no server",
            );
        }
        Ok(server)
    }

    /// Address of its database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// End it as a power cut would; its data stays for [`Postgres::restart`].
    ///
    /// # Errors
    /// When it is not of the test's own.
    pub fn kill(&mut self) -> Result<()> {
        match self.own()?.running.take() {
            Some(running) => running.kill(),
            None => Ok(()),
        }
    }

    /// Start it (again) on the same port and data, and wait until it answers.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<()> {
        let own = self.own()?;
        if own.running.is_none() {
            own.running = Some(own.launch()?);
        }
        until(UP, "PostgreSQL", || Ok(own.is_ready().then_some(()))).with_context(|| own.log_tail())
    }

    fn own(&mut self) -> Result<&mut Own> {
        self.own
            .as_mut()
            .with_context(|| format!("the server that {NAMED_SERVER} names is not ours to end"))
    }
}

impl Own {
    fn launch(&self) -> Result<Guarded> {
        // What a killed server leaves behind would keep the next one from starting.
        let _ = std::fs::remove_file(self.folder.join("data/postmaster.pid"));
        let program = self.binaries.join("postgres");
        let port = self.port.to_string();
        let words = [
            "-D",
            "data",
            "-p",
            &port,
            "-k",
            ".",
            "-c",
            "listen_addresses=127.0.0.1",
        ];
        let words = words.iter().map(OsStr::new);
        let line: Vec<&OsStr> = std::iter::once(program.as_os_str()).chain(words).collect();
        Guarded::start(&self.folder, self.user, &line)
    }

    fn is_ready(&self) -> bool {
        let address = ("127.0.0.1", self.port);
        let status = Command::new(self.binaries.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
            .status();
        TcpStream::connect(address).is_ok() && status.is_ok_and(|status| status.success())
    }

    fn log_tail(&self) -> String {
        self.running
            .as_ref()
            .map(Guarded::log_tail)
            .unwrap_or_default()
    }
}

/// The newest installed server: where `pg_config` says, or in Debian's folders.
fn binaries() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut found: Vec<PathBuf> = std::fs::read_dir(FOLDERS)
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    found.sort();
    told.into_iter()
        .chain(found.into_iter().rev())
        .find(|folder| folder.join("initdb").exists())
}

/// The server refuses to run as root; then it runs as `postgres`, or as `nobody`.
fn unprivileged() -> Result<Option<User>> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd")?;
    for name in ["postgres", "nobody"] {
        let fields = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>());
        if let Some(fields) = fields
            .into_iter()
            .find(|fields| fields.first() == Some(&name))
        {
            let number = |index: usize| fields.get(index).and_then(|field| field.parse().ok());
            let (uid, gid) = (number(2), number(3));
            return Ok(Some(User {
                uid: uid.context("uid")?,
                gid: gid.context("gid")?,
            }));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}

fn initialise(binaries: &Path, folder: &Path, user: Option<User>) -> Result<()> {
    let output = command(binaries.join("initdb"), folder, user)
        .args([
            "-D",
            "data",
            "-U",
            "skysieve",
            "--auth=trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ])
        .output()?;
    if !output.status.success() {
        bail!("initdb: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

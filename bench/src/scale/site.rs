//! A host of its own: folder, database, configuration, process.
//!
//! In: the program, an engine, packets for the trials of uploads. Out: a running host and callers with
//! tokens. Never: a host or a database that outlives the benchmark.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skysieve_tests::Postgres;
use tempfile::TempDir;

use super::caller::Caller;

/// The scientist who is timed.
pub const SCIENTIST: &str = "ada";
/// The administrator who is timed.
pub const ADMINISTRATOR: &str = "chief";
/// A cold start compiles every active filter.
const START_LIMIT: Duration = Duration::from_mins(30);
const STOP_LIMIT: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(5);
/// Lines of the host's log that are shown with an error.
const WORDS: usize = 20;

/// The engine behind a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// A file.
    Sqlite,
    /// A server on the loopback.
    Postgres,
}

impl Engine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// As figures name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A host that may run.
pub struct Site {
    program: PathBuf,
    folder: TempDir,
    port: u16,
    postgres: Option<Postgres>,
    child: Option<Child>,
}

impl Site {
    /// Folder, database and configuration; none where PostgreSQL is not installed.
    pub fn prepare(program: &Path, engine: Engine, packets: &[Vec<u8>]) -> Result<Option<Self>> {
        let postgres = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => match Postgres::start()? {
                None => return Ok(None),
                some => some,
            },
        };
        let folder = tempfile::tempdir()?;
        for (number, packet) in packets.iter().enumerate() {
            let samples = folder.path().join("samples");
            std::fs::create_dir_all(&samples)?;
            std::fs::write(samples.join(format!("{number:03}.avro")), packet)?;
        }
        std::fs::create_dir_all(folder.path().join("incoming"))?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let site = Self {
            program: program.to_owned(),
            folder,
            port,
            postgres,
            child: None,
        };
        std::fs::write(site.configuration(), site.settings()?)?;
        Ok(Some(site))
    }

    /// The address of the registry, as sqlx takes it.
    pub fn registry(&self) -> String {
        match &self.postgres {
            Some(server) => server.url().to_owned(),
            None => format!("sqlite://{}", self.data().join("registry.db").display()),
        }
    }

    /// What the host keeps for itself.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("skysieve.toml")
    }

    /// The defaults, but for a pace and a gate that would stand in the way.
    fn settings(&self) -> Result<String> {
        let url = self.postgres.as_ref().map_or("", Postgres::url);
        let mut text = String::new();
        writeln!(
            text,
            "data = {:?}\n\n[registry]\nurl = {url:?}\n",
            self.data()
        )?;
        text.push_str(
            "[registry.quotas]\nrequests_per_minute = 10000000\ncompile_s_per_day = 1000000\n\n",
        );
        writeln!(text, "[api]\nlisten = \"127.0.0.1:{}\"\n", self.port)?;
        text.push_str(
            "[[streams]]\nname = \"ztf\"\nobject_id = [\"objectId\"]\nalert_id = [\"candid\"]\n\
             gate_percent = 100.0\ngate_alerts = 0\n",
        );
        writeln!(text, "samples = {:?}\n", self.folder.path().join("samples"))?;
        for (part, folder) in [("source", "incoming"), ("sink", "results")] {
            let path = self.folder.path().join(folder);
            writeln!(
                text,
                "[streams.{part}]\nkind = \"archive\"\npath = {path:?}\n"
            )?;
        }
        text.push_str(
            "[streams.observed]\npath = [\"candidate.jd\"]\nformat = \"jd\"\nscale = \"utc\"\n\
             longitude_deg = -116.865\n",
        );
        Ok(text)
    }

    /// Somebody with a new token.
    pub fn caller(&self, user: &str, role: &str) -> Result<Caller> {
        let output = Command::new(&self.program)
            .args([
                "token", "create", "--user", user, "--role", role, "--config",
            ])
            .arg(self.configuration())
            .output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "skysieve token create: {complaint}"
        );
        let token = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Caller::new(
            format!("http://127.0.0.1:{}", self.port),
            token,
        ))
    }

    /// Start the host; the time until it answers `caller` and `filters` are live.
    pub fn start(&mut self, caller: &Caller, filters: usize) -> Result<Duration> {
        let log = File::create(self.log())?;
        let begun = Instant::now();
        let child = Command::new(&self.program)
            .args(["serve", "--config"])
            .arg(self.configuration())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start skysieve serve")?;
        self.child = Some(child);
        while caller.live().ok().is_none_or(|live| live < filters) {
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().transpose()) {
                bail!("skysieve serve ended with {}:\n{}", status?, self.words());
            }
            ensure!(
                begun.elapsed() < START_LIMIT,
                "not {filters} filters are live:\n{}",
                self.words()
            );
            std::thread::sleep(LOOK);
        }
        Ok(begun.elapsed())
    }

    /// SIGTERM, then its end.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?;
        let begun = Instant::now();
        while child.try_wait()?.is_none() {
            if begun.elapsed() > STOP_LIMIT {
                self.child = Some(child);
                bail!("skysieve serve does not end");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    /// The last of what the host said.
    pub fn words(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(WORDS).collect();
        last.into_iter()
            .rev()
            .fold(String::new(), |said, line| said + line + "\n")
    }

    /// Whether a handler panicked.
    pub fn panicked(&self) -> bool {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        text.contains("panicked at")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // The benchmark is over, whatever it found.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

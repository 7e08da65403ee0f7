//! The host as a process: started, waited for, stopped.
//!
//! In: the demo's folder. Out: an address that answers. Never: a port that somebody else has, or a
//! host that outlives the demo.

use std::fmt::Write as _;
use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::folder::Folder;
use super::night::Night;
use crate::house::House;

/// The host answers well under a second; a machine under load may need more.
const START_LIMIT: Duration = Duration::from_secs(60);
/// A stop commits what is pending.
const STOP_LIMIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// A running host.
pub struct Service {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    log: std::path::PathBuf,
}

impl Service {
    /// Write the configuration, start the host, wait until it answers.
    pub fn start(house: &House, folder: &Folder, nights: &[Night]) -> Result<Self> {
        let port = free_port()?;
        std::fs::write(folder.config(), configuration(folder, nights, port)?)?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.log())?;
        let child = Command::new(house.skysieve())
            .args(["serve", "--config"])
            .arg(folder.config())
            .current_dir(folder.root())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start skysieve serve")?;
        let address = format!("http://127.0.0.1:{port}");
        let mut service = Self {
            child,
            address,
            log: folder.log(),
        };
        service.wait_until_ready(port)?;
        Ok(service)
    }

    fn wait_until_ready(&mut self, port: u16) -> Result<()> {
        let begun = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("skysieve serve ended with {status}: {}", self.last_words());
            }
            ensure!(
                begun.elapsed() < START_LIMIT,
                "skysieve serve does not answer after {} s; see {}",
                START_LIMIT.as_secs(),
                self.log.display()
            );
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// SIGTERM, then wait for a clean end.
    pub fn stop(mut self) -> Result<()> {
        kill(self.pid()?, Signal::SIGTERM)?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success(),
                    "skysieve serve ended with {status}: {}",
                    self.last_words()
                );
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        bail!(
            "skysieve serve did not end {} s after SIGTERM",
            STOP_LIMIT.as_secs()
        );
    }

    /// Print where it is and stay until Ctrl-C, which reaches the host as well.
    pub fn stay(mut self, token: &str) -> Result<()> {
        println!("\nskysieve serves at {}; end it with Ctrl-C", self.address);
        println!(
            "  echo {token} | target/release/skysieve login {}",
            self.address
        );
        println!("  target/release/skysieve list");
        self.child.wait()?;
        Ok(())
    }

    fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_raw(
            i32::try_from(self.child.id()).context("process id")?,
        ))
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("no word")
            .to_owned()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Only after a failure of the demo itself, which is what is told.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on loopback")?;
    Ok(listener.local_addr()?.port())
}

/// The embedded defaults but for the port, and for the streams and their folders.
fn configuration(folder: &Folder, nights: &[Night], port: u16) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "[api]\nlisten = \"127.0.0.1:{port}\"")?;
    for night in nights {
        writeln!(text, "\n[[streams]]\nname = {:?}", night.stream)?;
        text.push_str(night.identities());
        text.push_str(&night.gate());
        writeln!(text, "samples = {:?}", folder.samples(night.stream))?;
        if night.has_schemas() {
            writeln!(text, "schemas = {:?}", folder.schemas(night.stream))?;
        }
        let past = folder.past(night.stream);
        writeln!(text, "\n[streams.backtest]\narchive = {past:?}")?;
        for (part, path) in [
            ("source", folder.incoming(night.stream)),
            ("sink", folder.results(night.stream)),
        ] {
            writeln!(
                text,
                "\n[streams.{part}]\nkind = \"archive\"\npath = {path:?}"
            )?;
        }
        text.push_str(night.observed());
    }
    Ok(text)
}

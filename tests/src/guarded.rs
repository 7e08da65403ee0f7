//! A server that ends with the process that started it, however that ends.
//!
//! In: a program with its arguments and a folder. Out: the running server. Never: an orphan.
//!
//! A shell stands between: it starts the server and waits for the end of its own standard input,
//! a pipe that closes with the test process; then it kills the server and removes the folder.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const GUARD: &str = r#"
folder=$1; keep=$2; shift 2
"$@" >>"$folder/server.log" 2>&1 &
server=$!
echo "$server" >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid"
cat >/dev/null
kill -9 "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ -e "$folder/keep" ] || rm -rf "$folder"
"#;

/// User and group of a server process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub uid: u32,
    pub gid: u32,
}

/// A running server in a folder of its own.
#[derive(Debug)]
pub(crate) struct Guarded {
    folder: PathBuf,
    guard: Child,
}

/// A new folder for a server, owned by `user` where that is given.
pub(crate) fn folder(user: Option<User>) -> Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix("skysieve-test-")
        .tempdir()?
        .keep();
    if let Some(user) = user {
        std::os::unix::fs::chown(&folder, Some(user.uid), Some(user.gid))?;
    }
    std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
    Ok(folder)
}

/// A command that runs as `user` in `folder`.
pub(crate) fn command(program: impl AsRef<OsStr>, folder: &Path, user: Option<User>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    command
}

impl Guarded {
    /// Start `line` in `folder`.
    pub fn start(folder: &Path, user: Option<User>, line: &[&OsStr]) -> Result<Self> {
        let _ = std::fs::remove_file(folder.join("pid"));
        let guard = command("sh", folder, user)
            .args(["-c", GUARD, "guard"])
            .arg(folder)
            .arg("-")
            .args(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting a shell")?;
        let guarded = Guarded {
            folder: folder.to_owned(),
            guard,
        };
        until(Duration::from_secs(10), "the server's process", || {
            Ok(guarded.pid().ok())
        })?;
        Ok(guarded)
    }

    /// The server's process.
    pub fn pid(&self) -> Result<Pid> {
        let text = std::fs::read_to_string(self.folder.join("pid"))?;
        Ok(Pid::from_raw(text.trim().parse()?))
    }

    /// Send the server a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(self.pid()?, signal)?)
    }

    /// End the server as a power cut would; the folder stays.
    pub fn kill(mut self) -> Result<()> {
        std::fs::write(self.folder.join("keep"), "")?;
        drop(self.guard.stdin.take());
        self.guard.wait()?;
        std::fs::remove_file(self.folder.join("keep"))?;
        Ok(())
    }

    /// Last lines of the server's own output.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // It ends by itself; an error here would hide the test's own.
        let _ = self.guard.wait();
    }
}

/// A loopback port that was free a moment ago and is not given again to this process.
///
/// Below the range from which the kernel takes ports for outgoing connections: while a server is down,
/// a client that keeps trying may otherwise be given its port, and connect to itself.
pub(crate) fn free_port() -> Result<u16> {
    const PORTS: std::ops::Range<u32> = 12_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes begin at places of their own.
    let begin = std::process::id().wrapping_mul(37);
    for _ in PORTS {
        let step = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(PORTS.start + step % (PORTS.end - PORTS.start))?;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free");
}

/// Look until `look` gives something, at most `limit`.
pub(crate) fn until<T>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("{what}: not there within {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

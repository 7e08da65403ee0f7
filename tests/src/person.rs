//! Somebody at a terminal: the command line as a test types it.
//!
//! In: words. Out: what the person reads, and the exit status. Never: a login of another person's.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::host::{Host, program};

/// Somebody with a folder of their own for what they configure.
#[derive(Debug)]
pub struct Person {
    folder: TempDir,
}

/// What they read.
#[derive(Debug)]
pub struct Read {
    /// The exit status.
    pub status: i32,
    /// Standard output.
    pub text: String,
    /// Standard error.
    pub complaint: String,
}

impl Read {
    /// What a command left.
    ///
    /// # Panics
    /// Where it was killed.
    #[must_use]
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            status: output.status.code().expect("it ended by itself"),
            text: text(&output.stdout),
            complaint: text(&output.stderr),
        }
    }

    /// What was said by a command that ended well.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.text
    }

    /// That it ended so, having said why.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn ends(self, status: i32, why: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(self.complaint.contains(why), "{why:?} is not in {self:?}");
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

impl Person {
    /// Somebody who is not logged in.
    ///
    /// # Panics
    /// Without a folder for temporary files.
    #[must_use]
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        Self { folder }
    }

    /// The first administrator of a host, logged in.
    ///
    /// # Panics
    /// Where the host has one.
    #[must_use]
    pub fn root(host: &Host) -> Self {
        let root = Self::new();
        let mut init = host.command("admin init");
        let made = init.args(["--user", "root"]).output().expect("it runs");
        root.logs_in(host, Read::of(&made).ok().trim()).ok();
        root
    }

    /// Where their configuration lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `skysieve` with these words, not yet run.
    #[must_use]
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(program());
        command
            .args(words.split_whitespace())
            .env("XDG_CONFIG_HOME", self.folder.path())
            .env_remove("SKYSIEVE_URL")
            .env_remove("SKYSIEVE_TOKEN")
            .stdin(Stdio::null());
        command
    }

    /// Types a command.
    ///
    /// # Panics
    /// Where it does not run.
    #[must_use]
    pub fn types(&self, words: &str) -> Read {
        Read::of(&self.command(words).output().expect("it runs"))
    }

    /// The document that a command prints with `--json`.
    ///
    /// # Panics
    /// Where it prints none.
    #[track_caller]
    #[must_use]
    pub fn json(&self, words: &str) -> Value {
        let text = self.types(&format!("{words} --json")).ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words}: {error}: {text}"))
    }

    /// Says which host they work with.
    ///
    /// # Panics
    /// Where the program does not run.
    #[must_use]
    pub fn logs_in(&self, host: &Host, token: &str) -> Read {
        let mut command = self.command(&format!("login {}/", host.address()));
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut input = child.stdin.take().expect("it is piped");
        writeln!(input, "{token}").expect("it reads");
        drop(input);
        Read::of(&child.wait_with_output().expect("it ends"))
    }
}

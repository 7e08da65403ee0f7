//! The compile child, from the outside: started under limits, watched, killed when it lasts.
//!
//! In: a file as it was uploaded. Out: its component and the code compiled from it, or a refusal.
//! Never: a look into the file in this process, or more children at once than told.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Settings;
use super::compile_child::{COMPILE_SUBCOMMAND, Job, REFUSED, Told};
use super::refusal::{Refusal, UploadError};
use crate::evaluate::for_people;

/// What a child may say about an error [bytes].
const WORDS_BYTES: u64 = 16 << 10;
/// How often a child that has closed its output is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// What a child made of an upload.
pub(super) struct Compiled {
    /// The component, wrapped where a core module was uploaded.
    pub(super) component: Vec<u8>,
    /// Machine code.
    pub(super) code: Vec<u8>,
}

/// Starts compile children.
pub(super) struct Compiler {
    program: PathBuf,
    settings: Settings,
    free: Mutex<usize>,
    freed: Condvar,
}

impl Compiler {
    /// `program` answers to the subcommand `compile-component`; it is the running one.
    pub(super) fn new(program: PathBuf, settings: &Settings) -> Compiler {
        let free = Mutex::new(settings.children.max(1));
        Compiler {
            program,
            settings: settings.clone(),
            free,
            freed: Condvar::new(),
        }
    }

    /// Checks, wraps and compiles a file in a child of its own; waits for a place first.
    ///
    /// # Errors
    /// A refusal when the compiler does not take it or needs too much; else what failed here.
    pub(super) fn compile(&self, upload: &[u8]) -> Result<Compiled, UploadError> {
        let _place = self.place()?;
        let started = Instant::now();
        let mut child = self.spawn()?;
        let input = [&self.job(upload.len()).to_bytes(), upload].concat();
        let output = talk(&mut child, input, self.most_output());
        let deadline = started + Duration::from_millis(self.settings.compile_ms);
        let answer = output.and_then(|output| self.wait(&mut child, &output, deadline));
        if answer.is_err() {
            // Whatever went wrong, nothing is left behind; a child that is gone cannot be killed.
            drop(child.kill());
        }
        let status = child
            .wait()
            .map_err(|error| UploadError::host("waiting for the compiler", error))?;
        let (code, words) = answer?;
        self.judge(status, code, &words)
    }

    fn job(&self, upload_bytes: usize) -> Job {
        Job {
            address_space_bytes: self.settings.compile_address_space_bytes,
            cpu_s: self.settings.compile_cpu_s,
            upload_bytes,
            component_bytes: self.settings.component_bytes,
            caps: self.settings.caps.clone(),
        }
    }

    /// Length of the component, component and code [bytes].
    fn most_output(&self) -> u64 {
        size_of::<u64>() as u64
            + self.settings.component_bytes as u64
            + self.settings.compiled_bytes
    }

    fn spawn(&self) -> Result<Child, UploadError> {
        let mut command = Command::new(&self.program);
        command.arg(COMPILE_SUBCOMMAND).env_clear().current_dir("/");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
            .spawn()
            .map_err(|error| UploadError::host("starting the compiler", error))
    }

    /// What the child wrote, once it has ended, before the deadline.
    fn wait(
        &self,
        child: &mut Child,
        output: &Output,
        deadline: Instant,
    ) -> Result<Written, UploadError> {
        let too_long = || Refusal::CompileLimit {
            what: format!("more than {} s", self.settings.compile_ms / 1000),
        };
        let left = || deadline.saturating_duration_since(Instant::now());
        let code = output.code.recv_timeout(left()).map_err(|_| too_long())?;
        let words = output.words.recv_timeout(left()).map_err(|_| too_long())?;
        while child
            .try_wait()
            .map_err(|error| UploadError::host("watching the compiler", error))?
            .is_none()
        {
            if left().is_zero() {
                return Err(too_long().into());
            }
            std::thread::sleep(LOOK.min(left()));
        }
        Ok((code, words))
    }

    fn judge(
        &self,
        status: ExitStatus,
        output: Vec<u8>,
        words: &[u8],
    ) -> Result<Compiled, UploadError> {
        if status.success() && output.len() as u64 <= self.most_output() {
            let compiled = Compiled::from_output(output)
                .ok_or_else(|| UploadError::Host("the compiler's output is cut off".to_owned()))?;
            if compiled.code.len() as u64 <= self.settings.compiled_bytes {
                return Ok(compiled);
            }
        }
        if status.success() {
            let what = format!(
                "more than {} MB of machine code",
                self.settings.compiled_bytes >> 20
            );
            return Err(Refusal::CompileLimit { what }.into());
        }
        if let Some(signal) = status.signal() {
            return Err(Refusal::CompileLimit {
                what: self.limit_behind(signal),
            }
            .into());
        }
        let told = serde_json::from_slice::<Told>(words);
        let words = for_people(String::from_utf8_lossy(words).trim(), 1000);
        if status.code() == Some(i32::from(REFUSED)) {
            return Err(match told {
                Ok(Told { code, message }) => Refusal::Told { code, message },
                Err(_) => {
                    tracing::warn!(words, "the tools gave up on an upload");
                    let reason = "the tools that check, wrap and compile it gave up; was it built \
                                  with skysieve-sdk, and left as cargo made it?";
                    Refusal::Compile {
                        reason: reason.to_owned(),
                    }
                }
            }
            .into());
        }
        Err(UploadError::Host(format!(
            "the compiler ended with {status}: {words}"
        )))
    }

    /// Which limit ended a child by a signal, in words.
    fn limit_behind(&self, signal: i32) -> String {
        use nix::sys::signal::Signal;
        match Signal::try_from(signal) {
            Ok(Signal::SIGXCPU) => format!(
                "more than {} s of processor time",
                self.settings.compile_cpu_s
            ),
            Ok(Signal::SIGABRT | Signal::SIGSEGV | Signal::SIGBUS) => {
                format!(
                    "more than {} MB of memory",
                    self.settings.compile_address_space_bytes >> 20
                )
            }
            Ok(Signal::SIGKILL) => "more of this machine than it had to spare".to_owned(),
            _ => format!("an unforeseen turn (signal {signal})"),
        }
    }

    fn place(&self) -> Result<Place<'_>, UploadError> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = Duration::from_millis(self.settings.queue_ms);
        let waited = self
            .freed
            .wait_timeout_while(free, longest, |free| *free == 0);
        let (mut free, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() && *free == 0 {
            return Err(UploadError::Host(
                "too many filters are being compiled; try again in a minute".to_owned(),
            ));
        }
        *free -= 1;
        Ok(Place(self))
    }
}

impl Compiled {
    /// Length of the component, the component, the code.
    fn from_output(mut output: Vec<u8>) -> Option<Compiled> {
        let (length, rest) = output.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let component = rest.get(..length)?.to_vec();
        output.drain(..size_of::<u64>() + length);
        Some(Compiled {
            component,
            code: output,
        })
    }
}

/// The right to run one child.
struct Place<'a>(&'a Compiler);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

type Written = (Vec<u8>, Vec<u8>);

/// What comes out of a child, each whole.
struct Output {
    code: Receiver<Vec<u8>>,
    words: Receiver<Vec<u8>>,
}

/// Feeds a child and listens to it, on threads that end with it.
fn talk(child: &mut Child, input: Vec<u8>, most: u64) -> Result<Output, UploadError> {
    let missing = || UploadError::Host("the compiler has no pipes".to_owned());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut stdin = stdin.ok_or_else(missing)?;
    // A child that ends before it has read everything says why by itself.
    std::thread::spawn(move || drop(stdin.write_all(&input)));
    let code = listen(stdout.ok_or_else(missing)?, most + 1);
    let words = listen(stderr.ok_or_else(missing)?, WORDS_BYTES);
    Ok(Output { code, words })
}

fn listen(pipe: impl Read + Send + 'static, most: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is all there is to know.
        drop(pipe.take(most).read_to_end(&mut bytes));
        drop(sender.send(bytes));
    });
    receiver
}

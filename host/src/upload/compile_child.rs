//! The compile child, from the inside: give up every right, read an upload, write machine code.
//!
//! In: a [`Job`] and an upload on standard input. Out: component and compiled code on standard
//! output, or the refusal on standard error and exit status 65. Never: files, network, environment.

use std::io::{Read, Write};
use std::process::ExitCode;

use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

use serde::{Deserialize, Serialize};

use super::caps::Caps;
use super::refusal::Refusal;
use super::uploader::check;
use crate::evaluate::{compile, for_people};

/// The hidden subcommand under which the program is its own compile child.
pub const COMPILE_SUBCOMMAND: &str = "compile-component";

/// Exit status: the upload is refused (EX_DATAERR).
pub(super) const REFUSED: u8 = 65;
/// Exit status: the child could not do its work at all (EX_OSERR).
pub(super) const BROKEN: u8 = 71;

/// Stack of the compiling thread [bytes]; Cranelift recurses over what it compiles.
const STACK_BYTES: usize = 64 << 20;
/// Open files: the three standard ones.
const OPEN_FILES: u64 = 3;

/// Longest description of a job [bytes].
const JOB_BYTES: u64 = 64 << 10;

/// What one child is to do and may use; it precedes the upload on the child's standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Job {
    /// Address space [bytes].
    pub(super) address_space_bytes: u64,
    /// Processor time [s].
    pub(super) cpu_s: u64,
    /// Size of the upload [bytes].
    pub(super) upload_bytes: usize,
    /// Greatest size of an upload, and of the component made of it [bytes].
    pub(super) component_bytes: usize,
    /// How entangled it may be.
    pub(super) caps: Caps,
}

/// A refusal on its way out of a child.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) code: String,
    pub(super) message: String,
}

impl Job {
    /// Length and JSON.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let text = serde_json::to_vec(self).expect("numbers have a JSON form");
        [&(text.len() as u64).to_le_bytes()[..], &text].concat()
    }

    fn read(from: &mut impl Read) -> std::io::Result<Job> {
        let mut length = [0; size_of::<u64>()];
        from.read_exact(&mut length)?;
        let mut text = Vec::new();
        from.take(u64::from_le_bytes(length).min(JOB_BYTES))
            .read_to_end(&mut text)?;
        serde_json::from_slice(&text).map_err(std::io::Error::other)
    }
}

/// What `main` calls, before anything else, when the first argument is [`COMPILE_SUBCOMMAND`].
#[must_use]
pub fn compile_child() -> ExitCode {
    // These belong to a thread and are handed down to the next.
    if let Err(error) = set_no_new_privs().and_then(|()| set_pdeathsig(Signal::SIGKILL)) {
        eprintln!("the compile child cannot give up its rights: {error}");
        return ExitCode::from(BROKEN);
    }
    // The thread comes first: once confined, the process may make none.
    let thread = std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(work);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        // A panic of the compiler has printed its own words.
        Ok(Err(_)) => ExitCode::from(REFUSED),
        Err(error) => {
            eprintln!("no thread: {error}");
            ExitCode::from(BROKEN)
        }
    }
}

fn work() -> ExitCode {
    let mut stdin = std::io::stdin().lock();
    let started = Job::read(&mut stdin).and_then(|job| {
        confine(&job)?;
        let upload = read(&mut stdin, job.upload_bytes)?;
        Ok((job, upload))
    });
    let (job, upload) = match started {
        Ok(started) => started,
        Err(error) => {
            eprintln!("the compile child cannot start: {error}");
            return ExitCode::from(BROKEN);
        }
    };
    match compiled(&job, &upload) {
        Ok(output) if std::io::stdout().lock().write_all(&output).is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(BROKEN),
        Err(refusal) => {
            let told = Told {
                code: refusal.code().to_owned(),
                message: refusal.to_string(),
            };
            eprint!("{}", serde_json::to_string(&told).unwrap_or_default());
            ExitCode::from(REFUSED)
        }
    }
}

/// Length of the component, the component, the code.
fn compiled(job: &Job, upload: &[u8]) -> Result<Vec<u8>, Refusal> {
    let component = check(upload, job.component_bytes, &job.caps)?;
    let code = compile(&component).map_err(|error| Refusal::Compile {
        reason: for_people(&error.to_string(), 1000),
    })?;
    let length = (component.len() as u64).to_le_bytes();
    Ok([&length[..], &component, &code].concat())
}

/// Gives up what compiling does not need. seccomp and Landlock belong here, too.
fn confine(limits: &Job) -> std::io::Result<()> {
    close_inherited()?;
    for (resource, limit) in [
        (Resource::RLIMIT_AS, limits.address_space_bytes),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, OPEN_FILES),
        (Resource::RLIMIT_NPROC, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_MEMLOCK, 0),
        (Resource::RLIMIT_MSGQUEUE, 0),
    ] {
        setrlimit(resource, limit, limit)?;
    }
    // The soft limit says so by a signal of its own, the hard one just kills.
    setrlimit(Resource::RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 1)?;
    Ok(())
}

/// Closes what the host had open and not marked as its own alone.
fn close_inherited() -> std::io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    // The listing's own descriptor is among them and gone already.
    for descriptor in open {
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

fn read(from: &mut impl Read, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut upload = Vec::new();
    from.take(bytes as u64 + 1).read_to_end(&mut upload)?;
    if upload.len() != bytes {
        return Err(std::io::Error::other("more or fewer bytes than announced"));
    }
    Ok(upload)
}

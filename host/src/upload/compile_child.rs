//! The compile child, from the inside: give up every right, read a component, write machine code.
//!
//! In: limits and a component on standard input. Out: compiled code on standard output, or
//! the compiler's words on standard error and exit status 65. Never: files, network, environment.

use std::io::{Read, Write};
use std::process::ExitCode;

use nix::sys::prctl::{set_no_new_privs, set_pdeathsig};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;

use crate::evaluate::compile;

/// The hidden subcommand under which the program is its own compile child.
pub const COMPILE_SUBCOMMAND: &str = "compile-component";

/// Exit status: the compiler refuses the component (EX_DATAERR).
pub(super) const REFUSED: u8 = 65;
/// Exit status: the child could not do its work at all (EX_OSERR).
pub(super) const BROKEN: u8 = 71;

/// Stack of the compiling thread [bytes]; Cranelift recurses over what it compiles.
const STACK_BYTES: usize = 64 << 20;
/// Open files: the three standard ones.
const OPEN_FILES: u64 = 3;

/// Limits of one child; they precede the component on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChildLimits {
    /// Address space [bytes].
    pub(super) address_space_bytes: u64,
    /// Processor time [s].
    pub(super) cpu_s: u64,
    /// Component on standard input [bytes].
    pub(super) component_bytes: u64,
}

impl ChildLimits {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [self.address_space_bytes, self.cpu_s, self.component_bytes]
            .map(u64::to_le_bytes)
            .concat()
    }

    fn read(from: &mut impl Read) -> std::io::Result<ChildLimits> {
        let mut next = || {
            let mut number = [0; size_of::<u64>()];
            from.read_exact(&mut number)
                .map(|()| u64::from_le_bytes(number))
        };
        Ok(ChildLimits {
            address_space_bytes: next()?,
            cpu_s: next()?,
            component_bytes: next()?,
        })
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
    let limits = ChildLimits::read(&mut stdin);
    let component =
        limits.and_then(|limits| confine(limits).and_then(|()| read(&mut stdin, limits)));
    let component = match component {
        Ok(component) => component,
        Err(error) => {
            eprintln!("the compile child cannot start: {error}");
            return ExitCode::from(BROKEN);
        }
    };
    match compile(&component) {
        Ok(code) if std::io::stdout().lock().write_all(&code).is_ok() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(BROKEN),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(REFUSED)
        }
    }
}

/// Gives up what compiling does not need. seccomp and Landlock belong here, too.
fn confine(limits: ChildLimits) -> std::io::Result<()> {
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

fn read(from: &mut impl Read, limits: ChildLimits) -> std::io::Result<Vec<u8>> {
    let mut component = Vec::new();
    from.take(limits.component_bytes + 1)
        .read_to_end(&mut component)?;
    if component.len() as u64 != limits.component_bytes {
        return Err(std::io::Error::other("more or fewer bytes than announced"));
    }
    Ok(component)
}

//! A night as tars in a folder.
//!
//! In: alerts. Out: tars named in order, each under its name once it is whole. Never: a file
//! overwritten.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use skysieve_simulator::Alert;

/// Packets in one tar, at most.
const PACKETS: u32 = 1000;

/// Writes tars, each under a name that ends in `.partial` until it is whole.
pub(super) struct Tars {
    stem: PathBuf,
    /// How long a tar may stay open.
    longest: Option<Duration>,
    count: u32,
    open: Option<OpenTar>,
}

struct OpenTar {
    path: PathBuf,
    builder: tar::Builder<BufWriter<File>>,
    packets: u32,
    begun: Instant,
}

impl Tars {
    pub(super) fn new(stem: PathBuf, longest: Option<Duration>) -> Self {
        Self {
            stem,
            longest,
            count: 0,
            open: None,
        }
    }

    pub(super) fn take(&mut self, alert: &Alert) -> Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let mut header = tar::Header::new_ustar();
        header.set_size(alert.bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(u64::try_from(alert.observed_ms / 1000).unwrap_or(0));
        let name = format!("{}.avro", alert.alert_id);
        open.builder
            .append_data(&mut header, name, &alert.bytes[..])
            .with_context(|| format!("cannot write {}", open.path.display()))?;
        open.packets += 1;
        let old = self
            .longest
            .is_some_and(|longest| open.begun.elapsed() >= longest);
        let full = open.packets == PACKETS || old;
        self.open = Some(open);
        if full { self.close() } else { Ok(()) }
    }

    fn begin(&mut self) -> Result<OpenTar> {
        let mut path = self.stem.clone().into_os_string();
        path.push(format!("_{:03}.tar", self.count));
        let path = PathBuf::from(path);
        ensure!(
            !path.exists(),
            "{} is there already; choose another folder",
            path.display()
        );
        self.count += 1;
        let partial = partial(&path);
        let file = File::create(&partial);
        let file = file.with_context(|| format!("cannot make {}", partial.display()))?;
        let builder = tar::Builder::new(BufWriter::with_capacity(1 << 20, file));
        Ok(OpenTar {
            path,
            builder,
            packets: 0,
            begun: Instant::now(),
        })
    }

    pub(super) fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let path = open.path;
        let written = open
            .builder
            .into_inner()
            .and_then(|mut writer| writer.flush());
        written
            .and_then(|()| fs::rename(partial(&path), &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

//! The members of one file, as bytes: one for a loose packet, each regular file of a tar.
//!
//! In: a reader. Out: bytes, or what there is of them and why not all. Never: more of a member in
//! memory than the bound allows.

use std::io::{self, BufRead, Read};

/// Of a packet that cannot be taken whole, so much is kept for whoever looks into it.
const KEPT_BYTES: u64 = 64 << 10;

/// After the end of a tar only padding may follow, no more than this.
const PADDING_BYTES: u64 = 64 << 20;

/// The members that are still to come.
pub(super) enum Members {
    One(Option<Body>),
    Tar {
        reader: Box<dyn BufRead + Send>,
        bound: u64,
        state: State,
    },
}

/// How it stands behind the last member that was read.
pub(super) enum State {
    Sound,
    /// Reading cannot go on; nobody has been told yet.
    Damaged(String),
    Ended,
}

/// The bytes of a packet, or why they are not all there.
pub(super) struct Body {
    pub bytes: Vec<u8>,
    pub damage: Option<String>,
}

/// The whole of a loose packet.
pub(super) fn read_whole(reader: &mut impl Read, bound: u64) -> Body {
    let mut bytes = Vec::new();
    let read = reader.take(bound + 1).read_to_end(&mut bytes);
    let damage = match read {
        Err(error) => Some(format!(
            "the file cannot be read beyond byte {}: {error}",
            bytes.len()
        )),
        Ok(_) if bytes.len() as u64 > bound => Some(over_bound("the file", bound)),
        Ok(_) => None,
    };
    keep(bytes, damage)
}

fn over_bound(what: &str, bound: u64) -> String {
    format!("{what} is longer than the {bound} bytes that a packet may have")
}

fn keep(mut bytes: Vec<u8>, damage: Option<String>) -> Body {
    if damage.is_some() {
        bytes.truncate(KEPT_BYTES as usize);
        bytes.shrink_to_fit();
    }
    Body { bytes, damage }
}

impl Body {
    pub(super) fn missing(reason: String) -> Self {
        Self {
            bytes: Vec::new(),
            damage: Some(reason),
        }
    }
}

impl Members {
    /// The members of a tar.
    pub(super) fn tar(reader: impl BufRead + Send + 'static, bound: u64) -> Self {
        Self::Tar {
            reader: Box::new(reader),
            bound,
            state: State::Sound,
        }
    }

    pub(super) fn next(&mut self) -> Option<Body> {
        match self {
            Self::One(body) => body.take(),
            Self::Tar {
                reader,
                bound,
                state,
            } => match std::mem::replace(state, State::Ended) {
                State::Ended => None,
                State::Damaged(reason) => Some(Body::missing(reason)),
                State::Sound => match next_member(reader, *bound) {
                    Ok(Some(body)) => {
                        *state = body.1;
                        Some(body.0)
                    }
                    Ok(None) => after_the_end(reader).err().map(|error| {
                        Body::missing(format!("behind the last member of the tar: {error}"))
                    }),
                    Err(error) => Some(Body::missing(format!(
                        "the tar is damaged, members from here on cannot be read: {error}"
                    ))),
                },
            },
        }
    }
}

/// The next member of a tar. Headers are read one at a time and raw: long names and other
/// extensions are passed over, never held in memory.
fn next_member(reader: &mut dyn BufRead, bound: u64) -> io::Result<Option<(Body, State)>> {
    loop {
        let mut archive = tar::Archive::new(&mut *reader);
        let Some(entry) = archive.entries()?.raw(true).next() else {
            return Ok(None);
        };
        let entry = entry?;
        let (size, kind) = (entry.size(), entry.header().entry_type());
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        drop(entry);
        let padding = (512 - size % 512) % 512;
        if kind.is_file() || kind.is_contiguous() {
            return Ok(Some(read_member(reader, &name, size, bound)));
        }
        pass_over(reader, size.saturating_add(padding))?;
        if !is_no_packet(kind) {
            let body = Body::missing(format!("member {name} of the tar is a link or a device"));
            return Ok(Some((body, State::Sound)));
        }
    }
}

fn is_no_packet(kind: tar::EntryType) -> bool {
    kind.is_dir()
        || kind.is_gnu_longname()
        || kind.is_gnu_longlink()
        || kind.is_pax_local_extensions()
        || kind.is_pax_global_extensions()
}

fn read_member(reader: &mut dyn BufRead, name: &str, size: u64, bound: u64) -> (Body, State) {
    let taken = if size > bound {
        KEPT_BYTES.min(size)
    } else {
        size
    };
    let mut bytes = Vec::with_capacity(taken as usize);
    let torn = match (&mut *reader).take(taken).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 == taken => None,
        Ok(_) => Some("the file ends".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(torn) = torn {
        let at = bytes.len();
        let reason = format!("the tar is torn in member {name}, at byte {at} of {size}: {torn}");
        return (keep(bytes, Some(reason)), State::Ended);
    }
    let damage = (size > bound).then(|| over_bound(&format!("member {name}"), bound));
    let padding = (512 - size % 512) % 512;
    let state = match pass_over(reader, size - taken + padding) {
        Err(error) => State::Damaged(format!("the tar is torn behind member {name}: {error}")),
        Ok(()) => State::Sound,
    };
    (keep(bytes, damage), state)
}

fn pass_over(reader: &mut dyn BufRead, bytes: u64) -> io::Result<()> {
    let passed = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if passed == bytes {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Read on to the end of the file: a gzip has its checksum there.
fn after_the_end(reader: &mut dyn BufRead) -> io::Result<()> {
    let mut padding = reader.take(PADDING_BYTES);
    loop {
        let chunk = padding.fill_buf()?;
        if chunk.is_empty() {
            return Ok(());
        }
        if chunk.iter().any(|byte| *byte != 0) {
            return Err(io::Error::other(
                "there is something that is no member; it is not read",
            ));
        }
        let length = chunk.len();
        padding.consume(length);
    }
}

//! Members and end of a tar, as bytes to append.
//!
//! In: a name of at most 100 bytes, the bytes. Out: header, bytes and padding; a run of them is a
//! tar without its end, which GNU tar and Python's `tarfile` read to the last whole member. Never:
//! IO.

use tar::Header;

/// What ends a tar: two blocks of zeros.
pub(super) const END: [u8; 1024] = [0; 1024];

/// Append one member to `out`.
pub(super) fn push(out: &mut Vec<u8>, name: &str, bytes: &[u8], modified_s: u64) {
    debug_assert!(name.len() <= 100, "{name}");
    let mut header = Header::new_ustar();
    let field = &mut header.as_ustar_mut().expect("it was made as ustar").name;
    let length = name.len().min(field.len());
    field[..length].copy_from_slice(&name.as_bytes()[..length]);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(modified_s);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(512), 0);
}

/// What a member's header says.
#[derive(Debug)]
pub(super) struct Head {
    pub name: String,
    /// Length [bytes].
    pub bytes: u64,
    /// When it was written [s since the Unix epoch].
    pub modified_s: u64,
}

impl Head {
    /// The length with its padding [bytes].
    pub fn padded(&self) -> u64 {
        self.bytes.next_multiple_of(512)
    }
}

/// Reads a header; none where it is damaged.
pub(super) fn head(block: &[u8; 512]) -> Option<Head> {
    let header = Header::from_byte_slice(block);
    let name = header.path_bytes();
    Some(Head {
        name: std::str::from_utf8(&name).ok()?.to_owned(),
        bytes: header.size().ok()?,
        modified_s: header.mtime().ok()?,
    })
}

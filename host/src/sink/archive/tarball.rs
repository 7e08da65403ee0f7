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

//! The stores of an embedded stack: a SQLite file or a folder, each with identity, fingerprint,
//! copy out, copy in, and direct canaries; and servers that keep what they hold in memory.

pub mod directory;
pub(crate) mod memory;
pub(crate) mod role;
pub mod sqlite;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Identity of a file or folder: device, inode, and birth to the nanosecond, because an inode
/// number comes back at once. `None` when nothing is there.
pub(crate) fn identity(path: &Path) -> Option<String> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    let born = meta
        .created()
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
        .map_or(0, |since| since.as_nanos());
    Some(format!("{}:{}:{born}", meta.dev(), meta.ino()))
}

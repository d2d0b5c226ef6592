//! A file of a store, looked at while it streams by.

use sha2::{Digest as _, Sha256};

use crate::environment::{FILE_START, FileSeen};

/// Takes the bytes of a file.
#[derive(Default)]
pub struct Looking {
    bytes: u64,
    hasher: Sha256,
    start: Vec<u8>,
}

impl Looking {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
        let room = FILE_START.saturating_sub(self.start.len());
        self.start
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What was seen of it.
    #[must_use]
    pub fn seen(self) -> FileSeen {
        let digest = self.hasher.finalize();
        FileSeen {
            bytes: self.bytes,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            start: self.start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_sha256sum() {
        let mut looking = Looking::default();
        looking.take(b"a");
        looking.take(b"bc");
        let seen = looking.seen();
        assert_eq!(
            seen.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!((seen.bytes, &seen.start[..]), (3, &b"abc"[..]));
    }
}

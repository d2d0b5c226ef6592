//! What the drivers have in common for recovery points that phoenix did not make.

use std::io::Read as _;
use std::path::Path;

use phoenix_engine::environment::{FILE_START, FileSeen};
use phoenix_engine::foreign::open;
use phoenix_engine::plan::Unit;
use sha2::{Digest as _, Sha256};

/// How much of a file is read at a time.
pub(crate) const PIECE: usize = 256 << 10;

/// Reads a file to its end, unpacked.
pub(crate) fn pass(path: &Path, packed: bool, take: &mut dyn FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = open(path, packed)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        take(&buffer[..read]);
    }
}

/// A moment in seconds since 1970, out of what a server answered. A number that is none is an error:
/// nothing is held against it.
pub(crate) fn moment(answer: Option<&str>, unit: Option<Unit>) -> Result<Option<f64>, String> {
    let Some(answer) = answer.filter(|answer| !answer.is_empty()) else {
        return Ok(None);
    };
    let number: f64 = answer
        .parse()
        .map_err(|_| format!("the server gave no number: {answer}"))?;
    let seconds = number / unit.map_or(1.0, Unit::in_a_second);
    if seconds.is_nan() {
        return Err("the newest moment is not a number".to_owned());
    }
    Ok(Some(seconds))
}

/// Looks at a file while it streams by.
#[derive(Default)]
pub(crate) struct Looking {
    bytes: u64,
    hasher: Sha256,
    start: Vec<u8>,
}

impl Looking {
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hasher.update(bytes);
        let room = FILE_START.saturating_sub(self.start.len());
        self.start
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub(crate) fn seen(self) -> FileSeen {
        FileSeen {
            bytes: self.bytes,
            sha256: hex(&self.hasher.finalize()),
            start: self.start,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_number_or_nothing() {
        assert_eq!(moment(None, None), Ok(None));
        assert_eq!(moment(Some(""), None), Ok(None));
        assert_eq!(moment(Some("1.5"), None), Ok(Some(1.5)));
        assert_eq!(
            moment(Some("1500"), Some(Unit::Milliseconds)),
            Ok(Some(1.5))
        );
        assert_eq!(moment(Some("Infinity"), None), Ok(Some(f64::INFINITY)));
        assert!(moment(Some("NaN"), None).is_err());
        assert!(moment(Some("yesterday"), None).is_err());
    }

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

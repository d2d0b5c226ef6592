//! Reading a document from disk, within bounds.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Document, DocumentError};
use crate::parse;

/// The largest document that is read, in bytes.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;

impl Document {
    /// Reads and parses the document at `path`.
    ///
    /// # Errors
    /// When the file is missing, unreadable, not a file, empty, larger than [`BYTES_MAX`], or not
    /// UTF-8.
    pub fn read(path: &Path) -> Result<Self, DocumentError> {
        let shown = path.display().to_string();
        let unreadable = |source| DocumentError::Unreadable {
            path: shown.clone(),
            source,
        };
        // Asked before opening: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(DocumentError::Folder { path: shown });
        }
        if !metadata.is_file() {
            return Err(DocumentError::NotAFile { path: shown });
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        let limit = u64::try_from(BYTES_MAX)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        file.take(limit)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Self::from_bytes(&shown, &bytes)
    }

    /// Parses a document that is already in memory; `path` is what messages call it.
    ///
    /// # Errors
    /// When it is empty, larger than [`BYTES_MAX`], or not UTF-8.
    pub fn from_bytes(path: &str, bytes: &[u8]) -> Result<Self, DocumentError> {
        let path = path.to_owned();
        if bytes.len() > BYTES_MAX {
            return Err(DocumentError::TooLarge {
                path,
                max: BYTES_MAX,
            });
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let byte = error.valid_up_to();
                let before = &bytes[..byte];
                let newlines = before.iter().filter(|&&b| b == b'\n').count();
                let line_start = before
                    .iter()
                    .rposition(|&b| b == b'\n')
                    .map_or(0, |at| at + 1);
                let line_end = bytes[byte..]
                    .iter()
                    .position(|&b| b == b'\n')
                    .map_or(bytes.len(), |at| byte + at);
                let text = String::from_utf8_lossy(&bytes[line_start..line_end]);
                return Err(DocumentError::NotUtf8 {
                    path,
                    line: count(newlines + 1),
                    column: count(byte - line_start + 1),
                    byte,
                    text: text.trim_end().to_owned(),
                });
            }
        };
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            return Err(DocumentError::Empty { path });
        }
        Ok(parse::parse(&path, text))
    }
}

/// A count within a document of at most 4 MiB, which always fits.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

//! Reading a journal back: all of its whole lines, and whether the last one was torn.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{JournalError, Line, SCHEMA};

/// A journal as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal<E> {
    /// Its lines.
    pub lines: Vec<Line<E>>,
    /// Bytes of a torn last line, which were dropped: what a kill leaves. 0 when there was none.
    pub torn_bytes: usize,
}

#[derive(Deserialize)]
struct Version {
    schema: u64,
}

/// Reads a journal.
///
/// # Errors
/// When it cannot be read, was written with a newer schema, or a line before the last is damaged.
pub fn read<E: DeserializeOwned>(path: &Path) -> Result<Journal<E>, JournalError> {
    let name = path.display().to_string();
    let text = std::fs::read(path).map_err(|why| JournalError::Read {
        path: name.clone(),
        why: why.to_string(),
    })?;
    parse(&name, &text)
}

/// As [`read`], from bytes; `name` is what errors call the file.
pub(crate) fn parse<E: DeserializeOwned>(
    name: &str,
    text: &[u8],
) -> Result<Journal<E>, JournalError> {
    let mut lines: Vec<Line<E>> = Vec::new();
    let mut torn_bytes = 0;
    for (index, bytes) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if !bytes.ends_with(b"\n") {
            torn_bytes = bytes.len();
            break;
        }
        let corrupt = |why: String| JournalError::Corrupt {
            path: name.to_owned(),
            line: index + 1,
            why,
        };
        // The version first: what a newer phoenix wrote is refused as that, not as damage.
        let version: Version =
            serde_json::from_slice(bytes).map_err(|why| corrupt(why.to_string()))?;
        if version.schema > u64::from(SCHEMA) {
            return Err(JournalError::Newer {
                path: name.to_owned(),
                line: index + 1,
                found: version.schema,
            });
        }
        let line: Line<E> =
            serde_json::from_slice(bytes).map_err(|why| corrupt(why.to_string()))?;
        let due = lines.last().map_or(1, |last| last.seq + 1);
        if line.seq != due {
            return Err(corrupt(format!(
                "line number {} where {due} is due",
                line.seq
            )));
        }
        lines.push(line);
    }
    Ok(Journal { lines, torn_bytes })
}

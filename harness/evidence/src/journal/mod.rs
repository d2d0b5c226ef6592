//! The journal: append-only JSON lines, the only truth of a cycle. Every report is a pure function
//! of it.

pub mod event;
mod reader;
pub mod run;
mod writer;

use serde::{Deserialize, Serialize};

pub use reader::{Journal, read};
pub use writer::JournalWriter;

/// Schema of a journal line. Raised when a reader of the old one would misunderstand a new line.
pub const SCHEMA: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line<E> {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// Dense from 1.
    pub seq: u64,
    /// Wall clock, UTC.
    pub at: jiff::Timestamp,
    /// Microseconds since the journal was created, by a clock that does not jump.
    pub mono_us: u64,
    /// What happened.
    pub event: E,
}

/// Why a journal could not be written or read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// Its folder or file cannot be written.
    #[error(
        "the journal {path} cannot be written: {why} (free the disk, or choose a folder that can \
         be written with --runs-dir)"
    )]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// Somebody else writes it.
    #[error("the journal {path} is being written by another phoenix")]
    Locked {
        /// The file.
        path: String,
    },
    /// It cannot be read.
    #[error("the journal {path} cannot be read: {why}")]
    Read {
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// A line before the last is no journal line.
    #[error("{path}:{line}: not a journal line: {why}")]
    Corrupt {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// Written by a newer harness.
    #[error(
        "{path}:{line}: written with journal schema {found}; this phoenix reads up to {SCHEMA}: \
         use a newer phoenix"
    )]
    Newer {
        /// The file.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Its schema.
        found: u64,
    },
}

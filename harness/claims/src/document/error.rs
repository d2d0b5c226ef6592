//! Why a document could not be read at all.

use std::io;

use miette::Diagnostic;
use thiserror::Error;

/// A document that cannot be judged. Oddities inside a readable one are warnings instead.
#[derive(Debug, Error, Diagnostic)]
#[non_exhaustive]
pub enum DocumentError {
    /// Nothing in it.
    #[error("{path}:1: the document is empty")]
    #[diagnostic(
        code(phoenix::document::empty),
        help("write down what works and what does not, or name another file with --document")
    )]
    Empty {
        /// The path as given.
        path: String,
    },
    /// Larger than any document that people wrote for people.
    #[error("{path}: the document is larger than {max} bytes")]
    #[diagnostic(
        code(phoenix::document::too_large),
        help("is this the right file? a PHOENIX.md is a few pages of Markdown")
    )]
    TooLarge {
        /// The path as given.
        path: String,
        /// The limit in bytes.
        max: usize,
    },
    /// Not text.
    #[error("{path}:{line}: not UTF-8 at byte {byte} of the file (column {column})")]
    #[diagnostic(
        code(phoenix::document::not_utf8),
        help("save the file as UTF-8; `iconv -f latin1 -t utf-8` converts the usual suspects")
    )]
    NotUtf8 {
        /// The path as given.
        path: String,
        /// Line of the first bad byte, from 1.
        line: u32,
        /// Byte within that line, from 1.
        column: u32,
        /// Byte within the file, from 0.
        byte: usize,
        /// The line itself, with a mark for each bad byte.
        text: String,
    },
    /// A folder.
    #[error("{path}: this is a folder, not a file")]
    #[diagnostic(
        code(phoenix::document::folder),
        help("name the file in it, such as {path}/PHOENIX.md")
    )]
    Folder {
        /// The path as given.
        path: String,
    },
    /// A pipe or a device.
    #[error("{path}: this is a pipe or a device, not a file")]
    #[diagnostic(
        code(phoenix::document::not_a_file),
        help("name a file of text: what is judged has to be there again for the next run")
    )]
    NotAFile {
        /// The path as given.
        path: String,
    },
    /// The system refused.
    #[error("{path}: cannot be read: {source}")]
    #[diagnostic(
        code(phoenix::document::unreadable),
        help("check the path after --document or `document:`, and the file's permissions")
    )]
    Unreadable {
        /// The path as given.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl DocumentError {
    /// What would be right.
    #[must_use]
    pub fn help_text(&self) -> String {
        self.help().map(|help| help.to_string()).unwrap_or_default()
    }
}

//! Markdown to [`Document`], by structure: the shape of tables, percentages and severities in
//! headings, `Key: value` lines, outcomes in transcripts. No heading of one team is known here.

mod annotate;
mod blocks;
mod fields;
mod items;
mod sections;
mod tables;
mod transcript;
mod words;

use pulldown_cmark::Options;
use sha2::{Digest, Sha256};

use crate::document::{Document, Span};

/// The Markdown that is read.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH
}

/// Parses a document; `path` is what messages call it. Never fails: what is odd is a warning.
#[must_use]
pub fn parse(path: &str, text: &str) -> Document {
    let source = Source::new(text);
    let blocks = blocks::read(&source);
    let mut document = Document {
        path: path.to_owned(),
        digest: digest(text.as_bytes()),
        title: None,
        status_percent: None,
        claims: Vec::new(),
        transcripts: Vec::new(),
        plan: Vec::new(),
        efforts: Vec::new(),
        tasks: Vec::new(),
        references: Vec::new(),
        warnings: Vec::new(),
    };
    sections::read(&source, &blocks, &mut document);
    annotate::finish(&source, &mut document);
    document.warnings.sort_by_key(|warning| warning.line);
    document.warnings.dedup();
    document
}

/// SHA-256, hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A text with its lines.
pub(crate) struct Source<'a> {
    /// The whole text, a byte order mark included.
    pub(crate) text: &'a str,
    /// Where the Markdown begins: after the byte order mark.
    pub(crate) base: usize,
    starts: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let base = text.len() - text.trim_start_matches('\u{feff}').len();
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(ends.map(|(at, _)| at + 1))
            .collect();
        Self { text, base, starts }
    }

    /// The line of a byte, from 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        let line = self.starts.partition_point(|start| *start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// A span without white space at its end.
    pub(crate) fn span(&self, start: usize, end: usize) -> Span {
        let end = start + self.text[start..end].trim_end().len();
        Span {
            line: self.line(start),
            start,
            end,
        }
    }
}

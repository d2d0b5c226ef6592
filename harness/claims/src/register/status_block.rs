//! The measured status inside a document: one fenced block between two comments, and nothing else.

use std::fmt::Write as _;
use std::ops::Range;

use miette::Diagnostic;
use phoenix_evidence::finding::{Level, Outcome};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use thiserror::Error;

use super::wording::{agreement_words, level_label, recovery_words};
use super::{Register, SCHEMA, Status};
use crate::parse::options;

/// What opens the block.
const OPENS: &str = "<!-- phoenix:status -->";
/// What closes it.
const CLOSES: &str = "<!-- /phoenix:status -->";

/// A document in which the block cannot be rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[non_exhaustive]
pub enum StatusBlockError {
    /// There is no place for it.
    #[error("no status block: the document has no line `{OPENS}`")]
    #[diagnostic(
        code(phoenix::status_block::missing),
        help(
            "add these two lines where the measured status should stand:\n\n    \
             <!-- phoenix:status -->\n    <!-- /phoenix:status -->"
        )
    )]
    Missing,
    /// It is opened and never closed.
    #[error("line {line}: the status block is not closed")]
    #[diagnostic(
        code(phoenix::status_block::unclosed),
        help("put `<!-- /phoenix:status -->` on a line of its own below the block")
    )]
    Unclosed {
        /// Line of the opening comment, from 1.
        line: u32,
    },
    /// There are several.
    #[error("line {line}: a second status block")]
    #[diagnostic(code(phoenix::status_block::several), help("keep one of them"))]
    Several {
        /// Line of the second opening comment, from 1.
        line: u32,
    },
    /// Between the comments stands something that a person wrote.
    #[error("line {line}: between the comments of the status block stands more than one fence")]
    #[diagnostic(
        code(phoenix::status_block::foreign),
        help("move the text out: what stands between the two comments is overwritten")
    )]
    Foreign {
        /// Line of the opening comment, from 1.
        line: u32,
    },
}

impl StatusBlockError {
    /// A stable word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing => "no-status-block",
            Self::Unclosed { .. } => "unclosed-status-block",
            Self::Several { .. } => "second-status-block",
            Self::Foreign { .. } => "text-in-status-block",
        }
    }

    /// Line of the comment that it is about, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        match self {
            Self::Missing => None,
            Self::Unclosed { line } | Self::Several { line } | Self::Foreign { line } => {
                Some(*line)
            }
        }
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::Missing => "the document has no status block",
            Self::Unclosed { .. } => "the status block is not closed",
            Self::Several { .. } => "a second status block",
            Self::Foreign { .. } => {
                "between the comments of the status block stands more than one fence"
            }
        }
    }

    /// What would be right.
    #[must_use]
    pub fn help_text(&self) -> String {
        self.help().map(|help| help.to_string()).unwrap_or_default()
    }
}

/// The text before and after the inside of the status block: what [`write_status_block`] leaves as
/// it is.
///
/// # Errors
/// As there.
pub fn outside_status_block(text: &str) -> Result<(&str, &str), StatusBlockError> {
    let inside = find(text)?;
    Ok((&text[..inside.start], &text[inside.end..]))
}

/// Rewrites the status block of a document and nothing else: every byte before the opening comment's
/// end and from the closing comment on stays as it was, line endings and byte order mark included.
///
/// # Errors
/// When the document has no block, several, an unclosed one, or one with other text in it.
pub fn write_status_block(text: &str, register: &Register) -> Result<String, StatusBlockError> {
    let inside = find(text)?;
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = block(register).replace('\n', newline);
    let mut out = String::with_capacity(text.len() + block.len());
    out.push_str(&text[..inside.start]);
    out.push_str(newline);
    out.push_str(&block);
    out.push_str(&text[inside.end..]);
    Ok(out)
}

/// The bytes between the comments. A comment inside a fence is an example and does not count.
fn find(text: &str) -> Result<Range<usize>, StatusBlockError> {
    let base = text.len() - text.trim_start_matches('\u{feff}').len();
    let body = &text[base..];
    let line_of = |at: usize| {
        let newlines = text[..at].bytes().filter(|&b| b == b'\n').count();
        u32::try_from(newlines + 1).unwrap_or(u32::MAX)
    };
    let mut found: Option<(usize, Option<usize>)> = None;
    let mut blocks = 0_usize;
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(body, options()).into_offset_iter() {
        let open = matches!(found, Some((_, None)));
        match event {
            Event::Html(html) if html.trim().is_empty() => {}
            Event::Html(html) => {
                let (opens, closes) = (html.trim() == OPENS, html.trim() == CLOSES);
                let start = base + range.start;
                match found {
                    Some(_) if opens => {
                        return Err(StatusBlockError::Several {
                            line: line_of(start),
                        });
                    }
                    Some((at, None)) if closes => found = Some((at, Some(start))),
                    Some((at, None)) => {
                        return Err(StatusBlockError::Foreign { line: line_of(at) });
                    }
                    None if opens => {
                        let marker = text[start..].find(OPENS).unwrap_or(0);
                        found = Some((start + marker + OPENS.len(), None));
                    }
                    Some(_) | None => {}
                }
            }
            Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => {}
            Event::Start(tag) if open => {
                if depth == 0 {
                    blocks += if matches!(tag, Tag::CodeBlock(_)) {
                        1
                    } else {
                        2
                    };
                }
                depth += 1;
            }
            Event::End(_) if open => depth = depth.saturating_sub(1),
            Event::Rule if open => blocks += 2,
            _ => {}
        }
    }
    match found {
        None => Err(StatusBlockError::Missing),
        Some((at, None)) => Err(StatusBlockError::Unclosed { line: line_of(at) }),
        Some((at, Some(_))) if blocks > 1 => Err(StatusBlockError::Foreign { line: line_of(at) }),
        Some((at, Some(end))) => Ok(at..end),
    }
}

/// The block, with `\n` as its line ending and one at its end.
fn block(register: &Register) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |key: &str, value: String| rows.push((key.to_owned(), value));
    let percent = register.measured_percent;
    let is_real = register.level == Level::RealAccount;
    row("Recovered", recovery_words(register.recovery).to_owned());
    row("Document", agreement_words(register.agreement).to_owned());
    row(
        "Measured",
        percent.map_or_else(
            || "nothing was judged".to_owned(),
            |percent| {
                let work = if is_real { "work" } else { "would work" };
                format!("{percent:.0}% of the capabilities and gaps that were judged {work}")
            },
        ),
    );
    for objective in &register.objectives {
        let met = match objective.outcome {
            Outcome::Pass => "met",
            Outcome::Unknown => "unknown",
            Outcome::Fail => "missed",
        };
        row("Objective", format!("{met}: {}", objective.summary));
    }
    let counts: Vec<_> = COUNTED
        .iter()
        .map(|(status, word)| (register.lines_of(*status).count(), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    row("Claims", counts.join(", "));
    let label = level_label(register.level);
    row(
        "Evidence",
        match (is_real, register.dirty) {
            (true, false) => label.to_owned(),
            (true, true) => format!("{label}, from a dirty tree: it settles nothing"),
            (false, dirty) => {
                let dirty = if dirty { ", from a dirty tree" } else { "" };
                format!(
                    "{label}{dirty}: it settles nothing about production (would hold, would close)"
                )
            }
        },
    );
    row(
        "Profile",
        format!("{} on {}", register.profile, register.environment),
    );
    row("Run", register.run.clone());
    // Nobody plans by the nanosecond.
    let (date, _) = register.at.split_once('.').unwrap_or((&register.at, ""));
    row("Date", format!("{}Z", date.trim_end_matches('Z')));
    row("Schema", SCHEMA.to_string());
    let mut out = String::from("```text\n");
    for (key, value) in rows {
        // A fence in a value would end the block early.
        let value: String = value
            .chars()
            .map(|c| match c {
                '`' => '\'',
                c if c.is_control() => ' ',
                c => c,
            })
            .collect();
        let written = writeln!(out, "{:<11}{value}", format!("{key}:"));
        debug_assert!(written.is_ok(), "a string takes every write");
    }
    out.push_str("```\n");
    out
}

const COUNTED: &[(Status, &str)] = &[
    (Status::Broken, "broken"),
    (Status::Undocumented, "undocumented"),
    (Status::Undecided, "undecided"),
    (Status::Closed, "closed or would close"),
    (Status::Confirmed, "confirmed"),
    (Status::Holds, "hold or would hold"),
    (Status::Stale, "stale"),
    (Status::Unproven, "unproven"),
];

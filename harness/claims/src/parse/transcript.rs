//! Fences that tell how a cycle goes: commands, and lines that state outcomes.

use super::Source;
use super::blocks::TextLine;
use super::sections::Draft;
use super::words::{AIM, has_word, sign};
use crate::document::{ClaimKind, Document, Quantity, Says, Tense, Transcript, Unit, Value};

/// Reads a fence as a transcript; `false` when it states no outcome.
pub(super) fn read(
    source: &Source<'_>,
    lines: &[TextLine],
    title: &str,
    document: &mut Document,
    drafts: &mut Vec<Draft>,
) -> bool {
    let stated: Vec<_> = lines
        .iter()
        .filter_map(|line| Some((line, outcome(&line.text)?)))
        .collect();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
        return false;
    };
    if stated.is_empty() {
        return false;
    }
    let tense = if has_word(title, AIM) {
        Tense::Aim
    } else {
        Tense::Now
    };
    let span = source.span(first.range.start, last.range.end);
    let commands = lines
        .iter()
        .map(|line| line.text.trim())
        .filter(|text| !text.is_empty() && !is_comment(text) && outcome(text).is_none())
        .map(|text| text.trim_start_matches("$ ").to_owned())
        .collect();
    let total = lines
        .iter()
        .rev()
        .map(|line| bare(&line.text))
        .find(|text| has_word(text, &["total", "overall", "altogether", "result"]))
        .map(str::to_owned);
    let duration = total.as_deref().and_then(duration);
    let transcript = document.transcripts.len();
    for (line, (said, text)) in stated {
        let mut draft = Draft::new(
            ClaimKind::TranscriptLine,
            text,
            source.span(line.range.start, line.range.end),
        );
        draft.says = said;
        draft.tense = tense;
        draft.section = Some(title.to_owned()).filter(|title| !title.is_empty());
        draft.transcript = Some(transcript);
        drafts.push(draft);
    }
    document.transcripts.push(Transcript {
        title: title.to_owned(),
        tense,
        commands,
        outcomes: Vec::new(),
        total,
        duration,
        span,
    });
    true
}

fn is_comment(text: &str) -> bool {
    text.starts_with('#') || text.starts_with("//") || text.starts_with("--")
}

/// The outcome that a line states, by a sign, or by a word in capitals or before a colon.
fn outcome(line: &str) -> Option<(Says, String)> {
    let text = line.trim();
    // Only comments, and what a command is seen to print, state outcomes.
    let comment = if is_comment(text) {
        text
    } else if let Some((_, after)) = text.split_once(" # ") {
        after
    } else if text.chars().next().and_then(sign).is_some() {
        text
    } else {
        return None;
    };
    let comment = comment
        .trim_start_matches(['#', '/', '-', ' '])
        .trim_start_matches("=> ");
    if let Some(said) = comment.chars().find_map(sign) {
        return Some((said, bare(comment).to_owned()));
    }
    let end = comment
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(comment.len());
    let (word, after) = comment.split_at(end);
    let marked = after.starts_with(':') || (word.len() > 1 && word.chars().all(char::is_uppercase));
    let said = match word.to_lowercase().as_str() {
        "ok" | "pass" | "passed" | "works" | "done" => Says::Works,
        "fail" | "fails" | "failed" | "lost" | "broken" | "error" => Says::Broken,
        "manual" | "warn" | "warning" | "partial" => Says::Partial,
        _ => return None,
    };
    let title = after.trim_start_matches([':', ' ']).trim();
    (marked && !title.is_empty()).then(|| (said, title.to_owned()))
}

/// A line without its comment mark and its sign.
fn bare(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_alphanumeric())
        .trim_end()
}

/// The first duration in a line.
fn duration(text: &str) -> Option<Quantity> {
    let starts = text.char_indices().filter(|(at, c)| {
        let opens = c.is_ascii_digit() || "~<≤≈".contains(*c);
        opens
            && !text[..*at].ends_with(|c: char| {
                c.is_alphanumeric()
                    || "~<≤≈. ".contains(c) && {
                        // A sign before this character already opened the value.
                        text[..*at].trim_end().ends_with(['~', '<', '≤', '≈'])
                    }
            })
    });
    starts
        .map(|(at, _)| {
            let rest = &text[at..];
            let end = rest.find([',', ';', '(']).unwrap_or(rest.len());
            Quantity::parse(&rest[..end])
        })
        .find(|found| {
            matches!(
                found.value,
                Value::Number {
                    unit: Unit::Seconds,
                    ..
                }
            )
        })
}

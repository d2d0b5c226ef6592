//! `Key: value` lines, wherever a team keeps them: in a fence, a list or a paragraph.

use super::Source;
use super::blocks::{Item, TextLine};
use crate::document::{Field, Location};

/// Keys by which a block of lines is known to describe a gap.
const KNOWN: &[&str] = &[
    "location",
    "locations",
    "where",
    "file",
    "files",
    "path",
    "problem",
    "issue",
    "what",
    "symptom",
    "description",
    "cause",
    "why",
    "impact",
    "effect",
    "consequence",
    "consequences",
    "fix",
    "remedy",
    "solution",
    "mitigation",
    "workaround",
    "effort",
    "estimate",
    "cost",
    "severity",
    "owner",
    "status",
];

/// How many of these keys are ones that gaps have.
pub(crate) fn known(fields: &[Field]) -> usize {
    fields
        .iter()
        .filter(|field| {
            KNOWN
                .iter()
                .any(|known| field.name.eq_ignore_ascii_case(known))
        })
        .count()
}

/// Whether a key names files.
pub(crate) fn is_location(name: &str) -> bool {
    ["location", "locations", "where", "file", "files", "path"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// Reads the fields of lines. A line that is indented deeper than the keys, or that has no key, goes
/// on with the value above it.
pub(crate) fn of_lines(source: &Source<'_>, lines: &[TextLine]) -> Vec<Field> {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let filled = lines.iter().filter(|line| !line.text.trim().is_empty());
    let least = filled.map(|line| indent(&line.text)).min().unwrap_or(0);
    let mut fields: Vec<Field> = Vec::new();
    for line in lines {
        let text = line.text.trim_end();
        if text.trim().is_empty() {
            continue;
        }
        let deeper = indent(text) > least;

        match (key(text.trim_start()), deeper, fields.last_mut()) {
            (Some((name, value)), false, _) | (Some((name, value)), true, None) => {
                fields.push(Field {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    span: source.span(line.range.start, line.range.end),
                });
            }
            (_, _, Some(last)) => {
                if !last.value.is_empty() {
                    last.value.push('\n');
                }
                last.value.push_str(text.trim());
                last.span.end = last.span.end.max(line.range.end);
            }
            (None, _, None) => {}
        }
    }
    fields
}

/// Reads the fields of list items.
pub(crate) fn of_items(source: &Source<'_>, items: &[Item]) -> Vec<Field> {
    let mut fields = Vec::new();
    for item in items {
        let text = item.inline.text.trim();
        let first_line = text.lines().next().unwrap_or("");
        let Some((name, value)) = key(first_line) else {
            continue;
        };
        let rest = text.lines().skip(1).map(str::trim);
        let nested = item.children.iter().map(|child| child.inline.text.trim());
        let value: Vec<_> = std::iter::once(value)
            .chain(rest)
            .chain(nested)
            .filter(|v| !v.is_empty())
            .collect();
        fields.push(Field {
            name: name.to_owned(),
            value: value.join("\n"),
            span: source.span(item.range.start, item.range.end),
        });
    }
    fields
}

/// A key at the start of a line: a few words of letters, a colon, and a blank or the end.
fn key(text: &str) -> Option<(&str, &str)> {
    let at = text.find(':')?;
    let name = text[..at].trim_end();
    let value = &text[at + 1..];
    let plain = name.starts_with(char::is_alphabetic)
        && name.chars().count() <= 30
        && name.split_whitespace().count() <= 3
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/'));
    (plain && (value.is_empty() || value.starts_with(char::is_whitespace)))
        .then(|| (name, value.trim()))
}

/// Reads the files that a value names: `path`, `path (lines 3-9)`, `path:3`, several by commas or
/// lines.
pub(crate) fn locations(value: &str) -> Vec<Location> {
    let mut locations = Vec::new();
    for part in split_outside_brackets(value) {
        let part = part.trim().trim_matches('`').trim();
        let (path, lines) = match part.split_once('(') {
            Some((path, inside)) => (path.trim(), lines_of(inside)),
            None => match part.rsplit_once([':', '#']) {
                Some((path, tail)) if lines_of(tail).is_some() => (path.trim(), lines_of(tail)),
                _ => (part, None),
            },
        };
        let path = path.trim_matches('`').trim();
        if !path.is_empty() {
            locations.push(Location {
                path: path.to_owned(),
                lines,
            });
        }
    }
    locations
}

fn split_outside_brackets(value: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut depth) = (0, 0_usize);
    for (at, c) in value.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            // A bracket that is never closed must not swallow the lines after it.
            '\n' => {
                depth = 0;
                parts.push(&value[from..at]);
                from = at + 1;
            }
            ',' | ';' if depth == 0 => {
                parts.push(&value[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[from..]);
    parts
}

/// `lines 3-9`, `line 3`, `L3-L9`, `3–9`.
fn lines_of(text: &str) -> Option<(u32, u32)> {
    let text = text.trim().trim_end_matches(')');
    let text = text
        .strip_prefix("lines")
        .or_else(|| text.strip_prefix("line"))
        .unwrap_or(text);
    let mut ends = text.split(['-', '–', '—']).map(|end| {
        let end = end.trim().trim_start_matches(['L', 'l']);
        end.parse::<u32>().ok()
    });
    let first = ends.next()??;
    match ends.next() {
        None => Some((first, first)),
        Some(last) => last.map(|last| (first, last)),
    }
}

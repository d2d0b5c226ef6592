//! The words and signs by which people say good, bad and how bad.

use crate::document::{Says, Severity};

/// What a cell or a line says, by its sign or its first word.
pub(crate) fn says(text: &str) -> Option<Says> {
    if let Some(said) = text.chars().find_map(sign) {
        return Some(said);
    }
    let lower = text.trim().to_lowercase();
    let lower = lower.trim_start_matches(|c: char| !c.is_alphanumeric());
    let two: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .take(2)
        .collect();
    let (first, second) = (two.first().copied()?, two.get(1).copied().unwrap_or(""));
    let negated = first == "not" || (first == "no" && !second.is_empty());
    if negated {
        let tested = matches!(
            second,
            "tested" | "known" | "checked" | "verified" | "applicable"
        );
        return if tested { None } else { Some(Says::Broken) };
    }
    match first {
        "yes" | "y" | "ok" | "okay" | "works" | "working" | "done" | "pass" | "passed" | "good"
        | "green" | "true" | "full" | "complete" | "automated" | "automatic" | "supported"
        | "ready" | "up" => Some(Says::Works),
        "no" | "n" | "broken" | "fail" | "fails" | "failed" | "missing" | "none" | "red"
        | "false" | "lost" | "never" | "bad" | "absent" => Some(Says::Broken),
        "partial" | "partially" | "partly" | "some" | "mixed" | "limited" | "manual" | "warn"
        | "warning" | "yellow" | "amber" | "sometimes" | "degraded" => Some(Says::Partial),
        _ => None,
    }
}

/// What one sign says. Variation selectors are other characters and fall through.
pub(crate) fn sign(c: char) -> Option<Says> {
    match c {
        '✅' | '✔' | '☑' | '🟢' | '👍' | '✓' => Some(Says::Works),
        '❌' | '✖' | '✗' | '✘' | '🔴' | '⛔' | '🚫' | '💀' | '👎' | '🛑' => {
            Some(Says::Broken)
        }
        '⚠' | '🟡' | '🟠' | '🚧' => Some(Says::Partial),
        _ => None,
    }
}

/// A severity in a heading or a cell, with the words that are left for the theme.
pub(crate) fn severity(text: &str) -> Option<(Severity, String)> {
    let by_sign = text.chars().find_map(|c| match c {
        '🔴' | '🛑' | '⛔' => Some(Severity::Critical),
        '🟠' => Some(Severity::High),
        '🟡' => Some(Severity::Medium),
        '🟢' | '🔵' | '⚪' => Some(Severity::Low),
        _ => None,
    });
    let plain = text
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .trim();
    let end = plain
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(plain.len());
    let (first, rest) = plain.split_at(end);
    let rest = rest.trim_start();
    if let Some(level) = by_sign {
        let theme = if severity_word(first).is_some() {
            after_mark(rest)
        } else {
            plain.to_owned()
        };
        return Some((level, theme));
    }
    if let Some(level) = severity_word(first) {
        let next = rest
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or("");
        let marked =
            rest.is_empty() || rest.starts_with([':', '-', '–', '—', ',', '/', '(', '[', ')']);
        if marked || SEVERITY_NOUNS.contains(&next.to_lowercase().as_str()) {
            return Some((level, after_mark(rest)));
        }
    }
    // `Severity: high`, `Loss of files (critical)`.
    if matches!(
        first.to_lowercase().as_str(),
        "severity" | "priority" | "sev" | "prio"
    ) {
        let word = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let end = word
            .find(|c: char| !c.is_alphanumeric())
            .unwrap_or(word.len());
        return severity_word(&word[..end]).map(|level| (level, after_mark(&word[end..])));
    }
    let open = plain.rfind(['(', '['])?;
    let inside = plain[open + 1..].trim_end_matches([')', ']', ' ']);
    let level = severity_word(inside.trim())?;
    Some((level, plain[..open].trim().to_owned()))
}

const SEVERITY_NOUNS: &[&str] = &[
    "severity", "priority", "gap", "gaps", "blocker", "blockers", "issue", "issues", "risk",
    "risks", "finding", "findings", "problem", "problems", "impact", "item", "items",
];

/// The severity that one word means.
pub(crate) fn severity_word(word: &str) -> Option<Severity> {
    match word.to_lowercase().as_str() {
        "critical" | "blocker" | "blocking" | "severe" | "p0" | "sev0" | "sev1" | "s1" => {
            Some(Severity::Critical)
        }
        "high" | "major" | "p1" | "sev2" | "s2" => Some(Severity::High),
        "medium" | "moderate" | "mid" | "p2" | "sev3" | "s3" => Some(Severity::Medium),
        "low" | "minor" | "trivial" | "p3" | "p4" | "sev4" | "s4" => Some(Severity::Low),
        _ => None,
    }
}

/// What follows a severity: its theme, without the mark between them.
fn after_mark(rest: &str) -> String {
    let rest = rest
        .trim_start_matches(|c: char| !c.is_alphanumeric())
        .trim();
    let first = rest
        .split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or("");
    let noun = SEVERITY_NOUNS.contains(&first.to_lowercase().as_str());
    let rest = if noun { &rest[first.len()..] } else { rest };
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    rest.trim_end_matches([')', ']', ':', ' ']).to_owned()
}

/// A percentage in a text, from 0 up, with its place.
pub(crate) fn percent(text: &str) -> Option<f64> {
    let at = text.find('%')?;
    let before = text[..at].trim_end();
    let start = before
        .rfind(|c: char| !(c.is_ascii_digit() || c == '.'))
        .map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
    before[start..].parse().ok().filter(|n: &f64| n.is_finite())
}

/// Whether a text has one of these words, whole and without regard to case.
pub(crate) fn has_word(text: &str, wanted: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| {
        wanted
            .iter()
            .any(|wanted| word.eq_ignore_ascii_case(wanted))
    })
}

/// Words by which a heading or a column speaks of what is wanted.
pub(crate) const AIM: &[&str] = &[
    "target",
    "goal",
    "aim",
    "objective",
    "desired",
    "wanted",
    "future",
    "after",
    "ideal",
    "slo",
    "vision",
    "tomorrow",
];

/// Words by which a column speaks of how it is.
pub(crate) const NOW: &[&str] = &[
    "current",
    "currently",
    "now",
    "today",
    "actual",
    "baseline",
    "before",
    "measured",
    "is",
];

/// Words by which a heading opens a plan: what stands under it are intentions, not claims.
pub(crate) const PLAN: &[&str] = &[
    "plan",
    "roadmap",
    "phase",
    "implementation",
    "milestone",
    "milestones",
    "sprint",
];

/// Words by which a heading opens a list of links.
pub(crate) const LINKS: &[&str] = &[
    "reference",
    "references",
    "links",
    "reading",
    "see",
    "sources",
];

/// Words by which a heading opens a list of what works.
pub(crate) const WORKS: &[&str] = &["work", "works", "working", "covered", "recoverable"];

/// Words by which a heading opens a list of what does not.
pub(crate) const FAILS: &[&str] = &[
    "gap",
    "gaps",
    "problem",
    "problems",
    "issue",
    "issues",
    "blocker",
    "blockers",
    "broken",
    "missing",
    "limitations",
    "weaknesses",
    "not",
    "doesn",
];

/// Words by which a heading opens a list of what success means.
pub(crate) const SUCCESS: &[&str] = &["criteria", "success", "objectives", "targets"];

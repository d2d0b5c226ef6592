//! The register as plain text, for `phoenix gaps`.

use std::fmt::Write as _;

use phoenix_evidence::finding::Outcome;

use super::wording::{agreement_words, level_label, recovery_words, subject_label};
use super::{Agreement, Evidence, Line, Recovery, Register, Status};

/// Each status with its heading and its colour (SGR).
const SECTIONS: &[(Status, &str, &str)] = &[
    (
        Status::Broken,
        "Broken: the document says that it works",
        "31",
    ),
    (
        Status::Undocumented,
        "Undocumented: it failed, and the document does not say so",
        "31",
    ),
    (
        Status::Undecided,
        "Undecided: a check was set on it and could not tell",
        "33",
    ),
    (
        Status::Closed,
        "Closed: the document says broken, and it works",
        "36",
    ),
    (
        Status::Confirmed,
        "Confirmed: broken as the document says",
        "32",
    ),
    (Status::Holds, "Holds: works as the document says", "32"),
    (
        Status::Stale,
        "Stale: settled once, on evidence that no longer counts",
        "33",
    ),
    (
        Status::Unproven,
        "Unproven: nothing in this run judged it",
        "2",
    ),
];

/// The narrowest text that is still readable.
const WIDTH_MIN: usize = 40;

impl Register {
    /// The register as text of at most `width` columns where words allow: the two answers first,
    /// then line by line, worst status first. `colour` adds SGR sequences.
    #[must_use]
    pub fn render_text(&self, width: usize, colour: bool) -> String {
        let mut page = Page {
            out: String::new(),
            width: width.max(WIDTH_MIN),
            colour,
        };
        page.answers(self);
        for (status, heading, sgr) in SECTIONS {
            let lines: Vec<_> = self.lines_of(*status).collect();
            if lines.is_empty() {
                continue;
            }
            let heading = format!("{heading} ({})", lines.len());
            page.out.push('\n');
            page.put(0, &heading, Some(sgr));
            for line in lines {
                page.line(line, sgr);
            }
        }
        if !self.objectives.is_empty() {
            page.out.push('\n');
            page.put(
                0,
                "Objectives of the scenario, apart from the document",
                Some("1"),
            );
            for objective in &self.objectives {
                let mark = outcome_word(objective.outcome);
                page.put(2, &format!("{mark}: {}", objective.summary), None);
            }
        }
        if !self.loose_ties.is_empty() {
            page.out.push('\n');
            page.put(0, "Ties to claims that no document makes", Some("1"));
            for tie in &self.loose_ties {
                page.put(2, tie, None);
            }
        }
        let mut warned = false;
        for document in &self.documents {
            for warning in &document.warnings {
                if !warned {
                    page.out.push('\n');
                    page.put(0, "Oddities of the document", Some("1"));
                    warned = true;
                }
                page.put(2, &format!("{}:{warning}", document.path), None);
            }
        }
        page.out
    }
}

struct Page {
    out: String,
    width: usize,
    colour: bool,
}

impl Page {
    fn answers(&mut self, register: &Register) {
        let recovery = match register.recovery {
            Recovery::Recovered => "32",
            Recovery::NotRecovered => "31",
            Recovery::Unknown => "33",
        };
        let agreement = match register.agreement {
            Agreement::Agrees => "32",
            Agreement::Disagrees => "31",
            Agreement::CannotTell => "33",
        };
        let words = recovery_words(register.recovery);
        self.put(
            0,
            &format!("Did the stack recover?     {words}"),
            Some(recovery),
        );
        let words = agreement_words(register.agreement);
        self.put(
            0,
            &format!("Does the document agree?   {words}"),
            Some(agreement),
        );
        let dirty = if register.dirty {
            ", dirty tree: settles nothing"
        } else {
            ""
        };
        let head = format!(
            "run {} of {}, profile {}, evidence: {}{dirty}",
            register.run,
            register.environment,
            register.profile,
            level_label(register.level)
        );
        self.put(0, &head, Some("2"));
        for document in &register.documents {
            let claimed = document
                .claimed_percent
                .map_or_else(String::new, |percent| format!(", says {percent}% ready"));
            let text = format!("{}: {} claims{claimed}", document.path, document.claims);
            self.put(0, &text, Some("2"));
        }
    }

    fn line(&mut self, line: &Line, sgr: &str) {
        let place = line.claim.as_ref().map_or_else(String::new, |claim| {
            format!("  {}:{}", claim.document, claim.line)
        });
        let label = level_label(line.level);
        let head = format!("{}: {} [{label}]{place}", line.wording, line.title);
        self.put(2, &head, Some(sgr));
        self.put(6, &line.why, None);
        if let Some(carried) = &line.carried {
            let text = format!(
                "settled before: {:?} at level {} by run {}",
                carried.status,
                level_label(carried.level),
                carried.run
            );
            self.put(6, &text.to_lowercase(), Some("2"));
        }
        for evidence in &line.evidence {
            self.evidence(6, "", evidence);
        }
        for consequence in &line.consequences {
            self.evidence(6, "from it: ", consequence);
        }
    }

    fn evidence(&mut self, indent: usize, prefix: &str, evidence: &Evidence) {
        let what = subject_label(evidence.check, &evidence.subject);
        let kinds: Vec<_> = evidence
            .failures
            .iter()
            .map(|(kind, n)| format!("{n} {}", kind.0))
            .collect();
        let kinds = if kinds.is_empty() {
            String::new()
        } else {
            format!(": {}", kinds.join(", "))
        };
        let outcome = outcome_word(evidence.outcome);
        self.put(
            indent,
            &format!(
                "{prefix}{what}: {outcome} of {} examined{kinds}",
                evidence.examined
            ),
            None,
        );
        if let Some(proof) = evidence.proofs.first() {
            let text = format!(
                "{} > {} > {}",
                proof.step,
                proof.probe,
                one_line(&proof.saw)
            );
            self.put(indent + 2, &text, Some("2"));
        }
    }

    /// One paragraph, wrapped at blanks; its further lines are indented by two more.
    fn put(&mut self, indent: usize, text: &str, sgr: Option<&str>) {
        let mut rows: Vec<String> = vec![" ".repeat(indent)];
        let mut columns = indent;
        let mut fresh = true;
        let leading = text.len() - text.trim_start().len();
        let mut rest = &text[leading..];
        while !rest.is_empty() {
            let end = rest.find(' ').unwrap_or(rest.len());
            let word = &rest[..end];
            let after = &rest[end..];
            let gap = after.len() - after.trim_start_matches(' ').len();
            let length = word.chars().count();
            if !fresh && columns + length > self.width {
                rows.push(" ".repeat(indent + 2));
                columns = indent + 2;
            }
            if let Some(row) = rows.last_mut() {
                row.push_str(word);
                row.push_str(&" ".repeat(gap));
            }
            columns += length + gap;
            fresh = false;
            rest = &after[gap..];
        }
        for row in rows {
            let row = row.trim_end();
            let written = match sgr {
                Some(sgr) if self.colour => writeln!(self.out, "\u{1b}[{sgr}m{row}\u{1b}[0m"),
                _ => writeln!(self.out, "{row}"),
            };
            debug_assert!(written.is_ok(), "a string takes every write");
        }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Unknown => "unknown",
        Outcome::Fail => "fail",
    }
}

/// A text of a document or of an answer must not move the cursor.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

//! A short form of a document for snapshots, and makers of check results.

use std::fmt::Write as _;
use std::path::Path;

use phoenix_claims::document::Value;
use phoenix_claims::{Document, Quantity};
use phoenix_evidence::finding::{CheckKind, CheckResult, FailureKind, Outcome, Proof, Subject};

/// The shipped document.
pub(crate) fn shipped() -> Document {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../PHOENIX.md");
    let bytes = std::fs::read(path).unwrap();
    Document::from_bytes("PHOENIX.md", &bytes).unwrap()
}

pub(crate) fn parse(text: &str) -> Document {
    Document::from_bytes("PHOENIX.md", text.as_bytes()).unwrap()
}

fn quantity(quantity: &Quantity) -> String {
    match &quantity.value {
        Value::Number {
            comparator,
            approximate,
            low,
            high,
            unit,
        } => {
            let rough = if *approximate { "~" } else { "" };
            format!("{comparator:?} {rough}{low}..{high} {unit:?}")
        }
        Value::Word(word) => format!("word {word}"),
        Value::Missing => "missing".to_owned(),
    }
}

/// Everything that was read, a line or a few each.
pub(crate) fn brief(document: &Document) -> String {
    let mut out = String::new();
    let percent = document
        .status_percent
        .map(|status| (status.percent, status.span.line));
    writeln!(out, "title {:?}, percent {percent:?}", document.title).unwrap();
    for claim in &document.claims {
        writeln!(
            out,
            "{:>4} {:?} {}{} \"{}\" says {:?} {:?} severity {:?} theme {:?}",
            claim.span.line,
            claim.kind,
            claim.id,
            if claim.annotated { "!" } else { "" },
            claim.title,
            claim.says,
            claim.tense,
            claim.severity,
            claim.theme.as_deref().unwrap_or("-"),
        )
        .unwrap();
        for field in &claim.fields {
            writeln!(
                out,
                "       {} @{}: {:?}",
                field.name, field.span.line, field.value
            )
            .unwrap();
        }
        for location in &claim.locations {
            writeln!(out, "       at {} {:?}", location.path, location.lines).unwrap();
        }
        for value in &claim.values {
            writeln!(out, "       {} = {}", value.name, quantity(&value.quantity)).unwrap();
        }
        for tie in &claim.ties {
            writeln!(out, "       tie {:?} {:?}", tie.checks, tie.not_testable).unwrap();
        }
        if !claim.notes.is_empty() {
            writeln!(out, "       notes {:?}", claim.notes).unwrap();
        }
    }
    for transcript in &document.transcripts {
        let duration = transcript.duration.as_ref().map(quantity);
        writeln!(
            out,
            "transcript {:?} {:?} line {}: {:?}, {} outcomes, total {:?} = {duration:?}",
            transcript.title,
            transcript.tense,
            transcript.span.line,
            transcript.commands,
            transcript.outcomes.len(),
            transcript.total,
        )
        .unwrap();
    }
    for item in &document.plan {
        writeln!(
            out,
            "plan {} {:?} line {}",
            item.level, item.title, item.span.line
        )
        .unwrap();
    }
    for effort in &document.efforts {
        let value = quantity(&effort.effort);
        writeln!(
            out,
            "effort {:?} {value} total {}",
            effort.phase, effort.total
        )
        .unwrap();
    }
    for task in &document.tasks {
        writeln!(
            out,
            "task {} {:?} line {}",
            task.done, task.text, task.span.line
        )
        .unwrap();
    }
    for reference in &document.references {
        writeln!(out, "reference {:?} {}", reference.text, reference.target).unwrap();
    }
    for warning in &document.warnings {
        writeln!(
            out,
            "warning {}: {} ({})",
            warning.line, warning.message, warning.help
        )
        .unwrap();
    }
    out
}

pub(crate) fn store(name: &str) -> Subject {
    Subject::Store(name.to_owned())
}

pub(crate) fn pass(check: CheckKind, subject: Subject) -> CheckResult {
    CheckResult {
        check,
        subject,
        outcome: Outcome::Pass,
        failures: Vec::new(),
        examined: 20,
        summary: "20 examined, all good".to_owned(),
        proofs: vec![Proof {
            step: "check-1".to_owned(),
            probe: "GET /probe".to_owned(),
            saw: "200".to_owned(),
        }],
        measured: None,
        consequence_of: None,
    }
}

pub(crate) fn fail(check: CheckKind, subject: Subject, kinds: &[(&str, u64)]) -> CheckResult {
    let failures: Vec<_> = kinds
        .iter()
        .map(|(kind, n)| (FailureKind((*kind).to_owned()), *n))
        .collect();
    let words: Vec<_> = kinds
        .iter()
        .map(|(kind, n)| format!("{n} {kind}"))
        .collect();
    CheckResult {
        outcome: Outcome::Fail,
        failures,
        summary: format!("20 examined: {}", words.join(", ")),
        ..pass(check, subject)
    }
}

pub(crate) fn unknown(check: CheckKind, subject: Subject) -> CheckResult {
    CheckResult {
        outcome: Outcome::Unknown,
        summary: "no answer".to_owned(),
        ..pass(check, subject)
    }
}

//! The judge of a cycle: documents and ties from the environment file, held against the results.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use phoenix_claims::{
    Agreement, Document, DocumentError, Entry, Mapping, MappingError, NotRun, Recovery, RunFacts,
    Selector, Tie, TiedCheck, judge,
};
use phoenix_engine::lower::{self, TieSubject};
use phoenix_engine::run::{Conclusion, Judge, Judgement};
use phoenix_engine::stack::Stack;
use phoenix_evidence::finding::{CheckKind, FailureKind, Level, Subject};
use phoenix_language::diagnostic::Severity;
use phoenix_language::{Diagnostic, Diagnostics, Source};

/// The documents of a run: those that were given, or those that the environment file names.
pub(crate) fn documents(source: &Source, given: &[PathBuf]) -> Result<Vec<Document>, Diagnostics> {
    let paths: Vec<PathBuf> = if given.is_empty() {
        let beside = Path::new(&source.file)
            .parent()
            .unwrap_or(Path::new(""))
            .to_owned();
        lower::documents(source)
            .iter()
            .map(|path| tidy(&beside.join(path)))
            .collect()
    } else {
        given.to_vec()
    };
    if paths.is_empty() {
        return Err(Diagnostics::of_file(
            &source.file,
            "no-document",
            "no document to judge is named".to_owned(),
            Some("add `document: ../PHOENIX.md`, or give --document"),
        ));
    }
    let (mut documents, mut wrong) = (Vec::new(), Diagnostics::default());
    for path in &paths {
        match Document::read(path) {
            Ok(document) => documents.push(document),
            Err(why) => wrong.0.push(unreadable(&why)),
        }
    }
    if wrong.has_errors() {
        Err(wrong)
    } else {
        Ok(documents)
    }
}

/// A document that cannot be judged, as a mistake in a file.
fn unreadable(why: &DocumentError) -> Diagnostic {
    let whole = (0, 0, String::new());
    let (path, code, (line, column, text), message) = match why {
        DocumentError::Empty { path } => (
            path,
            "empty-document",
            whole,
            "the document is empty".to_owned(),
        ),
        DocumentError::TooLarge { path, max } => (
            path,
            "too-large",
            whole,
            format!("the document is larger than the {max} bytes that are read"),
        ),
        DocumentError::NotUtf8 {
            path,
            line,
            byte,
            text,
            ..
        } => {
            // The mark goes under the character that stands for the bad byte.
            let column = text.find('\u{fffd}').unwrap_or(0);
            let column = text[..column].chars().count() + 1;
            (
                path,
                "not-utf8",
                (*line as usize, column, text.chars().take(200).collect()),
                format!("not UTF-8 at byte {byte} of the file"),
            )
        }
        DocumentError::Folder { path } => (
            path,
            "unreadable",
            whole,
            "this is a folder, not a file".to_owned(),
        ),
        DocumentError::NotAFile { path } => (
            path,
            "unreadable",
            whole,
            "this is a pipe or a device, not a file".to_owned(),
        ),
        DocumentError::Unreadable { path, source } => (
            path,
            "unreadable",
            whole,
            format!("the document cannot be read: {source}"),
        ),
        other => (&String::new(), "unreadable", whole, other.to_string()),
    };
    Diagnostic {
        severity: Severity::Error,
        code,
        file: path.clone(),
        line,
        column,
        width: 1,
        text,
        message,
        help: Some(why.help_text()),
    }
}

/// The oddities of the documents that can be judged: cells that are missing, words that are not
/// understood. Nothing of the environment file's own.
pub(crate) fn oddities(source: &Source, given: &[PathBuf]) -> Diagnostics {
    let mut found = Diagnostics::default();
    for document in documents(source, given).unwrap_or_default() {
        let text = std::fs::read_to_string(&document.path).unwrap_or_default();
        for warning in &document.warnings {
            let line = warning.line as usize;
            let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            let shown: String = shown.chars().take(200).collect();
            found.0.push(Diagnostic {
                severity: Severity::Warning,
                code: "odd-document",
                file: document.path.clone(),
                line,
                column: 1,
                width: shown.chars().count(),
                text: shown,
                message: warning.message.clone(),
                help: Some(warning.help.clone()).filter(|help| !help.is_empty()),
            });
        }
    }
    found
}

/// A path without `a/../`.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." && out.file_name().is_some_and(|name| name != "..") {
            out.pop();
        } else if part.as_os_str() != "." {
            out.push(part);
        }
    }
    out
}

/// The ties of the environment file.
#[must_use]
pub fn mapping(source: &Source, stack: &Stack) -> Mapping {
    let mut entries: Vec<Entry> = Vec::new();
    for tie in lower::ties(source) {
        let at = match entries.iter().position(|entry| entry.claim == tie.claim) {
            Some(at) => at,
            None => {
                entries.push(Entry {
                    claim: tie.claim.clone(),
                    document: None,
                    line: u32::try_from(tie.line).ok(),
                    ties: Vec::new(),
                });
                entries.len() - 1
            }
        };
        let made = made(&tie, stack);
        entries[at].ties.push(made);
    }
    Mapping {
        source: Some(source.file.clone()),
        entries,
    }
}

fn made(tie: &lower::Tie, stack: &Stack) -> Tie {
    let names = match &tie.subject {
        TieSubject::All => None,
        TieSubject::Names(names) => Some(names.clone()),
    };
    if tie.check == "not_testable" {
        let reason = names.map(|names| names.join(" ")).unwrap_or_default();
        return Tie {
            not_testable: Some(reason),
            ..Tie::default()
        };
    }
    let Some(check) = check_of(&tie.check) else {
        return Tie::default();
    };
    let on: Vec<Selector> = match names {
        None => vec![Selector::All],
        Some(names) => names
            .iter()
            .map(|name| Selector::Subject(subject(name, stack)))
            .collect(),
    };
    Tie {
        checks: on.into_iter().map(|on| TiedCheck { check, on }).collect(),
        kinds: (!tie.kinds.is_empty()).then(|| {
            tie.kinds
                .iter()
                .map(|kind| FailureKind(kind.clone()))
                .collect()
        }),
        causes: None,
        not_testable: None,
        level: tie.level.as_deref().and_then(level_of),
    }
}

fn subject(name: &str, stack: &Stack) -> Subject {
    if stack.store(name).is_some() {
        Subject::Store(name.to_owned())
    } else if stack.secret(name).is_some() {
        Subject::Secret(name.to_owned())
    } else if stack.service(name).is_some() {
        Subject::Service(name.to_owned())
    } else if stack.manual_steps.iter().any(|step| step.name == name) {
        Subject::ManualStep(name.to_owned())
    } else {
        Subject::Stack
    }
}

fn check_of(word: &str) -> Option<CheckKind> {
    serde_json::from_value(serde_json::Value::String(word.replace('_', "-"))).ok()
}

fn level_of(word: &str) -> Option<Level> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

/// Every tie of the environment file that does not mean exactly one claim of the documents, and
/// every document that cannot be judged: mistakes where files are checked, before anybody burns
/// anything.
pub(crate) fn ties(source: &Source, stack: &Stack, given: &[PathBuf]) -> Diagnostics {
    let documents = match documents(source, given) {
        Ok(documents) => documents,
        Err(wrong) => return wrong,
    };
    let problems = mapping(source, stack).check(&documents);
    Diagnostics(
        problems
            .err()
            .unwrap_or_default()
            .iter()
            .map(|problem| at_its_line(source, problem))
            .collect(),
    )
}

/// Reads the documents and holds the ties against them before anything is burnt. A tie to a claim
/// that no document makes is a warning and ties nothing: the document may have lost the section
/// that admitted a loss, and a run must then say that the loss is undocumented rather than refuse
/// to look.
///
/// # Errors
/// A document that cannot be judged, or a tie that means several claims.
pub(crate) fn loose_ties(
    source: &Source,
    stack: &Stack,
    given: &[PathBuf],
) -> Result<Diagnostics, Diagnostics> {
    let mut found = ties(source, stack, given);
    for problem in &mut found.0 {
        if problem.code == UNKNOWN_CLAIM {
            problem.severity = Severity::Warning;
            problem.message.push_str(
                ": what is tied to it answers no claim, and a failure of it is undocumented",
            );
        }
    }
    if found.has_errors() {
        Err(found)
    } else {
        Ok(found)
    }
}

const UNKNOWN_CLAIM: &str = "unknown-claim";

fn at_its_line(source: &Source, problem: &MappingError) -> Diagnostic {
    let (code, claim, line, message) = match problem {
        MappingError::UnknownClaim { claim, line, .. } => (
            UNKNOWN_CLAIM,
            claim,
            line,
            format!("no claim is called \"{claim}\""),
        ),
        MappingError::AmbiguousClaim { claim, line, .. } => (
            "ambiguous-claim",
            claim,
            line,
            format!("\"{claim}\" is the title of several claims"),
        ),
        other => ("tie", &String::new(), &None, other.to_string()),
    };
    let line = line.map_or(0, |line| line as usize);
    let text = source.text.lines().nth(line.saturating_sub(1));
    let text = text.filter(|_| line > 0).unwrap_or_default();
    let column = text.find(claim.as_str()).unwrap_or(0);
    Diagnostic {
        severity: Severity::Error,
        code,
        file: source.file.clone(),
        line,
        column: text[..column].chars().count() + 1,
        width: claim.chars().count(),
        text: text.to_owned(),
        message,
        help: Some(problem.help_text().to_owned()),
    }
}

/// A judge over these documents and ties.
#[must_use]
pub fn over(run: &str, environment: &str, documents: Vec<Document>, mapping: Mapping) -> Judge {
    let (run, environment) = (run.to_owned(), environment.to_owned());
    Arc::new(move |conclusion: &Conclusion| {
        let at = jiff::Timestamp::now().to_string();
        let mut facts = RunFacts::new(
            &run,
            &environment,
            &conclusion.profile,
            conclusion.level,
            &at,
        );
        facts.dirty = conclusion.dirty;
        facts.partial = conclusion.partial;
        facts.not_run = conclusion
            .not_made
            .iter()
            .map(|(check, subject, reason)| NotRun {
                check: *check,
                subject: Some(subject.clone()),
                reason: reason.clone(),
            })
            .collect();
        let register = judge(&documents, &mapping, &conclusion.results, &facts);
        let recovery = match register.recovery {
            Recovery::Recovered => "recovered",
            Recovery::NotRecovered => "not-recovered",
            Recovery::Unknown => "unknown",
        };
        let agreement = match register.agreement {
            Agreement::Agrees => "agrees",
            Agreement::Disagrees => "disagrees",
            Agreement::CannotTell => "cannot-tell",
        };
        let claims = register
            .lines
            .iter()
            .filter_map(|line| {
                let claim = line.claim.as_ref()?;
                let status = serde_json::to_value(line.status).ok()?;
                Some((
                    claim.id.clone(),
                    claim.title.clone(),
                    status.as_str()?.to_owned(),
                ))
            })
            .collect();
        Judgement {
            recovery: recovery.to_owned(),
            agreement: agreement.to_owned(),
            exit: register.exit_code(),
            claims,
            register: serde_json::to_value(&register).unwrap_or_default(),
        }
    })
}

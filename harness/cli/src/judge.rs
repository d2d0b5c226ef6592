//! The judge of a cycle: documents and ties from the environment file, held against the results.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use phoenix_claims::{
    Agreement, Document, Entry, Mapping, MappingError, Recovery, RunFacts, Selector, Tie,
    TiedCheck, judge,
};
use phoenix_engine::lower::{self, TieSubject};
use phoenix_engine::run::{Conclusion, Judge, Judgement};
use phoenix_engine::stack::Stack;
use phoenix_evidence::finding::{CheckKind, FailureKind, Level, Subject};
use phoenix_language::Source;

use crate::error::Error;

/// The documents of a run.
pub(crate) fn documents(source: &Source, given: &[PathBuf]) -> Result<Vec<Document>, Error> {
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
        return Err(Error::Usage(format!(
            "{} names no `document:` to judge; add one, or give --document",
            source.file
        )));
    }
    paths
        .iter()
        .map(|path| Document::read(path).map_err(|why| Error::Usage(why.to_string())))
        .collect()
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

/// Every tie of the environment file that does not mean exactly one claim of its documents: an
/// error where files are checked, before anybody burns anything.
pub(crate) fn check_ties(source: &Source, stack: &Stack) -> Result<(), Error> {
    let documents = documents(source, &[])?;
    mapping(source, stack)
        .check(&documents)
        .map_err(|errors| Error::Usage(words(&errors)))
}

fn words(errors: &[MappingError]) -> String {
    let words: Vec<String> = errors
        .iter()
        .map(|error| format!("{error}; {}", error.help_text()))
        .collect();
    words.join("\nerror: ")
}

/// Reads the documents and holds the ties against them before anything is burnt. A tie to a claim
/// that no document makes is warned of and ties nothing: the document may have lost the section
/// that admitted a loss, and a run must then say that the loss is undocumented rather than refuse
/// to look.
///
/// # Errors
/// A document that cannot be judged, or a tie that means several claims.
pub(crate) fn warn_of_ties(source: &Source, stack: &Stack, given: &[PathBuf]) -> Result<(), Error> {
    let problems = mapping(source, stack).check(&documents(source, given)?);
    let (loose, refused): (Vec<_>, Vec<_>) = problems
        .err()
        .unwrap_or_default()
        .into_iter()
        .partition(|error| matches!(error, MappingError::UnknownClaim { .. }));
    if !refused.is_empty() {
        return Err(Error::Usage(words(&refused)));
    }
    for tie in &loose {
        eprintln!(
            "warning: {tie}, so what is tied to it answers no claim and a failure of it is \
             undocumented; {}",
            tie.help_text()
        );
    }
    Ok(())
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

//! Finding the claim that an entry of the mapping means.

use miette::Diagnostic;
use thiserror::Error;

use super::{Entry, Mapping, Tie};
use crate::document::{Claim, Document};

/// An entry of the mapping that means no claim, or more than one.
#[derive(Clone, Debug, PartialEq, Eq, Error, Diagnostic)]
#[non_exhaustive]
pub enum MappingError {
    /// No claim is called so.
    #[error("{place}: no claim is called \"{claim}\"")]
    #[diagnostic(code(phoenix::mapping::unknown_claim))]
    UnknownClaim {
        /// File and line of the entry, as far as known.
        place: String,
        /// Line of the entry, from 1, as far as known.
        line: Option<u32>,
        /// What the entry says.
        claim: String,
        /// What would be right.
        #[help]
        help: String,
    },
    /// Several claims are called so.
    #[error("{place}: \"{claim}\" is the title of several claims")]
    #[diagnostic(code(phoenix::mapping::ambiguous_claim))]
    AmbiguousClaim {
        /// File and line of the entry, as far as known.
        place: String,
        /// Line of the entry, from 1, as far as known.
        line: Option<u32>,
        /// What the entry says.
        claim: String,
        /// What would be right.
        #[help]
        help: String,
    },
}

impl MappingError {
    /// What would be right.
    #[must_use]
    pub fn help_text(&self) -> &str {
        match self {
            Self::UnknownClaim { help, .. } | Self::AmbiguousClaim { help, .. } => help,
        }
    }
}

impl Mapping {
    /// Checks that each entry means exactly one claim of `documents`.
    ///
    /// # Errors
    /// Every entry that does not, in order. One that means several claims must be refused; one that
    /// means none may be a typing mistake or what is left of a section that was deleted, and a
    /// judgement goes on without it, saying so.
    pub fn check(&self, documents: &[Document]) -> Result<(), Vec<MappingError>> {
        let errors: Vec<_> = self
            .entries
            .iter()
            .filter_map(|entry| self.problem(entry, documents))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn problem(&self, entry: &Entry, documents: &[Document]) -> Option<MappingError> {
        let meant: Vec<_> = documents
            .iter()
            .flat_map(|document| document.claims.iter().map(move |claim| (document, claim)))
            .filter(|(document, claim)| means(entry, documents, document, claim))
            .collect();
        let claim = entry.claim.clone();
        match meant.len() {
            1 => None,
            0 => {
                let help = nearest(&entry.claim, documents);
                Some(MappingError::UnknownClaim {
                    place: self.place(entry),
                    line: entry.line,
                    claim,
                    help,
                })
            }
            _ => {
                let choices: Vec<_> = meant
                    .iter()
                    .map(|(document, claim)| {
                        format!("`{}` at {}:{}", claim.id, document.path, claim.span.line)
                    })
                    .collect();
                let help = format!("name it by its id instead: {}", choices.join(", "));
                Some(MappingError::AmbiguousClaim {
                    place: self.place(entry),
                    line: entry.line,
                    claim,
                    help,
                })
            }
        }
    }

    fn place(&self, entry: &Entry) -> String {
        let file = self.source.as_deref().unwrap_or("mapping");
        entry
            .line
            .map_or_else(|| file.to_owned(), |line| format!("{file}:{line}"))
    }
}

/// The approved ties of a claim: those that stand beside it, then those of the mapping.
pub(crate) fn ties_of<'a>(
    mapping: &'a Mapping,
    documents: &[Document],
    document: &Document,
    claim: &'a Claim,
) -> Vec<&'a Tie> {
    let mapped = mapping
        .entries
        .iter()
        .filter(|entry| means(entry, documents, document, claim))
        .flat_map(|entry| &entry.ties);
    claim.ties.iter().chain(mapped).collect()
}

/// Whether an entry means a claim. An id outranks a title, so that a claim whose id is another's
/// title cannot be hit by mistake.
fn means(entry: &Entry, documents: &[Document], document: &Document, claim: &Claim) -> bool {
    if entry
        .document
        .as_ref()
        .is_some_and(|path| *path != document.path)
    {
        return false;
    }
    let by_id = documents
        .iter()
        .filter(|other| {
            entry
                .document
                .as_ref()
                .is_none_or(|path| *path == other.path)
        })
        .any(|other| other.claim(&entry.claim).is_some());
    if by_id {
        claim.id == entry.claim
    } else {
        same_title(&claim.title, &entry.claim)
    }
}

/// Titles are compared with runs of white space as one blank.
fn same_title(left: &str, right: &str) -> bool {
    left.split_whitespace().eq(right.split_whitespace())
}

fn nearest(wanted: &str, documents: &[Document]) -> String {
    let lower = wanted.to_lowercase();
    let best = documents
        .iter()
        .flat_map(|document| document.claims.iter().map(move |claim| (document, claim)))
        .flat_map(|(document, claim)| {
            [&claim.id, &claim.title].map(|name| {
                let score = strsim::normalized_levenshtein(&lower, &name.to_lowercase());
                (score, name, document, claim)
            })
        })
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match best {
        Some((score, name, document, claim)) if score >= 0.5 => {
            format!(
                "did you mean \"{name}\" ({}:{})?",
                document.path, claim.span.line
            )
        }
        Some(_) => "`phoenix gaps` lists the claims with their ids".to_owned(),
        None => "the document has no claims".to_owned(),
    }
}

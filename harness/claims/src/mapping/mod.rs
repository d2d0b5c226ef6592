//! Which check answers which claim.

mod draft;
mod resolve;
mod topics;

use phoenix_evidence::finding::{CheckKind, FailureKind, Level, Subject};
use serde::{Deserialize, Serialize};

pub use draft::{Names, Suggestion, check_name, draft_mapping, draft_yaml};
pub use resolve::MappingError;
pub(crate) use resolve::ties_of;

/// On what a tied check must have been made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selector {
    /// On everything that the run made this check on.
    All,
    /// On this subject.
    Subject(Subject),
    /// On whatever subject has this name: what an annotation can say without the environment file.
    Named(String),
}

impl Selector {
    /// Whether `subject` is meant.
    #[must_use]
    pub fn matches(&self, subject: &Subject) -> bool {
        match self {
            Self::All => true,
            Self::Subject(wanted) => wanted == subject,
            Self::Named(name) => subject_name(subject) == name,
        }
    }
}

/// The name of a subject; the stack's is `stack`.
#[must_use]
pub fn subject_name(subject: &Subject) -> &str {
    match subject {
        Subject::Store(name)
        | Subject::Secret(name)
        | Subject::Service(name)
        | Subject::ManualStep(name) => name,
        Subject::Stack => "stack",
    }
}

/// One check that answers a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TiedCheck {
    /// Which check.
    pub check: CheckKind,
    /// On what.
    pub on: Selector,
}

/// What answers a claim, and how far the claim reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// The checks; the worst of them counts.
    pub checks: Vec<TiedCheck>,
    /// The kinds of failure that the claim admits. `None`: what a plain loss looks like for checks
    /// on data ([`crate::register::PLAIN_LOSS`], and `undecryptable` on a secret), any kind for
    /// the others.
    pub kinds: Option<Vec<FailureKind>>,
    /// The causes that the claim names, as the subject where the trouble starts. A failure whose
    /// root lies elsewhere is *confirmed, other cause*. `None`: the claim names no cause.
    pub causes: Option<Vec<Subject>>,
    /// Why no drill here can judge it.
    pub not_testable: Option<String>,
    /// The level at which it is settled. `None`: a real account, since a document speaks of
    /// production unless its mapping says otherwise.
    pub level: Option<Level>,
}

impl Tie {
    /// A tie to one check on one subject.
    #[must_use]
    pub fn to(check: CheckKind, subject: Subject) -> Self {
        let on = Selector::Subject(subject);
        Self {
            checks: vec![TiedCheck { check, on }],
            ..Self::default()
        }
    }

    /// A tie to one check on everything.
    #[must_use]
    pub fn to_all(check: CheckKind) -> Self {
        Self {
            checks: vec![TiedCheck {
                check,
                on: Selector::All,
            }],
            ..Self::default()
        }
    }
}

/// The ties of one claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The claim's id, or its exact title.
    pub claim: String,
    /// The document, by its path as given, where several are judged and the name is in more than
    /// one. `None`: whichever has it.
    pub document: Option<String>,
    /// Line of the entry in the mapping file, from 1.
    pub line: Option<u32>,
    /// Its ties.
    pub ties: Vec<Tie>,
}

/// Every tie that a person approved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The file that it was read from, for messages.
    pub source: Option<String>,
    /// Its entries.
    pub entries: Vec<Entry>,
}

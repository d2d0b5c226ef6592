//! The gap register: what the documents claim, held against what a run saw.

mod coverage;
mod criterion;
mod facts;
mod judge;
mod recovery;
mod render;
mod roots;
mod settle;
mod status_block;
mod weigh;
mod wording;

use phoenix_evidence::finding::{CheckKind, FailureKind, Level, Outcome, Proof, Subject};
use serde::{Deserialize, Serialize};

pub use coverage::PLAIN_LOSS;
pub use facts::{EVIDENCE_DAYS_MAX, NotRun, RunFacts, Settled};
pub use judge::judge;
pub use recovery::{Recovery, effective_outcome, recovery_answer};
pub use settle::settles;
pub use status_block::{StatusBlockError, outside_status_block, write_status_block};
pub use wording::{level_label, subject_label};

use crate::document::{ClaimKind, Says, Severity};

/// Version of the register's schema. It goes up by one whenever a reader of the old one would
/// misread the new one.
pub const SCHEMA: u32 = 1;

/// How a claim stands after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The document says that it works, and the run saw it fail.
    Broken,
    /// The run saw it fail, and the document does not say so.
    Undocumented,
    /// A check was set on it and could not tell.
    Undecided,
    /// The document says that it is broken, and the run proved that it works.
    Closed,
    /// The document says that it is broken, and the run saw it break in that way.
    Confirmed,
    /// The document says that it works, and the run proved it.
    Holds,
    /// It was settled once; that evidence is too old, or what it names has changed.
    Stale,
    /// No check of this run was set on it, or none at its level could be.
    Unproven,
}

/// Whether the documents agree with the run. The exit code follows this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Every claim that was judged stands, and every failure was written down.
    Agrees,
    /// A claim is broken, or a failure is not written down.
    Disagrees,
    /// A check ended unknown, or no claim was judged at all.
    CannotTell,
}

/// A document that was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DocumentRef {
    /// Its path as given.
    pub path: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub digest: String,
    /// Its title.
    pub title: Option<String>,
    /// The readiness that it claims, from 0 to 100.
    pub claimed_percent: Option<f64>,
    /// How many claims it makes.
    pub claims: usize,
    /// Its oddities, as `line: message`.
    pub warnings: Vec<String>,
}

/// The claim that a line is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRef {
    /// Path of its document.
    pub document: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: ClaimKind,
    /// Its title.
    pub title: String,
    /// What it says.
    pub says: Says,
    /// Its severity.
    pub severity: Option<Severity>,
    /// Its theme.
    pub theme: Option<String>,
    /// Digest of its text, hexadecimal.
    pub digest: String,
}

/// One check result as evidence of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which check.
    pub check: CheckKind,
    /// On what.
    pub subject: Subject,
    /// How it ended, with *nothing examined* counted as unknown.
    pub outcome: Outcome,
    /// The kinds of failure that belong to this line, and how often each was seen.
    pub failures: Vec<(FailureKind, u64)>,
    /// How many things were examined.
    pub examined: u64,
    /// One sentence.
    pub summary: String,
    /// What was measured, in the check's unit.
    pub measured: Option<f64>,
    /// Step, probe and first bytes.
    pub proofs: Vec<Proof>,
}

/// Something that was settled by another run and is still told here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// The run that settled it.
    pub run: String,
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// At which level.
    pub level: Level,
    /// As what.
    pub status: Status,
}

/// One line of the register.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// How it stands.
    pub status: Status,
    /// The status as it must be read: `would hold` rather than `holds` below the settling level.
    pub wording: String,
    /// Whether this settles it.
    pub settled: bool,
    /// The level of the evidence.
    pub level: Level,
    /// The claim; `None` for what no document speaks of.
    pub claim: Option<ClaimRef>,
    /// What it is about, in a few words: the claim's title, or check and subject.
    pub title: String,
    /// Why it stands so, in one sentence.
    pub why: String,
    /// Whether the claimed failure was seen to come from elsewhere.
    pub other_cause: bool,
    /// Why no drill here can judge it.
    pub not_testable: Option<String>,
    /// What the run saw.
    pub evidence: Vec<Evidence>,
    /// What follows from it: told here, and not as news.
    pub consequences: Vec<Evidence>,
    /// What another run settled.
    pub carried: Option<Carried>,
}

/// The comparison of a run with its documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// [`SCHEMA`] at the time of writing.
    pub schema: u32,
    /// The run.
    pub run: String,
    /// Its environment.
    pub environment: String,
    /// Its profile.
    pub profile: String,
    /// The level of its evidence.
    pub level: Level,
    /// Whether its working tree was dirty: such a run settles nothing.
    pub dirty: bool,
    /// When, as RFC 3339 in UTC.
    pub at: String,
    /// What it was compared with.
    pub documents: Vec<DocumentRef>,
    /// Ties of the mapping to claims that no document makes, as `place: message`. What they tie
    /// answers no claim, so a failure of it counts as undocumented.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loose_ties: Vec<String>,
    /// Did the stack recover?
    pub recovery: Recovery,
    /// Does the document agree?
    pub agreement: Agreement,
    /// The lines: worst status first, then by document and line.
    pub lines: Vec<Line>,
    /// What the scenario set as objectives: told apart from the document.
    pub objectives: Vec<Evidence>,
    /// Share of the judged capabilities and gaps that were seen working, from 0 to 100.
    pub measured_percent: Option<f64>,
}

impl Register {
    /// The exit code that follows from [`Agreement`]: 0 agrees, 1 disagrees, 3 cannot tell.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.agreement {
            Agreement::Agrees => 0,
            Agreement::Disagrees => 1,
            Agreement::CannotTell => 3,
        }
    }

    /// The exit code when recovery is required too (`--require recovery`): a stack that did not
    /// recover is a finding (1), one of which that cannot be told is 3, and the worse of both counts
    /// (a finding outranks not knowing).
    #[must_use]
    pub fn exit_code_requiring_recovery(&self) -> u8 {
        let recovery = match self.recovery {
            Recovery::Recovered => 0,
            Recovery::NotRecovered => 1,
            Recovery::Unknown => 3,
        };
        match (self.exit_code(), recovery) {
            (1, _) | (_, 1) => 1,
            (3, _) | (_, 3) => 3,
            _ => 0,
        }
    }

    /// The lines of one status, in order.
    pub fn lines_of(&self, status: Status) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.status == status)
    }

    /// The line of a claim, by its id.
    #[must_use]
    pub fn line_of(&self, id: &str) -> Option<&Line> {
        self.lines
            .iter()
            .find(|line| line.claim.as_ref().is_some_and(|claim| claim.id == id))
    }

    /// What a later run needs to know of what this one settled.
    #[must_use]
    pub fn settled(&self) -> Vec<Settled> {
        let settled = self
            .lines
            .iter()
            .filter(|line| line.settled && line.carried.is_none());
        settled
            .filter_map(|line| {
                let claim = line.claim.as_ref()?;
                Some(Settled {
                    document: claim.document.clone(),
                    claim: claim.id.clone(),
                    claim_digest: claim.digest.clone(),
                    status: line.status,
                    level: line.level,
                    run: self.run.clone(),
                    at: self.at.clone(),
                })
            })
            .collect()
    }
}

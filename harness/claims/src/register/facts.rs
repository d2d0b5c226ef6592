//! What the register must know of a run besides its check results.

use phoenix_evidence::finding::{CheckKind, Level, Subject};
use serde::{Deserialize, Serialize};

use super::Status;

/// Why a check was not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRun {
    /// The check.
    pub check: CheckKind,
    /// On what; `None`: nowhere.
    pub subject: Option<Subject>,
    /// The reason, as a sentence without its full stop.
    pub reason: String,
}

/// What an earlier run settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Path of the document.
    pub document: String,
    /// Id of the claim.
    pub claim: String,
    /// Digest of the claim's text at that time.
    pub claim_digest: String,
    /// As what it was settled.
    pub status: Status,
    /// At which level.
    pub level: Level,
    /// By which run.
    pub run: String,
    /// When, as RFC 3339.
    pub at: String,
}

/// A run, as the register sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Its id.
    pub run: String,
    /// Its environment.
    pub environment: String,
    /// Its profile.
    pub profile: String,
    /// The level of its evidence.
    pub level: Level,
    /// Whether its working tree was dirty: such a run settles nothing.
    pub dirty: bool,
    /// Whether it destroyed a part of the stack only, or nothing: then it says nothing of what a
    /// document says of a rebuild of everything.
    pub partial: bool,
    /// When it ended, as RFC 3339.
    pub at: String,
    /// What it set out to check. A pair that has no result ended unknown: the run broke off.
    pub planned: Vec<(CheckKind, Subject)>,
    /// Why checks were not made.
    pub not_run: Vec<NotRun>,
    /// What earlier runs settled.
    pub history: Vec<Settled>,
    /// Days after which evidence is too old.
    pub evidence_days_max: u32,
    /// Paths, as claims name them, that changed since the evidence in `history` was gathered.
    pub changed_files: Vec<String>,
}

/// Evidence older than this many days proves nothing of today: a monthly drill and a few days.
pub const EVIDENCE_DAYS_MAX: u32 = 35;

impl RunFacts {
    /// A clean run with nothing before it.
    #[must_use]
    pub fn new(run: &str, environment: &str, profile: &str, level: Level, at: &str) -> Self {
        Self {
            run: run.to_owned(),
            environment: environment.to_owned(),
            profile: profile.to_owned(),
            level,
            dirty: false,
            partial: false,
            at: at.to_owned(),
            planned: Vec::new(),
            not_run: Vec::new(),
            history: Vec::new(),
            evidence_days_max: EVIDENCE_DAYS_MAX,
            changed_files: Vec::new(),
        }
    }

    /// Whether evidence of that moment still counts at the end of this run. A moment that cannot be
    /// read does not count.
    pub(super) fn is_fresh(&self, at: &str) -> bool {
        let moments = (
            at.parse::<jiff::Timestamp>(),
            self.at.parse::<jiff::Timestamp>(),
        );
        let (Ok(then), Ok(now)) = moments else {
            return false;
        };
        let days_max = i64::from(self.evidence_days_max);
        now.as_second() - then.as_second() <= days_max * 24 * 3600
    }
}

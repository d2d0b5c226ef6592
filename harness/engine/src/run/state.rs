//! What a cycle knows while it runs. Everything here is also in the journal or the ledger; this is
//! the copy in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use phoenix_evidence::canary::{CanarySpec, Version};
use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};
use phoenix_evidence::journal::event::{DestructionProof, Phase};

use crate::application::LoginEnd;
use crate::environment::{Fingerprint, Vessel};

/// A canary that was written, or tried.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) spec: CanarySpec,
    /// Its short marker.
    pub(crate) marker: String,
    /// Ids that the application gave it.
    pub(crate) reference: Option<serde_json::Value>,
    /// Newest version invoked.
    pub(crate) newest: Version,
    /// Length of its file, where it has one.
    pub(crate) file_len: usize,
}

/// A recovery point of this run.
#[derive(Clone, Debug)]
pub(crate) struct PointMade {
    pub(crate) id: String,
    pub(crate) label: Option<String>,
    /// Ledger sequence numbers when its backup began and ended.
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// What came of the restore of a recovery point that phoenix did not make.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foreign {
    /// Where the point is, as the scenario writes it.
    pub(crate) path: String,
    /// Whether it was loaded, to its end.
    pub(crate) loaded: bool,
    /// The store after it, before anything started on it.
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// The moment of the disaster, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disaster {
    pub(crate) at: Instant,
    pub(crate) wall_us: i64,
}

/// What a cycle knows.
#[derive(Default)]
pub(crate) struct State {
    /// How often what was checked was touched again afterwards.
    pub(crate) round: u32,
    pub(crate) canaries: Vec<Known>,
    /// Recovery points that this run made, by store, oldest first.
    pub(crate) points: BTreeMap<String, Vec<PointMade>>,
    /// The recovery point that each store was restored from.
    pub(crate) restored: BTreeMap<String, PointMade>,
    /// Stores whose data is that of a recovery point that phoenix did not make.
    pub(crate) foreign: BTreeMap<String, Foreign>,
    /// What came of labelled restores of such points, by label and store.
    pub(crate) foreign_by_label: BTreeMap<(String, String), Foreign>,
    /// Stores that were part of a destroy.
    pub(crate) destroyed: BTreeSet<String>,
    pub(crate) vessels_before: Vec<Vessel>,
    pub(crate) secrets_before: BTreeMap<String, Option<String>>,
    pub(crate) secrets_after: BTreeMap<String, Option<String>>,
    /// Passwords that are others than before the disaster: whether their stores let in who shows them,
    /// and what they answered.
    pub(crate) passwords: BTreeMap<String, Result<(bool, String), String>>,
    pub(crate) proofs: BTreeMap<String, (DestructionProof, String)>,
    /// Marker of each store's tombstone.
    pub(crate) tombstones: BTreeMap<String, String>,
    /// Who the canary person was in each service before the disaster.
    pub(crate) accounts: BTreeMap<String, LoginEnd>,
    pub(crate) disaster: Option<Disaster>,
    pub(crate) phases: BTreeMap<(String, Phase), f64>,
    /// Runbooks whose text is in the journal.
    pub(crate) runbooks: BTreeSet<&'static str>,
    pub(crate) dead: BTreeMap<String, String>,
    /// A step that ended has seen something that did not start or is not well.
    pub(crate) unwell: bool,
    pub(crate) results: Vec<CheckResult>,
    /// Verdict → count, over all canaries, and (store, verdict) → count.
    pub(crate) verdicts: BTreeMap<(String, String), u64>,
    pub(crate) manual_by_nobody: u32,
    /// Manual steps that are declared as automated and were not looked at.
    pub(crate) manual_declared: Vec<String>,
    pub(crate) saved: BTreeMap<String, String>,
    /// Faults injected and whether they were seen to have bitten.
    pub(crate) faults: Vec<(String, Option<bool>, String)>,
    pub(crate) first_writes: BTreeSet<String>,
    /// Places of the canaries that survived and are there.
    pub(crate) survived: Vec<usize>,
    /// All that forbids the word "recovered" because nothing declares it, in words.
    pub(crate) undeclared: Vec<String>,
    /// The vessels among it.
    pub(crate) undeclared_vessels: Vec<Vessel>,
    /// What nothing declares and lies there after the destroy, a line each.
    pub(crate) strays: Vec<String>,
    pub(crate) rta_s: Option<f64>,
    pub(crate) login_failures: Vec<super::results::LoginFailure>,
}

impl State {
    /// What was well before these stores were touched again says nothing of what is there now. What
    /// had failed stays: a failure is not undone by trying again.
    pub(crate) fn forget_passes(&mut self, stores: &[String]) {
        let touched =
            |subject: &Subject| matches!(subject, Subject::Store(store) if stores.contains(store));
        let before = self.results.len();
        self.results.retain(|result| {
            result.outcome != Outcome::Pass
                || match result.check {
                    CheckKind::Survival
                    | CheckKind::Health
                    | CheckKind::Login
                    | CheckKind::Write
                    | CheckKind::Restart
                    | CheckKind::Certificate
                    | CheckKind::DataLoss
                    | CheckKind::Rpo => false,
                    CheckKind::Fingerprint => !touched(&result.subject),
                    _ => true,
                }
        });
        if self.results.len() < before {
            // The next first write is one of its own.
            self.round += 1;
            self.first_writes.clear();
        }
        self.survived.clear();
        self.verdicts.clear();
    }
}

//! Findings and check results: what a run saw, in the words that the gap register compares with a
//! document.

use serde::{Deserialize, Serialize};

/// What a finding or a check is about, by its name in the environment file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A store.
    Store(String),
    /// A secret.
    Secret(String),
    /// A service.
    Service(String),
    /// A manual step.
    ManualStep(String),
    /// The stack as a whole (objectives, inventory).
    Stack,
}

/// Three-valued outcome; composition takes the worst: pass < unknown < fail.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default,
)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Proven good.
    Pass,
    /// Could not be told. Never a pass.
    #[default]
    Unknown,
    /// Proven bad.
    Fail,
}

/// A check that a scenario makes, as the register sees it. One result per (check, subject).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// Canary verdicts of a store (or, for undecryptable canaries, of a secret).
    Survival,
    /// Whole-store fingerprints before and after.
    Fingerprint,
    /// The application's health path, and a semantic probe behind it.
    Health,
    /// A whole login.
    Login,
    /// The first durable write after the restore.
    Write,
    /// What came back, and the first write, are still there after one more stop and start.
    Restart,
    /// Recovery points listed before *and after* the destroy.
    RecoveryPoints,
    /// A recovery point that phoenix did not make was loaded by the store's own tools, and something
    /// came of it. It says nothing of what was lost.
    Loads,
    /// The newest row of a restored store is no older than a limit.
    Freshness,
    /// What a scenario expects of a restored store is in it: counts, values, files, the fingerprint
    /// of another restore.
    Content,
    /// Proof of destruction: the old vessel is gone, the new one is new.
    Destruction,
    /// The rebuild brought every declared vessel and service up.
    Rebuild,
    /// A second environment beside the run was untouched by it.
    Isolation,
    /// A secret came back with the same value (pass) or another (fail).
    SecretPreserved,
    /// A secret's value differs after the rebuild (pass) or not (fail).
    SecretRegenerated,
    /// A TLS handshake with the expected name and issuer after the rebuild.
    Certificate,
    /// A manual step: pass when it needed no person.
    ManualStep,
    /// RTA against the objective.
    Rto,
    /// RPA, schedule and lag against the objective.
    Rpo,
    /// Count of manual steps against the objective.
    ManualSteps,
    /// Share of acknowledged canaries lost.
    DataLoss,
    /// Every vessel found is declared, and no declared store stays empty.
    Inventory,
    /// An injected fault was seen to have bitten.
    Bitten,
    /// A line of the scenario's `expect:`.
    Expectation,
}

/// What went wrong, finer than the check: the kinds that a gap in a document may cover.
/// Canary verdicts appear here under their own names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FailureKind(pub String);

/// How much a result weighs: the level at which its evidence was gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Everything in one process, understudies over SQLite.
    Embedded,
    /// The Compose mirror with understudies.
    MirrorUnderstudies,
    /// The Compose mirror with images of the air-gapped set, none of which is an understudy: every
    /// program is the real one, as a distribution packs it.
    MirrorAirgapped,
    /// The Compose mirror with upstream images.
    MirrorUpstream,
    /// An emulated cloud control plane.
    EmulatedCloud,
    /// A rehearsal with real data and real engines.
    Rehearsal,
    /// A real account.
    RealAccount,
}

/// Where a proof can be found and what its first bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The step that gathered it, by its id in the plan.
    pub step: String,
    /// What was asked: `GET /api/pages/7`, `recovery points of zitadel-db`.
    pub probe: String,
    /// The first bytes of the answer, at most 200, with no secret in them.
    pub saw: String,
}

/// One result of one check on one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Which check.
    pub check: CheckKind,
    /// On what.
    pub subject: Subject,
    /// How it ended.
    pub outcome: Outcome,
    /// On a failure, each kind of failure seen and how often. Empty otherwise.
    pub failures: Vec<(FailureKind, u64)>,
    /// How many things were examined: canaries, hops, vessels. 0 is never a pass.
    pub examined: u64,
    /// One sentence for people.
    pub summary: String,
    /// Evidence, a few at most.
    pub proofs: Vec<Proof>,
    /// The measured value, where there is one: seconds (RTO, RPO, minutes of a manual step) or a
    /// share from 0 to 1 (data loss). Unit by `check`.
    pub measured: Option<f64>,
    /// The finding this follows from, as an index into the list of results: what follows from a
    /// root is told as its consequence, not as news.
    pub consequence_of: Option<usize>,
}

//! The events of a cycle, as they are written to its journal. Everything a report shows is folded
//! from these; whatever is not here cannot be shown.
//!
//! Compatibility: an event or a field is only ever added, with a default; a reader of another
//! schema version refuses instead of guessing (see [`super::SCHEMA`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{CheckResult, Level, Outcome};

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The first line of every journal.
    CycleStarted(Box<CycleStarted>),
    /// Every step that will run, in the order of the plan.
    Planned {
        /// The steps.
        steps: Vec<PlannedStep>,
    },
    /// A step begins.
    StepStarted {
        /// Id in the plan.
        step: String,
    },
    /// A step has ended; the journal is on disk when the next one starts.
    StepFinished {
        /// Id in the plan.
        step: String,
        /// How the *step* ended: a check that found a loss is a step that worked.
        ended: StepEnd,
        /// What it did, or why it failed, in one sentence.
        detail: String,
    },
    /// A moment of the recovery of one service.
    Phase {
        /// The service.
        service: String,
        /// Which moment.
        phase: Phase,
    },
    /// A vessel seen by the inventory.
    Vessel {
        /// When it was seen.
        moment: Moment,
        /// The store it belongs to, or `None` for one that nothing declares.
        store: Option<String>,
        /// What kind of vessel: `directory`, `file`, `bucket`, `memory`.
        kind: String,
        /// Its identity; never that of its contents.
        identity: String,
    },
    /// Whether the destruction of a store was proven.
    Destruction {
        /// The store.
        store: String,
        /// Proven, not proven or retained.
        proof: DestructionProof,
        /// Why, in one sentence.
        why: String,
    },
    /// A recovery point was made.
    RecoveryPoint(RecoveryPoint),
    /// A recovery point that phoenix did not make, as it was before it was restored.
    ForeignPoint(ForeignPoint),
    /// Recovery points as listed at a moment.
    RecoveryPointsListed {
        /// When.
        moment: Moment,
        /// The store.
        store: String,
        /// Their ids, oldest first.
        points: Vec<String>,
    },
    /// A store was restored.
    Restored {
        /// The store.
        store: String,
        /// From which recovery point.
        point: String,
        /// Bytes copied.
        bytes: u64,
        /// The runbook whose commands did it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        runbook: Option<String>,
    },
    /// A runbook as it was when its commands were executed.
    Runbook {
        /// Its file, from the root of the project.
        file: String,
        /// Its text.
        text: String,
    },
    /// The digest of a secret's value; the same digest is the same value. Salted by the run.
    Secret {
        /// When.
        moment: Moment,
        /// Its name.
        secret: String,
        /// First 16 hexadecimal digits of a keyed digest, or `None` when it does not exist.
        digest: Option<String>,
    },
    /// A health check.
    Health {
        /// When.
        moment: Moment,
        /// The service.
        service: String,
        /// How it ended.
        outcome: Outcome,
        /// The health report, as the application's client made it.
        report: serde_json::Value,
    },
    /// A login, hop by hop.
    Login {
        /// When.
        moment: Moment,
        /// The service.
        service: String,
        /// How it ended, identity of the account included.
        outcome: Outcome,
        /// One sentence.
        summary: String,
        /// The trace, as the application's client made it.
        trace: serde_json::Value,
    },
    /// Fingerprint of a whole store.
    Fingerprint {
        /// When.
        moment: Moment,
        /// The store.
        store: String,
        /// Its digest.
        digest: String,
        /// What it covers: tables, rows, files, objects; and what was left out.
        covers: String,
    },
    /// Two fingerprints of a store compared.
    FingerprintCompared {
        /// The store.
        store: String,
        /// Whether they are equal.
        equal: bool,
        /// What differs, a line each, bounded.
        differences: Vec<String>,
    },
    /// Canaries written, as counted when the step ended.
    Seeded {
        /// Canaries acknowledged, by service (or store, for direct ones).
        acknowledged: BTreeMap<String, u64>,
        /// Refused, indeterminate: anything that was not acknowledged.
        other: u64,
    },
    /// Digest of a file beside the journal: ledger, observations.
    Attached {
        /// File name within the cycle's folder.
        file: String,
        /// BLAKE3 of its content.
        blake3: String,
        /// Bytes.
        bytes: u64,
    },
    /// Verdicts, counted.
    Survival(Survival),
    /// A manual step.
    ManualStep {
        /// Its name in the environment file.
        step: String,
        /// Its title.
        title: String,
        /// Performed by its automation, or left for a person.
        performed: ManualPerformed,
        /// Minutes that it takes a person, as declared (assumed, not measured).
        minutes: f64,
    },
    /// A fault was injected.
    Fault {
        /// What was done.
        fault: String,
        /// Whether it was seen to have bitten: `None` until that can be looked at.
        bitten: Option<bool>,
        /// What showed it.
        proof: String,
    },
    /// An answer of `run`, `http` or `sql`.
    Answer {
        /// The step.
        step: String,
        /// What was asked, without secrets.
        asked: String,
        /// First bytes of the answer.
        saw: String,
        /// Whether it was what the step expects.
        as_expected: bool,
    },
    /// The end of a service's log. It is not written any more, for logs are kept as files (see
    /// [`Event::Attached`]); a journal that has it is still read.
    ServiceLog {
        /// The service.
        service: String,
        /// The last lines.
        lines: Vec<String>,
    },
    /// A line of `expect:` and whether it was met.
    Expectation {
        /// The line, as written.
        text: String,
        /// Whether it was met.
        met: bool,
        /// What was seen instead.
        saw: String,
    },
    /// Check results: what the register is judged on.
    Results {
        /// All of them.
        results: Vec<CheckResult>,
    },
    /// The register, judged. Its shape is that of the claims crate.
    Register {
        /// The register as JSON.
        register: serde_json::Value,
    },
    /// Something worth telling that is no result.
    Note {
        /// One sentence.
        text: String,
    },
    /// The cycle is over.
    CycleFinished(CycleFinished),
}

/// What a cycle was started with: enough to repeat it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CycleStarted {
    /// The run, one for all of its cycles.
    pub run: String,
    /// This cycle's name within the run: the profile, or scenario and profile.
    pub cycle: String,
    /// Nonce in every canary, 8 hexadecimal digits.
    pub nonce: String,
    /// Seed of payloads and of every random choice.
    pub seed: u64,
    /// Scenario: name, title, path, digest of the text.
    pub scenario: NamedFile,
    /// Environment file.
    pub environment: NamedFile,
    /// Profile.
    pub profile: String,
    /// Level of all evidence in this journal.
    pub level: Level,
    /// Documents that are judged.
    pub documents: Vec<NamedFile>,
    /// Version of the harness, its commit, whether the tree was dirty, versions of engines and
    /// image digests, by name.
    pub versions: BTreeMap<String, String>,
    /// Whether the tree was dirty: then the evidence settles nothing.
    pub dirty: bool,
    /// Recovery time objective in seconds.
    pub rto_s: Option<f64>,
    /// Recovery point objective in seconds.
    pub rpo_s: Option<f64>,
    /// Objective for the number of manual steps.
    pub manual_steps: Option<u32>,
    /// Services: name, application, what they need.
    pub services: Vec<ServiceInfo>,
    /// Stores: name, kind, policy in words.
    pub stores: Vec<StoreInfo>,
    /// Secrets: name and policy.
    pub secrets: BTreeMap<String, String>,
    /// Operating system and architecture.
    pub host: String,
    /// What the stack could reach beyond itself, by the allow-list of its environment; `None` where
    /// the environment keeps no watch on that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Vec<String>>,
    /// Attempts at this cycle that were broken off, oldest first: a run that was killed and taken up
    /// again makes such a cycle anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<BrokenAttempt>,
}

/// An attempt at a cycle that has no end. Nothing is concluded from it, and its evidence stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenAttempt {
    /// Its folder within the run's, with its journal and ledger.
    pub folder: String,
    /// The steps that had begun and not ended, by their titles; none when it broke off between two
    /// steps or before the first.
    pub during: Vec<String>,
    /// Moment of its last line; `None` when it has none.
    pub last: Option<jiff::Timestamp>,
    /// Bytes of torn last lines, in its journal and ledger, that were left out.
    #[serde(default)]
    pub torn_bytes: u64,
}

/// A file that went into a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedFile {
    /// Its name inside (scenario name, environment name, document title).
    pub name: String,
    /// A title for people.
    pub title: String,
    /// Path as given, relative where it was.
    pub path: String,
    /// BLAKE3 of its text.
    pub blake3: String,
    /// Its text as it was then: a report can show what was judged after the file has changed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A service as reports show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// Name.
    pub name: String,
    /// Application.
    pub app: String,
    /// Stores and services it needs.
    pub needs: Vec<String>,
}

/// A store as reports show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreInfo {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Recovery policy under this profile, in words.
    pub policy: String,
    /// May be lost.
    pub losable: bool,
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Id: number and kind, `05-destroy`.
    pub id: String,
    /// What it will do, in one sentence.
    pub title: String,
    /// Ids of the steps that must have ended before.
    pub needs: Vec<String>,
    /// Every destructive act, as it would happen.
    pub destroys: Vec<String>,
    /// Part of `finally:`.
    pub cleanup: bool,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepEnd {
    /// It did what it says.
    Done,
    /// It could not.
    Failed,
    /// It was not run, because of an earlier failure or an interrupt.
    NotRun,
}

/// When something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// Before anything is destroyed.
    Before,
    /// Under the backup's own snapshot.
    AtBackup,
    /// After the destroy, before the rebuild.
    AfterDestroy,
    /// After the rebuild, before the restore.
    AfterRebuild,
    /// On the restored store, before any application starts on it.
    AfterRestore,
    /// After everything is back.
    After,
}

/// Whether a destruction was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DestructionProof {
    /// The vessel was gone, nothing answered, the new vessel is new, no tombstone is there.
    Proven,
    /// One of these could not be shown.
    NotProven,
    /// Kept out of the destroy on purpose.
    Retained,
}

/// A moment of a service's recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The disaster, as this service met it.
    Destroyed,
    /// Its stores hold restored data.
    Restored,
    /// Its process was started.
    Started,
    /// Its port answers.
    Listening,
    /// Its health path says healthy.
    Healthy,
    /// The first whole login after the disaster.
    FirstLogin,
    /// The first durable write after the disaster.
    FirstWrite,
}

/// How a manual step was performed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManualPerformed {
    /// Its automation ran.
    Automated,
    /// It is declared as automated, and nothing here could look.
    Declared,
    /// Nothing automates it, and no person was asked: counted, with its declared minutes.
    ByNobody,
}

/// A recovery point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPoint {
    /// Its id.
    pub id: String,
    /// The store.
    pub store: String,
    /// By which policy, in words.
    pub policy: String,
    /// The moment that it stands for, as an interval of ledger sequence numbers.
    pub begin: u64,
    /// End of the interval.
    pub end: u64,
    /// Bytes.
    pub bytes: u64,
    /// Digest of the artefact.
    pub digest: String,
}

/// A recovery point that phoenix did not make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignPoint {
    /// The store that it is restored into.
    pub store: String,
    /// Where it is, as the scenario writes it.
    pub path: String,
    /// What it is, in words, by its content.
    pub kind: String,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files; 1 where it is a file itself.
    pub files: u64,
    /// BLAKE3 of its bytes, and of a folder of its names too.
    pub blake3: String,
}

/// Verdicts of a cycle, counted; every single one is in the file of verdicts beside the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Survival {
    /// Store → verdict → count.
    pub by_store: BTreeMap<String, BTreeMap<String, u64>>,
    /// `service/kind` (or `direct`) → verdict → count.
    pub by_kind: BTreeMap<String, BTreeMap<String, u64>>,
    /// RPA per store.
    pub rpa: Vec<StoreRpa>,
    /// Kinds that could not be listed: duplicates and strangers among them were not examined.
    pub not_examined: Vec<String>,
    /// Samples: a few canaries of every (store, verdict) but `survived`, and one of that.
    pub samples: Vec<VerdictSample>,
}

/// RPA of a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoreRpa {
    /// The store.
    pub store: String,
    /// Seconds, at least; `None` when nothing acknowledged could be read (an idle store).
    pub seconds_min: Option<f64>,
    /// Seconds, at most.
    pub seconds_max: Option<f64>,
    /// Acknowledged writes lost.
    pub lost: u64,
    /// Schedule and lag of the policy: what a disaster at the worst moment would lose, in seconds.
    pub schedule_s: Option<f64>,
}

/// One canary and its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictSample {
    /// Its marker.
    pub marker: String,
    /// `service/kind` or `direct`.
    pub kind: String,
    /// The store that it counts against.
    pub store: String,
    /// Verdict.
    pub verdict: String,
    /// Why, in one sentence.
    pub reason: String,
    /// The request that read it.
    pub probe: String,
}

/// How a cycle ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CycleFinished {
    /// `recovered`, `not-recovered` or `unknown`.
    pub recovery: String,
    /// `agrees`, `disagrees` or `cannot-tell`.
    pub agreement: String,
    /// Worst outcome of the system's checks.
    pub system: Outcome,
    /// Whether every check could be made.
    pub checks: Outcome,
    /// Whether clean-up left nothing.
    pub cleanup: Outcome,
    /// Whether every line of `expect:` was met.
    pub expectations: Outcome,
    /// Whether a person or a signal stopped it.
    pub interrupted: bool,
    /// RTA in seconds, disaster to last service's first durable write; `None` when not reached.
    pub rta_s: Option<f64>,
    /// Manual steps that nobody automated.
    pub manual_steps: u32,
    /// Exit code of this cycle.
    pub exit: u8,
}

//! A run, folded from the journals of its cycles: what every report form shows.

mod fold;
mod sentence;

use std::collections::BTreeMap;

use phoenix_claims::Register;
use phoenix_evidence::finding::{CheckResult, Outcome, Subject};
use phoenix_evidence::journal::Line;
use phoenix_evidence::journal::event::{
    CycleFinished, CycleStarted, Event, ForeignPoint, ManualPerformed, PlannedStep, Survival,
};
use phoenix_evidence::journal::run::PlannedCycle;
use serde::Serialize;

pub(crate) use fold::broken;

/// What is said of a cycle that was planned and never begun.
pub(crate) const NEVER_BEGUN: &str =
    "The run broke off before this cycle was begun: nothing is known.";

/// A run: one cycle a profile or matrix value.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// Its id.
    pub run: String,
    /// Its cycles, in the order in which they ran.
    pub cycles: Vec<CycleView>,
    /// Cycles that were planned and never begun: whoever knows the plan puts them here.
    pub missing: Vec<PlannedCycle>,
}

/// One cycle.
#[derive(Clone, Debug, Serialize)]
pub struct CycleView {
    /// What it was started with.
    pub started: CycleStarted,
    /// When, RFC 3339.
    pub at: String,
    /// How it ended; `None` when its journal breaks off.
    pub finished: Option<CycleFinished>,
    /// Name of its folder, beside the report; `None` where only its journal is known.
    pub folder: Option<String>,
    /// What was restored, and how.
    pub restores: Vec<RestoreView>,
    /// The runbooks that restores followed, with their texts.
    pub runbooks: Vec<(String, String)>,
    /// Its steps.
    pub steps: Vec<StepView>,
    /// What was restored that phoenix did not make; `None` where all was its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign: Option<ForeignView>,
    /// Verdicts.
    pub survival: Option<Survival>,
    /// Check results.
    pub results: Vec<CheckResult>,
    /// The register.
    pub register: Option<Register>,
    /// Logins after the restore.
    pub logins: Vec<LoginView>,
    /// Seconds after the disaster at which each service reached each moment.
    pub phases: Vec<PhaseRow>,
    /// Destruction of each store, in words.
    pub destruction: Vec<(String, String, String)>,
    /// Expectations: text, met, saw.
    pub expectations: Vec<(String, bool, String)>,
    /// Faults: what, bitten, proof.
    pub faults: Vec<(String, Option<bool>, String)>,
    /// Manual steps: title, minutes, how each was performed.
    pub manual: Vec<(String, f64, ManualPerformed)>,
    /// Everything else worth telling.
    pub notes: Vec<String>,
}

/// Backups that phoenix did not make, and what they are worth as evidence.
#[derive(Clone, Debug, Serialize)]
pub struct ForeignView {
    /// The backups, in the order in which they were restored.
    pub points: Vec<ForeignPoint>,
    /// What such evidence can carry, in words.
    pub can_carry: &'static str,
    /// What it cannot.
    pub cannot_carry: &'static str,
}

/// A step and how it ended.
#[derive(Clone, Debug, Serialize)]
pub struct StepView {
    /// The step.
    pub step: PlannedStep,
    /// `done`, `failed`, `not-run`, or `unfinished` where the journal breaks off.
    pub ended: String,
    /// What it says of itself.
    pub detail: String,
    /// Seconds from the start of the cycle to its own start.
    pub from_s: f64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Logs that were kept when it ended.
    pub logs: Vec<KeptLog>,
}

/// A store that was restored.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreView {
    /// The store.
    pub store: String,
    /// The recovery point.
    pub point: String,
    /// Bytes of it.
    pub bytes: u64,
    /// The page whose commands did it.
    pub runbook: Option<String>,
    /// Whether this run proved that the store came back whole.
    pub proven: bool,
    /// When it was restored.
    pub at: String,
}

/// A log that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptLog {
    /// Whose it is.
    pub name: String,
    /// The file, within the cycle's folder.
    pub file: String,
}

/// A login.
#[derive(Clone, Debug, Serialize)]
pub struct LoginView {
    /// The service.
    pub service: String,
    /// How it ended.
    pub outcome: Outcome,
    /// One sentence.
    pub summary: String,
    /// Its hops, as the client recorded them.
    pub hops: Vec<serde_json::Value>,
}

/// The recovery of one service.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseRow {
    /// The service.
    pub service: String,
    /// Moment → seconds after the disaster.
    pub at_s: BTreeMap<String, f64>,
}

impl View {
    /// Folds journals. Journals without a first event are left out.
    #[must_use]
    pub fn new(journals: &[Vec<Line<Event>>]) -> Self {
        let cycles: Vec<CycleView> = journals
            .iter()
            .filter_map(|lines| CycleView::new(lines))
            .collect();
        let run = cycles
            .first()
            .map(|cycle| cycle.started.run.clone())
            .unwrap_or_default();
        Self {
            run,
            cycles,
            missing: Vec::new(),
        }
    }
}

/// The name of a subject.
pub(crate) fn subject(subject: &Subject) -> &str {
    match subject {
        Subject::Store(name)
        | Subject::Secret(name)
        | Subject::Service(name)
        | Subject::ManualStep(name) => name,
        Subject::Stack => "the stack",
    }
}

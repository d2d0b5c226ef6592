//! A run, folded from the journals of its cycles: what every report form shows.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_claims::Register;
use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};
use phoenix_evidence::journal::Line;
use phoenix_evidence::journal::event::ManualPerformed;
use phoenix_evidence::journal::event::{
    BrokenAttempt, CycleFinished, CycleStarted, Event, ForeignPoint, Phase, PlannedStep, StepEnd,
    Survival,
};
use phoenix_evidence::journal::run::PlannedCycle;
use serde::Serialize;

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

/// What is shown by a backup that phoenix did not make.
const CAN_CARRY: &str = "that the backup loads, how old its newest row is, that what the scenario \
                         expects is in it, that the applications start on it and people log in";
/// What is not.
const CANNOT_CARRY: &str = "that nothing was lost. There is no ledger of what was in it, so survival, \
                            data loss, RPO, a fingerprint of the original and the recovery points of \
                            the policy are not proven by it, whatever was seen";

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

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of a drill fit 52 bits"
)]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

impl CycleView {
    fn new(lines: &[Line<Event>]) -> Option<Self> {
        let first = lines.first()?;
        let Event::CycleStarted(started) = &first.event else {
            return None;
        };
        let mut view = Self {
            started: (**started).clone(),
            at: first.at.to_string(),
            finished: None,
            folder: None,
            restores: Vec::new(),
            runbooks: Vec::new(),
            steps: Vec::new(),
            foreign: None,
            survival: None,
            results: Vec::new(),
            register: None,
            logins: Vec::new(),
            phases: Vec::new(),
            destruction: Vec::new(),
            expectations: Vec::new(),
            faults: Vec::new(),
            manual: Vec::new(),
            notes: started.broken.iter().map(broken).collect(),
        };
        let mut disaster = None;
        for line in lines {
            view.add(line, &mut disaster);
        }
        Some(view)
    }

    fn add(&mut self, line: &Line<Event>, disaster: &mut Option<u64>) {
        let at = line.mono_us;
        match &line.event {
            Event::Planned { steps } => {
                self.steps = steps
                    .iter()
                    .map(|step| StepView {
                        step: step.clone(),
                        ended: "unfinished".to_owned(),
                        detail: String::new(),
                        from_s: 0.0,
                        took_s: 0.0,
                        logs: Vec::new(),
                    })
                    .collect();
            }
            Event::Attached { file, .. } => {
                let of_step = file
                    .strip_prefix("logs/")
                    .and_then(|log| log.split_once('/'));
                if let Some((step, log)) = of_step
                    && let Some(view) = self.step(step)
                {
                    view.logs.push(KeptLog {
                        name: log.trim_end_matches(".log").to_owned(),
                        file: file.clone(),
                    });
                }
            }
            Event::StepStarted { step } => {
                if let Some(view) = self.step(step) {
                    view.from_s = seconds(at);
                }
            }
            Event::StepFinished {
                step,
                ended,
                detail,
            } => {
                if let Some(view) = self.step(step) {
                    view.took_s = seconds(at) - view.from_s;
                    view.detail.clone_from(detail);
                    view.ended = match ended {
                        StepEnd::Done => "done",
                        StepEnd::Failed => "failed",
                        StepEnd::NotRun => "not-run",
                    }
                    .to_owned();
                    if *ended == StepEnd::NotRun {
                        view.took_s = 0.0;
                    }
                }
            }
            Event::Phase { service, phase } => {
                if *phase == Phase::Destroyed {
                    disaster.get_or_insert(at);
                }
                let since = seconds(at.saturating_sub(disaster.unwrap_or(at)));
                self.phase(service, phase_word(*phase), since);
            }
            Event::Login {
                moment: phoenix_evidence::journal::event::Moment::After,
                service,
                outcome,
                summary,
                trace,
            } => self.logins.push(LoginView {
                service: service.clone(),
                outcome: *outcome,
                summary: summary.clone(),
                hops: trace
                    .get("hops")
                    .and_then(serde_json::Value::as_array)
                    .cloned()
                    .unwrap_or_default(),
            }),
            Event::Destruction { store, proof, why } => {
                let word = serde_json::to_value(proof)
                    .ok()
                    .and_then(|value| value.as_str().map(str::to_owned))
                    .unwrap_or_default();
                self.destruction.push((store.clone(), word, why.clone()));
            }
            Event::ForeignPoint(point) => self
                .foreign
                .get_or_insert_with(|| ForeignView {
                    points: Vec::new(),
                    can_carry: CAN_CARRY,
                    cannot_carry: CANNOT_CARRY,
                })
                .points
                .push(point.clone()),
            Event::Restored {
                store,
                point,
                bytes,
                runbook,
            } => {
                self.restores.retain(|known| known.store != *store);
                self.restores.push(RestoreView {
                    store: store.clone(),
                    point: point.clone(),
                    bytes: *bytes,
                    runbook: runbook.clone(),
                    proven: false,
                    at: line.at.to_string(),
                });
            }
            Event::Runbook { file, text } => self.runbooks.push((file.clone(), text.clone())),
            Event::Survival(survival) => self.survival = Some(survival.clone()),
            Event::Results { results } => {
                self.results.clone_from(results);
                for restore in &mut self.restores {
                    let subject = Subject::Store(restore.store.clone());
                    // What came back is, to the last row, what was backed up.
                    restore.proven = results.iter().any(|result| {
                        result.check == CheckKind::Fingerprint
                            && result.subject == subject
                            && result.outcome == Outcome::Pass
                    });
                }
            }
            Event::Register { register } => {
                self.register = serde_json::from_value(register.clone()).ok();
            }
            Event::Expectation { text, met, saw } => {
                self.expectations.push((text.clone(), *met, saw.clone()));
            }
            Event::Fault {
                fault,
                bitten,
                proof,
            } => {
                self.faults.retain(|(known, _, _)| known != fault);
                self.faults.push((fault.clone(), *bitten, proof.clone()));
            }
            Event::ManualStep {
                title,
                performed,
                minutes,
                ..
            } => {
                self.manual.push((title.clone(), *minutes, *performed));
            }
            Event::Note { text } => self.notes.push(text.clone()),
            Event::CycleFinished(finished) => self.finished = Some(finished.clone()),
            _ => {}
        }
    }

    fn step(&mut self, id: &str) -> Option<&mut StepView> {
        self.steps.iter_mut().find(|view| view.step.id == id)
    }

    fn phase(&mut self, service: &str, phase: &str, at_s: f64) {
        let at = match self.phases.iter().position(|row| row.service == service) {
            Some(at) => at,
            None => {
                self.phases.push(PhaseRow {
                    service: service.to_owned(),
                    at_s: BTreeMap::new(),
                });
                self.phases.len() - 1
            }
        };
        self.phases[at].at_s.insert(phase.to_owned(), at_s);
    }

    /// Did the stack recover? In one word.
    #[must_use]
    pub fn recovery(&self) -> &str {
        self.finished
            .as_ref()
            .map_or("unknown", |finished| &finished.recovery)
    }

    /// Does the document agree? In one word.
    #[must_use]
    pub fn agreement(&self) -> &str {
        self.finished
            .as_ref()
            .map_or("cannot-tell", |finished| &finished.agreement)
    }

    /// The verdict in one sentence, both answers in it.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Some(finished) = &self.finished else {
            let at = match self.steps.iter().find(|step| step.ended == "unfinished") {
                Some(step) => format!(" during “{}”", step.step.title),
                None => String::new(),
            };
            return format!("The run broke off{at}: nothing was judged.");
        };
        let recovery = match self.recovery() {
            "recovered" => "The stack recovered".to_owned(),
            "not-recovered" => format!("The stack did not recover: {}", self.reasons()),
            _ if finished.interrupted => {
                "The run was interrupted, so whether the stack recovered is not known".to_owned()
            }
            _ => match self.steps.iter().find(|step| step.ended == "failed") {
                Some(step) => format!(
                    "Whether the stack recovered is not known, because “{}” failed ({})",
                    step.step.title,
                    step.detail.lines().next().unwrap_or_default()
                ),
                None => match self.unknown() {
                    Some(why) => format!("Whether the stack recovered is not known ({why})"),
                    None if self.foreign.is_some() => {
                        "Whether the stack recovered is not known (it came up on a backup that phoenix \
                         did not make, which never shows that nothing was lost)"
                            .to_owned()
                    }
                    None => "Whether the stack recovered is not known".to_owned(),
                },
            },
        };
        let agreement = match self.agreement() {
            "agrees" => "the document agrees",
            "disagrees" => "the document disagrees",
            _ => "whether the document agrees cannot be told",
        };
        format!(
            "{recovery}; {agreement}{}{}.",
            self.objectives(),
            self.unmet()
        )
    }

    /// The objectives that were missed though everything came back.
    fn objectives(&self) -> String {
        if self.recovery() != "recovered" {
            return String::new();
        }
        let mut missed: BTreeSet<String> = BTreeSet::new();
        for result in &self.results {
            let word = match result.check {
                CheckKind::Rto => "RTO",
                CheckKind::Rpo => "RPO",
                CheckKind::ManualSteps => "manual steps",
                _ => continue,
            };
            if result.outcome == Outcome::Fail {
                missed.insert(format!("{word} of {}", subject(&result.subject)));
            }
        }
        let missed: Vec<String> = missed.into_iter().collect();
        match missed.len() {
            0 => String::new(),
            n if n > REASONS_MAX + 1 => format!(
                "; objectives missed: {}, and {} more",
                missed[..REASONS_MAX].join(", "),
                n - REASONS_MAX
            ),
            _ => format!("; objectives missed: {}", missed.join(", ")),
        }
    }

    /// What the scenario promised and the run did not keep.
    fn unmet(&self) -> String {
        let unmet: Vec<String> = self
            .expectations
            .iter()
            .filter(|(_, met, _)| !met)
            .map(|(expected, _, saw)| format!("expected {expected}, saw {saw}"))
            .collect();
        if unmet.is_empty() {
            String::new()
        } else {
            format!("; not as the scenario expects: {}", unmet.join(", "))
        }
    }

    /// The first check that could not tell.
    fn unknown(&self) -> Option<&str> {
        self.results
            .iter()
            .find(|result| result.outcome == Outcome::Unknown)
            .map(|result| result.summary.as_str())
    }

    /// What failed, in a few words: stores, secrets and services with a failure of their own.
    fn reasons(&self) -> String {
        let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for result in &self.results {
            let own = result.outcome == Outcome::Fail && result.consequence_of.is_none();
            let decides = !matches!(
                result.check,
                CheckKind::ManualStep
                    | CheckKind::ManualSteps
                    | CheckKind::Rto
                    | CheckKind::Rpo
                    | CheckKind::DataLoss
                    | CheckKind::Expectation
                    // A key counts by what it made unreadable.
                    | CheckKind::SecretPreserved
            );
            if own && decides {
                let own = result.failures.iter().map(|(kind, _)| kind.0.as_str());
                kinds
                    .entry(subject(&result.subject))
                    .or_default()
                    .extend(own);
            }
        }
        let all: Vec<String> = kinds
            .iter()
            .map(|(name, kinds)| {
                let kinds: Vec<&str> = kinds.iter().copied().collect();
                format!("{name} ({})", kinds.join(", "))
            })
            .collect();
        match all.len() {
            0 => "a check failed".to_owned(),
            n if n > REASONS_MAX + 1 => format!(
                "{}, and {} more",
                all[..REASONS_MAX].join(", "),
                n - REASONS_MAX
            ),
            _ => all.join(", "),
        }
    }
}

/// An attempt that was broken off, in one sentence.
pub(crate) fn broken(attempt: &BrokenAttempt) -> String {
    let during = match attempt.during.as_slice() {
        [] => String::new(),
        steps => format!(" during “{}”", steps.join("”, “")),
    };
    let torn = match attempt.torn_bytes {
        0 => String::new(),
        n => format!("; {n} bytes of torn last lines were left out"),
    };
    format!(
        "An attempt at this cycle was broken off{during}{torn}. Nothing is concluded from it; its \
         evidence is in {}. This cycle was made anew from its beginning.",
        attempt.folder
    )
}

/// Failures that the sentence of a verdict names.
const REASONS_MAX: usize = 5;

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

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Destroyed => "destroyed",
        Phase::Restored => "restored",
        Phase::Started => "started",
        Phase::Listening => "listening",
        Phase::Healthy => "healthy",
        Phase::FirstLogin => "first-login",
        Phase::FirstWrite => "first-write",
    }
}

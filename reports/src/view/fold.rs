//! A cycle, folded from the events of its journal.

use std::collections::BTreeMap;

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::Line;
use phoenix_evidence::journal::event::{BrokenAttempt, Event, Moment, Phase, StepEnd};

use super::{CycleView, ForeignView, KeptLog, LoginView, PhaseRow, RestoreView, StepView};

/// What is shown by a backup that phoenix did not make.
const CAN_CARRY: &str = "that the backup loads, how old its newest row is, that what the scenario \
                         expects is in it, that the applications start on it and people log in";
/// What is not.
const CANNOT_CARRY: &str = "that nothing was lost. There is no ledger of what was in it, so survival, \
                            data loss, RPO, a fingerprint of the original and the recovery points of \
                            the policy are not proven by it, whatever was seen";

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of a drill fit 52 bits"
)]
fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

impl CycleView {
    pub(super) fn new(lines: &[Line<Event>]) -> Option<Self> {
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
                moment: Moment::After,
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

//! What a scenario says that it expects, held against what came.

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{CycleFinished, Event};

use super::results::KEY_CHANGED;
use super::{Cycle, CycleError, Judgement};
use crate::plan::Expected;

impl Cycle<'_> {
    pub(super) fn meet_expectations(
        &self,
        judgement: &Judgement,
        finished: &CycleFinished,
    ) -> Result<Outcome, CycleError> {
        let mut all = Outcome::Pass;
        for expect in &self.plan.expect {
            let (met, saw) = self.met(&expect.what, judgement, finished);
            if !met {
                all = Outcome::Fail;
            }
            self.tell(&Event::Expectation {
                text: expect.text.clone(),
                met,
                saw,
            })?;
        }
        Ok(all)
    }

    fn met(
        &self,
        expected: &Expected,
        judgement: &Judgement,
        finished: &CycleFinished,
    ) -> (bool, String) {
        let state = self.state();
        match expected {
            Expected::Verdict {
                verdict,
                store,
                at_least,
                at_most,
            } => {
                let key = (store.clone().unwrap_or_default(), verdict.clone());
                let n = state.verdicts.get(&key).copied().unwrap_or(0);
                // Counting nothing is no evidence for "none": something must have been examined.
                let examined = !state.verdicts.is_empty();
                (
                    examined && n >= *at_least && at_most.is_none_or(|most| n <= most),
                    format!("{n}"),
                )
            }
            Expected::Recovery(word) => (finished.recovery == *word, finished.recovery.clone()),
            Expected::Agreement(word) => (finished.agreement == *word, finished.agreement.clone()),
            Expected::Exit(code) => (judgement.exit == *code, judgement.exit.to_string()),
            Expected::Finding { subject, kind } => {
                let found = state.results.iter().any(|result| {
                    result.outcome == Outcome::Fail
                        && subject
                            .as_deref()
                            .is_none_or(|name| names(&result.subject, name))
                        && result
                            .failures
                            .iter()
                            .any(|(failure, _)| failure.0 == *kind)
                });
                (
                    found,
                    if found {
                        "found".to_owned()
                    } else {
                        "not found".to_owned()
                    },
                )
            }
            Expected::Claim { claim, status } => {
                let saw = judgement
                    .claims
                    .iter()
                    .find(|(id, title, _)| id == claim || title == claim)
                    .map_or("no such claim", |(_, _, status)| status);
                (saw == status, saw.to_owned())
            }
            Expected::Diagnosis(word) => {
                let changed = state.results.iter().any(|result| {
                    result.check == CheckKind::SecretPreserved
                        && result
                            .failures
                            .iter()
                            .any(|(failure, _)| failure.0 == KEY_CHANGED)
                });
                let met = match word.as_str() {
                    "secret-regenerated" => changed,
                    _ => state.results.iter().any(|result| {
                        result
                            .failures
                            .iter()
                            .any(|(failure, _)| failure.0 == *word)
                    }),
                };
                (
                    met,
                    if met {
                        "found".to_owned()
                    } else {
                        "not found".to_owned()
                    },
                )
            }
        }
    }
}

fn names(subject: &Subject, name: &str) -> bool {
    match subject {
        Subject::Store(own)
        | Subject::Secret(own)
        | Subject::Service(own)
        | Subject::ManualStep(own) => own == name,
        Subject::Stack => name == "stack",
    }
}

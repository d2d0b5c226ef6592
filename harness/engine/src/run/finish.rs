//! The end of a cycle: results that need the whole of it, the register, the expectations, and the
//! last event.

use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};
use phoenix_evidence::journal::event::{CycleFinished, DestructionProof, Event, Phase};

use super::results::{KEY_CHANGED, PASSWORD_REFUSED, kind, proof, result, tie};
use super::state::State;
use super::{Conclusion, Cycle, CycleError, Judgement};
use crate::plan::{Act, Expected};
use crate::stack::{Policy, Secret};

/// The checks that are made of a service.
const OF_A_SERVICE: [CheckKind; 5] = [
    CheckKind::Health,
    CheckKind::Login,
    CheckKind::Write,
    CheckKind::Restart,
    CheckKind::Certificate,
];

impl Cycle<'_> {
    pub(super) async fn finish(
        &self,
        broken: Option<String>,
        cleanup_broken: Option<String>,
        interrupted: bool,
    ) -> Result<CycleFinished, CycleError> {
        self.note_faults().await?;
        self.conclude_destruction()?;
        self.conclude_unchecked();
        self.conclude_secrets_kept();
        self.conclude_objectives();
        {
            let mut state = self.state();
            let logins = std::mem::take(&mut state.login_failures);
            tie(self.stack, &mut state.results, &logins);
        }
        let results = self.state().results.clone();
        self.tell(&Event::Results {
            results: results.clone(),
        })?;
        let judgement = (self.judge)(&Conclusion {
            results: results.clone(),
            dirty: self.started.dirty,
            not_made: self.not_made(),
            partial: self.partial(),
            profile: self.stack.profile.clone(),
            level: self.started.level,
        });
        self.tell(&Event::Register {
            register: judgement.register.clone(),
        })?;
        let reaped = self.environment.reap().await;
        let cleanup = match (&reaped, &cleanup_broken) {
            (Ok(()), None) => Outcome::Pass,
            _ => Outcome::Fail,
        };
        for why in reaped
            .err()
            .map(|e| e.to_string())
            .into_iter()
            .chain(cleanup_broken)
        {
            self.tell(&Event::Note {
                text: format!("clean-up failed: {why}"),
            })?;
        }
        let checks = if broken.is_some() {
            Outcome::Unknown
        } else {
            Outcome::Pass
        };
        let mut finished = self.verdict(&judgement, checks, cleanup, interrupted);
        let expectations = self.meet_expectations(&judgement, &finished)?;
        finished.expectations = expectations;
        // What a scenario says it expects is a promise of its author: broken, it is a finding.
        // A finding outranks not knowing.
        if expectations == Outcome::Fail && matches!(finished.exit, 0 | 3) {
            finished.exit = 1;
        }
        if let Some(why) = broken {
            self.tell(&Event::Note {
                text: format!("the cycle did not get to its end: {why}"),
            })?;
            // A cycle that was cut short can tell of failures, and never of a success.
            if finished.exit == 0 {
                finished.exit = 3;
            }
        }
        let ledger = self.folder.join("ledger.jsonl");
        if let Ok(bytes) = std::fs::read(&ledger) {
            self.tell(&Event::Attached {
                file: "ledger.jsonl".to_owned(),
                blake3: blake3::hash(&bytes).to_hex().to_string(),
                bytes: bytes.len() as u64,
            })?;
        }
        self.tell(&Event::CycleFinished(finished.clone()))?;
        self.sync()?;
        Ok(finished)
    }

    /// What the register is to say of checks that were not made.
    fn not_made(&self) -> Vec<(CheckKind, Subject, String)> {
        let state = self.state();
        let mut all: Vec<_> = state
            .manual_declared
            .iter()
            .map(|step| {
                (
                    CheckKind::ManualStep,
                    Subject::ManualStep(step.clone()),
                    "it is declared as automated, and nothing here can look".to_owned(),
                )
            })
            .collect();
        if !all.is_empty() {
            all.push((
                CheckKind::ManualSteps,
                Subject::Stack,
                format!(
                    "not counted: {} declared as automated, and nothing here can look",
                    state.manual_declared.join(", ")
                ),
            ));
        }
        for (service, why) in &self.stack.absent {
            all.extend(OF_A_SERVICE.map(|check| {
                let why = format!("{service}: {why}");
                (check, Subject::Service(service.clone()), why)
            }));
        }
        all.extend(
            self.stack
                .secrets
                .iter()
                .filter(|secret| secret.preserved)
                .map(|secret| {
                    (
                        CheckKind::SecretRegenerated,
                        Subject::Secret(secret.name.clone()),
                        format!("{} is preserved: no value had to be made", secret.name),
                    )
                }),
        );
        all.extend(super::foreign::not_carried(&state));
        all
    }

    /// Whether the disaster left a store that it could have destroyed.
    fn partial(&self) -> bool {
        let state = self.state();
        self.stack
            .stores
            .iter()
            .any(|store| store.policy != Policy::Retained && !state.destroyed.contains(&store.name))
    }

    fn verdict(
        &self,
        judgement: &Judgement,
        checks: Outcome,
        cleanup: Outcome,
        interrupted: bool,
    ) -> CycleFinished {
        let state = self.state();
        let system = state
            .results
            .iter()
            .map(|result| result.outcome)
            .max()
            .unwrap_or(Outcome::Unknown);
        let cut_short = checks != Outcome::Pass;
        let uncounted = !state.undeclared.is_empty() || !self.stack.absent.is_empty();
        let recovery = match judgement.recovery.as_str() {
            // Nothing uncounted: an undeclared vessel forbids the word, and so does a service that
            // nobody could start.
            "recovered" if cut_short || uncounted => "unknown".to_owned(),
            other => other.to_owned(),
        };
        let agreement = match judgement.agreement.as_str() {
            "agrees" if cut_short => "cannot-tell".to_owned(),
            other => other.to_owned(),
        };
        CycleFinished {
            recovery,
            agreement,
            system,
            checks,
            cleanup,
            expectations: Outcome::Pass,
            interrupted,
            rta_s: state.rta_s,
            manual_steps: state.manual_by_nobody,
            exit: judgement.exit,
        }
    }

    /// A fault that did not bite proves nothing: the run says so, loudly.
    async fn note_faults(&self) -> Result<(), CycleError> {
        for (fault, bitten, saw) in self.environment.bitten().await {
            let sentence = fault.sentence();
            self.tell(&Event::Fault {
                fault: sentence.clone(),
                bitten: Some(bitten),
                proof: saw.clone(),
            })?;
            let mut state = self.state();
            match state
                .faults
                .iter_mut()
                .find(|(known, _, _)| *known == sentence)
            {
                Some(known) => *known = (sentence, Some(bitten), saw),
                None => state.faults.push((sentence, Some(bitten), saw)),
            }
        }
        let mut state = self.state();
        let faults = state.faults.clone();
        for (fault, bitten, saw) in faults {
            let bit = bitten == Some(true);
            let mut found = result(
                CheckKind::Bitten,
                Subject::Stack,
                if bit { Outcome::Pass } else { Outcome::Unknown },
                1,
                if bit {
                    format!("the fault has bitten: {fault}")
                } else {
                    format!("the fault was not seen to bite: {fault}")
                },
            );
            found.proofs = vec![proof("inject", &fault, &saw)];
            state.results.push(found);
        }
        Ok(())
    }

    fn conclude_destruction(&self) -> Result<(), CycleError> {
        let proofs = self.state().proofs.clone();
        for (store, (destruction, why)) in proofs {
            self.tell(&Event::Destruction {
                store: store.clone(),
                proof: destruction,
                why: why.clone(),
            })?;
            let outcome = match destruction {
                DestructionProof::Proven => Outcome::Pass,
                DestructionProof::NotProven => Outcome::Unknown,
                DestructionProof::Retained => continue,
            };
            let mut found = result(
                CheckKind::Destruction,
                Subject::Store(store.clone()),
                outcome,
                1,
                format!("{store}: {why}"),
            );
            if outcome != Outcome::Pass {
                found.failures = vec![(kind("not-proven-destroyed"), 1)];
            }
            found.proofs = vec![proof("destroy", &format!("identity of {store}"), &why)];
            self.state().results.push(found);
        }
        Ok(())
    }

    /// What was destroyed and not looked at afterwards has no verdict: that is unknown, however well
    /// the rest is.
    fn conclude_unchecked(&self) {
        let mut state = self.state();
        if state.disaster.is_none() {
            return;
        }
        let checked = |state: &State, subject: &Subject, kinds: &[CheckKind]| {
            state
                .results
                .iter()
                .any(|result| result.subject == *subject && kinds.contains(&result.check))
        };
        let mut missing = Vec::new();
        for store in &self.stack.stores {
            let subject = Subject::Store(store.name.clone());
            let owed = state.destroyed.contains(&store.name)
                && !store.losable
                && !state.foreign.contains_key(&store.name);
            if owed && !checked(&state, &subject, &[CheckKind::Survival]) {
                let why = format!(
                    "{}: no canary was looked for after the disaster",
                    store.name
                );
                missing.push((CheckKind::Survival, subject, why));
            }
        }
        for service in &self.stack.services {
            let subject = Subject::Service(service.name.clone());
            let touched = service
                .needs
                .iter()
                .any(|need| state.destroyed.contains(need));
            let serves = [CheckKind::Health, CheckKind::Login, CheckKind::Write];
            if touched && !checked(&state, &subject, &serves) {
                let why = format!("{}: nobody asked whether it serves again", service.name);
                missing.push((CheckKind::Health, subject, why));
            }
        }
        for (check, subject, why) in missing {
            state
                .results
                .push(result(check, subject, Outcome::Unknown, 0, why));
        }
    }

    fn conclude_secrets_kept(&self) {
        let rebuilt = self
            .plan
            .steps
            .iter()
            .any(|step| matches!(step.act, Act::Rebuild { .. }));
        // Secrets go with the whole stack: a rebuild of a part leaves them where they are.
        let rebuilt = rebuilt && !self.partial();
        let mut state = self.state();
        if !rebuilt || state.secrets_after.is_empty() {
            return;
        }
        for secret in &self.stack.secrets {
            let before = state.secrets_before.get(&secret.name).cloned().flatten();
            let after = state.secrets_after.get(&secret.name).cloned().flatten();
            let subject = Subject::Secret(secret.name.clone());
            let same = before.is_some() && before == after;
            let digests = proof(
                "rebuild",
                "keyed digest of the value",
                &format!(
                    "{} → {}",
                    digest_word(before.as_ref()),
                    digest_word(after.as_ref())
                ),
            );
            // A preserved value shows nothing of whether a new one would have been made.
            if !secret.preserved || after.is_none() {
                let (outcome, why) = match (&after, same) {
                    (None, _) => (Outcome::Fail, "no value after the rebuild"),
                    (Some(_), true) => (Outcome::Fail, "the old value after the rebuild"),
                    (Some(_), false) => (Outcome::Pass, "a new value, made by nobody"),
                };
                state.results.push(result(
                    CheckKind::SecretRegenerated,
                    subject.clone(),
                    outcome,
                    1,
                    format!("{}: {why}", secret.name),
                ));
            }
            if let Some(store) = &secret.opens {
                // A password that did not change was put to no test.
                if !same {
                    let answer = state.passwords.get(&secret.name);
                    let mut found = password_result(secret, store, answer);
                    found.proofs.push(digests);
                    state.results.push(found);
                }
                continue;
            }
            let summary = if same {
                format!("{}: the same value after the rebuild", secret.name)
            } else {
                format!("{}: another value after the rebuild", secret.name)
            };
            let mut found = result(
                CheckKind::SecretPreserved,
                subject,
                if same { Outcome::Pass } else { Outcome::Fail },
                1,
                summary.clone(),
            );
            if !same {
                found.failures = vec![(kind(KEY_CHANGED), 1)];
            }
            found.proofs = vec![digests];
            state.results.push(found);
        }
    }

    fn conclude_objectives(&self) {
        let mut state = self.state();
        if state.disaster.is_none() {
            return;
        }
        let checked_writes = state
            .results
            .iter()
            .any(|result| result.check == CheckKind::Write);
        if checked_writes {
            let last = self
                .stack
                .services
                .iter()
                .map(|service| {
                    state
                        .phases
                        .get(&(service.name.clone(), Phase::FirstWrite))
                        .copied()
                })
                .try_fold(0.0_f64, |worst, at| at.map(|at| worst.max(at)));
            state.rta_s = last;
            let objective = self.stack.objectives.rto.map(|rto| rto.as_secs_f64());
            // A service that nobody knows how to write to may well take writes.
            let untried = state.results.iter().find(|result| {
                result.check == CheckKind::Write && result.outcome == Outcome::Unknown
            });
            let refused = state
                .results
                .iter()
                .any(|result| result.check == CheckKind::Write && result.outcome == Outcome::Fail);
            let untried = untried.filter(|_| !refused);
            let (outcome, failure, summary) = match (last, objective) {
                (None, _) if untried.is_some() => (
                    Outcome::Unknown,
                    None,
                    "not known: not every service is known how to be written to".to_owned(),
                ),
                (None, _) => (
                    Outcome::Fail,
                    Some("rto-not-reached"),
                    "not every service took a durable write again".to_owned(),
                ),
                (Some(took), Some(objective)) if took > objective => (
                    Outcome::Fail,
                    Some("rto-over-objective"),
                    format!(
                        "{took:.1}s from the disaster to the last first write, objective {objective:.0}s"
                    ),
                ),
                (Some(took), _) => (
                    Outcome::Pass,
                    None,
                    format!("{took:.1}s from the disaster to the last first write"),
                ),
            };
            let mut found = result(CheckKind::Rto, Subject::Stack, outcome, 1, summary);
            found.measured = last;
            if let Some(failure) = failure {
                found.failures = vec![(kind(failure), 1)];
            }
            state.results.push(found);
        }
        let manual = state.manual_by_nobody;
        let allowed = self.stack.objectives.manual_steps.unwrap_or(0);
        let over = manual > allowed;
        let asked = state
            .results
            .iter()
            .any(|result| result.check == CheckKind::ManualStep);
        // A step that nobody looked at may have waited for a person: the count is not known then,
        // unless it is too high without it.
        if asked && (state.manual_declared.is_empty() || over) {
            let mut found = result(
                CheckKind::ManualSteps,
                Subject::Stack,
                if over { Outcome::Fail } else { Outcome::Pass },
                self.stack.manual_steps.len() as u64,
                format!(
                    "{} that nobody automated, {allowed} allowed",
                    crate::words::count(u64::from(manual), "manual step", "manual steps"),
                ),
            );
            found.measured = Some(f64::from(manual));
            if over {
                found.failures = vec![(kind("manual-steps-over-objective"), u64::from(manual))];
                found.consequence_of = state.results.iter().position(|result| {
                    result.check == CheckKind::ManualStep && result.outcome == Outcome::Fail
                });
            }
            state.results.push(found);
        }
    }

    fn meet_expectations(
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

/// What a changed password came to at the store that it is to open.
fn password_result(
    secret: &Secret,
    store: &str,
    answer: Option<&Result<(bool, String), String>>,
) -> CheckResult {
    let name = &secret.name;
    let (outcome, summary, saw) = match answer {
        Some(Ok((true, saw))) => (
            Outcome::Pass,
            format!("{name}: another value, and {store} lets in who shows it"),
            saw.as_str(),
        ),
        Some(Ok((false, saw))) => (
            Outcome::Fail,
            format!("{name}: another value, and {store} knows the old one only"),
            saw.as_str(),
        ),
        Some(Err(why)) => (
            Outcome::Unknown,
            format!("{name}: another value, and {store} could not be asked whether it takes it"),
            why.as_str(),
        ),
        None => (
            Outcome::Unknown,
            format!("{name}: another value, and nobody showed it to {store}"),
            "not asked",
        ),
    };
    let subject = Subject::Secret(name.clone());
    let mut found = result(CheckKind::SecretPreserved, subject, outcome, 1, summary);
    if outcome == Outcome::Fail {
        found.failures = vec![(kind(PASSWORD_REFUSED), 1)];
    }
    found.proofs = vec![proof("check", &format!("the new password at {store}"), saw)];
    found
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

fn digest_word(digest: Option<&String>) -> &str {
    digest.map_or("none", String::as_str)
}

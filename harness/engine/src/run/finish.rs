//! The end of a cycle: results that need the whole of it, the register, and the last event.

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{CycleFinished, DestructionProof, Event};

use super::results::{kind, proof, result, tie};
use super::state::State;
use super::{Conclusion, Cycle, CycleError, Judgement};
use crate::stack::Policy;

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
    pub(super) fn partial(&self) -> bool {
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
}

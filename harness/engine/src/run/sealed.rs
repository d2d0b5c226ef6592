//! One result a key: what it made unreadable, that what it seals still reads, or why nobody could
//! ask.
//!
//! A canary that is read as somebody who is logged in needs two keys: its own, and the one that the
//! provider signs logins with. When the provider's is the one that changed, nobody comes as far as
//! the canary, and of its own key the run can say nothing. That is unknown, never a pass; but it is
//! no news either: it follows from the provider's key. Three proofs are asked for before it is told
//! so: the login ended where the provider needs its key, what that key seals was proven
//! undecryptable in this very run, and a direct read finds the canary in its store. Then it is the
//! key's unknown and not the store's, whose other canaries have spoken for it. With one proof
//! missing the store itself is unknown.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_evidence::finding::{CheckKind, FailureKind, Outcome, Subject};
use phoenix_evidence::verdict::{Tally, Verdict};

use super::Cycle;
use super::results::{proof, result};
use super::state::Known;
use super::survival::Looked;
use crate::application::{LoginStage, Seen};
use crate::plan::Step;
use crate::words::count;

/// Canaries that another key keeps everybody from, by their place: the name of that key.
pub(super) struct KeptOut(BTreeMap<usize, String>);

impl KeptOut {
    /// How many of them stand in a store.
    pub(super) fn in_store(&self, canaries: &[Known], store: &str) -> u64 {
        let of_store = |at: &&usize| {
            let parts = &canaries[**at].spec.parts;
            parts.first().is_some_and(|part| part.store == store)
        };
        self.0.keys().filter(of_store).count() as u64
    }
}

/// What the canaries of one key showed.
#[derive(Default)]
struct Sealed {
    unreadable: u64,
    read: u64,
    unreached: u64,
    /// The keys that kept out those which were not reached; `None` where it was something else.
    kept_out_by: BTreeSet<Option<String>>,
    /// What was asked and seen of the first one that did not read well.
    example: Option<(String, String)>,
}

impl Sealed {
    /// The one key that explains every canary that was not reached.
    fn root(&self) -> Option<&String> {
        let mut causes = self.kept_out_by.iter();
        match (causes.next(), causes.next()) {
            (Some(Some(key)), None) => Some(key),
            _ => None,
        }
    }

    fn judged(&self, key: &str) -> (Outcome, String) {
        let canaries = |n| count(n, "canary", "canaries");
        if self.unreadable > 0 {
            let summary = format!(
                "{key}: {} there and undecryptable",
                canaries(self.unreadable)
            );
            (Outcome::Fail, summary)
        } else if self.unreached > 0 {
            let why = match self.root() {
                Some(other) => format!(": {other} keeps everybody from logging in"),
                None => String::new(),
            };
            let unreached = canaries(self.unreached);
            let summary = format!("{key}: {unreached} that it seals could not be asked for{why}");
            (Outcome::Unknown, summary)
        } else {
            (
                Outcome::Pass,
                format!("{key}: what it seals reads as before"),
            )
        }
    }
}

impl Cycle<'_> {
    /// Whether a reading was stopped where the provider needs its key, while a direct read finds
    /// the canary.
    pub(super) async fn kept_out(&self, known: &Known, parts: &[Seen]) -> bool {
        let at_the_provider = matches!(
            parts,
            [Seen::NoLogin {
                stage: LoginStage::Provider | LoginStage::Callback,
                ..
            }]
        );
        let Some(part) = known.spec.parts.first().filter(|_| at_the_provider) else {
            return false;
        };
        let found = self.environment.find_text(&part.store, &known.marker).await;
        found.unwrap_or(false)
    }

    /// The canaries with a key of their own that are out of reach because the key of their
    /// service's provider is proven to have changed.
    pub(super) fn behind_dead_keys(
        &self,
        canaries: &[Known],
        looked: &[Looked],
        tally: &Tally,
    ) -> KeptOut {
        let judged = || looked.iter().zip(&tally.judged);
        let dead: BTreeSet<String> = judged()
            .filter(|(_, judged)| judged.verdict == Verdict::Undecryptable)
            .filter_map(|(looked, _)| self.key_of(&canaries[looked.at]))
            .collect();
        let dead_key_of_provider = |known: &Known| {
            let service = self.stack.service(known.spec.service.as_deref()?)?;
            let provider = self.stack.service(service.login_via.as_deref()?)?;
            let mut secrets = provider.secrets.iter();
            secrets.find(|secret| dead.contains(*secret)).cloned()
        };
        let kept_out = judged().filter_map(|(looked, judged)| {
            let known = &canaries[looked.at];
            let unreached = judged.verdict == Verdict::Unreachable && looked.kept_out;
            if !unreached || known.spec.key.is_none() {
                return None;
            }
            Some((looked.at, dead_key_of_provider(known)?))
        });
        KeptOut(kept_out.collect())
    }

    pub(super) fn conclude_secrets(
        &self,
        step: &Step,
        canaries: &[Known],
        looked: &[Looked],
        tally: &Tally,
        kept_out: &KeptOut,
    ) {
        let mut keys: BTreeMap<String, Sealed> = BTreeMap::new();
        for (looked, judged) in looked.iter().zip(&tally.judged) {
            let known = &canaries[looked.at];
            let Some(key) = self.key_of(known) else {
                continue;
            };
            let own = known.spec.key.is_some();
            let example = || Some((looked.probe.clone(), looked.saw.clone()));
            match judged.verdict {
                Verdict::Undecryptable => {
                    let sealed = keys.entry(key).or_default();
                    sealed.unreadable += 1;
                    if sealed.unreadable == 1 {
                        sealed.example = example();
                    }
                }
                Verdict::Unreachable if own => {
                    let sealed = keys.entry(key).or_default();
                    sealed.unreached += 1;
                    sealed
                        .kept_out_by
                        .insert(kept_out.0.get(&looked.at).cloned());
                    sealed.example = sealed.example.take().or_else(example);
                }
                Verdict::Survived if own => keys.entry(key).or_default().read += 1,
                _ => {}
            }
        }
        let mut follows = Vec::new();
        let mut state = self.state();
        for (key, sealed) in keys {
            let (outcome, summary) = sealed.judged(&key);
            if outcome == Outcome::Unknown
                && let Some(root) = sealed.root()
            {
                follows.push((state.results.len(), root.clone()));
            }
            let mut found = result(
                CheckKind::Survival,
                Subject::Secret(key),
                outcome,
                sealed.unreadable + sealed.read + sealed.unreached,
                summary.clone(),
            );
            if sealed.unreadable > 0 {
                let name = Verdict::Undecryptable.name().to_owned();
                found.failures = vec![(FailureKind(name), sealed.unreadable)];
            }
            let (probe, saw) = sealed
                .example
                .unwrap_or(("sealed canaries".to_owned(), summary));
            found.proofs = vec![proof(&step.id, &probe, &saw)];
            state.results.push(found);
        }
        for (at, root) in follows {
            let root = Subject::Secret(root);
            state.results[at].consequence_of = state.results.iter().position(|result| {
                result.check == CheckKind::Survival
                    && result.subject == root
                    && result.outcome == Outcome::Fail
            });
        }
    }
}

//! Rebuild, restore, start: and the second half of the proof of destruction.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt as _};
use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{DestructionProof, Event, Moment, Phase};

use super::disaster::with_strays;
use super::results::{kind, proof, result};
use super::state::PointMade;
use super::wait::{for_service, wait_for};
use super::{Cycle, StepError, StepResult};
use crate::environment::Started;
use crate::plan::PointChoice;
use crate::words::{count, first_bytes};

impl Cycle<'_> {
    pub(super) async fn rebuild(&self, stores: &[String]) -> StepResult {
        self.environment.rebuild(stores).await?;
        let vessels = self.environment.inventory().await?;
        let mut missing = Vec::new();
        {
            let mut state = self.state();
            let strays = state.strays.clone();
            for store in stores {
                let Some(vessel) = vessels
                    .iter()
                    .find(|vessel| vessel.store.as_ref() == Some(store))
                else {
                    missing.push(store.clone());
                    continue;
                };
                let old = state
                    .vessels_before
                    .iter()
                    .find(|old| old.store.as_ref() == Some(store))
                    .cloned();
                let Some((proof, why)) = state.proofs.get_mut(store) else {
                    continue;
                };
                if *proof == DestructionProof::Proven {
                    let said = if old
                        .as_ref()
                        .is_some_and(|old| old.identity == vessel.identity)
                    {
                        *proof = DestructionProof::NotProven;
                        format!("the {} after the rebuild is the old one", vessel.kind)
                    } else {
                        format!(
                            "gone from the inventory, and the new {} is new",
                            vessel.kind
                        )
                    };
                    *why = with_strays(said, &strays);
                }
            }
        }
        for vessel in &vessels {
            self.tell(&Event::Vessel {
                moment: Moment::AfterRebuild,
                store: vessel.store.clone(),
                kind: vessel.kind.clone(),
                identity: vessel.identity.clone(),
            })?;
        }
        let summary = if missing.is_empty() {
            format!(
                "{} came up from code",
                count(stores.len() as u64, "vessel", "vessels")
            )
        } else {
            format!("not rebuilt: {}", missing.join(", "))
        };
        let outcome = if missing.is_empty() {
            Outcome::Pass
        } else {
            Outcome::Fail
        };
        let mut found = result(
            CheckKind::Rebuild,
            Subject::Stack,
            outcome,
            stores.len() as u64,
            summary.clone(),
        );
        if !missing.is_empty() {
            found.failures = vec![(kind("not-rebuilt"), missing.len() as u64)];
        }
        self.state().results.push(found);
        self.record_secrets(Moment::AfterRebuild).await?;
        Ok(summary)
    }

    pub(super) async fn restore(&self, stores: &[String], choice: &PointChoice) -> StepResult {
        let mut waiting: Vec<String> = stores.to_vec();
        let mut done: BTreeSet<String> = BTreeSet::new();
        let (mut restored, mut without) = (0_u64, 0_u64);
        // A store goes after the one that carries it; those that do not depend on each other go
        // together.
        while !waiting.is_empty() {
            let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|name| {
                self.stack
                    .store(name)
                    .and_then(|store| store.on.clone())
                    .is_none_or(|carrier| done.contains(&carrier) || !stores.contains(&carrier))
            });
            if ready.is_empty() {
                return Err(StepError::Failed(format!(
                    "these stores carry each other: {}",
                    rest.join(", ")
                )));
            }
            let outcomes = stream::iter(&ready)
                .map(|store| self.restore_one(store, choice))
                .buffer_unordered(4)
                .collect::<Vec<_>>()
                .await;
            for outcome in outcomes {
                if outcome? {
                    restored += 1;
                } else {
                    without += 1;
                }
            }
            done.extend(ready);
            waiting = rest;
        }
        self.mark_restored()?;
        let mut sentence = format!("{} restored", count(restored, "store", "stores"));
        if without > 0 {
            sentence.push_str(&format!(", {without} had nothing to restore from"));
        }
        Ok(sentence)
    }

    /// Marks the moment for every service of which a store is restored.
    pub(super) fn mark_restored(&self) -> Result<(), StepError> {
        for service in &self.stack.services {
            let stores = self.stack.stores_of(service);
            let state_restored = {
                let state = self.state();
                stores
                    .iter()
                    .any(|store| state.restored.contains_key(&store.name))
            };
            if state_restored {
                self.phase(&service.name, Phase::Restored)?;
            }
        }
        Ok(())
    }

    /// Restores one store; whether there was anything to restore from.
    async fn restore_one(&self, store: &str, choice: &PointChoice) -> Result<bool, StepError> {
        let listed = self.environment.points(store).await?;
        let Some(chosen) = self.choose(store, &listed, choice) else {
            self.look_for_tombstone(store).await;
            return Ok(false);
        };
        let bytes = match self.environment.restore(store, &chosen.id).await {
            Ok(bytes) => bytes,
            // A restore that fails is what a drill is for: the finding is the failure's own, and
            // the cycle goes on to see what else it costs.
            Err(error) => {
                let why = error.to_string();
                self.tell(&Event::Note { text: why.clone() })?;
                let mut found = result(
                    CheckKind::RecoveryPoints,
                    Subject::Store(store.to_owned()),
                    Outcome::Fail,
                    1,
                    format!("{store} could not be restored: {}", first_bytes(&why, 200)),
                );
                found.failures = vec![(kind("restore-failed"), 1)];
                found.proofs = vec![proof("restore", &format!("restore {}", chosen.id), &why)];
                self.look_for_tombstone(store).await;
                let mut state = self.state();
                state.results.push(found);
                // What the point should have held is judged against it all the same.
                state.restored.insert(store.to_owned(), chosen);
                return Ok(true);
            }
        };
        self.tell(&Event::Restored {
            store: store.to_owned(),
            point: chosen.id.clone(),
            bytes,
            runbook: self.tell_runbook(store)?,
        })?;
        self.compare_with_point(store, &chosen).await?;
        self.look_for_tombstone(store).await;
        let mut state = self.state();
        state.restored.insert(store.to_owned(), chosen);
        state.foreign.remove(store);
        Ok(true)
    }

    /// Puts the page that a restore followed into the journal, once; its file.
    fn tell_runbook(&self, store: &str) -> Result<Option<String>, StepError> {
        let Some(page) = self.environment.runbook(store) else {
            return Ok(None);
        };
        let new = self.state().runbooks.insert(page.file);
        if new {
            self.tell(&Event::Runbook {
                file: page.file.to_owned(),
                text: page.text.to_owned(),
            })?;
        }
        Ok(Some(page.file.to_owned()))
    }

    fn choose(&self, store: &str, listed: &[String], choice: &PointChoice) -> Option<PointMade> {
        let state = self.state();
        let mine = state.points.get(store).map_or(&[][..], Vec::as_slice);
        let id = match choice {
            PointChoice::Newest => listed.last()?.clone(),
            PointChoice::Oldest => listed.first()?.clone(),
            PointChoice::Random => {
                let at = usize::try_from(self.seed % (listed.len().max(1) as u64)).unwrap_or(0);
                listed.get(at)?.clone()
            }
            PointChoice::Label(label) => mine
                .iter()
                .rev()
                .find(|point| point.label.as_deref() == Some(label) && listed.contains(&point.id))?
                .id
                .clone(),
        };
        // A point that this run did not make is older than all that it wrote.
        Some(
            mine.iter()
                .find(|point| point.id == id)
                .cloned()
                .unwrap_or(PointMade {
                    id,
                    label: None,
                    begin: 0,
                    end: 0,
                    fingerprint: None,
                }),
        )
    }

    /// Before any application starts on it: what changes at start is not the restore's doing.
    async fn compare_with_point(&self, store: &str, point: &PointMade) -> Result<(), StepError> {
        let Some(before) = &point.fingerprint else {
            return Ok(());
        };
        let Some(after) = self.environment.fingerprint(store).await? else {
            return Ok(());
        };
        self.tell(&Event::Fingerprint {
            moment: Moment::AfterRestore,
            store: store.to_owned(),
            digest: after.digest.clone(),
            covers: after.covers.clone(),
        })?;
        let differences = self.environment.compare(store, before, &after);
        let equal = differences.is_empty() && before.digest == after.digest;
        self.tell(&Event::FingerprintCompared {
            store: store.to_owned(),
            equal,
            differences: differences.clone(),
        })?;
        let summary = if equal {
            format!("{store}: whole-store fingerprint equal ({})", after.covers)
        } else {
            format!(
                "{store}: differs from its recovery point: {}",
                differences.join("; ")
            )
        };
        let mut found = result(
            CheckKind::Fingerprint,
            Subject::Store(store.to_owned()),
            if equal { Outcome::Pass } else { Outcome::Fail },
            1,
            first_bytes(&summary, 300),
        );
        if !equal {
            found.failures = vec![(kind("fingerprint-differs"), differences.len().max(1) as u64)];
        }
        found.proofs = vec![proof(
            "restore",
            &format!("fingerprint of {store}"),
            &summary,
        )];
        let mut state = self.state();
        state.results.push(found);
        Ok(())
    }

    /// Whatever became of the restore: what was planted after the last backup can be there only if
    /// this is the old data, and a store that cannot be asked does not show that it is not.
    pub(super) async fn look_for_tombstone(&self, store: &str) {
        let Some(tombstone) = self.state().tombstones.get(store).cloned() else {
            return;
        };
        let copies = self.environment.list_direct(store).await;
        let mut state = self.state();
        let Some((proof, why)) = state.proofs.get_mut(store) else {
            return;
        };
        match copies {
            Ok(copies) if copies.iter().any(|copy| copy.marker == tombstone) => {
                "the tombstone planted after the last backup is there: this is the old data"
                    .clone_into(why);
            }
            Ok(_) => return,
            // What is not proven has a better reason already.
            Err(_) if *proof != DestructionProof::Proven => return,
            Err(error) => {
                *why = format!(
                    "the tombstone planted after the last backup could not be looked for: {error}"
                );
            }
        }
        *proof = DestructionProof::NotProven;
    }

    pub(super) async fn start(&self, services: &[String]) -> StepResult {
        for service in services {
            self.phase(service, Phase::Started)?;
        }
        let started = self.environment.start(services).await?;
        let mut dead = Vec::new();
        for (service, how) in &started {
            match how {
                Started::Listening => self.phase(service, Phase::Listening)?,
                Started::Dead(why) => {
                    dead.push(format!("{service} does not start: {why}"));
                    self.state().dead.insert(service.clone(), why.clone());
                }
            }
        }
        let waits = stream::iter(services)
            .map(|service| async move {
                if self.state().dead.contains_key(service) {
                    return Ok::<_, StepError>(());
                }
                let app = self.application(service).await?;
                let healthy =
                    wait_for(self.environment.settles_within(), for_service, async || {
                        let report = app.health().await;
                        // Its own word alone: what lies behind it is judged by the checks.
                        if report.healthy {
                            Ok(())
                        } else {
                            Err(report.saw)
                        }
                    })
                    .await;
                if healthy.is_ok() {
                    self.phase(service, Phase::Healthy)?;
                }
                Ok(())
            })
            .buffer_unordered(services.len().max(1))
            .collect::<Vec<_>>()
            .await;
        waits.into_iter().collect::<Result<Vec<()>, _>>()?;
        if dead.is_empty() {
            Ok(format!(
                "{} started",
                count(services.len() as u64, "service", "services")
            ))
        } else {
            self.state().unwell = true;
            // A service that does not start is a finding, and the checks will say so.
            Ok(dead.join("; "))
        }
    }
}

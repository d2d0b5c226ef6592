//! Backup, destroy, and the proof that what was destroyed is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures::stream::{self, StreamExt as _};
use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{DestructionProof, Event, Moment, Phase, RecoveryPoint};
use phoenix_evidence::verdict::Cut;

use super::results::{kind, proof, result};
use super::state::{Disaster, PointMade};
use super::steady::{is_same, named};
use super::{Cycle, CycleError, StepError, StepResult};
use crate::environment::{DirectCopy, Point, Vessel};
use crate::stack::{Policy, Store};
use crate::words::count;

impl Cycle<'_> {
    pub(super) async fn backup(&self, stores: &[String], label: Option<&str>) -> StepResult {
        let wanted: Vec<_> = stores
            .iter()
            .filter_map(|name| self.stack.store(name))
            .filter(|store| store.policy.makes_points())
            .collect();
        let made = stream::iter(&wanted)
            .map(|store| async move {
                let begin = self.ledger.position();
                let point = self.environment.backup(&store.name, label).await?;
                let cut = Cut {
                    begin,
                    end: self.ledger.position(),
                };
                self.keep_point(store, point, label, cut)
            })
            .buffer_unordered(4)
            .collect::<Vec<_>>()
            .await;
        made.into_iter().collect::<Result<Vec<()>, _>>()?;
        let streams = stores
            .iter()
            .filter_map(|name| self.stack.store(name))
            .filter(|store| store.policy.streams())
            .count();
        let none = stores.len() - wanted.len() - streams;
        let mut said = count(wanted.len() as u64, "recovery point", "recovery points");
        if none > 0 {
            let stores = count(none as u64, "store", "stores");
            said.push_str(&format!("; {stores} without one by policy"));
        }
        if streams > 0 {
            let stores = count(streams as u64, "store", "stores");
            said.push_str(&format!(
                "; {stores} replicated, whose point is the end of the stream"
            ));
        }
        Ok(said)
    }

    /// Keeps a recovery point that was made, in the journal first.
    fn keep_point(
        &self,
        store: &Store,
        point: Point,
        label: Option<&str>,
        cut: Cut,
    ) -> Result<(), StepError> {
        self.tell(&Event::RecoveryPoint(RecoveryPoint {
            id: point.id.clone(),
            store: store.name.clone(),
            policy: store.policy.to_string(),
            begin: cut.begin,
            end: cut.end,
            bytes: point.bytes,
            digest: point.digest.clone(),
        }))?;
        if let Some(fingerprint) = &point.fingerprint {
            self.tell(&Event::Fingerprint {
                moment: Moment::AtBackup,
                store: store.name.clone(),
                digest: fingerprint.digest.clone(),
                covers: fingerprint.covers.clone(),
            })?;
        }
        let made = PointMade {
            id: point.id,
            label: label.map(str::to_owned),
            begin: cut.begin,
            end: cut.end,
            fingerprint: point.fingerprint,
        };
        self.state()
            .points
            .entry(store.name.clone())
            .or_default()
            .push(made);
        Ok(())
    }

    /// Cuts the streams that carry writes away, before anything is planted that must not be in them.
    /// What was acknowledged before the moment of a cut is in its point; what was invoked after the
    /// cut is not; what lies between may be.
    async fn cut_streams(&self, stores: &[String]) -> Result<(), StepError> {
        let mut ended = Vec::new();
        for name in stores {
            let Some(store) = self.stack.store(name).filter(|one| one.policy.streams()) else {
                continue;
            };
            if let Some(stream) = self.environment.cut(name).await? {
                ended.push((store, stream, self.ledger.position()));
            }
        }
        if ended.is_empty() {
            return Ok(());
        }
        // Read once: all that was acknowledged before any of the cuts is in it by now.
        let ledger = phoenix_evidence::ledger::read(&self.folder.join("ledger.jsonl"))
            .map_err(CycleError::from)?;
        for (store, stream, end) in ended {
            let certain = ledger
                .ops
                .iter()
                .take_while(|line| line.at_us < stream.carried_until_us)
                .last();
            let begin = certain.map_or(0, |line| line.seq);
            self.keep_point(store, stream.point, None, Cut { begin, end })?;
        }
        Ok(())
    }

    pub(super) async fn destroy(&self, stores: &[String], services: &[String]) -> StepResult {
        let doomed: Vec<String> = stores
            .iter()
            .filter(|name| {
                self.stack
                    .store(name)
                    .is_some_and(|store| store.policy != Policy::Retained)
            })
            .cloned()
            .collect();
        self.look_for_empty(stores).await?;
        let mut vessels = self.environment.inventory().await?;
        if self.state().disaster.is_none() {
            vessels.extend(self.environment.unseen().await?);
        }
        // What applications made since the first look.
        for vessel in self.judge_inventory("destroy", &vessels) {
            self.tell(&Event::Vessel {
                moment: Moment::Before,
                store: None,
                kind: vessel.kind,
                identity: vessel.identity,
            })?;
        }
        self.cut_streams(&doomed).await?;
        self.plant_tombstones(&doomed).await?;
        let before = self.list_points(stores, Moment::Before).await?;

        self.environment.stop(services).await?;
        {
            let mut state = self.state();
            state.vessels_before = vessels;
            state.destroyed.extend(doomed.iter().cloned());
            state.foreign.retain(|store, _| !doomed.contains(store));
            state.disaster.get_or_insert(Disaster {
                at: Instant::now(),
                wall_us: jiff::Timestamp::now().as_microsecond(),
            });
        }
        for service in services {
            self.phase(service, Phase::Destroyed)?;
        }
        self.environment.destroy(&doomed).await?;
        self.prove_gone(stores, &doomed, services).await?;

        let after = self.list_points(stores, Moment::AfterDestroy).await?;
        self.judge_points(&before, &after);
        Ok(format!(
            "{} and {} destroyed",
            count(services.len() as u64, "service", "services"),
            count(doomed.len() as u64, "store", "stores")
        ))
    }

    /// A store that stays empty while the application that should fill it has written: what it
    /// wrote is somewhere else, where nobody backs it up.
    async fn look_for_empty(&self, stores: &[String]) -> Result<(), StepError> {
        let used: BTreeSet<String> = {
            let state = self.state();
            state
                .canaries
                .iter()
                .filter(|known| known.spec.service.is_some() && known.reference.is_some())
                .flat_map(|known| &known.spec.parts)
                .map(|part| part.store.clone())
                .filter(|store| stores.contains(store))
                .collect()
        };
        for store in used {
            if self.environment.holds(&store).await? > 0 {
                continue;
            }
            let summary = format!(
                "{store} is empty, and the application has acknowledged what should be in it"
            );
            let mut found = result(
                CheckKind::Inventory,
                Subject::Store(store.clone()),
                Outcome::Fail,
                1,
                summary.clone(),
            );
            found.failures = vec![(kind("empty"), 1)];
            found.proofs = vec![proof("destroy", &format!("count of {store}"), &summary)];
            let mut state = self.state();
            state.undeclared.push(format!("what should be in {store}"));
            state.results.push(found);
        }
        Ok(())
    }

    /// Written after the last backup: a faithful restore cannot contain it.
    async fn plant_tombstones(&self, stores: &[String]) -> Result<(), StepError> {
        for store in stores {
            let marker = format!("tombstone-{}-{store}", self.nonce);
            let copy = DirectCopy {
                marker: marker.clone(),
                text: "not to be restored".to_owned(),
            };
            if self.environment.write_direct(store, &copy).await? {
                self.state().tombstones.insert(store.clone(), marker);
            }
        }
        Ok(())
    }

    async fn list_points(
        &self,
        stores: &[String],
        moment: Moment,
    ) -> Result<BTreeMap<String, Vec<String>>, StepError> {
        let mut all = BTreeMap::new();
        for store in stores {
            let points = self.environment.points(store).await?;
            self.tell(&Event::RecoveryPointsListed {
                moment,
                store: store.clone(),
                points: points.clone(),
            })?;
            all.insert(store.clone(), points);
        }
        Ok(all)
    }

    /// The old vessels are out of the inventory, and nothing answers.
    async fn prove_gone(
        &self,
        stores: &[String],
        doomed: &[String],
        services: &[String],
    ) -> Result<(), StepError> {
        let vessels = self.environment.inventory().await?;
        let answering = self.environment.still_answering(services).await;
        let before = self.state().vessels_before.clone();
        self.tell_strays(&before, &vessels)?;
        for store in stores {
            let old = before.iter().find(|old| old.store.as_ref() == Some(store));
            let (proof, why) = if !doomed.contains(store) {
                (
                    DestructionProof::Retained,
                    "kept out of the destroy by its policy".to_owned(),
                )
            } else if !answering.is_empty() {
                (
                    DestructionProof::NotProven,
                    format!("something still answers: {}", answering.join("; ")),
                )
            } else if old.is_none() {
                (
                    DestructionProof::NotProven,
                    "the inventory showed no vessel of it before the destroy".to_owned(),
                )
            } else if let Some(left) = vessels
                .iter()
                .find(|left| left.store.as_ref() == Some(store))
            {
                (
                    DestructionProof::NotProven,
                    format!("{} is still there after the destroy", named(left)),
                )
            } else if let Some(aside) = old.and_then(|old| moved_aside(old, &vessels)) {
                (
                    DestructionProof::NotProven,
                    format!("the old one lies on as {}", named(aside)),
                )
            } else {
                (
                    DestructionProof::Proven,
                    "gone from the inventory".to_owned(),
                )
            };
            let mut state = self.state();
            let why = with_strays(why, &state.strays);
            state.proofs.insert(store.clone(), (proof, why));
        }
        for left in vessels {
            self.tell(&Event::Vessel {
                moment: Moment::AfterDestroy,
                store: left.store,
                kind: left.kind,
                identity: left.identity,
            })?;
        }
        Ok(())
    }

    /// What nothing declares takes no store's proof away, and a destroy that left it, or made it, has
    /// to say so.
    fn tell_strays(&self, before: &[Vessel], after: &[Vessel]) -> Result<(), StepError> {
        let mut strays = Vec::new();
        for left in after.iter().filter(|left| left.store.is_none()) {
            let stayed = before.iter().any(|old| is_same(old, left));
            let how = if stayed {
                "outlived the destroy"
            } else {
                "appeared in the destroy"
            };
            let text = format!("{}, which nothing declares, {how}", named(left));
            self.tell(&Event::Note { text: text.clone() })?;
            strays.push(text);
        }
        self.state().strays = strays;
        self.judge_inventory("destroy", after);
        Ok(())
    }

    /// A recovery point that dies with what it protects is none: listed before and after.
    fn judge_points(
        &self,
        before: &BTreeMap<String, Vec<String>>,
        after: &BTreeMap<String, Vec<String>>,
    ) {
        let mut state = self.state();
        for (store, points) in before {
            let Some(declared) = self.stack.store(store) else {
                continue;
            };
            if declared.losable || declared.policy == Policy::Retained {
                continue;
            }
            // Nobody asked for a point of its own: what is to be restored is another one.
            let foreign = self.restores_foreign(store) && !state.points.contains_key(store);
            if foreign && points.is_empty() {
                continue;
            }
            let left = after.get(store).map_or(0, Vec::len);
            let keeps = declared.policy.makes_points() || declared.policy.streams();
            let (outcome, failure, summary) = if !keeps {
                (
                    Outcome::Fail,
                    Some("no-backup"),
                    format!("{store}: its policy keeps no backup"),
                )
            } else if points.is_empty() {
                (
                    Outcome::Fail,
                    Some("no-recovery-point"),
                    format!("{store}: no recovery point existed before the destroy"),
                )
            } else if left == 0 {
                (
                    Outcome::Fail,
                    Some("recovery-points-gone"),
                    format!(
                        "{store}: {} before the destroy, none after it",
                        points.len()
                    ),
                )
            } else {
                (
                    Outcome::Pass,
                    None,
                    format!(
                        "{store}: {} outlived the destroy",
                        count(left as u64, "recovery point", "recovery points")
                    ),
                )
            };
            let mut found = result(
                CheckKind::RecoveryPoints,
                Subject::Store(store.clone()),
                outcome,
                1,
                summary.clone(),
            );
            if let Some(failure) = failure {
                found.failures = vec![(kind(failure), 1)];
            }
            found.proofs = vec![proof(
                "destroy",
                &format!("recovery points of {store}"),
                &summary,
            )];
            state.results.push(found);
        }
    }
}

/// The vessel of before, where it lies now without a store's name.
fn moved_aside<'v>(old: &Vessel, after: &'v [Vessel]) -> Option<&'v Vessel> {
    after.iter().find(|left| {
        left.store.is_none() && !left.identity.is_empty() && left.identity == old.identity
    })
}

/// A reason, and what else lies there after the destroy.
pub(super) fn with_strays(why: String, strays: &[String]) -> String {
    let mut parts = vec![why];
    parts.extend(strays.iter().cloned());
    parts.join("; ")
}

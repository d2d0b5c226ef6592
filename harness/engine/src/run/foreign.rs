//! Restores of recovery points that phoenix did not make. There is no ledger of what was in them, so
//! that they load is all that a restore shows: never what was lost.

use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};
use phoenix_evidence::journal::event::{self, Event, Moment};

use super::results::{kind, proof, result};
use super::state::{Foreign, PointMade, State};
use super::{Cycle, StepError, StepResult};
use crate::foreign::{self, ForeignPoint, Found};
use crate::measure::{Measured, measure};
use crate::plan::{Act, Step};
use crate::words::{count, first_bytes};

/// A failure by its name, and what was seen.
type Fault = (&'static str, String);

impl Cycle<'_> {
    pub(super) async fn restore_foreign(
        &self,
        step: &Step,
        points: &[ForeignPoint],
        label: Option<&str>,
    ) -> StepResult {
        let mut not = Vec::new();
        // One after another, in the order in which stores carry each other.
        for point in points {
            if !self.restore_foreign_one(step, point, label).await? {
                not.push(point.store.clone());
            }
        }
        self.mark_restored()?;
        let said = count(points.len() as u64, "store", "stores");
        Ok(if not.is_empty() {
            format!("{said} restored from backups that phoenix did not make")
        } else {
            format!("{said} to restore; not restored: {}", not.join(", "))
        })
    }

    /// Restores one store; whether it was loaded. A point that cannot be is a finding, and the cycle
    /// goes on to see what else it costs.
    async fn restore_foreign_one(
        &self,
        step: &Step,
        point: &ForeignPoint,
        label: Option<&str>,
    ) -> Result<bool, StepError> {
        let loaded = self.load(point).await?;
        self.look_for_tombstone(&point.store).await;
        let mut foreign = Foreign {
            path: point.shown.clone(),
            loaded: loaded.outcome != Outcome::Fail,
            fingerprint: None,
        };
        if foreign.loaded {
            foreign.fingerprint = self.environment.fingerprint(&point.store).await?;
            if let Some(taken) = &foreign.fingerprint {
                self.tell(&Event::Fingerprint {
                    moment: Moment::AfterRestore,
                    store: point.store.clone(),
                    digest: taken.digest.clone(),
                    covers: taken.covers.clone(),
                })?;
            }
        }
        let is_loaded = foreign.loaded;
        let mut found = loaded;
        found.proofs = vec![proof(
            &step.id,
            &format!("restore {} from {}", point.store, point.shown),
            &found.summary,
        )];
        let mut state = self.state();
        state.results.push(found);
        if let Some(label) = label {
            let key = (label.to_owned(), point.store.clone());
            state.foreign_by_label.insert(key, foreign.clone());
        }
        state.foreign.insert(point.store.clone(), foreign);
        state.restored.insert(
            point.store.clone(),
            PointMade {
                id: format!("foreign {}", point.shown),
                label: label.map(str::to_owned),
                begin: 0,
                end: 0,
                fingerprint: None,
            },
        );
        Ok(is_loaded)
    }

    /// Loads a point; what that shows.
    async fn load(&self, point: &ForeignPoint) -> Result<CheckResult, StepError> {
        let store = &point.store;
        let subject = Subject::Store(store.clone());
        let failed = |(name, why): Fault| {
            let summary = format!("{store} could not be restored from {}: {why}", point.shown);
            let mut found = result(
                CheckKind::Loads,
                subject.clone(),
                Outcome::Fail,
                1,
                first_bytes(&summary, 400),
            );
            found.failures = vec![(kind(name), 1)];
            found
        };
        let (what, before) = match self.look_at(point).await {
            Ok(looked) => looked,
            Err(fault) => return Ok(failed(fault)),
        };
        self.tell(&Event::ForeignPoint(event::ForeignPoint {
            store: store.clone(),
            path: point.shown.clone(),
            kind: what.words(),
            bytes: before.bytes,
            files: before.files,
            blake3: before.blake3.clone(),
        }))?;
        self.sync()?;
        let loaded = match self.environment.restore_foreign(point).await {
            Ok(loaded) => loaded,
            Err(error) => {
                self.tell(&Event::Note {
                    text: error.to_string(),
                })?;
                // Whatever else is wrong with it: what changed was no recovery point.
                let fault = match self.changed(point, &before).await {
                    Some(fault) => fault,
                    None => ("load-failed", error.why),
                };
                return Ok(failed(fault));
            }
        };
        self.tell(&Event::Restored {
            store: store.clone(),
            point: point.shown.clone(),
            bytes: before.bytes,
            runbook: None,
        })?;
        if let Some(fault) = self.changed(point, &before).await {
            return Ok(failed(fault));
        }
        let (outcome, held, says) = match self.environment.holds(store).await {
            Ok(0) => {
                return Ok(failed((
                    "empty",
                    format!("it loads, and there is nothing in it ({})", loaded.says),
                )));
            }
            Ok(held) => (Outcome::Pass, held, loaded.says),
            Err(error) => (
                Outcome::Unknown,
                0,
                format!("what is in it is not known: {error}"),
            ),
        };
        let summary = format!("{store}: {} loads, {}: {says}", point.shown, what.words());
        Ok(result(CheckKind::Loads, subject, outcome, held, summary))
    }

    /// What a point is and measures, before anything is done with it.
    async fn look_at(&self, point: &ForeignPoint) -> Result<(Found, Measured), Fault> {
        let path = point.path.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let found = foreign::recognise(&path)?;
            let measured = measure(&path).map_err(|why| why.to_string())?;
            Ok((found, measured))
        });
        let (found, measured) = looked
            .await
            .map_err(|why| why.to_string())
            .and_then(|looked| looked)
            .map_err(|why: String| ("no-recovery-point", why))?;
        let engine = self
            .stack
            .store(&point.store)
            .map_or("", |store| store.engine.as_str());
        match foreign::refused(engine, found) {
            Some(why) => Err(("wrong-kind", why)),
            None => Ok((found, measured)),
        }
    }

    /// Whether a point is no longer what it was: nobody knows then what was restored.
    async fn changed(&self, point: &ForeignPoint, before: &Measured) -> Option<Fault> {
        let path = point.path.clone();
        let now = tokio::task::spawn_blocking(move || measure(&path)).await;
        let why = match now.map_err(std::io::Error::other).and_then(|now| now) {
            Ok(now) if now == *before => return None,
            Ok(now) => format!(
                "it changed while it was restored: {} bytes with the digest {}, and {} bytes with {} \
                 before; let whatever writes it end first",
                now.bytes,
                &now.blake3[..16],
                before.bytes,
                &before.blake3[..16]
            ),
            Err(why) => format!("it could not be read again after it was restored: {why}"),
        };
        Some(("changed-under-the-run", why))
    }

    /// Whether a step of the plan restores a store from a point that phoenix did not make.
    pub(super) fn restores_foreign(&self, store: &str) -> bool {
        self.plan.steps.iter().any(|step| {
            matches!(&step.act, Act::RestoreForeign { points, .. }
                if points.iter().any(|point| point.store == store))
        })
    }

    /// Whether a service, or who logs people in for it, stands on such a point.
    pub(super) fn stands_on_foreign(&self, service: &str) -> bool {
        let state = self.state();
        let provider = self
            .stack
            .service(service)
            .and_then(|own| own.login_via.as_deref());
        [Some(service), provider]
            .into_iter()
            .flatten()
            .filter_map(|name| self.stack.service(name))
            .flat_map(|service| self.stack.stores_of(service))
            .any(|store| state.foreign.contains_key(&store.name))
    }
}

/// Checks that a point without a ledger cannot carry, and why: a claim that is tied to one of them is
/// not proven by such a run, whatever it saw.
pub(super) fn not_carried(state: &State) -> Vec<(CheckKind, Subject, String)> {
    let mut all = Vec::new();
    for (store, foreign) in &state.foreign {
        let about = format!("{store} was restored from {}", foreign.path);
        for (check, why) in [
            (
                CheckKind::Survival,
                "phoenix did not make it, so there is no ledger of what was in it: it can show that it \
                 loads, and never that nothing was lost",
            ),
            (
                CheckKind::Fingerprint,
                "phoenix did not make it, so nothing is known of the store that it was made of",
            ),
            (
                CheckKind::RecoveryPoints,
                "whether the policy's own recovery points outlive a destroy was not asked",
            ),
            (
                CheckKind::Rpo,
                "phoenix did not make it, so nobody knows what was written after it",
            ),
        ] {
            let subject = Subject::Store(store.clone());
            all.push((check, subject, format!("{about}: {why}")));
        }
    }
    if let Some((store, foreign)) = state.foreign.first_key_value() {
        all.push((
            CheckKind::DataLoss,
            Subject::Stack,
            format!(
                "{store} was restored from {}, which phoenix did not make: what is lost cannot be \
                 counted without a ledger",
                foreign.path
            ),
        ));
    }
    all
}

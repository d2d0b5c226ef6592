//! Before anything burns: the stack is built, it is well, and every vessel found is declared.

use std::time::{Duration, Instant};

use phoenix_evidence::finding::{CheckKind, Outcome, Subject};
use phoenix_evidence::journal::event::{Event, Moment};

use super::results::{kind, proof, result};
use super::wait::for_service;
use super::{Cycle, HEALTHY_WITHIN, StepError, StepResult};
use crate::application::{Application, HealthReport, LoginEnd};
use crate::environment::Vessel;
use crate::plan::{Act, Step};
use crate::words::count;

/// A wait that is longer is told to whoever watches.
const TOLD_AFTER: Duration = Duration::from_secs(3);

impl Cycle<'_> {
    pub(super) async fn build(&self) -> StepResult {
        self.environment.build().await?;
        self.record_secrets(Moment::Before).await?;
        Ok(format!(
            "{} and {} up from nothing",
            count(self.stack.services.len() as u64, "service", "services"),
            count(self.stack.stores.len() as u64, "store", "stores")
        ))
    }

    pub(super) async fn record_secrets(&self, moment: Moment) -> Result<(), StepError> {
        let secrets = self.environment.secrets().await;
        for (secret, digest) in &secrets {
            self.tell(&Event::Secret {
                moment,
                secret: secret.clone(),
                digest: digest.clone(),
            })?;
        }
        if moment == Moment::Before {
            self.state().secrets_before = secrets;
        } else {
            self.state().secrets_after = secrets;
        }
        Ok(())
    }

    /// A sick stack is no place for a drill: what does not work before would be blamed on the
    /// recovery. What the environment file declares as sick is carried along and told.
    pub(super) async fn steady_state(&self) -> StepResult {
        self.look_for_undeclared().await?;
        for (service, why) in &self.stack.absent {
            let text = format!("{service} is left out: {why}");
            self.tell(&Event::Note { text })?;
        }
        let mut sick = Vec::new();
        for service in self.stack.start_order() {
            let known = self
                .stack
                .known_sick
                .get(&service)
                .map(|(check, _)| check.as_str());
            let app = self.application(&service).await?;
            let within = HEALTHY_WITHIN.max(self.environment.settles_within());
            let report = self.settle(&service, app.as_ref(), within).await;
            let well = is_well(&report);
            let outcome = if well { Outcome::Pass } else { Outcome::Fail };
            self.tell(&Event::Health {
                moment: Moment::Before,
                service: service.clone(),
                outcome,
                report: serde_json::to_value(&report).unwrap_or_default(),
            })?;
            if !well && known != Some("health") {
                sick.push(format!(
                    "{service} is not healthy: {}: {}",
                    report.probe, report.saw
                ));
            }
            self.remember_login(&service, known, app.as_ref(), &mut sick)
                .await?;
        }
        for (name, (check, because)) in &self.stack.known_sick {
            self.tell(&Event::Note {
                text: format!("{name} is known to be sick ({check}): {because}"),
            })?;
        }
        if sick.is_empty() {
            Ok("every service is healthy and people can log in".to_owned())
        } else {
            Err(StepError::Failed(format!(
                "the stack is sick before anything was destroyed: {}; mend it, or declare it under \
                 `known_sick` with a reason",
                sick.join("; ")
            )))
        }
    }

    /// Who the canary person is in this service: the account that has to be the same afterwards.
    async fn remember_login(
        &self,
        service: &str,
        known: Option<&str>,
        app: &dyn Application,
        sick: &mut Vec<String>,
    ) -> Result<(), StepError> {
        let Some(trace) = app.login().await else {
            return Ok(());
        };
        let (outcome, summary) = match &trace.end {
            LoginEnd::LoggedIn { account, .. } => (
                Outcome::Pass,
                format!("logged in to {service} as account {account}"),
            ),
            LoginEnd::Failed { stage, error } => (
                Outcome::Fail,
                format!("no login to {service} ({stage:?}): {error}"),
            ),
        };
        self.tell(&Event::Login {
            moment: Moment::Before,
            service: service.to_owned(),
            outcome,
            summary: summary.clone(),
            trace: serde_json::to_value(&trace).unwrap_or_default(),
        })?;
        if outcome == Outcome::Pass {
            self.state().accounts.insert(service.to_owned(), trace.end);
        } else if known != Some("login") {
            sick.push(summary);
        }
        Ok(())
    }

    /// The first report of a service that is well, or the last one when it had its time: this long
    /// to be healthy by its own word, and what the environment allows until that word is true.
    pub(super) async fn settle(
        &self,
        service: &str,
        app: &dyn Application,
        within: Duration,
    ) -> HealthReport {
        let serves_within = self.environment.serves_within().min(within);
        let began = Instant::now();
        let mut healthy_since = None;
        let mut told = false;
        loop {
            let report = app.health().await;
            let patience = if report.healthy {
                let since = *healthy_since.get_or_insert_with(Instant::now);
                serves_within.saturating_sub(since.elapsed())
            } else {
                healthy_since = None;
                Duration::MAX
            };
            let left = within.saturating_sub(began.elapsed()).min(patience);
            let pause = for_service(began.elapsed());
            if is_well(&report) || left < pause {
                return report;
            }
            if !told && began.elapsed() >= TOLD_AFTER {
                told = true;
                let saw = if report.healthy {
                    &report.serves_saw
                } else {
                    &report.saw
                };
                self.says(&format!("waiting for {service}: {saw}"));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Looks at all vessels before anything is written.
    async fn look_for_undeclared(&self) -> Result<(), StepError> {
        let mut vessels = self.environment.inventory().await?;
        let destroys = |step: &Step| matches!(step.act, Act::Destroy { .. });
        if !self.plan.steps.iter().any(destroys) {
            vessels.extend(self.environment.unseen().await?);
        }
        for vessel in &vessels {
            self.tell(&Event::Vessel {
                moment: Moment::Before,
                store: vessel.store.clone(),
                kind: vessel.kind.clone(),
                identity: vessel.identity.clone(),
            })?;
        }
        self.judge_inventory("steady-state", &vessels);
        Ok(())
    }

    /// A vessel that nothing declares holds data that nobody backs up. Some are there only once
    /// applications have written, so the inventory is judged more than once: into one result, that
    /// tells of each vessel once. Gives back those that were not known.
    pub(super) fn judge_inventory(&self, step: &str, vessels: &[Vessel]) -> Vec<Vessel> {
        let mut state = self.state();
        let mut fresh: Vec<Vessel> = Vec::new();
        for vessel in vessels.iter().filter(|vessel| vessel.store.is_none()) {
            let mut known = state.undeclared_vessels.iter().chain(&fresh);
            if !known.any(|known| is_same(known, vessel)) {
                fresh.push(vessel.clone());
            }
        }
        state.undeclared_vessels.extend(fresh.iter().cloned());
        state.undeclared.extend(fresh.iter().map(named));
        let judged_at = state.results.iter().position(|result| {
            result.check == CheckKind::Inventory && result.subject == Subject::Stack
        });
        if fresh.is_empty() && judged_at.is_some() {
            return fresh;
        }
        let undeclared: Vec<String> = state.undeclared_vessels.iter().map(named).collect();
        let (outcome, summary) = if undeclared.is_empty() {
            let found = count(vessels.len() as u64, "vessel found", "vessels found");
            (Outcome::Pass, format!("all {found} are declared"))
        } else {
            let summary = format!(
                "found and not declared: {}; declare each as a store, or as losable",
                undeclared.join(", ")
            );
            (Outcome::Fail, summary)
        };
        let examined = vessels.len() as u64;
        let mut found = result(
            CheckKind::Inventory,
            Subject::Stack,
            outcome,
            examined,
            summary,
        );
        if !undeclared.is_empty() {
            found.failures = vec![(kind("undeclared"), undeclared.len() as u64)];
        }
        if let Some(at) = judged_at {
            found.proofs.append(&mut state.results[at].proofs);
        }
        if !fresh.is_empty() {
            let saw: Vec<String> = fresh.iter().map(named).collect();
            found.proofs.push(proof(step, "inventory", &saw.join(", ")));
        }
        // In its place: others may point at what comes after it.
        match judged_at {
            Some(at) => state.results[at] = found,
            None => state.results.push(found),
        }
        fresh
    }
}

/// A vessel as people are told of it.
pub(super) fn named(vessel: &Vessel) -> String {
    format!("{} {}", vessel.kind, vessel.place)
}

/// Whether two sightings are of one vessel. A driver's words for the place may tell how much is in
/// it, so they count only where there is no identity.
pub(super) fn is_same(one: &Vessel, other: &Vessel) -> bool {
    let by_identity = !one.identity.is_empty() && !other.identity.is_empty();
    one.kind == other.kind
        && if by_identity {
            one.identity == other.identity
        } else {
            one.place == other.place
        }
}

/// Healthy by its own word, and by the probe behind it.
pub(super) fn is_well(report: &HealthReport) -> bool {
    report.healthy && report.serves != Some(false)
}

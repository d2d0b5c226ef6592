//! One more stop and start: a recovery that does not outlive it was none.

use futures::future::join_all;
use phoenix_evidence::finding::{CheckKind, CheckResult, Outcome, Subject};
use phoenix_evidence::verdict::Observed;

use super::results::{kind, proof, result};
use super::state::Known;
use super::{Cycle, StepError};
use crate::application::Seen;
use crate::environment::Started;
use crate::plan::Step;

/// Canaries of one service that are read once more.
const SAMPLE: usize = 8;

impl Cycle<'_> {
    pub(super) async fn check_restart(&self, step: &Step) -> Result<String, StepError> {
        let services = self.stack.start_order();
        self.environment.stop(&services).await?;
        let started = self.environment.start(&services).await?;
        let looked = join_all(
            services
                .iter()
                .map(|service| self.kept_by(step, service, started.get(service))),
        )
        .await;
        let mut lost = Vec::new();
        for found in looked {
            let Some(found) = found? else { continue };
            if found.outcome != Outcome::Pass
                && let Subject::Service(service) = &found.subject
            {
                lost.push(service.clone());
            }
            self.state().results.push(found);
        }
        Ok(if lost.is_empty() {
            "everything is still there after a restart".to_owned()
        } else {
            format!("not as before after a restart: {}", lost.join(", "))
        })
    }

    /// What a service still has of what it had; nothing of one that had nothing to keep.
    async fn kept_by(
        &self,
        step: &Step,
        service: &str,
        started: Option<&Started>,
    ) -> Result<Option<CheckResult>, StepError> {
        let (sample, wrote) = {
            let state = self.state();
            let sample: Vec<Known> = state
                .survived
                .iter()
                .map(|at| &state.canaries[*at])
                .filter(|known| known.spec.service.as_deref() == Some(service))
                .take(SAMPLE)
                .cloned()
                .collect();
            (sample, state.first_writes.contains(service))
        };
        if sample.is_empty() && !wrote {
            return Ok(None);
        }
        let mut missing = Vec::new();
        let mut first_write = None;
        if let Some(Started::Dead(why)) = started {
            missing.push(format!("it does not start again: {why}"));
        } else {
            self.settled(service).await?;
            let app = self.application(service).await?;
            // Signing in may fail where the accounts are gone: the reads will say how.
            let _ready = app.prepare().await;
            for known in &sample {
                let reading = app
                    .read(&known.spec, &known.marker, known.reference.as_ref())
                    .await;
                let whole = reading.parts.iter().all(|seen| {
                    matches!(seen, Seen::Present(contents) if matches!(
                        self.recognise(known, contents),
                        Observed::Present { version: Some(_), .. }
                    ))
                });
                if !whole {
                    missing.push(format!("{} ({})", known.marker, reading.probe));
                }
            }
            if wrote {
                first_write = self.first_write_kept(service, app.as_ref()).await;
            }
            if first_write == Some(false) {
                missing.push(format!("its first write, {}", self.first_marker(service)));
            }
        }
        let examined = sample.len() as u64 + u64::from(first_write.is_some());
        if examined == 0 && missing.is_empty() {
            return Ok(None);
        }
        let summary = if missing.is_empty() {
            format!("{service}: {examined} entries read once more are as before a restart")
        } else {
            format!(
                "{service}: after a restart these are not there: {}",
                missing.join(", ")
            )
        };
        let mut found = result(
            CheckKind::Restart,
            Subject::Service(service.to_owned()),
            if missing.is_empty() {
                Outcome::Pass
            } else {
                Outcome::Fail
            },
            examined,
            summary.clone(),
        );
        if !missing.is_empty() {
            found.failures = vec![(kind("not-kept"), missing.len() as u64)];
        }
        found.proofs = vec![proof(&step.id, "stop, start, read again", &summary)];
        Ok(Some(found))
    }

    /// Whether a listing still has the first write; `None` where nothing can be listed: an
    /// application that keeps it and cannot show it has lost nothing.
    async fn first_write_kept(
        &self,
        service: &str,
        app: &dyn crate::application::Application,
    ) -> Option<bool> {
        let marker = self.first_marker(service);
        let mut kept = None;
        for kind in app.kinds().iter().filter(|kind| kind.listable) {
            kept = Some(false);
            if let Ok(listing) = app.list(kind.kind).await
                && listing.entries.iter().any(|entry| entry.contains(&marker))
            {
                return Some(true);
            }
        }
        kept
    }
}

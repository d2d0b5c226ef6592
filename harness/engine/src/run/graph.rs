//! Steps in the order that the graph allows: every step whose needs have ended runs at once. After
//! a failure or an interrupt only `finally:` is still run, and it always is.

use std::collections::BTreeMap;
use std::time::Instant;

use futures::stream::{FuturesUnordered, StreamExt as _};
use phoenix_evidence::journal::event::{CycleFinished, Event, StepEnd};

use super::{Cycle, CycleError, StepError, StepResult};
use crate::plan::{Act, Step};

impl Cycle<'_> {
    pub(super) async fn run(&self) -> Result<CycleFinished, CycleError> {
        let mut ended: BTreeMap<&str, StepEnd> = BTreeMap::new();
        let mut broken = self.run_steps(false, &mut ended).await?;
        let cleanup_broken = self.run_steps(true, &mut ended).await?;
        let interrupted = self.cancel.is_cancelled();
        if interrupted && broken.is_none() {
            broken = Some("interrupted".to_owned());
        }
        self.finish(broken, cleanup_broken, interrupted).await
    }

    /// Runs all steps of one half; the first failure's words.
    async fn run_steps<'s>(
        &'s self,
        cleanup: bool,
        ended: &mut BTreeMap<&'s str, StepEnd>,
    ) -> Result<Option<String>, CycleError> {
        let mut waiting: Vec<(usize, &Step)> = self
            .plan
            .steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.cleanup == cleanup)
            .collect();
        let mut broken: Option<String> = None;
        let mut running = FuturesUnordered::new();
        loop {
            let stop = broken.is_some() || (self.cancel.is_cancelled() && !cleanup);
            // Within `finally:` each step is tried, whatever became of the one before.
            if !stop || cleanup {
                let (ready, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, step)| {
                    step.needs
                        .iter()
                        .all(|need| ended.contains_key(need.as_str()))
                });
                waiting = rest;
                for (number, step) in ready {
                    running.push(async move { (step, self.run_step(number, step).await) });
                }
            }
            let Some((step, outcome)) = running.next().await else {
                break;
            };
            match outcome? {
                Ok(_) => ended.insert(&step.id, StepEnd::Done),
                Err(why) => {
                    broken.get_or_insert(format!("{}: {why}", step.title));
                    ended.insert(&step.id, StepEnd::Failed)
                }
            };
        }
        for (_, step) in waiting {
            ended.insert(&step.id, StepEnd::NotRun);
            self.tell(&Event::StepFinished {
                step: step.id.clone(),
                ended: StepEnd::NotRun,
                detail: "an earlier step failed, or the run was stopped".to_owned(),
            })?;
        }
        self.sync()?;
        Ok(broken)
    }

    /// Runs one step between its two journal lines. The outer error ends the cycle.
    async fn run_step(
        &self,
        number: usize,
        step: &Step,
    ) -> Result<Result<String, String>, CycleError> {
        self.tell(&Event::StepStarted {
            step: step.id.clone(),
        })?;
        self.sync()?;
        self.progress
            .step_started(&self.name, number + 1, self.plan.steps.len(), &step.title);
        let began = Instant::now();
        let act = self.act(step);
        let outcome = if step.cleanup {
            act.await
        } else {
            tokio::select! {
                outcome = act => outcome,
                () = self.cancel.cancelled() => Err(StepError::Failed("interrupted".to_owned())),
            }
        };
        let outcome = match outcome {
            Ok(detail) => Ok(detail),
            Err(StepError::Cycle(error)) => return Err(error),
            Err(error) => Err(error.to_string()),
        };
        let (ended, detail) = match &outcome {
            Ok(detail) => (StepEnd::Done, detail.clone()),
            Err(why) => (StepEnd::Failed, why.clone()),
        };
        let unwell = std::mem::take(&mut self.state().unwell);
        if (outcome.is_err() || unwell) && !self.cancel.is_cancelled() {
            self.keep_logs(step).await?;
        }
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.progress
            .step_finished(&self.name, number + 1, ended, &detail, took_ms);
        self.tell(&Event::StepFinished {
            step: step.id.clone(),
            ended,
            detail,
        })?;
        self.sync()?;
        Ok(outcome)
    }

    async fn act(&self, step: &Step) -> StepResult {
        match &step.act {
            Act::Build => self.build().await,
            Act::SteadyState => self.steady_state().await,
            Act::Seed(seed) => self.seed(seed).await,
            Act::Write { lasting, writers } => self.write_on(*lasting, *writers).await,
            Act::Backup { stores, label } => self.backup(stores, label.as_deref()).await,
            Act::Destroy { stores, services } => {
                self.state().forget_passes(stores);
                self.destroy(stores, services).await
            }
            Act::Rebuild { stores } => self.rebuild(stores).await,
            Act::Restore { stores, point } => {
                self.state().forget_passes(&[]);
                self.restore(stores, point).await
            }
            Act::RestoreForeign { points, label } => {
                let stores: Vec<String> = points.iter().map(|point| point.store.clone()).collect();
                self.state().forget_passes(&stores);
                self.restore_foreign(step, points, label.as_deref()).await
            }
            Act::Prove { expected } => self.prove(step, expected).await,
            Act::Start { services } => self.start(services).await,
            Act::Check { checks } => self.check(step, checks).await,
            Act::Inject(fault) => {
                self.state().forget_passes(&[]);
                self.inject(fault).await
            }
            Act::Manual { step } => self.manual(step).await,
            Act::Run(command) => self.run_command(step, command).await,
            Act::Http(request) => self.http(step, request).await,
            Act::Sql {
                store,
                query,
                value,
                rows,
                save,
            } => {
                self.sql(step, store, query, value.as_deref(), *rows, save.as_deref())
                    .await
            }
            Act::WaitUntil { until, within } => self.wait_until(until, *within).await,
        }
    }
}

//! Writing canaries: through the applications, straight into stores, in pairs, overwritten and
//! deleted ones too. Every write is in the ledger before it is sent and after it is answered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use phoenix_evidence::canary::{CanaryId, CanarySpec, Part, Version};
use phoenix_evidence::journal::event::Event;
use phoenix_evidence::ledger::{Op, Phase};
use phoenix_evidence::payload;

use super::state::Known;
use super::{Cycle, StepError, StepResult};
use crate::application::{Action, Application, KindSpec, WriteOutcome, WriteRequest};
use crate::environment::DirectCopy;
use crate::plan::Seed;
use crate::words::count;

/// Bytes of a canary's file: small, and more than one disk block.
const FILE_LEN: usize = 6000;
/// Pause of one writer between two writes of the window.
const WINDOW_PACE: Duration = Duration::from_millis(25);

/// A service's client with what seeding needs to know of it.
struct Target {
    service: String,
    app: Box<dyn Application>,
    kinds: Vec<(KindSpec, Vec<Part>, Option<String>)>,
}

#[derive(Default)]
struct Counts {
    acknowledged: BTreeMap<String, u64>,
    other: u64,
}

impl Counts {
    fn add(&mut self, place: &str, acknowledged: bool) {
        if acknowledged {
            *self.acknowledged.entry(place.to_owned()).or_default() += 1;
        } else {
            self.other += 1;
        }
    }

    fn sentence(&self) -> String {
        let total: u64 = self.acknowledged.values().sum();
        let mut sentence = format!("{} acknowledged", count(total, "write", "writes"));
        if self.other > 0 {
            sentence.push_str(&format!(", {} not", self.other));
        }
        sentence
    }
}

impl Cycle<'_> {
    pub(super) async fn seed(&self, seed: &Seed) -> StepResult {
        let targets = self.targets(&seed.services).await?;
        // Every canary has its number before the first is written, whoever is fastest: the same seed
        // gives the same canaries.
        let wanted: Vec<_> = targets
            .iter()
            .map(|target| (target, self.wanted(target, seed)))
            .collect();
        let straight = self.wanted_direct(seed.direct);
        let per_service = stream::iter(wanted)
            .map(|(target, wanted)| self.seed_service(target, wanted, seed.writers))
            .buffer_unordered(targets.len().max(1))
            .collect::<Vec<_>>();
        let direct = self.seed_direct(&straight);
        let (per_service, direct) = futures::join!(per_service, direct);
        let counts = self.count(per_service.into_iter().chain([direct]))?;
        if counts.acknowledged.is_empty() {
            return Err(StepError::Failed("no write was acknowledged".to_owned()));
        }
        Ok(counts.sentence())
    }

    /// The RPO window: writes that are acknowledged after the recovery point.
    pub(super) async fn write_on(&self, lasting: Duration, writers: usize) -> StepResult {
        let targets = self.targets(&[]).await?;
        let until = Instant::now() + lasting;
        let writers = writers.max(1);
        let outcomes = stream::iter(0..writers)
            .map(|writer| {
                let targets = &targets;
                async move {
                    let mut written = Vec::new();
                    let mut round = writer;
                    while Instant::now() < until {
                        let Some(target) = targets.get(round % targets.len().max(1)) else {
                            break;
                        };
                        let kinds: Vec<_> = target
                            .kinds
                            .iter()
                            .filter(|(_, _, key)| key.is_none())
                            .collect();
                        if let Some((kind, parts, key)) =
                            kinds.get(round / targets.len() % kinds.len().max(1))
                        {
                            let known =
                                self.reserve(Some(&target.service), kind.kind, parts, key.as_ref());
                            let acknowledged = self
                                .write(target.app.as_ref(), known, Action::Create, 0)
                                .await?;
                            written.push((target.service.clone(), acknowledged));
                        }
                        round += writers;
                        tokio::time::sleep(WINDOW_PACE).await;
                    }
                    Ok::<_, StepError>(written)
                }
            })
            .buffer_unordered(writers)
            .collect::<Vec<_>>();
        let straight = self.wanted_direct(1);
        let direct = self.seed_direct(&straight);
        let (outcomes, direct) = futures::join!(outcomes, direct);
        let counts = self.count(outcomes.into_iter().chain([direct]))?;
        Ok(format!("{} after the recovery point", counts.sentence()))
    }

    /// Adds up what writers say they wrote, and tells the journal.
    fn count(
        &self,
        outcomes: impl IntoIterator<Item = Result<Vec<(String, bool)>, StepError>>,
    ) -> Result<Counts, StepError> {
        let mut counts = Counts::default();
        for outcome in outcomes {
            for (place, acknowledged) in outcome? {
                counts.add(&place, acknowledged);
            }
        }
        self.tell(&Event::Seeded {
            acknowledged: counts.acknowledged.clone(),
            other: counts.other,
        })?;
        Ok(counts)
    }

    async fn targets(&self, only: &[String]) -> Result<Vec<Target>, StepError> {
        let mut targets = Vec::new();
        for service in &self.stack.services {
            if !only.is_empty() && !only.contains(&service.name) {
                continue;
            }
            let context = self.environment.context(&service.name).await?;
            let app = self.application(&service.name).await?;
            app.prepare()
                .await
                .map_err(|e| StepError::Failed(format!("{}: {e}", service.name)))?;
            let mut kinds = Vec::new();
            for kind in app.kinds() {
                let parts: Option<Vec<Part>> = kind
                    .parts
                    .iter()
                    .map(|role| {
                        context.stores.get(*role).map(|store| Part {
                            role: (*role).to_owned(),
                            store: store.clone(),
                        })
                    })
                    .collect();
                let key = kind.key.and_then(|role| context.secrets.get(role).cloned());
                // A kind whose store or key this stack does not have cannot be written here.
                if let Some(parts) = parts
                    && (kind.key.is_none() || key.is_some())
                {
                    kinds.push((kind, parts, key));
                }
            }
            targets.push(Target {
                service: service.name.clone(),
                app,
                kinds,
            });
        }
        Ok(targets)
    }

    /// The canaries of one service: their places, and what is done with each.
    fn wanted(&self, target: &Target, seed: &Seed) -> Vec<(usize, CanaryPlan)> {
        let mut wanted: Vec<(usize, CanaryPlan)> = Vec::new();
        let of = |which: fn(&KindSpec) -> bool| -> Vec<usize> {
            (0..target.kinds.len())
                .filter(|at| which(&target.kinds[*at].0))
                .collect()
        };
        let plain = of(|kind| kind.parts.len() == 1 && kind.key.is_none());
        for number in 0..seed.canaries as usize {
            let Some(kind) = plain.get(number % plain.len().max(1)) else {
                break;
            };
            let spec = &target.kinds[*kind].0;
            let overwritten = number < seed.overwritten as usize && spec.overwritable;
            let first_deleted = (seed.overwritten as usize).min(seed.canaries as usize / 2);
            let deleted = spec.deletable
                && number >= first_deleted
                && number < first_deleted + seed.deleted as usize;
            wanted.push((
                *kind,
                CanaryPlan {
                    overwritten,
                    deleted,
                },
            ));
        }
        for (how_many, kinds) in [
            (seed.pairs, of(|kind| kind.parts.len() == 2)),
            (seed.encrypted, of(|kind| kind.key.is_some())),
        ] {
            for number in 0..how_many as usize {
                let Some(kind) = kinds.get(number % kinds.len().max(1)) else {
                    break;
                };
                wanted.push((*kind, CanaryPlan::default()));
            }
        }
        wanted
            .into_iter()
            .map(|(kind, plan)| {
                let (kind, parts, key) = &target.kinds[kind];
                let service = Some(target.service.as_str());
                (self.reserve(service, kind.kind, parts, key.as_ref()), plan)
            })
            .collect()
    }

    async fn seed_service(
        &self,
        target: &Target,
        wanted: Vec<(usize, CanaryPlan)>,
        writers: usize,
    ) -> Result<Vec<(String, bool)>, StepError> {
        let outcomes = stream::iter(wanted)
            .map(|(known, plan)| async move {
                let app = target.app.as_ref();
                let acknowledged = self.write(app, known, Action::Create, 0).await?;
                if acknowledged && plan.overwritten {
                    self.write(app, known, Action::Overwrite, 1).await?;
                }
                if acknowledged && plan.deleted {
                    self.write(app, known, Action::Delete, 0).await?;
                }
                Ok::<_, StepError>((target.service.clone(), acknowledged))
            })
            .buffer_unordered(writers.max(1))
            .collect::<Vec<_>>()
            .await;
        outcomes.into_iter().collect()
    }

    /// The canaries that go straight into stores: the store and the place of each.
    fn wanted_direct(&self, per_store: u32) -> Vec<(String, usize)> {
        let mut wanted = Vec::new();
        for store in &self.stack.stores {
            for _ in 0..per_store {
                let parts = [Part {
                    role: "direct".to_owned(),
                    store: store.name.clone(),
                }];
                let at = self.reserve(None, "direct", &parts, None);
                wanted.push((store.name.clone(), at));
            }
        }
        wanted
    }

    async fn seed_direct(
        &self,
        wanted: &[(String, usize)],
    ) -> Result<Vec<(String, bool)>, StepError> {
        let mut written = Vec::new();
        for (store, at) in wanted {
            let known = self.state().canaries[*at].clone();
            let id = known.spec.id;
            self.ledger.declare(&known.spec).await?;
            self.ledger
                .record(id, Op::Create, 0, Phase::Invoked)
                .await?;
            let text = payload::text(self.seed, &self.nonce, id, 0);
            let marker = known.marker;
            let copy = DirectCopy { marker, text };
            let phase = match self.environment.write_direct(store, &copy).await {
                Ok(true) => Phase::Acknowledged,
                Ok(false) => Phase::Refused,
                Err(error) => {
                    self.ledger
                        .record(id, Op::Create, 0, Phase::Indeterminate)
                        .await?;
                    return Err(error.into());
                }
            };
            self.ledger.record(id, Op::Create, 0, phase).await?;
            if phase == Phase::Acknowledged {
                written.push((store.clone(), true));
            }
        }
        Ok(written)
    }

    /// Gives a canary its number; its place in the state. It is declared with its first write.
    fn reserve(
        &self,
        service: Option<&str>,
        kind: &str,
        parts: &[Part],
        key: Option<&String>,
    ) -> usize {
        let mut state = self.state();
        let at = state.canaries.len();
        let id = CanaryId(at as u64);
        let spec = CanarySpec {
            id,
            kind: kind.to_owned(),
            service: service.map(str::to_owned),
            parts: parts.to_vec(),
            key: key.cloned(),
        };
        state.canaries.push(Known {
            marker: payload::marker(&self.nonce, id),
            file_len: if spec.is_pair() { FILE_LEN } else { 0 },
            spec,
            reference: None,
            newest: 0,
        });
        at
    }

    /// One write through an application, in the ledger before and after. Whether it was
    /// acknowledged.
    async fn write(
        &self,
        app: &dyn Application,
        at: usize,
        action: Action,
        version: Version,
    ) -> Result<bool, StepError> {
        let known = self.state().canaries[at].clone();
        let id = known.spec.id;
        let op = match action {
            Action::Create => Op::Create,
            Action::Overwrite => Op::Overwrite,
            Action::Delete => Op::Delete,
        };
        let text = payload::text(self.seed, &self.nonce, id, version);
        let file =
            (known.file_len > 0).then(|| payload::bytes(self.seed, id, version, known.file_len));
        if action == Action::Create {
            self.ledger.declare(&known.spec).await?;
        }
        self.ledger.record(id, op, version, Phase::Invoked).await?;
        if action != Action::Delete {
            // Whatever becomes of it: a write whose answer was lost may have been done.
            let mut state = self.state();
            let newest = &mut state.canaries[at].newest;
            *newest = (*newest).max(version);
        }
        let outcome = app
            .write(&WriteRequest {
                spec: &known.spec,
                action,
                version,
                text: &text,
                marker: &known.marker,
                file: file.as_deref(),
                reference: known.reference.as_ref(),
            })
            .await;
        let phase = match &outcome {
            WriteOutcome::Acknowledged { .. } => Phase::Acknowledged,
            WriteOutcome::Refused { .. } => Phase::Refused,
            WriteOutcome::Indeterminate { .. } => Phase::Indeterminate,
        };
        self.ledger.record(id, op, version, phase).await?;
        match outcome {
            WriteOutcome::Acknowledged { reference } => {
                let mut state = self.state();
                let known = &mut state.canaries[at];
                if action != Action::Delete {
                    known.reference = Some(reference);
                }
                Ok(true)
            }
            WriteOutcome::Refused { answer } => {
                self.tell(&Event::Note {
                    text: format!("{} was refused: {answer}", known.marker),
                })?;
                Ok(false)
            }
            WriteOutcome::Indeterminate { why } => {
                self.tell(&Event::Note {
                    text: format!("{} is indeterminate: {why}", known.marker),
                })?;
                Ok(false)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct CanaryPlan {
    overwritten: bool,
    deleted: bool,
}

//! Reading every canary back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::payload;
use phoenix_evidence::verdict::{Histories, Observation, Observed, Verdict, tally};

use super::observe::{words_of, words_of_seen};
use super::state::Known;
use super::{Cycle, CycleError, StepError};
use crate::application::{Application, Content, Seen};
use crate::environment::DirectCopy;
use crate::plan::Step;

/// Reads of one service at once.
const READERS: usize = 8;

/// Pauses before a read that broke is made again.
const READ_AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// What was seen of one canary, with the words that go into the evidence.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) at: usize,
    pub(super) observation: Observation,
    pub(super) probe: String,
    pub(super) saw: String,
    /// The login that its reading needs ended at the provider, and a direct read finds it.
    pub(super) kept_out: bool,
}

/// What listings showed: copies of each canary, and markers that this run never wrote.
#[derive(Default)]
pub(super) struct Listed {
    pub(super) copies: HashMap<CanaryId, u32>,
    /// Store → strangers' markers.
    pub(super) strangers: BTreeMap<String, Vec<String>>,
    pub(super) not_examined: BTreeSet<String>,
}

impl Cycle<'_> {
    pub(super) async fn check_survival(&self, step: &Step) -> Result<String, StepError> {
        let canaries = self.state().canaries.clone();
        if canaries.is_empty() {
            return Err(StepError::Failed(
                "there is no canary to look for: a `seed` has to come before".to_owned(),
            ));
        }
        let foreign: Vec<String> = self.state().foreign.keys().cloned().collect();
        if !foreign.is_empty() {
            return Err(StepError::Failed(format!(
                "{} stands on a backup that phoenix did not make: no canary can have survived there",
                foreign.join(", ")
            )));
        }
        // What an earlier reading said is not what is there now.
        self.state().verdicts.clear();
        let direct = self.read_direct().await;
        let mut listed = Listed::default();
        let mut looked = self.read_all(&canaries, &direct, &mut listed).await?;
        looked.sort_by_key(|looked| looked.at);
        for looked in &mut looked {
            let id = canaries[looked.at].spec.id;
            if let Some(more) = listed.copies.get(&id).filter(|copies| **copies > 1)
                && let Observed::Present { copies, .. } = &mut looked.observation.first
            {
                *copies = (*copies).max(*more);
            }
        }
        let (places, facts, names) = self.facts(&canaries);
        let lines = phoenix_evidence::ledger::read(&self.folder.join("ledger.jsonl"))
            .map_err(CycleError::from)?;
        let histories = Histories::new(&lines.ops, canaries.len());
        let observations: Vec<Observation> =
            looked.iter().map(|looked| looked.observation).collect();
        let tally = tally(&histories, &places, &facts, &observations);
        self.state().survived = looked
            .iter()
            .zip(&tally.judged)
            // What was deleted and stayed so has survived too, and is nowhere to be read.
            .filter(|(looked, judged)| {
                judged.verdict == Verdict::Survived
                    && matches!(looked.observation.first, Observed::Present { .. })
            })
            .map(|(looked, _)| looked.at)
            .collect();
        self.write_verdicts(&canaries, &looked, &tally)?;
        self.conclude(step, &canaries, &looked, &tally, &listed, &names)
    }

    /// All canaries that were written straight into stores, store by store; `None` for a store
    /// that could not be read.
    async fn read_direct(&self) -> BTreeMap<String, Option<Vec<DirectCopy>>> {
        let mut all = BTreeMap::new();
        for store in &self.stack.stores {
            let copies = self.environment.list_direct(&store.name).await.ok();
            all.insert(store.name.clone(), copies);
        }
        all
    }

    async fn read_all(
        &self,
        canaries: &[Known],
        direct: &BTreeMap<String, Option<Vec<DirectCopy>>>,
        listed: &mut Listed,
    ) -> Result<Vec<Looked>, StepError> {
        let mut looked = Vec::with_capacity(canaries.len());
        let mut by_service: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, known) in canaries.iter().enumerate() {
            match &known.spec.service {
                Some(service) => by_service.entry(service).or_default().push(at),
                None => looked.push(self.look_direct(at, known, direct)),
            }
        }
        for (store, copies) in direct {
            for copy in copies.iter().flatten() {
                if !copy.marker.starts_with("tombstone-") {
                    self.notice(&copy.marker, store, canaries.len(), listed, false);
                }
            }
        }
        for (service, mine) in by_service {
            let app = self.application(service).await?;
            // Signing in may fail on a stack that did not recover: the reads will say how.
            let _ready = app.prepare().await;
            self.list_kinds(service, app.as_ref(), canaries, listed)
                .await;
            let reads = stream::iter(mine)
                .map(|at| self.look(at, &canaries[at], app.as_ref(), direct))
                .buffer_unordered(READERS)
                .collect::<Vec<_>>()
                .await;
            looked.extend(reads);
            self.says(&format!("read the canaries of {service}"));
        }
        Ok(looked)
    }

    fn look_direct(
        &self,
        at: usize,
        known: &Known,
        direct: &BTreeMap<String, Option<Vec<DirectCopy>>>,
    ) -> Looked {
        let store = known
            .spec
            .parts
            .first()
            .map_or("", |part| part.store.as_str());
        let (first, saw) = match direct.get(store) {
            Some(Some(copies)) => {
                let contents: Vec<Content> = copies
                    .iter()
                    .filter(|copy| copy.marker == known.marker)
                    .map(|copy| Content::Text(copy.text.clone()))
                    .collect();
                if contents.is_empty() {
                    (Observed::Absent, "not there".to_owned())
                } else {
                    (self.recognise(known, &contents), words_of(&contents))
                }
            }
            _ => (
                Observed::Unreachable,
                "the store could not be read".to_owned(),
            ),
        };
        Looked {
            at,
            observation: Observation {
                first,
                second: None,
                linked: None,
            },
            probe: format!("direct read of {store}"),
            saw,
            kept_out: false,
        }
    }

    async fn look(
        &self,
        at: usize,
        known: &Known,
        app: &dyn Application,
        direct: &BTreeMap<String, Option<Vec<DirectCopy>>>,
    ) -> Looked {
        let catch_up = known
            .spec
            .parts
            .iter()
            .filter_map(|part| self.stack.store(&part.store))
            .map(|store| store.catch_up)
            .max()
            .unwrap_or_default();
        let deadline = Instant::now() + catch_up;
        let mut reading = app
            .read(&known.spec, &known.marker, known.reference.as_ref())
            .await;
        // Late is not lost: an absence counts once the declared catch-up time is over.
        // What broke on the way says nothing of the canary: it is asked again before that counts.
        let mut again = READ_AGAIN.iter();
        loop {
            let pause = if reading.parts.contains(&Seen::Absent) && Instant::now() < deadline {
                Duration::from_millis(50)
            } else if broke_on_the_way(&reading.parts)
                && let Some(pause) = again.next()
            {
                *pause
            } else {
                break;
            };
            tokio::time::sleep(pause).await;
            reading = app
                .read(&known.spec, &known.marker, known.reference.as_ref())
                .await;
        }
        let mut observed = Vec::with_capacity(2);
        let mut saw = Vec::new();
        for (number, seen) in reading.parts.iter().enumerate() {
            let store = known
                .spec
                .parts
                .get(number)
                .map_or("", |part| part.store.as_str());
            saw.push(words_of_seen(seen));
            let stands_as = reading.stands_as.as_deref();
            observed.push(self.observe(known, store, seen, stands_as, direct).await);
        }
        Looked {
            at,
            observation: Observation {
                first: observed.first().copied().unwrap_or(Observed::Unreachable),
                second: known
                    .spec
                    .is_pair()
                    .then(|| observed.get(1).copied().unwrap_or(Observed::Unreachable)),
                linked: reading.linked,
            },
            probe: reading.probe,
            saw: saw.join(" / "),
            kept_out: self.kept_out(known, &reading.parts).await,
        }
    }

    async fn list_kinds(
        &self,
        service: &str,
        app: &dyn Application,
        canaries: &[Known],
        listed: &mut Listed,
    ) {
        for kind in app.kinds() {
            let of_kind = |known: &&Known| {
                known.spec.service.as_deref() == Some(service) && known.spec.kind == kind.kind
            };
            let Some(sample) = canaries.iter().find(of_kind) else {
                continue;
            };
            let store = sample
                .spec
                .parts
                .first()
                .map_or("", |part| part.store.as_str());
            let name = format!("{service}/{}", kind.kind);
            if !kind.listable {
                listed.not_examined.insert(name);
                continue;
            }
            match app.list(kind.kind).await {
                Ok(listing) => {
                    // Each listing by itself: a page and its attachment carry one name.
                    let before = std::mem::take(&mut listed.copies);
                    for entry in &listing.entries {
                        self.notice(entry, store, canaries.len(), listed, true);
                    }
                    for (id, copies) in before {
                        let most = listed.copies.entry(id).or_default();
                        *most = copies.max(*most);
                    }
                }
                Err(_) => {
                    listed.not_examined.insert(name);
                }
            }
        }
    }

    /// Counts the markers of one entry: this run's own, and strangers'.
    fn notice(
        &self,
        entry: &str,
        store: &str,
        canaries: usize,
        listed: &mut Listed,
        count_copies: bool,
    ) {
        let mut of_this_entry = BTreeSet::new();
        for found in payload::find_markers(entry) {
            let mine = found.nonce == self.nonce
                && usize::try_from(found.id.0).is_ok_and(|at| at < canaries);
            if mine {
                of_this_entry.insert(found.id);
            } else {
                let marker = payload::marker(&found.nonce, found.id);
                let strangers = listed.strangers.entry(store.to_owned()).or_default();
                if !strangers.contains(&marker) {
                    strangers.push(marker);
                }
            }
        }
        if count_copies {
            for id in of_this_entry {
                *listed.copies.entry(id).or_default() += 1;
            }
        }
    }
}

/// Whether a part was not answered for by the application itself.
fn broke_on_the_way(parts: &[Seen]) -> bool {
    parts.iter().any(|seen| {
        matches!(
            seen,
            Seen::Unreachable {
                token_dead: false,
                ..
            } | Seen::Unreadable {
                decryption: false,
                ..
            }
        )
    })
}

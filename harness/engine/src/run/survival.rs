//! Reading every canary back, and judging each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::finding::{CheckKind, FailureKind, Outcome, Subject};
use phoenix_evidence::journal::event::{
    DestructionProof, Event, StoreRpa, Survival, VerdictSample,
};
use phoenix_evidence::payload;
use phoenix_evidence::verdict::{
    Cut, Histories, Observation, Observed, Places, StoreFacts, Tally, Verdict, tally,
};
use serde::Serialize;

use super::results::{proof, result};
use super::state::Known;
use super::{Cycle, CycleError, StepError};
use crate::application::{Application, Content, Seen};
use crate::environment::DirectCopy;
use crate::plan::Step;
use crate::stack::Policy;
use crate::words::{count, first_bytes};

/// Reads of one service at once.
const READERS: usize = 8;
/// Samples kept in the journal of each (store, verdict).
const SAMPLES: usize = 3;

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

/// A line of the file of observations and verdicts.
#[derive(Serialize)]
struct VerdictLine<'a> {
    marker: &'a str,
    kind: String,
    stores: Vec<&'a str>,
    verdict: &'static str,
    also: Option<&'static str>,
    reason: &'static str,
    probe: &'a str,
    saw: &'a str,
}

/// What a store's own tally does not say.
#[derive(Clone, Copy)]
struct Apart {
    /// Markers that this run never wrote.
    strangers: u64,
    /// Unreachable canaries that are told under the key that keeps everybody out.
    kept_out: u64,
}

/// What listings showed: copies of each canary, and markers that this run never wrote.
#[derive(Default)]
struct Listed {
    copies: HashMap<CanaryId, u32>,
    /// Store → strangers' markers.
    strangers: BTreeMap<String, Vec<String>>,
    not_examined: BTreeSet<String>,
}

impl Cycle<'_> {
    pub(super) async fn check_survival(&self, step: &Step) -> Result<String, StepError> {
        let canaries = self.state().canaries.clone();
        if canaries.is_empty() {
            return Err(StepError::Failed(
                "there is no canary to look for: a `seed` has to come before".to_owned(),
            ));
        }
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
        while reading.parts.contains(&Seen::Absent) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
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

    async fn observe(
        &self,
        known: &Known,
        store: &str,
        seen: &Seen,
        stands_as: Option<&str>,
        direct: &BTreeMap<String, Option<Vec<DirectCopy>>>,
    ) -> Observed {
        match seen {
            Seen::Absent => Observed::Absent,
            Seen::Present(contents) => self.recognise(known, contents),
            Seen::Unreadable {
                decryption: false, ..
            }
            | Seen::Unreachable {
                token_dead: false, ..
            } => Observed::Unreachable,
            // Nobody came as far as to ask; a store that reads well and does not hold it answers.
            Seen::NoLogin { .. } => {
                let text = stands_as.unwrap_or(&known.marker);
                match self.environment.find_text(store, text).await {
                    Ok(false) if self.keyless_reads(store, direct) => Observed::Absent,
                    _ => Observed::Unreachable,
                }
            }
            // The key's error, or the error with which the harness's own token died of it: it is
            // there if a direct read finds it, and the key is to blame only if what needs no key
            // reads well in the same store.
            Seen::Unreadable {
                decryption: true, ..
            }
            | Seen::Unreachable {
                token_dead: true, ..
            } => {
                let text = stands_as.unwrap_or(&known.marker);
                let found = self.environment.find_text(store, text).await;
                let reads = self.keyless_reads(store, direct);
                let keyless_reads = reads && self.key_changed(known);
                match found {
                    // The store itself was read, well, and does not hold it: that is an answer,
                    // whatever became of the key.
                    Ok(false) if reads => Observed::Absent,
                    found => Observed::Undecryptable {
                        found_directly: found.unwrap_or(false),
                        keyless_reads,
                    },
                }
            }
        }
    }

    /// Whether a canary that needs no key reads well in this store.
    fn keyless_reads(
        &self,
        store: &str,
        direct: &BTreeMap<String, Option<Vec<DirectCopy>>>,
    ) -> bool {
        let Some(Some(copies)) = direct.get(store) else {
            return false;
        };
        copies.iter().any(|copy| {
            payload::find_markers(&copy.marker)
                .first()
                .is_some_and(|found| {
                    found.nonce == self.nonce
                        && copy.text == payload::text(self.seed, &self.nonce, found.id, 0)
                })
        })
    }

    /// Whether a key that this canary is read with has another value than before the disaster.
    fn key_changed(&self, known: &Known) -> bool {
        let Some(key) = self.key_of(known) else {
            return false;
        };
        let state = self.state();
        match (
            state.secrets_before.get(&key),
            state.secrets_after.get(&key),
        ) {
            (Some(before), Some(after)) => before != after,
            _ => false,
        }
    }

    /// The secret that a canary is read with: its own, or that of its service, which the harness's
    /// token needs.
    pub(super) fn key_of(&self, known: &Known) -> Option<String> {
        known.spec.key.clone().or_else(|| {
            let service = self.stack.service(known.spec.service.as_deref()?)?;
            service.secrets.first().cloned()
        })
    }

    /// Which version a copy is, by the bytes that each version has.
    pub(super) fn recognise(&self, known: &Known, contents: &[Content]) -> Observed {
        let id = known.spec.id;
        let version_of = |content: &Content| match content {
            Content::Proved(version) => Some(*version),
            Content::Text(text) => (0..=known.newest)
                .find(|version| *text == payload::text(self.seed, &self.nonce, id, *version)),
            Content::Bytes(bytes) => (0..=known.newest)
                .find(|version| *bytes == payload::bytes(self.seed, id, *version, known.file_len)),
        };
        Observed::Present {
            version: contents.first().and_then(version_of),
            copies: u32::try_from(contents.len()).unwrap_or(u32::MAX),
            same: contents.windows(2).all(|pair| pair[0] == pair[1]),
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

    fn facts(&self, canaries: &[Known]) -> (Vec<Places>, Vec<StoreFacts>, Vec<String>) {
        let state = self.state();
        let names: Vec<String> = self
            .stack
            .stores
            .iter()
            .map(|store| store.name.clone())
            .collect();
        let facts = self
            .stack
            .stores
            .iter()
            .map(|store| {
                let proof = state.proofs.get(&store.name).map(|(proof, _)| *proof);
                let untouched = !state.destroyed.contains(&store.name);
                StoreFacts {
                    cut: state.restored.get(&store.name).map(|point| Cut {
                        begin: point.begin,
                        end: point.end,
                    }),
                    destroyed: proof == Some(DestructionProof::Proven),
                    retained: store.policy == Policy::Retained || untouched,
                    losable: store.losable,
                }
            })
            .collect();
        let index = |store: &str| names.iter().position(|name| name == store);
        let places = canaries
            .iter()
            .map(|known| {
                let mut parts = known.spec.parts.iter();
                let mut next = || parts.next().and_then(|part| index(&part.store));
                (next().unwrap_or(usize::MAX), next())
            })
            .collect();
        drop(state);
        (places, facts, names)
    }

    fn write_verdicts(
        &self,
        canaries: &[Known],
        looked: &[Looked],
        tally: &Tally,
    ) -> Result<(), StepError> {
        let file = "verdicts.jsonl";
        let mut text = Vec::new();
        for (looked, judged) in looked.iter().zip(&tally.judged) {
            let known = &canaries[looked.at];
            let line = VerdictLine {
                marker: &known.marker,
                kind: kind_name(known),
                stores: known
                    .spec
                    .parts
                    .iter()
                    .map(|part| part.store.as_str())
                    .collect(),
                verdict: judged.verdict.name(),
                also: judged.also.map(Verdict::name),
                reason: judged.reason.sentence(),
                probe: &looked.probe,
                saw: &looked.saw,
            };
            serde_json::to_writer(&mut text, &line)
                .map_err(|e| StepError::Failed(e.to_string()))?;
            text.push(b'\n');
        }
        let path = self.folder.join(file);
        let write = || -> std::io::Result<()> {
            let mut opened = std::fs::File::create(&path)?;
            opened.write_all(&text)?;
            opened.sync_data()
        };
        write().map_err(|why| {
            StepError::Failed(format!("{} cannot be written: {why}", path.display()))
        })?;
        self.tell(&Event::Attached {
            file: file.to_owned(),
            blake3: blake3::hash(&text).to_hex().to_string(),
            bytes: text.len() as u64,
        })?;
        Ok(())
    }

    fn conclude(
        &self,
        step: &Step,
        canaries: &[Known],
        looked: &[Looked],
        tally: &Tally,
        listed: &Listed,
        names: &[String],
    ) -> Result<String, StepError> {
        let disaster_us = self.state().disaster.map_or_else(
            || jiff::Timestamp::now().as_microsecond(),
            |disaster| disaster.wall_us,
        );
        let mut survival = Survival {
            not_examined: listed.not_examined.iter().cloned().collect(),
            ..Survival::default()
        };
        for (looked, judged) in looked.iter().zip(&tally.judged) {
            let known = &canaries[looked.at];
            let kind = kind_name(known);
            let verdict = judged.verdict.name();
            *survival
                .by_kind
                .entry(kind.clone())
                .or_default()
                .entry(verdict.to_owned())
                .or_default() += 1;
            *self
                .state()
                .verdicts
                .entry((String::new(), verdict.to_owned()))
                .or_default() += 1;
            let blamed = known
                .spec
                .parts
                .get(usize::from(judged.against == 2))
                .map_or("", |part| part.store.as_str());
            let samples = survival
                .samples
                .iter()
                .filter(|sample| sample.store == blamed && sample.verdict == verdict)
                .count();
            let enough = if judged.verdict == Verdict::Survived {
                1
            } else {
                SAMPLES
            };
            if samples < enough {
                survival.samples.push(VerdictSample {
                    marker: known.marker.clone(),
                    kind,
                    store: blamed.to_owned(),
                    verdict: verdict.to_owned(),
                    reason: judged.reason.sentence().to_owned(),
                    probe: format!("{} → {}", looked.probe, first_bytes(&looked.saw, 120)),
                });
            }
        }
        for (store, strangers) in &listed.strangers {
            for marker in strangers.iter().take(SAMPLES) {
                survival.samples.push(VerdictSample {
                    marker: marker.clone(),
                    kind: "stranger".to_owned(),
                    store: store.clone(),
                    verdict: Verdict::Unexpected.name().to_owned(),
                    reason: "written by another run or environment".to_owned(),
                    probe: format!("listing of {store}"),
                });
            }
        }
        let kept_out = self.behind_dead_keys(canaries, looked, tally);
        for (at, name) in names.iter().enumerate() {
            let Some(store) = tally.stores.get(at) else {
                continue;
            };
            let apart = Apart {
                strangers: listed.strangers.get(name).map_or(0, Vec::len) as u64,
                kept_out: kept_out.in_store(canaries, name),
            };
            self.conclude_store(step, name, store, apart, &mut survival, disaster_us);
        }
        self.conclude_secrets(step, canaries, looked, tally, &kept_out);
        self.conclude_loss(canaries, tally);
        let sentence = {
            let state = self.state();
            let mut words: Vec<String> = Verdict::ALL
                .iter()
                .filter_map(|verdict| {
                    let key = (String::new(), verdict.name().to_owned());
                    state
                        .verdicts
                        .get(&key)
                        .map(|n| format!("{n} {}", verdict.name()))
                })
                .collect();
            if words.is_empty() {
                words.push("nothing read".to_owned());
            }
            words.join(", ")
        };
        self.tell(&Event::Survival(survival))?;
        Ok(sentence)
    }

    fn conclude_store(
        &self,
        step: &Step,
        name: &str,
        tally: &phoenix_evidence::verdict::StoreTally,
        Apart {
            strangers,
            kept_out,
        }: Apart,
        survival: &mut Survival,
        disaster_us: i64,
    ) {
        let Some(declared) = self.stack.store(name) else {
            return;
        };
        let counts = survival.by_store.entry(name.to_owned()).or_default();
        for (verdict, n) in &tally.verdicts {
            counts.insert(verdict.name().to_owned(), *n);
        }
        if strangers > 0 {
            *counts
                .entry(Verdict::Unexpected.name().to_owned())
                .or_default() += strangers;
        }
        let counts = counts.clone();
        let rpa = tally.rpa.seconds(disaster_us);
        let schedule = declared.policy.worst_loss();
        survival.rpa.push(StoreRpa {
            store: name.to_owned(),
            seconds_min: rpa.map(|(least, _)| least),
            seconds_max: rpa.and_then(|(_, most)| most),
            lost: tally.rpa.lost,
            schedule_s: schedule.map(|schedule| schedule.as_secs_f64()),
        });
        {
            let mut state = self.state();
            for (verdict, n) in &counts {
                *state
                    .verdicts
                    .entry((name.to_owned(), verdict.clone()))
                    .or_default() += n;
            }
            if strangers > 0 {
                *state
                    .verdicts
                    .entry((String::new(), Verdict::Unexpected.name().to_owned()))
                    .or_default() += strangers;
            }
        }
        // What a key made unreadable is the key's finding, and the data is there. So is what another
        // key keeps everybody from asking for.
        let own: Vec<(Verdict, u64)> = tally
            .verdicts
            .iter()
            .filter(|(verdict, _)| **verdict != Verdict::Undecryptable)
            .map(|(verdict, n)| match verdict {
                Verdict::Unreachable => (*verdict, n.saturating_sub(kept_out)),
                _ => (*verdict, *n),
            })
            .filter(|(_, n)| *n > 0)
            .chain((strangers > 0).then_some((Verdict::Unexpected, strangers)))
            .collect();
        let outcome = own
            .iter()
            .filter_map(|(verdict, _)| verdict.counts_as())
            .max()
            .unwrap_or(Outcome::Unknown);
        // What may be lost has nothing to prove, and what was never destroyed has proven nothing.
        let kept = !own.is_empty() && own.iter().all(|(verdict, _)| verdict.counts_as().is_none());
        if (declared.losable && outcome != Outcome::Fail) || kept {
            return;
        }
        let examined = own.iter().map(|(_, n)| n).sum();
        let words: Vec<String> = own
            .iter()
            .map(|(verdict, n)| format!("{n} {}", verdict.name()))
            .collect();
        let summary = if words.is_empty() {
            format!("{name}: no canary was examined in it")
        } else {
            format!("{name}: {}", words.join(", "))
        };
        let mut found = result(
            CheckKind::Survival,
            Subject::Store(name.to_owned()),
            outcome,
            examined,
            summary.clone(),
        );
        found.failures = own
            .iter()
            .filter(|(verdict, _)| verdict.counts_as() == Some(Outcome::Fail))
            .map(|(verdict, n)| (FailureKind(verdict.name().to_owned()), *n))
            .collect();
        found.proofs = survival
            .samples
            .iter()
            .filter(|sample| sample.store == name && sample.verdict != "survived")
            .take(3)
            .map(|sample| {
                proof(
                    &step.id,
                    &sample.probe,
                    &format!("{}: {}", sample.marker, sample.reason),
                )
            })
            .collect();
        if found.proofs.is_empty() {
            found.proofs = vec![proof(&step.id, &format!("canaries in {name}"), &summary)];
        }
        let mut state = self.state();
        state.results.push(found);
        let objective = self.stack.objectives.rpo;
        if let (Some(objective), Some((least, _)), false) = (objective, rpa, declared.losable) {
            let bound = schedule.map_or(f64::INFINITY, |schedule| schedule.as_secs_f64());
            let retained = declared.policy == Policy::Retained;
            let objective = objective.as_secs_f64();
            let measured_over = least > objective;
            let policy_over = !retained && bound > objective;
            let mut found = result(
                CheckKind::Rpo,
                Subject::Store(name.to_owned()),
                if measured_over || policy_over {
                    Outcome::Fail
                } else {
                    Outcome::Pass
                },
                tally.examined(),
                format!(
                    "{name}: {} lost, {least:.1}s before the disaster at most; its schedule allows {}",
                    count(tally.rpa.lost, "acknowledged write", "acknowledged writes"),
                    schedule.map_or("any loss".to_owned(), crate::words::duration)
                ),
            );
            found.measured = Some(least);
            if measured_over {
                found
                    .failures
                    .push((FailureKind("rpa-over-objective".to_owned()), 1));
            }
            if policy_over {
                found
                    .failures
                    .push((FailureKind("schedule-over-objective".to_owned()), 1));
            }
            state.results.push(found);
        }
    }

    /// The share of acknowledged canaries that are gone, over the whole stack.
    fn conclude_loss(&self, canaries: &[Known], tally: &Tally) {
        let (mut lost, mut of) = (0_u64, 0_u64);
        for (known, judged) in canaries.iter().zip(&tally.judged) {
            let losable = known.spec.parts.iter().all(|part| {
                self.stack
                    .store(&part.store)
                    .is_some_and(|store| store.losable)
            });
            if losable {
                continue;
            }
            match judged.verdict.counts_as() {
                Some(Outcome::Pass) if judged.verdict == Verdict::Survived => of += 1,
                // What was never destroyed is not lost: a share is one of the whole.
                None if judged.verdict == Verdict::Retained => of += 1,
                Some(Outcome::Fail) => {
                    of += 1;
                    lost += 1;
                }
                _ => {}
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of canaries")]
        let share = if of == 0 {
            0.0
        } else {
            lost as f64 / of as f64
        };
        let mut found = result(
            CheckKind::DataLoss,
            Subject::Stack,
            if lost > 0 {
                Outcome::Fail
            } else {
                Outcome::Pass
            },
            of,
            format!("{lost} of {of} canaries of the recovery points did not come back"),
        );
        if lost > 0 {
            found.failures = vec![(FailureKind("data-loss".to_owned()), lost)];
        }
        found.measured = Some(share);
        self.state().results.push(found);
    }
}

fn kind_name(known: &Known) -> String {
    match &known.spec.service {
        Some(service) => format!("{service}/{}", known.spec.kind),
        None => "direct".to_owned(),
    }
}

fn words_of(contents: &[Content]) -> String {
    match contents.first() {
        Some(Content::Text(text)) => first_bytes(text, 80),
        Some(Content::Bytes(bytes)) => {
            format!(
                "{} bytes, blake3 {}",
                bytes.len(),
                &blake3::hash(bytes).to_hex()[..12]
            )
        }
        Some(Content::Proved(version)) => format!("proved to be version {version}"),
        None => "nothing".to_owned(),
    }
}

fn words_of_seen(seen: &Seen) -> String {
    match seen {
        Seen::Absent => "not there".to_owned(),
        Seen::Present(contents) => words_of(contents),
        Seen::Unreadable { error, .. } => first_bytes(error, 120),
        Seen::NoLogin { error, .. } => first_bytes(&format!("no login: {error}"), 120),
        Seen::Unreachable { why, .. } => first_bytes(why, 120),
    }
}

//! What the verdicts of all canaries say of each store, and of the whole.

use std::io::Write as _;

use phoenix_evidence::finding::{CheckKind, FailureKind, Outcome, Subject};
use phoenix_evidence::journal::event::{
    DestructionProof, Event, StoreRpa, Survival, VerdictSample,
};
use phoenix_evidence::verdict::{Cut, Places, StoreFacts, Tally, Verdict};
use serde::Serialize;

use super::results::{proof, result};
use super::state::Known;
use super::survival::{Listed, Looked};
use super::{Cycle, StepError};
use crate::plan::Step;
use crate::stack::Policy;
use crate::words::{count, first_bytes};

/// Samples kept in the journal of each (store, verdict).
const SAMPLES: usize = 3;

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
impl Cycle<'_> {
    pub(super) fn facts(&self, canaries: &[Known]) -> (Vec<Places>, Vec<StoreFacts>, Vec<String>) {
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

    pub(super) fn write_verdicts(
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

    pub(super) fn conclude(
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
                    verdict: self.of_strangers(store).name().to_owned(),
                    reason: if self.is_from_before_this_run(store) {
                        "written by an older run, and its recovery point is older than this one"
                    } else {
                        "written by another run or environment"
                    }
                    .to_owned(),
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

    /// Whether a store was restored from a recovery point that this run did not make.
    fn is_from_before_this_run(&self, store: &str) -> bool {
        let state = self.state();
        let own = state.points.get(store).map_or(&[][..], Vec::as_slice);
        state
            .restored
            .get(store)
            .is_some_and(|from| !own.iter().any(|point| point.id == from.id))
    }

    /// What markers of other runs are in a store: expected where its point is older than this run.
    fn of_strangers(&self, store: &str) -> Verdict {
        if self.is_from_before_this_run(store) {
            Verdict::Note
        } else {
            Verdict::Unexpected
        }
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
        let of_strangers = self.of_strangers(name);
        let counts = survival.by_store.entry(name.to_owned()).or_default();
        for (verdict, n) in &tally.verdicts {
            counts.insert(verdict.name().to_owned(), *n);
        }
        if strangers > 0 {
            *counts.entry(of_strangers.name().to_owned()).or_default() += strangers;
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
                    .entry((String::new(), of_strangers.name().to_owned()))
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
            .chain((strangers > 0).then_some((of_strangers, strangers)))
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
        let examined = own
            .iter()
            // What nobody could look at, and what is only noted, was not examined.
            .filter(|(verdict, _)| {
                matches!(verdict.counts_as(), Some(Outcome::Pass | Outcome::Fail))
            })
            .map(|(_, n)| n)
            .sum();
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
        let (mut lost, mut of, mut unknown) = (0_u64, 0_u64, 0_u64);
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
                Some(Outcome::Unknown) => unknown += 1,
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
            match (lost, unknown) {
                (0, 0) => Outcome::Pass,
                // What could not be looked at is not there because nothing else is missing.
                (0, _) => Outcome::Unknown,
                _ => Outcome::Fail,
            },
            of,
            format!(
                "{lost} of {of} canaries of the recovery points did not come back{}",
                if unknown == 0 {
                    String::new()
                } else {
                    format!(", and of {unknown} more nobody knows")
                }
            ),
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

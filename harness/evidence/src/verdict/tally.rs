//! Verdicts, counted by store, and the recovery point actual of each.

use std::collections::BTreeMap;

use super::classify::judge_part;
use super::{
    Facts, Histories, Judged, Observation, Observed, Operation, StoreFacts, Verdict, classify_one,
};
use crate::canary::{CanaryId, Version};
use crate::finding::Outcome;
use crate::ledger::Op;

/// RPA of a store: how far back from the disaster acknowledged writes are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rpa {
    /// Acknowledged canaries whose newest acknowledged state did not come back.
    pub lost: u64,
    /// Unix time of the oldest acknowledged write that is missing in what came back, in
    /// microseconds.
    pub oldest_lost_us: Option<i64>,
    /// Unix time of the newest one that did come back, or was overwritten by one that did, and is
    /// no newer than that.
    pub newest_survived_us: Option<i64>,
    /// Unix time of the newest one that came back at all.
    pub newest_seen_us: Option<i64>,
}

impl Rpa {
    /// From and to how many seconds before the disaster; zero when nothing was lost, `None` for a
    /// store in which nothing acknowledged was examined.
    #[must_use]
    pub fn seconds(&self, disaster_us: i64) -> Option<(f64, Option<f64>)> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "microseconds of a drill fit 52 bits"
        )]
        let before = |at: i64| (disaster_us.saturating_sub(at)).max(0) as f64 / 1e6;
        match (self.oldest_lost_us, self.newest_seen_us) {
            (None, None) => None,
            (None, Some(_)) => Some((0.0, Some(0.0))),
            (Some(lost), _) => Some((before(lost), self.newest_survived_us.map(before))),
        }
    }
}

/// The count of one store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreTally {
    /// By verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// RPA.
    pub rpa: Rpa,
}

impl StoreTally {
    /// The worst of all verdicts; unknown when nothing that counts was examined.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.verdicts
            .iter()
            .filter(|(_, count)| **count > 0)
            .filter_map(|(verdict, _)| verdict.counts_as())
            .max()
            .unwrap_or(Outcome::Unknown)
    }

    /// How many canaries were examined in it.
    #[must_use]
    pub fn examined(&self) -> u64 {
        self.verdicts.values().sum()
    }
}

/// All verdicts, and the counts by store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// One a canary, by number.
    pub judged: Vec<Judged>,
    /// One a store, in the order of the facts that were given.
    pub stores: Vec<StoreTally>,
}

/// Where the parts of a canary live, as indices into a list of stores.
pub type Places = (usize, Option<usize>);

/// Judges all canaries. `places` and `observations` have one entry a canary, by number; `facts`
/// one a store. What is missing from them is unreachable in a store that nothing is known of.
#[must_use]
pub fn tally(
    histories: &Histories,
    places: &[Places],
    facts: &[super::StoreFacts],
    observations: &[Observation],
) -> Tally {
    let unknown = super::StoreFacts {
        cut: None,
        destroyed: false,
        retained: false,
        losable: false,
    };
    let unread = Observation {
        first: super::Observed::Unreachable,
        second: None,
        linked: None,
    };
    let mut counts = vec![[0_u64; Verdict::ALL.len()]; facts.len()];
    let mut rpas = vec![Rpa::default(); facts.len()];
    let mut judged_all = Vec::with_capacity(histories.len());
    let mut survivors: Vec<Vec<i64>> = vec![Vec::new(); facts.len()];
    for number in 0..histories.len() {
        let id = CanaryId(number as u64);
        let history = histories.of(id);
        let place = places.get(number).copied().unwrap_or((usize::MAX, None));
        let of = |at: usize| facts.get(at).copied().unwrap_or(unknown);
        let both = Facts {
            first: of(place.0),
            second: place.1.map(of),
        };
        let seen = observations.get(number).unwrap_or(&unread);
        let judged = classify_one(history, &both, seen);
        for (bit, store, part) in [
            (1, Some(place.0), Some(seen.first)),
            (2, place.1, seen.second),
        ] {
            let Some(store) = store.filter(|store| *store < facts.len()) else {
                continue;
            };
            // A half that nothing is wrong with still was examined.
            let verdict = if judged.against & bit != 0 {
                judged.verdict
            } else if matches!(judged.verdict, Verdict::Unreachable | Verdict::Unverifiable) {
                continue;
            } else {
                Verdict::Note
            };
            counts[store][verdict as usize] += 1;
            let Some(part) = part else { continue };
            let verdict = if judged.against & bit != 0 {
                verdict
            } else {
                half_apart(history, &facts[store], bit, seen, part)
            };
            let lost = loses(verdict);
            if !lost && verdict != Verdict::Survived {
                continue;
            }
            let back = came_back(verdict, part);
            let missing = if lost {
                oldest_missing(history, back)
            } else {
                None
            };
            let rpa = &mut rpas[store];
            if let Some(missing) = missing {
                rpa.lost += 1;
                rpa.oldest_lost_us = Some(rpa.oldest_lost_us.map_or(missing, |at| at.min(missing)));
            }
            survivors[store].extend(
                acknowledged(history)
                    .filter(|operation| !lost || !is_missing(operation, back))
                    .map(|operation| operation.at_us),
            );
        }
        judged_all.push(judged);
    }
    for (rpa, survived) in rpas.iter_mut().zip(&survivors) {
        rpa.newest_seen_us = survived.iter().copied().max();
        rpa.newest_survived_us = survived
            .iter()
            .copied()
            .filter(|at| rpa.oldest_lost_us.is_none_or(|lost| *at <= lost))
            .max();
    }
    let stores = counts
        .into_iter()
        .zip(rpas)
        .map(|(counts, rpa)| StoreTally {
            verdicts: Verdict::ALL
                .iter()
                .map(|verdict| (*verdict, counts[*verdict as usize]))
                .filter(|(_, count)| *count > 0)
                .collect(),
            rpa,
        })
        .collect();
    Tally {
        judged: judged_all,
        stores,
    }
}

/// The verdict on the half of a pair that the verdict on the pair does not count against: what its
/// store lost, it lost whatever is said of the other half. A file whose row is gone cannot be asked
/// for, so its absence is no loss of its store.
fn half_apart(
    history: &[Operation],
    store: &StoreFacts,
    bit: u8,
    seen: &Observation,
    part: Observed,
) -> Verdict {
    if bit == 2 && seen.first == Observed::Absent && part == Observed::Absent {
        return Verdict::Note;
    }
    match judge_part(history, store, part).verdict {
        verdict if loses(verdict) => verdict,
        _ => Verdict::Note,
    }
}

/// Whether it says that an acknowledged write is missing.
fn loses(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Lost
            | Verdict::LostInWindow
            | Verdict::Stale
            | Verdict::Dangling
            | Verdict::Corrupted
    )
}

fn acknowledged(history: &[Operation]) -> impl Iterator<Item = &Operation> {
    history.iter().filter(|operation| operation.acknowledged())
}

/// The version in which a lost canary came back, if it did in one that is known.
fn came_back(verdict: Verdict, seen: Observed) -> Option<Version> {
    match seen {
        Observed::Present { version, .. } if verdict != Verdict::Corrupted => version,
        _ => None,
    }
}

/// Whether a lost canary's operation is missing in what came back of it: a version holds itself and
/// all before it, and no delete.
fn is_missing(operation: &Operation, back: Option<Version>) -> bool {
    back.is_none_or(|version| operation.op == Op::Delete || operation.version > version)
}

/// When the oldest acknowledged operation that is missing was acknowledged. Where both halves are
/// there and only the link between them is wrong, the write that made the link is what is missing.
fn oldest_missing(history: &[Operation], back: Option<Version>) -> Option<i64> {
    let oldest = |missing: &dyn Fn(&Operation) -> bool| {
        acknowledged(history)
            .filter(|operation| missing(operation))
            .map(|operation| operation.at_us)
            .min()
    };
    oldest(&|operation| is_missing(operation, back)).or_else(|| oldest(&|_| true))
}

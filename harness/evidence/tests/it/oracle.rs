//! A second opinion on the verdicts, over random histories and damage: it lists every state that a
//! faithful restore of some moment within the cut could have, and reads the verdict off that list.

use std::collections::BTreeSet;

use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::finding::Outcome;
use phoenix_evidence::ledger::{Op, OpLine, Phase};
use phoenix_evidence::verdict::{
    Cut, Facts, Histories, Observation, Observed, StoreFacts, Verdict, classify_one, tally,
};
use proptest::prelude::*;

/// One operation: what, from when, until when, how it ended ([`Phase::Invoked`]: never).
#[derive(Clone, Debug)]
struct Asked {
    what: Op,
    version: u32,
    from: u64,
    to: u64,
    end: Phase,
}

impl Asked {
    fn yes(&self) -> bool {
        self.end == Phase::Acknowledged
    }

    fn no(&self) -> bool {
        self.end == Phase::Refused
    }
}

/// A state of one canary in one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Never,
    Deleted,
    At(u32),
}

/// Every state that it may have had at this moment.
fn states(asked: &[Asked], moment: u64) -> BTreeSet<State> {
    let mut possible = BTreeSet::from([State::Never]);
    for one in asked.iter().filter(|one| one.from <= moment && !one.no()) {
        let then = match one.what {
            Op::Delete => State::Deleted,
            Op::Create | Op::Overwrite => State::At(one.version),
        };
        if one.yes() && one.to <= moment {
            possible.clear();
        }
        possible.insert(then);
    }
    possible
}

/// A store's cut as moments; of a retained one, the end of time.
fn moments(store: &StoreFacts) -> Option<std::ops::RangeInclusive<u64>> {
    if store.retained {
        return Some(END..=END);
    }
    store.cut.map(|cut| cut.begin..=cut.end)
}

/// Later than any operation.
const END: u64 = 1_000;

fn writes(asked: &[Asked]) -> Vec<&Asked> {
    asked.iter().filter(|one| one.what != Op::Delete).collect()
}

/// One part, its store proven destroyed and not special.
fn plain(asked: &[Asked], store: &StoreFacts, seen: Observed) -> Verdict {
    let writes = writes(asked);
    let restorable = moments(store).map(|cut| {
        let mut all = BTreeSet::new();
        for moment in cut {
            all.extend(states(asked, moment));
        }
        all
    });
    let last = moments(store).map_or(0, |cut| *cut.end());
    let in_time = |one: &Asked| one.from <= last;
    let promised = writes.iter().any(|one| one.yes());
    let now = states(asked, END);
    let (maybe_gone, gone) = (
        now.contains(&State::Deleted),
        now == BTreeSet::from([State::Deleted]),
    );
    // An acknowledged delete that the cut may hold, as against one that nobody knows of.
    let delete_held = asked
        .iter()
        .any(|one| one.what == Op::Delete && one.yes() && in_time(one));
    let foreigner = match (writes.is_empty(), writes.iter().all(|one| one.no())) {
        (true, _) => Some(Verdict::Unexpected),
        (false, true) => Some(Verdict::Phantom),
        (false, false) => None,
    };
    match seen {
        Observed::Unreachable => Verdict::Unreachable,
        Observed::Absent if !promised => Verdict::Note,
        Observed::Absent => match restorable {
            None if maybe_gone => Verdict::Note,
            None => Verdict::Lost,
            Some(all) if all.contains(&State::Deleted) && delete_held => Verdict::Survived,
            Some(all) if all.contains(&State::Deleted) => Verdict::Note,
            Some(all) if all == BTreeSet::from([State::Never]) && maybe_gone => Verdict::Note,
            Some(all) if all.contains(&State::Never) => Verdict::LostInWindow,
            // No faithful restore is without it.
            Some(_) if maybe_gone => Verdict::Unverifiable,
            Some(_) => Verdict::Lost,
        },
        Observed::Undecryptable {
            found_directly,
            keyless_reads,
        } => {
            if !found_directly || !keyless_reads {
                return Verdict::Unreachable;
            }
            if let Some(verdict) = foreigner {
                return verdict;
            }
            let all = restorable.unwrap_or_default();
            if all.iter().all(|state| *state == State::Never) {
                Verdict::Unverifiable
            } else if all.contains(&State::Deleted) {
                if delete_held {
                    Verdict::Unreachable
                } else {
                    Verdict::Note
                }
            } else if promised {
                Verdict::Undecryptable
            } else {
                Verdict::Recovered
            }
        }
        Observed::Present {
            version,
            copies,
            same,
        } => {
            if let Some(verdict) = foreigner {
                return verdict;
            }
            let Some(version) = version else {
                return Verdict::Corrupted;
            };
            if copies > 1 {
                return if same {
                    Verdict::Duplicated
                } else {
                    Verdict::Corrupted
                };
            }
            let attempts: Vec<&&Asked> =
                writes.iter().filter(|one| one.version == version).collect();
            if attempts.is_empty() {
                return Verdict::Corrupted;
            }
            let Some(all) = restorable else {
                return Verdict::Unverifiable;
            };
            if attempts.iter().all(|one| !in_time(one)) {
                Verdict::Unverifiable
            } else if attempts.iter().all(|one| one.no() || !in_time(one)) {
                Verdict::Phantom
            } else if all == BTreeSet::from([State::Deleted]) {
                Verdict::Resurrected
            } else if !all.contains(&State::At(version)) {
                Verdict::Stale
            } else if gone || writes.iter().any(|one| one.yes() && one.version > version) {
                Verdict::LostInWindow
            } else if maybe_gone {
                Verdict::Note
            } else if attempts.iter().any(|one| one.yes() && in_time(one)) {
                Verdict::Survived
            } else {
                Verdict::Recovered
            }
        }
    }
}

/// One part, with what kind of store it is.
fn part(asked: &[Asked], store: &StoreFacts, seen: Observed) -> Verdict {
    let plain = plain(asked, store, seen);
    let absent = seen == Observed::Absent;
    let passes = plain.counts_as() == Some(Outcome::Pass);
    let may_be_lost = store.losable && absent;
    if may_be_lost && (plain == Verdict::Lost || plain == Verdict::LostInWindow) {
        Verdict::Expendable
    } else if store.retained && absent && passes {
        Verdict::Note
    } else if store.retained && !absent && (passes || plain.counts_as().is_none()) {
        Verdict::Retained
    } else if !store.destroyed && !store.retained && passes {
        Verdict::Unverifiable
    } else {
        plain
    }
}

/// Pass < unknown < fail; a pass with a loss is worse than one without, a note says least.
fn badness(verdict: Verdict) -> u8 {
    match verdict.counts_as() {
        None => 0,
        Some(Outcome::Pass) if verdict != Verdict::LostInWindow => 1,
        Some(Outcome::Pass) => 2,
        Some(Outcome::Unknown) => 3,
        Some(Outcome::Fail) => 4,
    }
}

/// What a pair may be called: two names where both halves are equally bad.
fn pair(asked: &[Asked], stores: [&StoreFacts; 2], seen: &Observation) -> Vec<Verdict> {
    let halves = [Some(seen.first), seen.second].map(|half| half.expect("a pair"));
    let apart = [0, 1].map(|at| part(asked, stores[at], halves[at]));
    if apart.contains(&Verdict::Unreachable) {
        return vec![Verdict::Unreachable];
    }
    let there = halves.map(|half| half != Observed::Absent);
    let fails = |verdict: Verdict| verdict.counts_as() == Some(Outcome::Fail);
    let delete_sent = asked.iter().any(|one| one.what == Op::Delete && !one.no());
    let promised = writes(asked).iter().any(|one| one.yes());
    let burned = stores.iter().all(|store| store.destroyed || store.retained);
    // As it would be called if its store were proven destroyed.
    let row = StoreFacts {
        destroyed: true,
        ..*stores[0]
    };
    let row_in_window = !there[0] && part(asked, &row, halves[0]) == Verdict::LostInWindow;
    let in_window = if burned {
        vec![Verdict::LostInWindow]
    } else {
        vec![Verdict::Unverifiable]
    };
    if there[0] != there[1] && !delete_sent {
        let (present, absent) = if there[0] { (0, 1) } else { (1, 0) };
        return if !promised && fails(apart[present]) {
            vec![apart[present]]
        } else if !promised {
            vec![Verdict::Note]
        } else if apart[absent] == Verdict::Expendable {
            vec![Verdict::Expendable]
        } else if [
            Verdict::Corrupted,
            Verdict::Duplicated,
            Verdict::Undecryptable,
        ]
        .contains(&apart[present])
        {
            vec![apart[present]]
        } else if row_in_window {
            in_window
        } else {
            vec![Verdict::Dangling]
        };
    }
    if there == [false, false]
        && apart[1] == Verdict::Lost
        && moments(stores[1]).is_some()
        && !delete_sent
    {
        if row_in_window {
            return in_window;
        }
        if apart[0] == Verdict::Expendable {
            return vec![Verdict::Expendable];
        }
    }
    if there == [true, true] && seen.linked == Some(false) && !apart.into_iter().any(fails) {
        return vec![Verdict::Dangling];
    }
    let worst = apart.into_iter().map(badness).max();
    apart
        .into_iter()
        .filter(|verdict| Some(badness(*verdict)) == worst)
        .collect()
}

/// When the oldest acknowledged operation was acknowledged that is not in what came back.
fn oldest_missing(asked: &[Asked], seen: Observed) -> Option<u64> {
    let back = match seen {
        Observed::Present {
            version: Some(version),
            copies: 1,
            ..
        } => asked
            .iter()
            .rposition(|one| one.what != Op::Delete && one.version == version),
        _ => None,
    };
    let after = back.map_or(0, |at| at + 1);
    asked[after..]
        .iter()
        .find(|one| one.yes())
        .map(|one| one.to)
}

fn lines(asked: &[Asked]) -> Vec<OpLine> {
    let mut lines = Vec::new();
    for one in asked {
        for (seq, phase) in [(one.from, Phase::Invoked), (one.to, one.end)] {
            lines.push(OpLine {
                seq,
                at_us: i64::try_from(seq).unwrap_or(0),
                canary: CanaryId(0),
                op: one.what,
                version: one.version,
                phase,
            });
            if one.end == Phase::Invoked {
                break;
            }
        }
    }
    lines
}

/// Creates until one is not refused, overwrites, perhaps deletes; any of them refused, unknown or
/// never ended, and asked for again.
fn history() -> impl Strategy<Value = Vec<Asked>> {
    let end = prop_oneof![
        6 => Just(Phase::Acknowledged),
        2 => Just(Phase::Indeterminate),
        2 => Just(Phase::Refused),
        1 => Just(Phase::Invoked),
    ];
    let step = (1_u64..30, 1_u64..30, end, prop::bool::weighted(0.3));
    (prop::collection::vec(step, 0..6), 0_usize..6).prop_map(|(steps, deletes_from)| {
        let mut asked: Vec<Asked> = Vec::new();
        let mut moment = 0;
        for (number, (wait, takes, end, again)) in steps.into_iter().enumerate() {
            let begun = asked.iter().any(|one| !one.no());
            let (what, version) = match asked.last() {
                Some(last) if again && !last.yes() => (last.what, last.version),
                Some(last) if begun && (number > deletes_from || last.what == Op::Delete) => {
                    (Op::Delete, last.version)
                }
                Some(last) if begun => (Op::Overwrite, last.version + 1),
                _ => (Op::Create, 0),
            };
            let from = moment + wait;
            moment = from + takes;
            asked.push(Asked {
                what,
                version,
                from,
                to: moment,
                end,
            });
        }
        asked
    })
}

fn store() -> impl Strategy<Value = StoreFacts> {
    (
        prop::option::weighted(0.9, (0_u64..180, 0_u64..25)),
        prop::bool::weighted(0.85),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(cut, destroyed, retained, losable)| StoreFacts {
            cut: cut.map(|(begin, width)| Cut {
                begin,
                end: begin + width,
            }),
            destroyed,
            retained,
            losable,
        })
}

fn observed() -> impl Strategy<Value = Observed> {
    let version = prop::option::weighted(0.85, 0_u32..5);
    let copies =
        (version, 1_u32..4, any::<bool>()).prop_map(|(version, copies, same)| Observed::Present {
            version,
            copies,
            same: same || copies == 1,
        });
    let sealed = (prop::bool::weighted(0.8), prop::bool::weighted(0.8)).prop_map(
        |(found_directly, keyless_reads)| Observed::Undecryptable {
            found_directly,
            keyless_reads,
        },
    );
    prop_oneof![
        4 => Just(Observed::Absent),
        6 => (0_u32..4).prop_map(Observed::once),
        2 => copies,
        3 => sealed,
        1 => Just(Observed::Unreachable),
    ]
}

const LOSSES: [Verdict; 4] = [
    Verdict::Lost,
    Verdict::LostInWindow,
    Verdict::Stale,
    Verdict::Corrupted,
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 8_000, ..ProptestConfig::default() })]

    #[test]
    fn one_part_is_called_what_the_possible_restores_call_it(
        asked in history(),
        store in store(),
        seen in observed(),
    ) {
        let lines = lines(&asked);
        let observation = Observation { first: seen, second: None, linked: None };
        let counted = tally(&Histories::new(&lines, 1), &[(0, None)], &[store], &[observation]);
        let verdict = counted.judged[0].verdict;
        prop_assert_eq!(verdict, part(&asked, &store, seen));
        let acknowledged = asked.iter().any(Asked::yes);
        let lost = acknowledged && LOSSES.contains(&verdict);
        let missing = oldest_missing(&asked, seen).filter(|_| lost);
        let rpa = counted.stores[0].rpa;
        prop_assert_eq!(rpa.oldest_lost_us, missing.and_then(|at| i64::try_from(at).ok()));
        prop_assert_eq!(rpa.lost, u64::from(lost));
    }

    #[test]
    fn a_pair_is_called_what_its_halves_and_their_link_make_of_it(
        asked in history(),
        stores in (store(), store()),
        seen in (observed(), observed()),
        linked in prop::option::of(any::<bool>()),
    ) {
        let histories = Histories::new(&lines(&asked), 1);
        let facts = Facts { first: stores.0, second: Some(stores.1) };
        let seen = Observation { first: seen.0, second: Some(seen.1), linked };
        let verdict = classify_one(histories.of(CanaryId(0)), &facts, &seen).verdict;
        let expected = pair(&asked, [&stores.0, &stores.1], &seen);
        prop_assert!(expected.contains(&verdict), "{verdict:?} instead of {expected:?}");
    }
}

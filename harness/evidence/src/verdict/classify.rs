//! The table of verdicts, cell by cell.

use super::history::{Cut, Operation, Side};
use super::{Judged, Observation, Observed, Reason, Verdict};
use crate::canary::Version;
use crate::finding::Outcome;
use crate::ledger::Op;

/// What is known of a store, apart from its canaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFacts {
    /// The recovery point that it was restored from; `None` when it has none.
    pub cut: Option<Cut>,
    /// Its destruction was proven: old vessel gone, new vessel new, tombstone absent.
    pub destroyed: bool,
    /// It was kept out of the destroy on purpose.
    pub retained: bool,
    /// It may be lost.
    pub losable: bool,
}

/// What is known of the stores of one canary's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Of the first part's store.
    pub first: StoreFacts,
    /// Of the second part's store, of a pair.
    pub second: Option<StoreFacts>,
}

/// Judges one canary.
#[must_use]
pub fn classify_one(history: &[Operation], facts: &Facts, seen: &Observation) -> Judged {
    let first = judge_part(history, &facts.first, seen.first);
    let (Some(second_facts), Some(second_seen)) = (facts.second, seen.second) else {
        return Judged {
            against: 1,
            ..first
        };
    };
    let second = judge_part(history, &second_facts, second_seen);
    judge_pair(
        history,
        facts,
        seen,
        first,
        (second, second_facts, second_seen),
    )
}

fn judged(verdict: Verdict, reason: Reason) -> Judged {
    Judged {
        verdict,
        also: None,
        reason,
        against: 1,
    }
}

/// A part by itself. What kind of store it is comes last: a retained or losable store, or one
/// whose destruction is unproven, changes what an otherwise clear verdict may be called.
fn judge_part(history: &[Operation], store: &StoreFacts, seen: Observed) -> Judged {
    let plain = match seen {
        Observed::Unreachable => return judged(Verdict::Unreachable, Reason::NoAnswer),
        Observed::Undecryptable {
            found_directly,
            keyless_reads,
        } => {
            return if found_directly && keyless_reads {
                judged(Verdict::Undecryptable, Reason::KeyChanged)
            } else {
                judged(Verdict::Unreachable, Reason::KeyUnproven)
            };
        }
        Observed::Absent => judge_absent(history, store),
        Observed::Present {
            version,
            copies,
            same,
        } => judge_present(history, store, version, copies, same),
    };
    if store.losable && seen == Observed::Absent && plain.verdict.counts_as() == Some(Outcome::Fail)
    {
        return judged(Verdict::Expendable, Reason::MayBeLost);
    }
    if store.retained && plain.verdict.counts_as() != Some(Outcome::Fail) {
        return if seen == Observed::Absent && plain.verdict == Verdict::LostInWindow {
            // Nothing was destroyed here, so no window can have swallowed it.
            judged(Verdict::Lost, Reason::KeptOut)
        } else {
            judged(Verdict::Retained, Reason::KeptOut)
        };
    }
    if !store.destroyed && plain.verdict.counts_as() == Some(Outcome::Pass) {
        return judged(Verdict::Unverifiable, Reason::NotProvenDestroyed);
    }
    plain
}

/// The create that counts: the last one that was not refused, if any was sent.
fn creation(history: &[Operation]) -> Option<&Operation> {
    let mut creates = history
        .iter()
        .filter(|operation| operation.op == Op::Create);
    creates
        .clone()
        .rfind(|operation| operation.acknowledged())
        .or_else(|| {
            creates
                .clone()
                .rfind(|operation| !operation.refused())
                .or_else(|| creates.next_back())
        })
}

/// The delete that counts, if one was sent that was not refused.
fn deletion(history: &[Operation]) -> Option<&Operation> {
    history
        .iter()
        .rfind(|operation| operation.op == Op::Delete && !operation.refused())
}

/// A retained store has no recovery point and needs none: all of its writes are before its "cut".
fn cut_of(store: &StoreFacts) -> Option<Cut> {
    if store.retained {
        Some(Cut {
            begin: u64::MAX,
            end: u64::MAX,
        })
    } else {
        store.cut
    }
}

fn judge_absent(history: &[Operation], store: &StoreFacts) -> Judged {
    let Some(created) = creation(history) else {
        return judged(Verdict::Note, Reason::NeverInvoked);
    };
    if created.refused() {
        return judged(Verdict::Note, Reason::Refused);
    }
    if !created.acknowledged() {
        return judged(Verdict::Note, Reason::Indeterminate);
    }
    if let Some(deleted) = deletion(history) {
        return match (cut_of(store), deleted.acknowledged()) {
            (None, _) => judged(Verdict::Note, Reason::NoPoint),
            (Some(_), false) => judged(Verdict::Note, Reason::Indeterminate),
            (Some(cut), true) => match deleted.side(cut) {
                Side::Before => judged(Verdict::Survived, Reason::DeletedBeforeThePoint),
                Side::Overlap => judged(Verdict::Survived, Reason::OverlapsThePoint),
                Side::After => match created.side(cut) {
                    // Born and deleted after the point: nothing of it could come back.
                    Side::After => judged(Verdict::Note, Reason::AfterThePoint),
                    Side::Overlap => judged(Verdict::LostInWindow, Reason::OverlapsThePoint),
                    Side::Before => judged(Verdict::Unverifiable, Reason::DeletedAfterThePoint),
                },
            },
        };
    }
    let Some(cut) = cut_of(store) else {
        return judged(Verdict::Lost, Reason::NoPoint);
    };
    match created.side(cut) {
        Side::Before => judged(Verdict::Lost, Reason::BeforeThePoint),
        Side::Overlap => judged(Verdict::LostInWindow, Reason::OverlapsThePoint),
        Side::After => judged(Verdict::LostInWindow, Reason::AfterThePoint),
    }
}

fn judge_present(
    history: &[Operation],
    store: &StoreFacts,
    version: Option<Version>,
    copies: u32,
    same: bool,
) -> Judged {
    let Some(created) = creation(history) else {
        return judged(Verdict::Unexpected, Reason::NeverInvoked);
    };
    if created.refused() {
        return judged(Verdict::Phantom, Reason::Refused);
    }
    if copies > 1 {
        return if same && version.is_some() {
            judged(Verdict::Duplicated, Reason::Copies)
        } else {
            Judged {
                also: Some(Verdict::Duplicated),
                ..judged(Verdict::Corrupted, Reason::CopiesDiffer)
            }
        };
    }
    let Some(version) = version else {
        return judged(Verdict::Corrupted, Reason::ForeignBytes);
    };
    let written = history
        .iter()
        .rfind(|operation| operation.op != Op::Delete && operation.version == version);
    let Some(written) = written else {
        return judged(Verdict::Corrupted, Reason::ForeignBytes);
    };
    let Some(cut) = cut_of(store) else {
        return judged(Verdict::Unverifiable, Reason::CannotBeThere);
    };
    // What was invoked after the point's end cannot come out of it, whoever acknowledged it.
    if written.side(cut) == Side::After || created.side(cut) == Side::After {
        return judged(Verdict::Unverifiable, Reason::CannotBeThere);
    }
    if written.refused() {
        return judged(Verdict::Phantom, Reason::Refused);
    }
    if let Some(deleted) = deletion(history) {
        return judge_undeleted(history, deleted, cut, version);
    }
    if !written.acknowledged() {
        // A newer version that was acknowledged in time settles it: this one is old, written or not.
        return if newest_before(history, cut).is_some_and(|newest| version < newest) {
            judged(Verdict::Stale, Reason::NewerBeforeThePoint)
        } else {
            judged(Verdict::Recovered, Reason::Indeterminate)
        };
    }
    judge_version(history, written, cut)
}

/// There, though a delete was sent.
fn judge_undeleted(
    history: &[Operation],
    deleted: &Operation,
    cut: Cut,
    version: Version,
) -> Judged {
    if !deleted.acknowledged() {
        return if newest_before(history, cut).is_some_and(|newest| version < newest) {
            judged(Verdict::Stale, Reason::NewerBeforeThePoint)
        } else {
            judged(Verdict::Note, Reason::Indeterminate)
        };
    }
    match deleted.side(cut) {
        Side::Before => judged(Verdict::Resurrected, Reason::DeletedBeforeThePoint),
        Side::Overlap | Side::After => {
            if newest_before(history, cut).is_some_and(|newest| version < newest) {
                judged(Verdict::Stale, Reason::NewerBeforeThePoint)
            } else {
                judged(Verdict::LostInWindow, Reason::DeletedAfterThePoint)
            }
        }
    }
}

/// There in an acknowledged version that the recovery point can hold.
fn judge_version(history: &[Operation], written: &Operation, cut: Cut) -> Judged {
    if newest_before(history, cut).is_some_and(|newest| written.version < newest) {
        return judged(Verdict::Stale, Reason::NewerBeforeThePoint);
    }
    let newer = history.iter().any(|operation| {
        operation.op != Op::Delete
            && operation.acknowledged()
            && operation.version > written.version
    });
    if newer {
        judged(Verdict::LostInWindow, Reason::NewerAfterThePoint)
    } else if written.side(cut) == Side::Overlap {
        judged(Verdict::Survived, Reason::OverlapsThePoint)
    } else {
        judged(Verdict::Survived, Reason::AsAcknowledged)
    }
}

/// The newest version acknowledged before the cut.
fn newest_before(history: &[Operation], cut: Cut) -> Option<Version> {
    history
        .iter()
        .filter(|operation| {
            operation.op != Op::Delete
                && operation.acknowledged()
                && operation.side(cut) == Side::Before
        })
        .map(|operation| operation.version)
        .max()
}

fn judge_pair(
    history: &[Operation],
    facts: &Facts,
    seen: &Observation,
    first: Judged,
    second: (Judged, StoreFacts, Observed),
) -> Judged {
    let (second, second_facts, second_seen) = second;
    let there = |seen: Observed| {
        matches!(
            seen,
            Observed::Present { .. } | Observed::Undecryptable { .. }
        )
    };
    // A half that could not be read says nothing of the pair.
    for (part, bit) in [(first, 1), (second, 2)] {
        if part.verdict == Verdict::Unreachable {
            return Judged {
                against: bit,
                ..part
            };
        }
    }
    let deleted = deletion(history).is_some();
    match (there(seen.first), there(second_seen)) {
        (true, false) | (false, true) if !deleted => {
            let created = creation(history);
            if !created.is_some_and(Operation::acknowledged) {
                let (part, against) = if there(seen.first) {
                    (first, 1)
                } else {
                    (second, 2)
                };
                return if part.verdict.counts_as() == Some(Outcome::Fail) {
                    Judged { against, ..part }
                } else {
                    judged(Verdict::Note, Reason::Indeterminate)
                };
            }
            let absent = if there(seen.first) {
                (second, 2)
            } else {
                (first, 1)
            };
            if absent.0.verdict == Verdict::Expendable {
                return Judged {
                    against: absent.1,
                    ..absent.0
                };
            }
            let present = if there(seen.first) {
                (first, 1)
            } else {
                (second, 2)
            };
            // What is wrong with the half that is there by itself is worse than the missing half.
            if matches!(
                present.0.verdict,
                Verdict::Corrupted | Verdict::Duplicated | Verdict::Undecryptable
            ) {
                return Judged {
                    against: present.1,
                    ..present.0
                };
            }
            let row_in_window = !there(seen.first) && first.verdict == Verdict::LostInWindow;
            if row_in_window {
                return proven(facts.first, second_facts, first, 1);
            }
            Judged {
                against: absent.1,
                ..judged(Verdict::Dangling, Reason::HalfThere)
            }
        }
        // A file is seen through its row. Where the row was legitimately lost, its absence says nothing
        // of a file whose own point is newer.
        (false, false)
            if !deleted
                && first.verdict == Verdict::LostInWindow
                && second.verdict == Verdict::Lost
                && cut_of(&second_facts).is_some() =>
        {
            proven(facts.first, second_facts, first, 1)
        }
        (true, true)
            if seen.linked == Some(false)
                && first.verdict.counts_as() != Some(Outcome::Fail)
                && second.verdict.counts_as() != Some(Outcome::Fail) =>
        {
            Judged {
                against: 3,
                ..judged(Verdict::Dangling, Reason::LinkWrong)
            }
        }
        _ => worse(first, second),
    }
}

/// A pass of a pair stands only if both stores were proven destroyed.
fn proven(first: StoreFacts, second: StoreFacts, part: Judged, against: u8) -> Judged {
    if (first.destroyed || first.retained) && (second.destroyed || second.retained) {
        Judged { against, ..part }
    } else {
        Judged {
            against,
            ..judged(Verdict::Unverifiable, Reason::NotProvenDestroyed)
        }
    }
}

/// The worse of two halves; equal halves count against both stores.
fn worse(first: Judged, second: Judged) -> Judged {
    let rank = |part: Judged| match part.verdict.counts_as() {
        Some(Outcome::Fail) => 4,
        Some(Outcome::Unknown) => 3,
        Some(Outcome::Pass) if part.verdict == Verdict::LostInWindow => 2,
        Some(Outcome::Pass) => 1,
        None => 0,
    };
    if first.verdict == second.verdict {
        return Judged {
            against: 3,
            ..first
        };
    }
    if rank(first) >= rank(second) {
        Judged {
            against: 1,
            ..first
        }
    } else {
        Judged {
            against: 2,
            ..second
        }
    }
}

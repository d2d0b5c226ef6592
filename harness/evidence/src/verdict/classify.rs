//! The table of verdicts, cell by cell, for one part of a canary.

use super::history::{Cut, Operation, Side};
use super::pair::judge_pair;
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

pub(super) fn judged(verdict: Verdict, reason: Reason) -> Judged {
    Judged {
        verdict,
        also: None,
        reason,
        against: 1,
    }
}

/// A part by itself. What kind of store it is comes last: a retained or losable store, or one
/// whose destruction is unproven, changes what an otherwise clear verdict may be called.
pub(super) fn judge_part(history: &[Operation], store: &StoreFacts, seen: Observed) -> Judged {
    let plain = match seen {
        Observed::Unreachable => judged(Verdict::Unreachable, Reason::NoAnswer),
        Observed::Undecryptable {
            found_directly: true,
            keyless_reads: true,
        } => judge_sealed(history, store),
        Observed::Undecryptable { .. } => judged(Verdict::Unreachable, Reason::KeyUnproven),
        Observed::Absent => judge_absent(history, store),
        Observed::Present {
            version,
            copies,
            same,
        } => judge_present(history, store, version, copies, same),
    };
    let counts_as = plain.verdict.counts_as();
    if store.losable
        && seen == Observed::Absent
        && matches!(plain.verdict, Verdict::Lost | Verdict::LostInWindow)
    {
        return judged(Verdict::Expendable, Reason::MayBeLost);
    }
    if store.retained {
        return match (seen, counts_as) {
            // A delete that still holds where nothing was destroyed proves nothing of a restore.
            (Observed::Absent, Some(Outcome::Pass)) => judged(Verdict::Note, Reason::KeptOut),
            (Observed::Absent, Some(Outcome::Fail)) => judged(plain.verdict, Reason::KeptOut),
            (Observed::Absent, _) | (_, Some(Outcome::Fail | Outcome::Unknown)) => plain,
            (_, Some(Outcome::Pass) | None) => judged(Verdict::Retained, Reason::KeptOut),
        };
    }
    if !store.destroyed && counts_as == Some(Outcome::Pass) {
        return judged(Verdict::Unverifiable, Reason::NotProvenDestroyed);
    }
    plain
}

/// The operations that would leave it there.
fn writes(history: &[Operation]) -> impl Iterator<Item = &Operation> {
    history
        .iter()
        .filter(|operation| operation.op != Op::Delete)
}

/// The first write that may have reached the store; why there is none.
fn first_sent(history: &[Operation]) -> Result<&Operation, Reason> {
    let none = if writes(history).next().is_some() {
        Reason::Refused
    } else {
        Reason::NeverInvoked
    };
    writes(history)
        .find(|operation| !operation.refused())
        .ok_or(none)
}

/// The first write that was acknowledged: from it on the canary was promised to be there, also when
/// it was an overwrite of what nobody knew to be created.
pub(super) fn first_acknowledged(history: &[Operation]) -> Option<&Operation> {
    writes(history).find(|operation| operation.acknowledged())
}

/// The deletes that may have reached the store.
pub(super) fn deletes(history: &[Operation]) -> impl Iterator<Item = &Operation> + Clone {
    history
        .iter()
        .filter(|operation| operation.op == Op::Delete && !operation.refused())
}

/// The delete that best explains that it is not in this cut, if one may be.
fn deletion_within(history: &[Operation], cut: Cut) -> Option<&Operation> {
    deletes(history)
        .filter(|operation| operation.side(cut) != Side::After)
        .min_by_key(|operation| !operation.acknowledged())
}

/// A retained store has no recovery point and needs none: all of its writes are before its "cut".
pub(super) fn cut_of(store: &StoreFacts) -> Option<Cut> {
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
    let first = match first_sent(history) {
        Ok(first) => first,
        Err(why) => return judged(Verdict::Note, why),
    };
    let Some(promised) = first_acknowledged(history) else {
        return judged(Verdict::Note, Reason::Indeterminate);
    };
    let deleted = deletes(history).next().is_some();
    let Some(cut) = cut_of(store) else {
        return if deleted {
            judged(Verdict::Note, Reason::NoPoint)
        } else {
            judged(Verdict::Lost, Reason::NoPoint)
        };
    };
    if let Some(deleted) = deletion_within(history, cut) {
        return if !deleted.acknowledged() {
            judged(Verdict::Note, Reason::Indeterminate)
        } else if deleted.side(cut) == Side::Overlap {
            judged(Verdict::Survived, Reason::OverlapsThePoint)
        } else {
            judged(Verdict::Survived, Reason::DeletedBeforeThePoint)
        };
    }
    if deleted {
        // Known or not, a delete from after the point is in no restore of it.
        return if first.side(cut) == Side::After {
            // Born and deleted after the point: nothing of it could come back.
            judged(Verdict::Note, Reason::AfterThePoint)
        } else if promised.side(cut) == Side::Before {
            judged(Verdict::Unverifiable, Reason::DeletedAfterThePoint)
        } else {
            judged(Verdict::LostInWindow, Reason::OverlapsThePoint)
        };
    }
    match promised.side(cut) {
        Side::Before => judged(Verdict::Lost, Reason::BeforeThePoint),
        Side::Overlap => judged(Verdict::LostInWindow, Reason::OverlapsThePoint),
        Side::After => judged(Verdict::LostInWindow, Reason::AfterThePoint),
    }
}

/// A direct read finds it, the application answers that it cannot decrypt it, and both proofs are
/// there: what its history says of its being there at all comes before what its key did.
fn judge_sealed(history: &[Operation], store: &StoreFacts) -> Judged {
    let first = match first_sent(history) {
        Ok(first) => first,
        Err(Reason::Refused) => return judged(Verdict::Phantom, Reason::Refused),
        Err(why) => return judged(Verdict::Unexpected, why),
    };
    let Some(cut) = cut_of(store).filter(|cut| first.side(*cut) != Side::After) else {
        return judged(Verdict::Unverifiable, Reason::CannotBeThere);
    };
    if let Some(deleted) = deletion_within(history, cut) {
        // Applications that only mark a row as deleted leave it for a direct read to find, in every
        // faithful restore. Whether it is deleted to the application is what counts, and that
        // cannot be asked: the error may come before it looks at the mark. So this is neither
        // resurrected nor survived; and a key cannot spoil what may rightly be gone.
        return if deleted.acknowledged() {
            judged(Verdict::Unreachable, Reason::KeyHidesDelete)
        } else {
            judged(Verdict::Note, Reason::Indeterminate)
        };
    }
    if first_acknowledged(history).is_none() {
        // There, and never promised: the key is named by those that were.
        return judged(Verdict::Recovered, Reason::Indeterminate);
    }
    judged(Verdict::Undecryptable, Reason::KeyChanged)
}

fn judge_present(
    history: &[Operation],
    store: &StoreFacts,
    version: Option<Version>,
    copies: u32,
    same: bool,
) -> Judged {
    match first_sent(history) {
        Ok(_) => {}
        Err(Reason::Refused) => return judged(Verdict::Phantom, Reason::Refused),
        Err(why) => return judged(Verdict::Unexpected, why),
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
    let Some(cut) = cut_of(store) else {
        return if writes(history).any(|operation| operation.version == version) {
            judged(Verdict::Unverifiable, Reason::CannotBeThere)
        } else {
            judged(Verdict::Corrupted, Reason::ForeignBytes)
        };
    };
    let Some(written) = written_as(history, version, cut) else {
        return judged(Verdict::Corrupted, Reason::ForeignBytes);
    };
    // What was invoked after the point's end cannot come out of it, whoever acknowledged it.
    if written.side(cut) == Side::After {
        return judged(Verdict::Unverifiable, Reason::CannotBeThere);
    }
    if written.refused() {
        return judged(Verdict::Phantom, Reason::Refused);
    }
    if deletes(history).next().is_some() {
        return judge_undeleted(history, cut, version);
    }
    judge_version(history, written, cut)
}

/// The attempt that best explains that this version came out of this cut.
fn written_as(history: &[Operation], version: Version, cut: Cut) -> Option<&Operation> {
    writes(history)
        .filter(|operation| operation.version == version)
        .min_by_key(|operation| {
            (
                operation.side(cut) == Side::After,
                operation.refused(),
                !operation.acknowledged(),
            )
        })
}

/// There, though a delete was sent.
fn judge_undeleted(history: &[Operation], cut: Cut, version: Version) -> Judged {
    let mut deleted = deletes(history).filter(|operation| operation.acknowledged());
    if deleted
        .clone()
        .any(|operation| operation.side(cut) == Side::Before)
    {
        return judged(Verdict::Resurrected, Reason::DeletedBeforeThePoint);
    }
    if newest_before(history, cut).is_some_and(|newest| version < newest) {
        return judged(Verdict::Stale, Reason::NewerBeforeThePoint);
    }
    if deleted.next().is_some() {
        judged(Verdict::LostInWindow, Reason::DeletedAfterThePoint)
    } else if newer_acknowledged(history, version) {
        judged(Verdict::LostInWindow, Reason::NewerAfterThePoint)
    } else {
        judged(Verdict::Note, Reason::Indeterminate)
    }
}

/// There in a version that the recovery point can hold.
fn judge_version(history: &[Operation], written: &Operation, cut: Cut) -> Judged {
    // A newer version that was acknowledged settles it: this one is old, written or not.
    if newest_before(history, cut).is_some_and(|newest| written.version < newest) {
        judged(Verdict::Stale, Reason::NewerBeforeThePoint)
    } else if newer_acknowledged(history, written.version) {
        judged(Verdict::LostInWindow, Reason::NewerAfterThePoint)
    } else if !written.acknowledged() {
        judged(Verdict::Recovered, Reason::Indeterminate)
    } else if written.side(cut) == Side::Overlap {
        judged(Verdict::Survived, Reason::OverlapsThePoint)
    } else {
        judged(Verdict::Survived, Reason::AsAcknowledged)
    }
}

fn newer_acknowledged(history: &[Operation], version: Version) -> bool {
    writes(history).any(|operation| operation.acknowledged() && operation.version > version)
}

/// The newest version acknowledged before the cut.
fn newest_before(history: &[Operation], cut: Cut) -> Option<Version> {
    writes(history)
        .filter(|operation| operation.acknowledged() && operation.side(cut) == Side::Before)
        .map(|operation| operation.version)
        .max()
}

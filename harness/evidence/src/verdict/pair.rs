//! What becomes of a canary in two stores, of which either half was judged by itself.

use super::classify::{Facts, StoreFacts, cut_of, deletes, first_acknowledged, judged};
use super::history::Operation;
use super::{Judged, Observation, Observed, Reason, Verdict};
use crate::finding::Outcome;

pub(super) fn judge_pair(
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
    let deleted = deletes(history).next().is_some();
    match (there(seen.first), there(second_seen)) {
        (true, false) | (false, true) if !deleted => {
            if first_acknowledged(history).is_none() {
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
            if row_in_window(first, seen) {
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
                && (row_in_window(first, seen) || first.verdict == Verdict::Expendable)
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

/// Whether the row is absent with the window; as far as is known, where its store was not proven to
/// be destroyed.
fn row_in_window(row: Judged, seen: &Observation) -> bool {
    seen.first == Observed::Absent
        && (row.verdict == Verdict::LostInWindow || row.reason == Reason::NotProvenDestroyed)
}

/// A pass of a pair stands only if both stores were proven destroyed.
fn proven(first: StoreFacts, second: StoreFacts, part: Judged, against: u8) -> Judged {
    if part.verdict == Verdict::Expendable
        || (first.destroyed || first.retained) && (second.destroyed || second.retained)
    {
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

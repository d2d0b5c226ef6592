//! The table of verdicts, cell by cell, and a second opinion over random histories.

use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::ledger::{Op, OpLine, Phase};
use phoenix_evidence::verdict::{
    Cut, Facts, Histories, Observation, Observed, StoreFacts, Verdict, classify_one,
};
use proptest::prelude::*;

const STORE: StoreFacts = StoreFacts {
    cut: Some(Cut {
        begin: 100,
        end: 110,
    }),
    destroyed: true,
    retained: false,
    losable: false,
};

fn line(seq: u64, op: Op, version: u32, phase: Phase) -> OpLine {
    OpLine {
        seq,
        at_us: 0,
        canary: CanaryId(0),
        op,
        version,
        phase,
    }
}

/// An operation that was invoked and ended at these numbers.
fn op(op: Op, version: u32, from: u64, to: u64, phase: Phase) -> Vec<OpLine> {
    let mut lines = vec![line(from, op, version, Phase::Invoked)];
    if phase != Phase::Invoked {
        lines.push(line(to, op, version, phase));
    }
    lines
}

fn acked(what: Op, version: u32, from: u64, to: u64) -> Vec<OpLine> {
    op(what, version, from, to, Phase::Acknowledged)
}

fn judge(lines: &[OpLine], store: StoreFacts, seen: Observed) -> Verdict {
    let histories = Histories::new(lines, 1);
    let facts = Facts {
        first: store,
        second: None,
    };
    let seen = Observation {
        first: seen,
        second: None,
        linked: None,
    };
    classify_one(histories.of(CanaryId(0)), &facts, &seen).verdict
}

fn there(version: u32) -> Observed {
    Observed::once(version)
}

const FOREIGN: Observed = Observed::Present {
    version: None,
    copies: 1,
    same: true,
};

#[test]
fn before_overlapping_and_after_the_cut() {
    let before = acked(Op::Create, 0, 1, 2);
    let overlap = acked(Op::Create, 0, 99, 105);
    let after = acked(Op::Create, 0, 111, 112);
    for (lines, present, absent) in [
        (&before, Verdict::Survived, Verdict::Lost),
        (&overlap, Verdict::Survived, Verdict::LostInWindow),
        (&after, Verdict::Unverifiable, Verdict::LostInWindow),
    ] {
        assert_eq!(judge(lines, STORE, there(0)), present);
        assert_eq!(judge(lines, STORE, Observed::Absent), absent);
    }
    assert_eq!(
        judge(&before, StoreFacts { cut: None, ..STORE }, Observed::Absent),
        Verdict::Lost
    );
    assert_eq!(judge(&before, STORE, FOREIGN), Verdict::Corrupted);
}

#[test]
fn versions_on_both_sides_of_the_cut() {
    let lines: Vec<OpLine> = [
        acked(Op::Create, 0, 1, 2),
        acked(Op::Overwrite, 1, 3, 4),
        acked(Op::Overwrite, 2, 120, 121),
    ]
    .concat();
    assert_eq!(judge(&lines, STORE, there(0)), Verdict::Stale);
    assert_eq!(judge(&lines, STORE, there(1)), Verdict::LostInWindow);
    assert_eq!(judge(&lines, STORE, there(2)), Verdict::Unverifiable);
}

#[test]
fn what_nobody_knows_is_told_as_that() {
    let created = acked(Op::Create, 0, 1, 2);
    let maybe = op(Op::Overwrite, 1, 3, 4, Phase::Indeterminate);
    let lines = [created.clone(), maybe].concat();
    assert_eq!(judge(&lines, STORE, there(0)), Verdict::Survived);
    assert_eq!(judge(&lines, STORE, there(1)), Verdict::Recovered);
    let never_ended = op(Op::Create, 0, 1, 0, Phase::Invoked);
    assert_eq!(judge(&never_ended, STORE, Observed::Absent), Verdict::Note);
    assert_eq!(judge(&never_ended, STORE, there(0)), Verdict::Recovered);
    assert_eq!(judge(&never_ended, STORE, FOREIGN), Verdict::Corrupted);
    let refused = op(Op::Create, 0, 1, 2, Phase::Refused);
    assert_eq!(judge(&refused, STORE, there(0)), Verdict::Phantom);
    assert_eq!(judge(&[], STORE, there(0)), Verdict::Unexpected);
    assert_eq!(
        judge(&created, STORE, Observed::Unreachable),
        Verdict::Unreachable
    );
}

#[test]
fn deletes_on_both_sides_of_the_cut() {
    let created = acked(Op::Create, 0, 1, 2);
    let with = |delete: Vec<OpLine>| [created.clone(), delete].concat();
    let before = with(acked(Op::Delete, 0, 5, 6));
    let after = with(acked(Op::Delete, 0, 120, 121));
    let maybe = with(op(Op::Delete, 0, 5, 6, Phase::Indeterminate));
    assert_eq!(judge(&before, STORE, Observed::Absent), Verdict::Survived);
    assert_eq!(judge(&before, STORE, there(0)), Verdict::Resurrected);
    assert_eq!(judge(&after, STORE, there(0)), Verdict::LostInWindow);
    assert_eq!(
        judge(&after, STORE, Observed::Absent),
        Verdict::Unverifiable
    );
    assert_eq!(judge(&maybe, STORE, Observed::Absent), Verdict::Note);
    assert_eq!(judge(&maybe, STORE, there(0)), Verdict::Note);
}

#[test]
fn copies_keys_and_stores_of_other_kinds() {
    let created = acked(Op::Create, 0, 1, 2);
    let twice = |same| Observed::Present {
        version: Some(0),
        copies: 2,
        same,
    };
    assert_eq!(judge(&created, STORE, twice(true)), Verdict::Duplicated);
    assert_eq!(judge(&created, STORE, twice(false)), Verdict::Corrupted);
    let sealed = |found_directly, keyless_reads| Observed::Undecryptable {
        found_directly,
        keyless_reads,
    };
    assert_eq!(
        judge(&created, STORE, sealed(true, true)),
        Verdict::Undecryptable
    );
    assert_eq!(
        judge(&created, STORE, sealed(true, false)),
        Verdict::Unreachable
    );
    assert_eq!(
        judge(&created, STORE, sealed(false, true)),
        Verdict::Unreachable
    );
    let standing = StoreFacts {
        destroyed: false,
        ..STORE
    };
    assert_eq!(judge(&created, standing, there(0)), Verdict::Unverifiable);
    assert_eq!(judge(&created, standing, Observed::Absent), Verdict::Lost);
    let kept = StoreFacts {
        retained: true,
        cut: None,
        destroyed: false,
        ..STORE
    };
    assert_eq!(judge(&created, kept, there(0)), Verdict::Retained);
    assert_eq!(judge(&created, kept, Observed::Absent), Verdict::Lost);
    let losable = StoreFacts {
        losable: true,
        cut: None,
        ..STORE
    };
    assert_eq!(
        judge(&created, losable, Observed::Absent),
        Verdict::Expendable
    );
}

#[test]
fn pairs() {
    let judge = |lines: &[OpLine], row, file, linked| {
        let histories = Histories::new(lines, 1);
        let facts = Facts {
            first: STORE,
            second: Some(STORE),
        };
        let seen = Observation {
            first: row,
            second: Some(file),
            linked,
        };
        classify_one(histories.of(CanaryId(0)), &facts, &seen).verdict
    };
    let before = acked(Op::Create, 0, 1, 2);
    let after = acked(Op::Create, 0, 120, 121);
    let maybe = op(Op::Create, 0, 1, 2, Phase::Indeterminate);
    let absent = Observed::Absent;
    assert_eq!(
        judge(&before, there(0), there(0), Some(true)),
        Verdict::Survived
    );
    assert_eq!(
        judge(&before, there(0), there(0), Some(false)),
        Verdict::Dangling
    );
    assert_eq!(judge(&before, there(0), absent, None), Verdict::Dangling);
    assert_eq!(judge(&before, absent, there(0), None), Verdict::Dangling);
    assert_eq!(judge(&before, absent, absent, None), Verdict::Lost);
    assert_eq!(judge(&after, absent, absent, None), Verdict::LostInWindow);
    assert_eq!(judge(&maybe, there(0), absent, None), Verdict::Note);
    assert_eq!(
        judge(&before, Observed::Unreachable, there(0), None),
        Verdict::Unreachable
    );
}

#[test]
fn a_file_is_seen_through_its_row_alone() {
    let newer = StoreFacts {
        cut: Some(Cut {
            begin: 200,
            end: 210,
        }),
        ..STORE
    };
    let judge = |first, second, row, file| {
        let written = acked(Op::Create, 0, 150, 151);
        let histories = Histories::new(&written, 1);
        let facts = Facts {
            first,
            second: Some(second),
        };
        let seen = Observation {
            first: row,
            second: Some(file),
            linked: None,
        };
        let judged = classify_one(histories.of(CanaryId(0)), &facts, &seen);
        (judged.verdict, judged.against)
    };
    let absent = Observed::Absent;
    let kept = StoreFacts { cut: None, ..STORE };
    let unproven = StoreFacts {
        destroyed: false,
        ..newer
    };
    // The row is in the window of its store; the file's own store is restored from a later moment.
    assert_eq!(
        judge(STORE, newer, absent, absent),
        (Verdict::LostInWindow, 1)
    );
    assert_eq!(
        judge(STORE, unproven, absent, absent),
        (Verdict::Unverifiable, 1)
    );
    // No point could hold the file: whatever became of its row, it is lost.
    assert_eq!(judge(STORE, kept, absent, absent), (Verdict::Lost, 2));
    // The other way round the row says where the file should be.
    assert_eq!(judge(newer, STORE, absent, absent), (Verdict::Lost, 1));
    assert_eq!(
        judge(newer, STORE, there(0), absent),
        (Verdict::Dangling, 2)
    );
}

/// A second opinion on one plain canary: what may be there, by listing every state that a faithful
/// restore of some moment within the cut could have.
fn oracle(lines: &[OpLine], cut: Cut, seen: Option<u32>) -> bool {
    // Replays the acknowledged operations up to a moment; indeterminate ones may or may not count.
    let mut possible: Vec<Vec<Option<u32>>> = Vec::new();
    for moment in cut.begin..=cut.end {
        let mut states = vec![None];
        for invoked in lines.iter().filter(|line| line.phase == Phase::Invoked) {
            let end = lines.iter().find(|line| {
                line.phase != Phase::Invoked
                    && line.op == invoked.op
                    && line.version == invoked.version
            });
            if invoked.seq > moment {
                continue;
            }
            let next = if invoked.op == Op::Delete {
                None
            } else {
                Some(invoked.version)
            };
            match end.map(|end| (end.phase, end.seq)) {
                Some((Phase::Refused, _)) => {}
                Some((Phase::Acknowledged, at)) if at <= moment => states = vec![next],
                _ => states.push(next),
            }
        }
        possible.push(states);
    }
    possible.iter().any(|states| states.contains(&seen))
}

fn history() -> impl Strategy<Value = Vec<OpLine>> {
    let phase = prop_oneof![
        4 => Just(Phase::Acknowledged),
        1 => Just(Phase::Indeterminate),
    ];
    (
        prop::collection::vec((1_u64..60, 1_u64..60, phase), 1..5),
        any::<bool>(),
    )
        .prop_map(|(steps, deleted)| {
            let (mut lines, mut seq) = (Vec::new(), 0);
            let last = steps.len() - 1;
            for (number, (wait, takes, phase)) in steps.into_iter().enumerate() {
                let version = u32::try_from(number).unwrap_or(0);
                let (what, version) = if number == 0 {
                    (Op::Create, 0)
                } else if number == last && deleted {
                    (Op::Delete, version - 1)
                } else {
                    (Op::Overwrite, version)
                };
                // The first one is acknowledged: the oracle speaks of canaries that exist.
                let phase = if number == 0 {
                    Phase::Acknowledged
                } else {
                    phase
                };
                lines.extend(op(what, version, seq + wait, seq + wait + takes, phase));
                seq += wait + takes;
            }
            lines
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    /// What no faithful restore of the cut could show is never called survived or recovered; and
    /// what every one shows is never called a failure.
    #[test]
    fn a_pass_is_possible_and_a_possible_state_is_no_failure(
        lines in history(),
        begin in 1_u64..300,
        width in 0_u64..20,
        seen in prop::option::of(0_u32..5),
    ) {
        let cut = Cut { begin, end: begin + width };
        let store = StoreFacts { cut: Some(cut), ..STORE };
        let observed = seen.map_or(Observed::Absent, Observed::once);
        let verdict = judge(&lines, store, observed);
        let faithful = oracle(&lines, cut, seen);
        if matches!(verdict, Verdict::Survived | Verdict::Recovered) {
            prop_assert!(faithful, "{verdict:?} though no restore of {cut:?} shows {seen:?}");
        }
        if faithful {
            prop_assert!(
                !matches!(
                    verdict,
                    Verdict::Lost | Verdict::Stale | Verdict::Corrupted | Verdict::Resurrected
                ),
                "{verdict:?} though a restore of {cut:?} shows {seen:?}"
            );
        }
    }
}

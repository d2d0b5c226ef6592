//! The table of verdicts, cell by cell, and what it makes of the recovery point actual.

use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::ledger::{Op, OpLine, Phase};
use phoenix_evidence::verdict::{
    Cut, Facts, Histories, Observation, Observed, StoreFacts, Verdict, classify_one, tally,
};

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
    let settled = [lines.clone(), acked(Op::Overwrite, 2, 5, 6)].concat();
    assert_eq!(judge(&settled, STORE, there(1)), Verdict::Stale);
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

const SEALED: Observed = Observed::Undecryptable {
    found_directly: true,
    keyless_reads: true,
};

#[test]
fn a_changed_key_comes_after_the_history() {
    let created = acked(Op::Create, 0, 1, 2);
    let after = acked(Op::Create, 0, 120, 121);
    let refused = op(Op::Create, 0, 1, 2, Phase::Refused);
    let maybe = op(Op::Create, 0, 1, 2, Phase::Indeterminate);
    let deleted =
        |from, phase| [created.clone(), op(Op::Delete, 0, from, from + 1, phase)].concat();
    for (lines, verdict) in [
        (vec![], Verdict::Unexpected),
        (refused, Verdict::Phantom),
        (after, Verdict::Unverifiable),
        (maybe, Verdict::Recovered),
        // Perhaps only marked as deleted: the application cannot be asked.
        (deleted(5, Phase::Acknowledged), Verdict::Unreachable),
        (deleted(105, Phase::Acknowledged), Verdict::Unreachable),
        (deleted(5, Phase::Indeterminate), Verdict::Note),
        // Whatever became of a delete from after the point, the point does not hold it.
        (deleted(120, Phase::Acknowledged), Verdict::Undecryptable),
        (deleted(120, Phase::Indeterminate), Verdict::Undecryptable),
        (deleted(5, Phase::Refused), Verdict::Undecryptable),
    ] {
        assert_eq!(judge(&lines, STORE, SEALED), verdict, "{lines:?}");
    }
    let pointless = StoreFacts { cut: None, ..STORE };
    assert_eq!(judge(&created, pointless, SEALED), Verdict::Unverifiable);
}

#[test]
fn what_was_kept_out_of_the_destroy_is_retained_only_if_it_is_there() {
    let kept = StoreFacts {
        retained: true,
        cut: None,
        destroyed: false,
        ..STORE
    };
    let created = acked(Op::Create, 0, 1, 2);
    let refused = op(Op::Create, 0, 1, 2, Phase::Refused);
    let maybe = op(Op::Create, 0, 1, 2, Phase::Indeterminate);
    let deleted = [created, acked(Op::Delete, 0, 5, 6)].concat();
    for (lines, present, sealed) in [
        (vec![], Verdict::Unexpected, Verdict::Unexpected),
        (refused, Verdict::Phantom, Verdict::Phantom),
        (maybe, Verdict::Retained, Verdict::Retained),
        (deleted, Verdict::Resurrected, Verdict::Unreachable),
    ] {
        assert_eq!(judge(&lines, kept, Observed::Absent), Verdict::Note);
        assert_eq!(judge(&lines, kept, there(0)), present);
        assert_eq!(judge(&lines, kept, SEALED), sealed);
        let unreachable = judge(&lines, kept, Observed::Unreachable);
        assert_eq!(unreachable, Verdict::Unreachable);
    }
}

#[test]
fn an_acknowledged_overwrite_settles_what_nobody_knew() {
    let maybe = op(Op::Create, 0, 1, 2, Phase::Indeterminate);
    let overwritten = |from| [maybe.clone(), acked(Op::Overwrite, 1, from, from + 1)].concat();
    assert_eq!(
        judge(&overwritten(3), STORE, Observed::Absent),
        Verdict::Lost
    );
    let window = overwritten(120);
    assert_eq!(
        judge(&window, STORE, Observed::Absent),
        Verdict::LostInWindow
    );
    // The newer one is lost, whether or not the older one was ever acknowledged.
    assert_eq!(judge(&window, STORE, there(0)), Verdict::LostInWindow);
    // Asked for a second time, and refused since it is there already.
    let again = [
        acked(Op::Create, 0, 1, 2),
        op(Op::Create, 0, 3, 4, Phase::Refused),
    ]
    .concat();
    assert_eq!(judge(&again, STORE, there(0)), Verdict::Survived);
}

#[test]
fn a_delete_from_after_the_point_excuses_no_hole() {
    let created = acked(Op::Create, 0, 1, 2);
    let delete = op(Op::Delete, 0, 120, 121, Phase::Indeterminate);
    let lines = [created, delete].concat();
    assert_eq!(
        judge(&lines, STORE, Observed::Absent),
        Verdict::Unverifiable
    );
}

/// Of a store: canaries that lost something, and from and to how many seconds before the disaster.
type Loss = (u64, Option<(f64, Option<f64>)>);

/// Loss and RPA of the stores of one canary, its operations acknowledged at these seconds.
fn rpa(writes: &[(Op, u32, u64)], cuts: &[u64], seen: &[Observed]) -> Vec<Loss> {
    let at = |seconds: u64| i64::try_from(seconds * 1_000_000).unwrap_or(0);
    let lines: Vec<OpLine> = writes
        .iter()
        .flat_map(|(what, version, seconds)| acked(*what, *version, *seconds, *seconds))
        .map(|line| OpLine {
            at_us: at(line.seq),
            ..line
        })
        .collect();
    let facts: Vec<StoreFacts> = cuts
        .iter()
        .map(|cut| StoreFacts {
            cut: Some(Cut {
                begin: *cut,
                end: *cut,
            }),
            ..STORE
        })
        .collect();
    let observation = Observation {
        first: seen[0],
        second: seen.get(1).copied(),
        linked: None,
    };
    let second = (cuts.len() > 1).then_some(1);
    let tally = tally(
        &Histories::new(&lines, 1),
        &[(0, second)],
        &facts,
        &[observation],
    );
    tally
        .stores
        .iter()
        .map(|store| (store.rpa.lost, store.rpa.seconds(at(100))))
        .collect()
}

#[test]
fn loss_is_counted_from_the_oldest_write_that_is_missing() {
    let writes = [
        (Op::Create, 0, 2),
        (Op::Overwrite, 1, 4),
        (Op::Overwrite, 2, 99),
    ];
    let absent = Observed::Absent;
    for (cut, seen, lost) in [
        // Version 0 is back, and version 1 is the oldest that is not.
        (3, there(0), (1, Some((96.0, Some(98.0))))),
        (5, there(0), (1, Some((96.0, Some(98.0))))),
        (5, there(1), (1, Some((1.0, Some(96.0))))),
        (99, there(2), (0, Some((0.0, Some(0.0))))),
        (5, absent, (1, Some((98.0, None)))),
        (5, FOREIGN, (1, Some((98.0, None)))),
    ] {
        assert_eq!(rpa(&writes, &[cut], &[seen]), [lost], "{cut} {seen:?}");
    }
    let deleted = [(Op::Create, 0, 2), (Op::Delete, 0, 99)];
    assert_eq!(
        rpa(&deleted, &[3], &[there(0)]),
        [(1, Some((1.0, Some(98.0))))]
    );
}

#[test]
fn a_half_loses_what_it_loses_whatever_is_said_of_the_other() {
    let writes = [(Op::Create, 0, 2), (Op::Overwrite, 1, 40)];
    // The row is stale; the file lost its overwrite with the window of a store of its own.
    assert_eq!(
        rpa(&writes, &[50, 30], &[there(0), there(0)]),
        [(1, Some((60.0, Some(98.0)))), (1, Some((60.0, Some(98.0)))),]
    );
    // A file cannot be asked for without its row.
    let file = (0, None);
    let absent = Observed::Absent;
    assert_eq!(
        rpa(&writes, &[1, 50], &[absent, absent]),
        [(1, Some((98.0, None))), file]
    );
}

#[test]
fn a_row_in_the_window_of_a_store_that_was_never_burned_is_unverifiable() {
    let standing = StoreFacts {
        destroyed: false,
        ..STORE
    };
    let newer = StoreFacts {
        cut: Some(Cut {
            begin: 200,
            end: 210,
        }),
        ..STORE
    };
    let written = acked(Op::Create, 0, 150, 151);
    let histories = Histories::new(&written, 1);
    let facts = Facts {
        first: standing,
        second: Some(newer),
    };
    for file in [there(0), Observed::Absent] {
        let seen = Observation {
            first: Observed::Absent,
            second: Some(file),
            linked: None,
        };
        let judged = classify_one(histories.of(CanaryId(0)), &facts, &seen);
        assert_eq!(judged.verdict, Verdict::Unverifiable);
    }
}

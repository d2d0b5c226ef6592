//! The classifier against `sort` and `join` over the same ids. Each figure's name says what is in
//! it: *in memory*, only ours is, from ledger lines to counted verdicts, while theirs reads and
//! writes files; with the *ledger file read*, both begin with the same ledger on disk, of which ours
//! checks every line. What was observed is in memory throughout, as in a run, where it is answers
//! and no file. The file of verdicts, which a report is made from, is in no figure.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use phoenix_evidence::canary::{CanaryId, CanarySpec, Part};
use phoenix_evidence::ledger::{self, Header, Line, Op, OpLine, Phase, SCHEMA};
use phoenix_evidence::verdict::{
    Cut, Histories, Observation, Observed, Places, StoreFacts, Tally, Verdict, tally,
};

use crate::{Bound, Figure, as_written, median, shell, timed};

const MILLION: usize = 1_000_000;

pub(crate) fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let peers = {
        let (left, right) = (folder.path().join("ledger"), folder.path().join("seen"));
        ids(&left, MILLION, 0);
        // Every tenth did not come back.
        ids(&right, MILLION, 10);
        median(3, || sort_and_join(folder.path()))
    };
    let path = folder.path().join("ledger.jsonl");
    ledger_file(&path, MILLION);
    let from_file = {
        let (places, seen) = (vec![(0, None); MILLION], observations(MILLION));
        median(3, || {
            timed(|| {
                let file = ledger::read(&path).expect("the ledger");
                assert_eq!(file.specs.len(), MILLION);
                judge(&file.ops, &places, &seen)
            })
        })
    };
    let peers_from_file = median(3, || sort_and_join_ledger(folder.path()));
    let one = median(3, || in_memory(MILLION));
    let ten = median(3, || in_memory(10 * MILLION));
    vec![
        Figure {
            name: "one million in memory, against sort and join of id files",
            ours: one,
            theirs: peers,
            unit: "s",
            bound: Bound::AtMost(0.5),
        },
        Figure {
            name: "one million, ledger file read, against grep, sort, join",
            ours: from_file,
            theirs: peers_from_file,
            unit: "s",
            bound: Bound::AtMost(2.0),
        },
        Figure {
            // Ten times what one million is allowed. Against our own million it is more than ten,
            // since a million fits into the caches and ten do not.
            name: "ten million in memory, against sort and join of one million",
            ours: ten,
            theirs: peers,
            unit: "s",
            bound: Bound::AtMost(5.0),
        },
    ]
}

/// Lines of a ledger in which every canary was created and acknowledged.
fn lines(count: usize) -> impl Iterator<Item = OpLine> {
    as_written(count)
        .into_iter()
        .zip(0_u64..)
        .flat_map(|(number, at)| {
            [Phase::Invoked, Phase::Acknowledged].map(|phase| OpLine {
                seq: at * 2 + u64::from(phase == Phase::Acknowledged) + 1,
                at_us: 1_790_000_000_000_000 + i64::try_from(at).unwrap_or(0),
                canary: CanaryId(number as u64),
                op: Op::Create,
                version: 0,
                phase,
            })
        })
}

/// Every tenth did not come back.
fn observations(count: usize) -> Vec<Observation> {
    (0..count)
        .map(|number| Observation {
            first: if number % 10 == 0 {
                Observed::Absent
            } else {
                Observed::once(0)
            },
            second: None,
            linked: None,
        })
        .collect()
}

/// From ledger lines and what was seen, to verdicts and their counts.
fn judge(lines: &[OpLine], places: &[Places], seen: &[Observation]) -> Tally {
    let end = lines.len() as u64;
    let facts = [StoreFacts {
        cut: Some(Cut { begin: end, end }),
        destroyed: true,
        retained: false,
        losable: false,
    }];
    let histories = Histories::new(lines, seen.len());
    let tally = tally(&histories, places, &facts, seen);
    let lost = tally.stores[0].verdicts.get(&Verdict::Lost);
    assert_eq!(lost.copied(), Some(seen.len().div_ceil(10) as u64));
    tally
}

fn in_memory(count: usize) -> Duration {
    let (lines, seen): (Vec<OpLine>, _) = (lines(count).collect(), observations(count));
    let places = vec![(0, None); count];
    timed(|| judge(&lines, &places, &seen))
}

/// As a run writes it, declarations and all.
fn ledger_file(path: &Path, count: usize) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let header = Header {
        schema: SCHEMA,
        run: "bench".to_owned(),
        nonce: "0badcafe".to_owned(),
        seed: 7,
    };
    let declared = (0..count).map(|number| {
        Line::Declared(CanarySpec {
            id: CanaryId(number as u64),
            kind: "page".to_owned(),
            service: Some("wiki".to_owned()),
            parts: vec![Part {
                role: "row".to_owned(),
                store: "wiki-db".to_owned(),
            }],
            key: None,
        })
    });
    serde_json::to_writer(&mut file, &header).expect("a line");
    for line in declared.chain(lines(count).map(Line::Op)) {
        file.write_all(b"\n").expect("a disk");
        serde_json::to_writer(&mut file, &line).expect("a line");
    }
    file.write_all(b"\n").expect("a disk");
    file.flush().expect("a disk");
}

fn ids(path: &Path, count: usize, leave_out: usize) {
    let mut text = Vec::new();
    for number in as_written(count) {
        if leave_out == 0 || number % leave_out != 0 {
            writeln!(text, "phx-0badcafe-{number:08}").expect("memory");
        }
    }
    std::fs::write(path, text).expect("a file");
}

fn sort_and_join(folder: &Path) -> Duration {
    shell(&format!(
        "cd '{}'; export LC_ALL=C; sort ledger > a; sort seen > b; join -a 1 a b > both",
        folder.display()
    ))
}

/// The same, of the ids that the ledger's file has as acknowledged.
fn sort_and_join_ledger(folder: &Path) -> Duration {
    shell(&format!(
        "cd '{}'; export LC_ALL=C; \
         grep -F acknowledged ledger.jsonl | cut -d: -f5 | cut -d, -f1 | sort > a; \
         cut -d- -f3 seen | sed 's/^0*\\(.\\)/\\1/' | sort > b; join -a 1 a b > both; \
         test $(wc -l < both) = {MILLION}",
        folder.display()
    ))
}

//! The classifier against `sort` and `join` over the same ids.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use phoenix_evidence::canary::CanaryId;
use phoenix_evidence::ledger::{Op, OpLine, Phase};
use phoenix_evidence::verdict::{
    Cut, Histories, Observation, Observed, StoreFacts, Verdict, tally,
};

use crate::{Bound, Figure, as_written, median, shell, timed};

const MILLION: usize = 1_000_000;

pub(crate) fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let one = median(3, || classify(MILLION));
    let peers = {
        let (left, right) = (folder.path().join("ledger"), folder.path().join("seen"));
        ids(&left, MILLION, 0);
        // Every tenth did not come back.
        ids(&right, MILLION, 10);
        median(3, || sort_and_join(folder.path()))
    };
    let ten = median(3, || classify(10 * MILLION));
    vec![
        Figure {
            name: "one million canaries, against sort and join",
            ours: one,
            theirs: peers,
            unit: "s",
            bound: Bound::AtMost(0.5),
        },
        Figure {
            name: "ten million canaries, against ten times one million",
            ours: ten,
            theirs: one * 10.0,
            unit: "s",
            bound: Bound::AtMost(1.2),
        },
    ]
}

/// From ledger lines and what was seen, to verdicts and their counts.
fn classify(count: usize) -> Duration {
    let lines: Vec<OpLine> = as_written(count)
        .into_iter()
        .zip(0_u64..)
        .flat_map(|(number, at)| {
            [Phase::Invoked, Phase::Acknowledged].map(|phase| OpLine {
                seq: at * 2 + u64::from(phase == Phase::Acknowledged) + 1,
                at_us: i64::try_from(at).unwrap_or(0),
                canary: CanaryId(number as u64),
                op: Op::Create,
                version: 0,
                phase,
            })
        })
        .collect();
    let end = lines.len() as u64;
    let observations: Vec<Observation> = (0..count)
        .map(|number| Observation {
            first: if number % 10 == 0 {
                Observed::Absent
            } else {
                Observed::Present {
                    version: Some(0),
                    copies: 1,
                    same: true,
                }
            },
            second: None,
            linked: None,
        })
        .collect();
    let places = vec![(0, None); count];
    let facts = [StoreFacts {
        cut: Some(Cut { begin: end, end }),
        destroyed: true,
        retained: false,
        losable: false,
    }];
    timed(|| {
        let tally = tally(
            &Histories::new(&lines, count),
            &places,
            &facts,
            &observations,
        );
        let lost = tally.stores[0].verdicts.get(&Verdict::Lost);
        assert_eq!(lost.copied(), Some(count.div_ceil(10) as u64));
        tally
    })
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

//! A whole cycle against the same requests without phoenix around them.
//!
//! Both sides build the same stack from nothing, write and read the same canaries through the same
//! clients with the same concurrency, destroy the stack and start it again on copies of its stores.
//! The bare side copies by `std::fs` and keeps nothing; phoenix has its ledger and journal, plants
//! tombstones, proves the destruction, fingerprints every store twice, and judges. That both make
//! the same calls is counted, and a difference ends the benchmark.

mod bare;
mod counted;
mod recorded;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use counted::Calls;
pub(crate) use recorded::measure as measure_recorded;

use crate::support::{embedded, plan_of, run_in, shipped_document};
use crate::{Bound, Figure, timed};

/// Two hundred canaries and more through each service.
const SCENARIO: &str = "
scenario: measured
steps:
  - seed: { canaries: 200, pairs: 20, overwritten: 20, deleted: 20, encrypted: 4, direct: 3 }
  - backup: all
  - destroy: all
  - rebuild: all
  - restore: all
  - check: [health, login, survival, fingerprint]
";
const PROFILE: &str = "target";
const RUNS: usize = 5;
const MEMORY_MB: f64 = 200.0;

/// The argument with which the benchmark starts itself for one cycle.
pub(crate) const ONE_CYCLE: &str = "--one-cycle";

pub(crate) fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // By turns, so that a machine that slows down slows both.
    for number in 0..RUNS {
        let at = |side: &str| folder.path().join(format!("{side}-{number}"));
        let (cycle, made) = one_cycle(&at("cycle"));
        let (bare, sent) = bare::run(&at("bare"));
        assert_eq!(made, sent, "the two sides do not make the same calls");
        ours.push(cycle);
        theirs.push(bare);
    }
    vec![
        Figure {
            name: "a whole cycle, against its requests and copies alone",
            ours: middle(ours),
            theirs: middle(theirs),
            unit: "s",
            bound: Bound::AtMost(1.5),
        },
        Figure {
            name: "peak memory of a cycle, with its stack, against 200 MB",
            ours: peak_memory_mb(),
            theirs: MEMORY_MB,
            unit: "MB",
            bound: Bound::AtMost(1.0),
        },
    ]
}

fn middle(mut all: Vec<Duration>) -> f64 {
    all.sort();
    all[all.len() / 2].as_secs_f64()
}

fn one_cycle(folder: &Path) -> (Duration, Calls) {
    let calls = Calls::default();
    let document = shipped_document();
    let (environment, stack) = embedded(PROFILE);
    let plan = plan_of(SCENARIO, &stack);
    let what = (&environment, &stack, &plan);
    let took = timed(|| run_in(folder, what, &document, calls.maker()));
    (took, calls)
}

/// One cycle in a process of its own, which tells the most memory that it ever held.
fn peak_memory_mb() -> f64 {
    let this = std::env::current_exe().expect("this program");
    let output = Command::new(this)
        .arg(ONE_CYCLE)
        .output()
        .expect("it can be started again");
    assert!(output.status.success(), "the cycle failed: {output:?}");
    let told = String::from_utf8_lossy(&output.stdout);
    let kilobytes: f64 = told.trim().parse().expect("a number of kilobytes");
    kilobytes * 1024.0 / 1e6
}

/// What the process started by [`peak_memory_mb`] does: the peak in kilobytes.
pub(crate) fn in_a_process_of_its_own() -> String {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder on a disk");
    let _measured = one_cycle(&folder.path().join("cycle"));
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("the peak");
    peak.trim().trim_end_matches(" kB").to_owned()
}

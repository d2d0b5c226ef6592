//! What phoenix costs, each figure as a ratio against a named comparator of the same run: the
//! median of several, since machines are noisy. `cargo bench -p phoenix-scenarios` runs all;
//! `cargo bench -p phoenix-scenarios -- ledger` one. The comparators of fingerprints are the programs
//! `b3sum` and `sqlite3`, which have to be there.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod classifier;
mod cycle;
mod fingerprints;
mod ledger;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// A figure and what it is held to.
pub(crate) struct Figure {
    /// What was measured, against what.
    pub(crate) name: &'static str,
    /// Ours and the comparator's, in the same unit.
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
    pub(crate) unit: &'static str,
    /// Ours divided by theirs, and the bound on it.
    pub(crate) bound: Bound,
}

pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    fn ratio(&self) -> f64 {
        self.ours / self.theirs
    }

    fn holds(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.ratio() >= bound,
            Bound::AtMost(bound) => self.ratio() <= bound,
        }
    }
}

/// Seconds of each of `times` runs of `work`, the median.
pub(crate) fn median(times: usize, mut work: impl FnMut() -> Duration) -> f64 {
    let mut seconds: Vec<f64> = (0..times).map(|_| work().as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// How long it takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = std::hint::black_box(work());
    let took = start.elapsed();
    drop(result);
    took
}

/// A shell command that has to succeed, and how long it takes.
pub(crate) fn shell(command: &str) -> Duration {
    timed(|| {
        let status = std::process::Command::new("bash")
            .args(["-c", &format!("set -euo pipefail; {command}")])
            .status()
            .expect("bash runs");
        assert!(status.success(), "{command} failed: is its program there?");
    })
}

/// Numbers from 0 in the order in which 64 writers at once would have them acknowledged, always
/// the same: every run of 64 is shuffled.
pub(crate) fn as_written(count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..count).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for window in all.chunks_mut(64) {
        for at in (1..window.len()).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let other = usize::try_from(state >> 33).unwrap_or(0) % (at + 1);
            window.swap(at, other);
        }
    }
    all
}

type Measure = fn() -> Vec<Figure>;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == cycle::ONE_CYCLE) {
        println!("{}", cycle::in_a_process_of_its_own());
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let suites: [(&str, Measure); 5] = [
        ("cycle", cycle::measure),
        ("ledger", ledger::measure),
        ("ledger-share", cycle::measure_recorded),
        ("classifier", classifier::measure),
        ("fingerprints", fingerprints::measure),
    ];
    let mut missed = 0;
    for (name, measure) in suites {
        if !wanted.is_empty() && !wanted.iter().any(|one| name.contains(one.as_str())) {
            continue;
        }
        println!("{name}");
        for figure in measure() {
            let bound = match figure.bound {
                Bound::AtLeast(bound) => format!("at least {bound}"),
                Bound::AtMost(bound) => format!("at most {bound}"),
            };
            let word = if figure.holds() { "holds" } else { "MISSED" };
            missed += usize::from(!figure.holds());
            println!(
                "  {:<58} {:>12.3} : {:>12.3} {:<8} = {:>7.3} ({bound}) {word}",
                figure.name,
                figure.ours,
                figure.theirs,
                figure.unit,
                figure.ratio()
            );
        }
    }
    if missed == 0 {
        ExitCode::SUCCESS
    } else {
        println!("{missed} missed");
        ExitCode::FAILURE
    }
}

//! What is shown while it happens: one line a step, plain in CI.

use std::io::{IsTerminal as _, Write as _};

use phoenix_engine::run::Progress;
use phoenix_evidence::journal::event::StepEnd;

/// Whether output may have colours: a terminal that `NO_COLOR` does not forbid.
pub(crate) fn colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stderr().is_terminal()
}

/// Lines on standard error.
pub(crate) struct Lines {
    terminal: bool,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
        }
    }
}

impl Progress for Lines {
    fn step_started(&self, cycle: &str, number: usize, of: usize, title: &str) {
        if self.terminal {
            eprint!("{cycle:<14} {number:>2}/{of} {title} …\r");
            let _shown = std::io::stderr().flush();
        }
    }

    fn step_says(&self, _cycle: &str, _words: &str) {}

    fn step_finished(
        &self,
        cycle: &str,
        number: usize,
        ended: StepEnd,
        detail: &str,
        took_ms: u64,
    ) {
        let mark = match ended {
            StepEnd::Done => "ok  ",
            StepEnd::Failed => "FAIL",
            StepEnd::NotRun => "    ",
        };
        let clear = if self.terminal { "\u{1b}[2K" } else { "" };
        let seconds = std::time::Duration::from_millis(took_ms).as_secs_f64();
        eprintln!("{clear}{cycle:<14} {number:>2} {mark} {seconds:>6.2}s  {detail}");
    }
}

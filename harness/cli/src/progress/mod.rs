//! What is shown while it happens: on a terminal a line that ticks while steps run, elsewhere plain
//! lines, of which long work gets some of its own.

mod words;

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use phoenix_engine::run::Progress;
use phoenix_evidence::journal::event::StepEnd;

use crate::terminal;

/// How often the live line is drawn.
const TICK: Duration = Duration::from_millis(100);
/// After how long a plain log is told that a step still runs: at first, and at most between two.
const STILL: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(60));
/// Erases the line and goes to its start.
const ERASE: &str = "\r\u{1b}[2K";

/// A step under way.
struct Running {
    number: usize,
    of: usize,
    title: String,
    since: Instant,
    said: String,
    /// When a plain log hears of it next.
    next: Duration,
}

/// How it is shown.
#[derive(Clone, Copy)]
struct Style {
    live: bool,
    colour: bool,
    /// Columns of the terminal, asked anew each time: it may be resized.
    width: fn() -> usize,
}

struct Screen {
    out: Box<dyn Write + Send>,
    style: Style,
    profile: String,
    running: Vec<Running>,
    ticks: usize,
    drawn: bool,
}

/// Shows a run on standard error.
pub(crate) struct Shown {
    screen: Arc<Mutex<Screen>>,
    /// Dropped to end the thread that ticks.
    stop: Option<Sender<()>>,
    ticker: Option<JoinHandle<()>>,
}

/// The talk of a run from elsewhere: an interrupt speaks above the live line.
#[derive(Clone)]
pub(crate) struct Voice(Arc<Mutex<Screen>>);

impl Voice {
    pub(crate) fn says(&self, words: &str) {
        locked(&self.0).print(&format!("{words}\n"));
    }
}

fn locked(screen: &Mutex<Screen>) -> MutexGuard<'_, Screen> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shown {
    pub(crate) fn new() -> Self {
        let style = Style {
            live: terminal::live(),
            colour: terminal::colour(&std::io::stderr()),
            width: terminal::width,
        };
        Self::on(Box::new(std::io::stderr()), style)
    }

    fn on(out: Box<dyn Write + Send>, style: Style) -> Self {
        let screen = Arc::new(Mutex::new(Screen {
            out,
            style,
            profile: String::new(),
            running: Vec::new(),
            ticks: 0,
            drawn: false,
        }));
        let (stop, stopped) = channel::<()>();
        let ticker = std::thread::spawn({
            let screen = Arc::clone(&screen);
            move || {
                while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                    locked(&screen).tick(Instant::now());
                }
            }
        });
        Self {
            screen,
            stop: Some(stop),
            ticker: Some(ticker),
        }
    }

    pub(crate) fn voice(&self) -> Voice {
        Voice(Arc::clone(&self.screen))
    }

    /// A cycle begins.
    pub(crate) fn cycle_begins(&self, profile: &str, words: &str) {
        let mut screen = locked(&self.screen);
        profile.clone_into(&mut screen.profile);
        let head = words::bold(words, screen.style.colour);
        screen.print(&format!("{head}\n"));
    }

    /// A cycle has ended with its two answers.
    pub(crate) fn cycle_ends(&self, recovery: &str, agreement: &str, took: Duration) {
        let mut screen = locked(&self.screen);
        let line = words::answers(
            &screen.profile,
            recovery,
            agreement,
            took,
            screen.style.colour,
        );
        screen.print(&line);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(ticker) = self.ticker.take() {
            // A ticker that panicked has shown less than it should; nothing else depends on it.
            let _ended = ticker.join();
        }
        let mut screen = locked(&self.screen);
        screen.running.clear();
        screen.print("");
    }
}

impl Screen {
    /// Writes whole lines above the live one.
    fn print(&mut self, lines: &str) {
        let mut text = String::new();
        if self.drawn {
            text.push_str(ERASE);
            self.drawn = false;
        }
        text.push_str(lines);
        if self.style.live && !self.running.is_empty() {
            text.push_str(&self.line(Instant::now()));
            self.drawn = true;
        }
        // Nobody looking is no reason to stop a drill.
        let _seen = self.out.write_all(text.as_bytes());
        let _seen = self.out.flush();
    }

    fn line(&self, now: Instant) -> String {
        words::live(
            &self.profile,
            &self.running,
            self.ticks,
            now,
            (self.style.width)(),
            self.style.colour,
        )
    }

    fn tick(&mut self, now: Instant) {
        self.ticks += 1;
        if self.style.live {
            self.print("");
            return;
        }
        let mut lines = String::new();
        for step in &mut self.running {
            let elapsed = now.saturating_duration_since(step.since);
            if elapsed >= step.next {
                lines.push_str(&words::still(&self.profile, step, elapsed));
                step.next += step.next.min(STILL.1);
            }
        }
        if !lines.is_empty() {
            self.print(&lines);
        }
    }
}

impl Progress for Shown {
    fn step_started(&self, _: &str, number: usize, of: usize, title: &str) {
        let mut screen = locked(&self.screen);
        screen.running.push(Running {
            number,
            of,
            title: title.to_owned(),
            since: Instant::now(),
            said: String::new(),
            next: STILL.0,
        });
        if screen.style.live {
            screen.print("");
        }
    }

    fn step_says(&self, _: &str, words: &str) {
        let mut screen = locked(&self.screen);
        // Steps do not say which of them speaks: the one that began last is the best guess.
        if let Some(step) = screen.running.last_mut() {
            words.clone_into(&mut step.said);
        }
        if screen.style.live {
            screen.print("");
        }
    }

    fn step_finished(&self, _: &str, number: usize, ended: StepEnd, detail: &str, took_ms: u64) {
        let mut screen = locked(&self.screen);
        let at = screen.running.iter().position(|step| step.number == number);
        let Some(step) = at.map(|at| screen.running.remove(at)) else {
            return;
        };
        let took = Duration::from_millis(took_ms);
        let line = words::finished(
            &screen.profile,
            &step,
            ended,
            detail,
            took,
            screen.style.colour,
        );
        screen.print(&line);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    struct Pipe(Sender<String>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _heard = self.0.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(live: bool) -> (Shown, Receiver<String>) {
        let (sender, receiver) = channel();
        let style = Style {
            live,
            colour: false,
            width: || 80,
        };
        (Shown::on(Box::new(Pipe(sender)), style), receiver)
    }

    #[test]
    fn a_terminal_sees_seconds_pass_while_a_step_runs() {
        let (shown, seen) = shown(true);
        shown.cycle_begins("today", "full under today");
        shown.step_started("1 today", 3, 12, "seed every service");
        let mut all = String::new();
        // Drawn anew without any word from the step: the clock alone moves it.
        while !all.contains("0.3s  seed every service") {
            all.push_str(&seen.recv_timeout(Duration::from_secs(10)).expect("a tick"));
        }
        assert!(all.contains("0.0s  seed every service"), "{all:?}");
        shown.step_finished("1 today", 3, StepEnd::Done, "121 writes", 345);
        drop(shown);
        all.extend(seen.try_iter());
        assert!(all.ends_with('\n'), "no line is left half drawn: {all:?}");
        let last = all.rsplit(ERASE).next().unwrap_or_default();
        assert!(last.contains("3/12  ok"), "{last:?}");
    }

    #[test]
    fn without_a_terminal_there_are_plain_lines_only() {
        let (shown, seen) = shown(false);
        shown.cycle_begins("today", "full under today");
        shown.step_started("1 today", 1, 2, "bring the stack up");
        shown.step_says("1 today", "wiki");
        shown.step_finished("1 today", 1, StepEnd::Failed, "no disk", 20);
        shown.cycle_ends("unknown", "cannot-tell", Duration::from_secs(3));
        drop(shown);
        let all: String = seen.try_iter().collect();
        assert!(all.chars().all(|c| c == '\n' || !c.is_control()), "{all:?}");
        assert!(all.contains("FAIL"), "{all}");
        assert!(all.contains("bring the stack up: no disk"), "{all}");
    }

    #[test]
    fn a_plain_log_hears_of_long_work_less_and_less_often() {
        let (shown, seen) = shown(false);
        shown.cycle_begins("today", "full under today");
        shown.step_started("1 today", 8, 12, "restore everything");
        shown.step_says("1 today", "wiki-db");
        {
            let mut screen = locked(&shown.screen);
            let began = screen.running[0].since;
            for seconds in 0..=300 {
                screen.tick(began + Duration::from_secs(seconds));
            }
        }
        drop(shown);
        let all: String = seen.try_iter().collect();
        let told: Vec<&str> = all
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().nth(3))
            .collect();
        assert_eq!(
            told,
            [
                "10.0s", "20.0s", "40.0s", "80.0s", "140.0s", "200.0s", "260.0s"
            ],
            "{all}"
        );
        assert!(all.contains("restore everything · wiki-db"), "{all}");
    }

    #[test]
    fn several_steps_share_the_line_and_none_leaves_it() {
        let (shown, _seen) = shown(true);
        shown.step_started("1 today", 3, 12, "seed every service with many canaries");
        shown.step_started(
            "1 today",
            4,
            12,
            "wait until the wiki is healthy and says so",
        );
        let line = {
            let screen = locked(&shown.screen);
            let now = screen.running[0].since + Duration::from_secs(5);
            screen.line(now)
        };
        assert!(line.contains("3/12") && line.contains("4/12"), "{line}");
        assert!(line.chars().count() < 80, "{line}");
    }
}

//! The lines themselves.

use std::time::{Duration, Instant};

use phoenix_evidence::journal::event::StepEnd;

use super::Running;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const DIM: &str = "2";
const BOLD: &str = "1";

fn paint(ink: &str, text: &str, colour: bool) -> String {
    if colour {
        format!("\u{1b}[{ink}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

pub(super) fn bold(text: &str, colour: bool) -> String {
    paint(BOLD, text, colour)
}

/// `3/12`, as wide as the widest.
fn place(step: &Running) -> String {
    let of = step.of.to_string();
    format!("{:>width$}/{of}", step.number, width = of.len())
}

/// A text in at most so many columns.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let short: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{short}…")
}

/// The line that is drawn again and again; narrower than the terminal, so that it never wraps.
pub(super) fn live(
    profile: &str,
    running: &[Running],
    ticks: usize,
    now: Instant,
    width: usize,
    colour: bool,
) -> String {
    let spinner = SPINNER[ticks % SPINNER.len()];
    let head = format!("{spinner} {profile:<8} ");
    let room = width.saturating_sub(head.chars().count() + 1);
    let each = room / running.len().max(1);
    let steps: Vec<String> = running
        .iter()
        .map(|step| {
            let seconds = now.saturating_duration_since(step.since).as_secs_f64();
            let said = if step.said.is_empty() {
                String::new()
            } else {
                format!(" · {}", step.said)
            };
            let text = format!("{}      {seconds:>6.1}s  {}{said}", place(step), step.title);
            cut(&text, each.saturating_sub(2))
        })
        .collect();
    let body = cut(&steps.join("  "), room);
    format!("{}{body}", paint(DIM, &head, colour))
}

/// What stays of a step that has ended.
pub(super) fn finished(
    profile: &str,
    step: &Running,
    ended: StepEnd,
    detail: &str,
    took: Duration,
    colour: bool,
) -> String {
    let (mark, ink) = match ended {
        StepEnd::Done => ("ok  ", GREEN),
        StepEnd::Failed => ("FAIL", RED),
        StepEnd::NotRun => ("-   ", DIM),
    };
    // What a step says of itself is enough where it went well.
    let words = match ended {
        StepEnd::Done if !detail.is_empty() => detail.to_owned(),
        StepEnd::Failed => format!("{}: {detail}", step.title),
        _ => step.title.clone(),
    };
    format!(
        "  {} {}  {} {:>6.1}s  {words}\n",
        paint(DIM, &format!("{profile:<8}"), colour),
        place(step),
        paint(ink, mark, colour),
        took.as_secs_f64()
    )
}

/// A word of long work to a plain log.
pub(super) fn still(profile: &str, step: &Running, elapsed: Duration) -> String {
    let said = if step.said.is_empty() {
        String::new()
    } else {
        format!(" · {}", step.said)
    };
    format!(
        "  {profile:<8} {}  …    {:>6.1}s  {}{said}\n",
        place(step),
        elapsed.as_secs_f64(),
        step.title
    )
}

/// The two answers at the end of a cycle.
pub(super) fn answers(
    profile: &str,
    recovery: &str,
    agreement: &str,
    took: Duration,
    colour: bool,
) -> String {
    let recovery_ink = match recovery {
        "recovered" => GREEN,
        "not-recovered" => RED,
        _ => YELLOW,
    };
    let agreement_ink = match agreement {
        "agrees" => GREEN,
        "disagrees" => RED,
        _ => YELLOW,
    };
    format!(
        "  {} did the stack recover? {} · does the document agree? {} · {:.1}s\n",
        paint(DIM, &format!("{profile:<8}"), colour),
        paint(recovery_ink, &recovery.replace('-', " "), colour),
        paint(agreement_ink, &agreement.replace('-', " "), colour),
        took.as_secs_f64()
    )
}

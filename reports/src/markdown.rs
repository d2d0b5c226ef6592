//! Markdown for the summary of a CI job: the verdicts first, then what is news, all of it under a
//! screen; the rest is folded.

use std::fmt::Write as _;

use phoenix_claims::{Line, Register, Status};

use crate::view::{CycleView, NEVER_BEGUN, View, broken};

/// Lines of news that are shown before the rest is only counted.
const NEWS_MAX: usize = 12;

/// The report as Markdown.
#[must_use]
pub fn markdown(view: &View) -> String {
    let mut out = String::new();
    // A string takes whatever is written to it.
    let _infallible = write(&mut out, view);
    out
}

fn write(out: &mut String, view: &View) -> std::fmt::Result {
    writeln!(
        out,
        "| scenario | profile | did it recover? | does the document agree? | RTA | manual steps | \
         evidence |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- | --- | --- |")?;
    for cycle in &view.cycles {
        row(out, cycle)?;
    }
    for cycle in &view.missing {
        writeln!(
            out,
            "| {} | {} | **unknown** | **cannot-tell** | never begun | ? | none |",
            cycle.scenario, cycle.profile
        )?;
    }
    for cycle in &view.cycles {
        news(out, cycle)?;
    }
    for cycle in &view.missing {
        writeln!(
            out,
            "\n**{} · {}**: {NEVER_BEGUN}",
            cycle.scenario, cycle.profile
        )?;
    }
    for cycle in &view.cycles {
        details(out, cycle)?;
    }
    Ok(())
}

fn name(cycle: &CycleView) -> String {
    let started = &cycle.started;
    format!("{} · {}", started.scenario.name, started.profile)
}

fn level(cycle: &CycleView) -> String {
    serde_json::to_value(cycle.started.level)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn row(out: &mut String, cycle: &CycleView) -> std::fmt::Result {
    let started = &cycle.started;
    let finished = cycle.finished.as_ref();
    writeln!(
        out,
        "| {} | {} | **{}** | **{}** | {} | {} | {}{} |",
        started.scenario.name,
        started.profile,
        cycle.recovery(),
        cycle.agreement(),
        finished
            .and_then(|finished| finished.rta_s)
            .map_or("not reached".to_owned(), |rta| format!("{rta:.1} s")),
        finished.map_or_else(|| "?".to_owned(), |end| end.manual_steps.to_string()),
        level(cycle),
        if started.dirty { ", dirty tree" } else { "" },
    )
}

/// The verdict in one sentence, what nobody knew, and how many claims stand how.
fn news(out: &mut String, cycle: &CycleView) -> std::fmt::Result {
    writeln!(out, "\n**{}**: {}", name(cycle), cycle.sentence())?;
    for attempt in &cycle.started.broken {
        writeln!(out, "\n{}", broken(attempt))?;
    }
    if let Some(egress) = &cycle.started.egress {
        let all = match egress.as_slice() {
            [] => "nothing".to_owned(),
            some => cell(&some.join(", ")),
        };
        writeln!(out, "\nWhat the stack could reach beyond itself: {all}")?;
    }
    if let Some(foreign) = &cycle.foreign {
        writeln!(out, "\nRestored from backups that phoenix did not make:\n")?;
        for point in &foreign.points {
            writeln!(
                out,
                "- {} from {}: {}, {} bytes, BLAKE3 {}",
                cell(&point.store),
                cell(&point.path),
                point.kind,
                point.bytes,
                point.blake3
            )?;
        }
        writeln!(
            out,
            "\nSuch evidence can carry {}. It cannot carry {}.",
            foreign.can_carry, foreign.cannot_carry
        )?;
    }
    let Some(register) = &cycle.register else {
        return Ok(());
    };
    let new: Vec<&Line> = register
        .lines
        .iter()
        .filter(|line| {
            matches!(
                line.status,
                Status::Broken | Status::Undocumented | Status::Undecided
            )
        })
        .collect();
    if !new.is_empty() {
        writeln!(out)?;
    }
    for line in new.iter().take(NEWS_MAX) {
        writeln!(
            out,
            "- **{}**: {}{}: {}",
            line.wording,
            cell(&line.title),
            place(line),
            cell(&line.why)
        )?;
    }
    if new.len() > NEWS_MAX {
        writeln!(out, "- and {} more below", new.len() - NEWS_MAX)?;
    }
    writeln!(out, "\n{}", counts(register))
}

/// `18 confirmed, 7 would hold, 13 unproven`.
fn counts(register: &Register) -> String {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for line in &register.lines {
        match counted.iter_mut().find(|(word, _)| *word == line.wording) {
            Some((_, n)) => *n += 1,
            None => counted.push((&line.wording, 1)),
        }
    }
    let words: Vec<String> = counted
        .iter()
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    format!("Claims: {}.", words.join(", "))
}

fn details(out: &mut String, cycle: &CycleView) -> std::fmt::Result {
    if let Some(survival) = &cycle.survival {
        open(
            out,
            &format!("{}: what became of the canaries", name(cycle)),
        )?;
        writeln!(out, "| store | verdicts |")?;
        writeln!(out, "| --- | --- |")?;
        for (store, verdicts) in &survival.by_store {
            let words: Vec<String> = verdicts
                .iter()
                .map(|(verdict, n)| format!("{n} {verdict}"))
                .collect();
            writeln!(out, "| {store} | {} |", words.join(", "))?;
        }
        close(out)?;
    }
    if let Some(register) = &cycle.register {
        open(
            out,
            &format!("{}: the register, claim by claim", name(cycle)),
        )?;
        writeln!(out, "| status | evidence | claim | why |")?;
        writeln!(out, "| --- | --- | --- | --- |")?;
        for line in &register.lines {
            writeln!(
                out,
                "| {} | {} | {}{} | {} |",
                line.wording,
                level(cycle),
                cell(&line.title),
                place(line),
                cell(&line.why)
            )?;
        }
        close(out)?;
    }
    Ok(())
}

fn open(out: &mut String, summary: &str) -> std::fmt::Result {
    writeln!(out, "\n<details><summary>{summary}</summary>\n")
}

fn close(out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n</details>")
}

fn place(line: &Line) -> String {
    line.claim.as_ref().map_or(String::new(), |claim| {
        format!(" ({}:{})", claim.document, claim.line)
    })
}

/// What stands in the cell of a table: nothing of a run may open a tag or end the cell.
fn cell(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('|', "\\|")
        .replace('\n', " ")
}

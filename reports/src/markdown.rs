//! Markdown for the summary of a CI job: the verdict first, under a screen.

use std::fmt::Write as _;

use phoenix_claims::Status;

use crate::view::{CycleView, View};

/// The report as Markdown.
#[must_use]
pub fn markdown(view: &View) -> String {
    let mut out = String::new();
    for cycle in &view.cycles {
        let _infallible = write_cycle(&mut out, cycle);
    }
    out
}

fn write_cycle(out: &mut String, cycle: &CycleView) -> std::fmt::Result {
    let started = &cycle.started;
    writeln!(out, "## {} · {}", started.scenario.name, started.profile)?;
    writeln!(out)?;
    writeln!(out, "**{}**", cycle.sentence())?;
    writeln!(out)?;
    let level = serde_json::to_value(started.level)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default();
    let finished = cycle.finished.as_ref();
    writeln!(
        out,
        "| did it recover | does the document agree | RTA | manual steps | evidence |"
    )?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    writeln!(
        out,
        "| {} | {} | {} | {} | {level}{} |",
        cycle.recovery(),
        cycle.agreement(),
        finished
            .and_then(|finished| finished.rta_s)
            .map_or("not reached".to_owned(), |rta| format!("{rta:.1} s")),
        finished.map_or(0, |finished| finished.manual_steps),
        if started.dirty { ", dirty tree" } else { "" },
    )?;
    if let Some(survival) = &cycle.survival {
        writeln!(out)?;
        writeln!(out, "| store | verdicts |")?;
        writeln!(out, "| --- | --- |")?;
        for (store, verdicts) in &survival.by_store {
            let words: Vec<String> = verdicts
                .iter()
                .map(|(verdict, n)| format!("{n} {verdict}"))
                .collect();
            writeln!(out, "| {store} | {} |", words.join(", "))?;
        }
    }
    let Some(register) = &cycle.register else {
        return writeln!(out);
    };
    writeln!(out)?;
    writeln!(out, "| status | claim | why |")?;
    writeln!(out, "| --- | --- | --- |")?;
    for line in &register.lines {
        if line.status == Status::Unproven {
            continue;
        }
        let place = line.claim.as_ref().map_or(String::new(), |claim| {
            format!(" ({}:{})", claim.document, claim.line)
        });
        writeln!(
            out,
            "| {} | {}{place} | {} |",
            line.wording,
            cell(&line.title),
            cell(&line.why)
        )?;
    }
    let unproven = register.lines_of(Status::Unproven).count();
    writeln!(out)?;
    writeln!(out, "{unproven} claims unproven here.")?;
    writeln!(out)
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

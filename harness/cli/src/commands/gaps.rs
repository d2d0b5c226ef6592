//! `gaps`: the register of a run, claim by claim.

use phoenix_reports::{CycleView, View};
use serde_json::{Value, json};

use super::{draft, status};
use crate::arguments::{Format, GapsArguments};
use crate::error::Error;
use crate::project::{Project, run_folder, view_and_note};
use crate::{exit, terminal};

pub(crate) fn gaps(arguments: &GapsArguments) -> Result<u8, Error> {
    if arguments.draft_mapping {
        return draft::draft(arguments);
    }
    let runs = Project::find().runs(arguments.runs_dir.as_deref());
    let view = view_and_note(&run_folder(&runs, &arguments.run)?)?;
    let cycles = under(&view, arguments.profile.as_deref())?;
    if arguments.write {
        return status::write(&view.run, &cycles, arguments.document.as_deref());
    }
    match arguments.format {
        Format::Json => terminal::json(&as_json(&view.run, &cycles))?,
        Format::Text => terminal::data(&text(&cycles))?,
    }
    // A cycle that was never begun tells nothing either.
    let missing = view.missing.iter().filter(|cycle| {
        let profile = arguments.profile.as_deref();
        profile.is_none_or(|profile| cycle.profile == profile)
    });
    let codes = cycles.iter().map(|cycle| code(cycle));
    Ok(exit::worst(codes.chain(missing.map(|_| 3))))
}

/// The cycles of a run under a profile; all without one.
fn under<'v>(view: &'v View, profile: Option<&str>) -> Result<Vec<&'v CycleView>, Error> {
    let cycles: Vec<&CycleView> = view
        .cycles
        .iter()
        .filter(|cycle| profile.is_none_or(|profile| cycle.started.profile == profile))
        .collect();
    if !cycles.is_empty() {
        return Ok(cycles);
    }
    let profile = profile.unwrap_or_default();
    let mut known: Vec<&str> = Vec::new();
    for cycle in &view.cycles {
        if !known.contains(&cycle.started.profile.as_str()) {
            known.push(&cycle.started.profile);
        }
    }
    Err(Error::usage(
        format!("no cycle of run {} was under `{profile}`", view.run),
        format!("its profiles are `{}`", known.join("`, `")),
    ))
}

/// The exit code of a cycle; one that broke off tells nothing.
fn code(cycle: &CycleView) -> u8 {
    match (&cycle.register, &cycle.finished) {
        (Some(register), Some(_)) => register.exit_code(),
        _ => 3,
    }
}

fn text(cycles: &[&CycleView]) -> String {
    let colour = terminal::colour(&std::io::stdout());
    let mut out = Vec::new();
    for cycle in cycles {
        let head = format!(
            "{} under {}\n",
            cycle.started.scenario.name, cycle.started.profile
        );
        let register = match (&cycle.register, &cycle.finished) {
            (Some(register), Some(_)) => register.render_text(terminal::width(), colour),
            _ => {
                "this cycle broke off before its verdict was written: nothing is known\n".to_owned()
            }
        };
        out.push(head + &register);
    }
    out.join("\n")
}

fn as_json(run: &str, cycles: &[&CycleView]) -> Value {
    let cycles: Vec<Value> = cycles
        .iter()
        .map(|cycle| {
            json!({
                "scenario": cycle.started.scenario.name,
                "profile": cycle.started.profile,
                "recovery": cycle.recovery(),
                "agreement": cycle.agreement(),
                "exit": code(cycle),
                "register": cycle.register,
            })
        })
        .collect();
    json!({ "schema": super::SCHEMA, "run": run, "cycles": cycles })
}

//! `plan`: every step and every destructive act, as it would happen.

use std::fmt::Write as _;

use phoenix_engine::plan::Plan;
use phoenix_engine::run::destroys;
use serde_json::{Value, json};

use super::prepare::{Prepared, prepare};
use crate::arguments::{Format, PlanArguments};
use crate::error::Error;
use crate::terminal;

pub(crate) fn plan(arguments: &PlanArguments) -> Result<u8, Error> {
    let (environment, prepared) = prepare(&arguments.chosen)?;
    let all = prepared
        .iter()
        .flat_map(|ready| ready.plans.iter().map(move |plan| (ready, plan)));
    match arguments.format {
        Format::Json => {
            let plans: Vec<Value> = all
                .map(|(ready, plan)| {
                    json!({
                        "scenario": plan.scenario,
                        "file": ready.scenario.file,
                        "environment": ready.stack.environment,
                        "environment_file": environment.file,
                        "profile": ready.stack.profile,
                        "steps": plan.shown(|step| destroys(&ready.stack, step)),
                    })
                })
                .collect();
            terminal::json(&json!({ "schema": super::SCHEMA, "plans": plans }))?;
        }
        Format::Text => {
            let colour = terminal::colour(&std::io::stdout());
            let text: Vec<String> = all.map(|(ready, plan)| text(ready, plan, colour)).collect();
            terminal::data(&text.join("\n"))?;
        }
    }
    Ok(0)
}

fn text(ready: &Prepared, plan: &Plan, colour: bool) -> String {
    let paint = |ink: &str, text: &str| {
        if colour {
            format!("\u{1b}[{ink}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    };
    let head = format!(
        "{} under {} of {}",
        plan.scenario, ready.stack.profile, ready.stack.environment
    );
    let mut out = paint("1", &head);
    out.push('\n');
    let (mut burnt, mut before) = (0, None);
    for step in &plan.steps {
        let finally = if step.cleanup { "finally: " } else { "" };
        // The step before is what a step waits for, unless it says otherwise.
        let mut waits = String::new();
        let usual = before
            .map(|id: &str| vec![id.to_owned()])
            .unwrap_or_default();
        if step.needs != usual && !step.cleanup {
            let needs = step.needs.join(", ");
            waits = if needs.is_empty() {
                " (at once)".to_owned()
            } else {
                format!(" (after {needs})")
            };
        }
        let _infallible = writeln!(out, "  {:<16} {finally}{}{waits}", step.id, step.title);
        for act in destroys(&ready.stack, step) {
            burnt += 1;
            let act = paint("31", &format!("! {act}"));
            let _infallible = writeln!(out, "  {:<16}   {act}", "");
        }
        before = Some(step.id.as_str());
    }
    let _infallible = writeln!(
        out,
        "  {} steps; `!` marks {burnt} acts on the stack",
        plan.steps.len()
    );
    out
}

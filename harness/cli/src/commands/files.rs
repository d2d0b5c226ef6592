//! `check`, `plan` and `list`: what can be told from the files alone.

use phoenix_engine::lower;
use phoenix_engine::plan::Plan;
use phoenix_engine::run::destroys;
use phoenix_engine::stack::Stack;
use phoenix_language::{Diagnostics, Source, vocabulary};

use crate::arguments::Chosen;
use crate::error::Error;
use crate::project::Project;

/// The scenario that runs when none is named.
const SHIPPED: &str = "full-phoenix";

/// A scenario under a profile, ready to run.
pub(crate) struct Prepared {
    pub(crate) scenario: Source,
    pub(crate) stack: Stack,
    pub(crate) plans: Vec<Plan>,
}

/// All scenarios that were chosen, each under its profiles. Every error of every file at once.
pub(crate) fn prepare(chosen: &Chosen) -> Result<(Source, Vec<Prepared>), Error> {
    let project = Project::find();
    let environment = vocabulary::read_environment(&project.environment(&chosen.env)?)?;
    let names = if chosen.scenarios.is_empty() {
        vec![SHIPPED.to_owned()]
    } else {
        chosen.scenarios.clone()
    };
    let (mut prepared, mut wrong) = (Vec::new(), Diagnostics::default());
    for name in &names {
        let path = project.scenario(name)?;
        match one(&environment, &path, chosen) {
            Ok(ready) => prepared.extend(ready),
            Err(found) => wrong.extend(found),
        }
    }
    if wrong.has_errors() {
        Err(wrong.into())
    } else {
        Ok((environment, prepared))
    }
}

fn one(
    environment: &Source,
    path: &std::path::Path,
    chosen: &Chosen,
) -> Result<Vec<Prepared>, Diagnostics> {
    let profiles = {
        let info = lower::info(&vocabulary::read_scenario(path)?);
        match &chosen.profile {
            Some(profile) => vec![profile.clone()],
            None if !info.profiles.is_empty() => info.profiles,
            None => lower::profiles(environment).into_iter().take(1).collect(),
        }
    };
    let mut ready = Vec::new();
    for profile in profiles {
        let scenario = vocabulary::read_scenario(path)?;
        let mut stack = lower::stack(environment, &profile)?;
        let own = lower::info(&scenario).objectives;
        stack.objectives.rto = own.rto.or(stack.objectives.rto);
        stack.objectives.rpo = own.rpo.or(stack.objectives.rpo);
        stack.objectives.manual_steps = own.manual_steps.or(stack.objectives.manual_steps);
        let plans = lower::plans(&scenario, &stack)?;
        ready.push(Prepared {
            scenario,
            stack,
            plans,
        });
    }
    Ok(ready)
}

pub(crate) fn check(chosen: &Chosen) -> Result<u8, Error> {
    let (environment, prepared) = prepare(chosen)?;
    if let Some(ready) = prepared.first() {
        crate::judge::check_ties(&environment, &ready.stack)?;
    }
    println!("{}: ok", environment.file);
    for ready in &prepared {
        let warnings = ready.scenario.found();
        if !warnings.0.is_empty() {
            eprint!("{}", warnings.render(crate::progress::colour()));
        }
        for plan in &ready.plans {
            println!(
                "{}: ok ({} under {}, {} steps)",
                ready.scenario.file,
                plan.scenario,
                ready.stack.profile,
                plan.steps.len()
            );
        }
    }
    Ok(0)
}

pub(crate) fn plan(chosen: &Chosen) -> Result<u8, Error> {
    let (_, prepared) = prepare(chosen)?;
    for ready in &prepared {
        for plan in &ready.plans {
            println!("{} under {}", plan.scenario, ready.stack.profile);
            for step in &plan.steps {
                let finally = if step.cleanup { "finally: " } else { "" };
                println!("  {:<16} {finally}{}", step.id, step.title);
                for act in destroys(&ready.stack, step) {
                    println!("  {:<16}   ! {act}", "");
                }
            }
            println!();
        }
    }
    Ok(0)
}

pub(crate) fn list() -> Result<u8, Error> {
    let project = Project::find();
    for name in project.scenarios() {
        match vocabulary::read_scenario(&project.scenario(&name)?) {
            Ok(source) => {
                let info = lower::info(&source);
                println!("{name:<24} {:<20} {}", info.tags.join(","), info.title);
            }
            Err(found) => eprint!("{}", found.render(crate::progress::colour())),
        }
    }
    Ok(0)
}

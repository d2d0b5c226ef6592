//! From arguments to plans: which scenarios, under which profiles, over which stack.

use std::path::{Path, PathBuf};

use phoenix_engine::lower;
use phoenix_engine::plan::Plan;
use phoenix_engine::stack::Stack;
use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::{Diagnostics, Source, vocabulary};

use super::run::runtime;
use crate::arguments::Chosen;
use crate::error::Error;
use crate::project::Project;
use crate::terminal;

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
    let mut files = Vec::new();
    for given in &named(&project, &chosen.scenarios)? {
        files.extend(project.scenario(given)?);
    }
    let environment = vocabulary::read_environment(&project.environment(chosen.env.as_deref())?)?;
    known_profile(&environment, chosen.profile.as_deref())?;
    let (mut prepared, mut wrong) = (Vec::new(), Diagnostics::default());
    for path in &files {
        match one(&environment, path, chosen.profile.as_deref()) {
            Ok(ready) => prepared.extend(ready),
            Err(found) => wrong.extend(found),
        }
    }
    let usual = lower::profiles(&environment).into_iter().next();
    let profile = chosen.profile.clone().or(usual).unwrap_or_default();
    // A stack that does not fit together has been told with the scenarios.
    if let Ok(stack) = lower::stack(&environment, &profile) {
        let found = driver_fits(&environment, &stack)?;
        if found.has_errors() {
            wrong.extend(found);
        } else {
            // Such as that the Compose files could not be read: what was not looked at is told.
            terminal::talk(&found.render(terminal::colour(&std::io::stderr())));
        }
    }
    wrong.once();
    if wrong.has_errors() {
        Err(wrong.into())
    } else {
        Ok((environment, prepared))
    }
}

/// What is wrong or odd with an environment file, with what its driver's words name beside it.
pub(super) fn driver_fits(environment: &Source, stack: &Stack) -> Result<Diagnostics, Error> {
    Ok(runtime()?.block_on(phoenix_compose::fits(environment, stack)))
}

/// What was named; the shipped cycle, or the only scenario of a project that has no such.
fn named(project: &Project, given: &[String]) -> Result<Vec<String>, Error> {
    if !given.is_empty() {
        return Ok(given.to_vec());
    }
    let all = project.scenarios();
    match all.as_slice() {
        [] if project.is_here() => Err(Error::usage(
            "no scenario found: the folder `scenarios` holds no .yaml file",
            "write one (`phoenix schema scenario` helps an editor), or name a file",
        )),
        [] => Err(nothing_here()),
        [only] => Ok(vec![only.clone()]),
        several if several.iter().any(|name| name == SHIPPED) => Ok(vec![SHIPPED.to_owned()]),
        several => Err(Error::usage(
            "no scenario was named",
            format!("name one or more of `{}`", several.join("`, `")),
        )),
    }
}

pub(super) fn nothing_here() -> Error {
    Error::usage(
        "no scenario found: there is no folder `scenarios` here or above",
        "go to the project, or name a scenario by its file",
    )
}

/// A profile of the command line has to be one of the environment's.
pub(super) fn known_profile(environment: &Source, given: Option<&str>) -> Result<(), Error> {
    let known = lower::profiles(environment);
    match given {
        Some(given) if !known.iter().any(|name| name == given) => {
            let help = did_you_mean(given, known.iter().map(String::as_str));
            Err(Error::usage(
                format!("no profile of {} is called `{given}`", environment.file),
                help.unwrap_or_else(|| "it has no profiles".to_owned()),
            ))
        }
        _ => Ok(()),
    }
}

fn one(
    environment: &Source,
    path: &Path,
    profile: Option<&str>,
) -> Result<Vec<Prepared>, Diagnostics> {
    let scenario = vocabulary::read_scenario(path)?;
    let own = own_profiles(environment, &scenario)?;
    let profiles = match profile {
        Some(profile) => vec![profile.to_owned()],
        None if !own.is_empty() => own,
        None => lower::profiles(environment).into_iter().take(1).collect(),
    };
    let (mut ready, mut wrong) = (Vec::new(), Diagnostics::default());
    for profile in profiles {
        match under(environment, path, &profile) {
            Ok(one) => ready.push(one),
            Err(found) => wrong.extend(found),
        }
    }
    wrong.once();
    if wrong.has_errors() {
        Err(wrong)
    } else {
        Ok(ready)
    }
}

/// The profiles that a scenario names, each of which the environment has to have.
pub(super) fn own_profiles(
    environment: &Source,
    scenario: &Source,
) -> Result<Vec<String>, Diagnostics> {
    let known = lower::profiles(environment);
    for key in ["profiles", "profile"] {
        let Some(node) = scenario.root.get(key) else {
            continue;
        };
        for item in node.items() {
            let Some(name) = item.text() else { continue };
            if !known.iter().any(|known| known == name) {
                scenario.error(
                    item.place,
                    "unknown-profile",
                    format!("no profile of {} is called `{name}`", environment.file),
                    did_you_mean(name, known.iter().map(String::as_str)),
                );
            }
        }
    }
    let found = scenario.found();
    if found.has_errors() {
        Err(found)
    } else {
        Ok(lower::info(scenario).profiles)
    }
}

/// A scenario under one profile.
pub(super) fn under(
    environment: &Source,
    path: &Path,
    profile: &str,
) -> Result<Prepared, Diagnostics> {
    let scenario = vocabulary::read_scenario(path)?;
    let mut stack = lower::stack(environment, profile)?;
    let own = lower::info(&scenario).objectives;
    stack.objectives.rto = own.rto.or(stack.objectives.rto);
    stack.objectives.rpo = own.rpo.or(stack.objectives.rpo);
    stack.objectives.manual_steps = own.manual_steps.or(stack.objectives.manual_steps);
    let plans = lower::plans(&scenario, &stack)?;
    Ok(Prepared {
        scenario,
        stack,
        plans,
    })
}

/// The files of scenarios: those that were given, or all of the project.
pub(super) fn files(project: &Project, given: &[String]) -> Result<Vec<PathBuf>, Error> {
    let all = project.scenarios();
    let names = if given.is_empty() { &all } else { given };
    let mut files = Vec::new();
    for name in names {
        files.extend(project.scenario(name)?);
    }
    if files.is_empty() {
        // What is not there cannot be right.
        return named(project, given).map(|_| files);
    }
    Ok(files)
}

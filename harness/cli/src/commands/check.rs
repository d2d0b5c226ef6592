//! `check`: everything that is wrong with files, before anybody burns anything.

use std::path::Path;

use phoenix_engine::lower;
use phoenix_language::diagnostic::Severity;
use phoenix_language::{Diagnostic, Diagnostics, Source, vocabulary};
use serde_json::{Value, json};

use super::prepare::{driver_fits, files, known_profile, own_profiles, under};
use crate::arguments::{CheckArguments, Format};
use crate::error::Error;
use crate::project::Project;
use crate::{judge, terminal};

/// What was found to be right, and what was found to be wrong.
#[derive(Default)]
struct Outcome {
    right: Vec<Right>,
    found: Diagnostics,
}

/// A file that can be used under a profile.
struct Right {
    kind: &'static str,
    file: String,
    name: String,
    profile: String,
    steps: Option<usize>,
}

pub(crate) fn check(arguments: &CheckArguments) -> Result<u8, Error> {
    let project = Project::find();
    let scenarios = files(&project, &arguments.scenarios)?;
    let mut outcome = Outcome::default();
    let mut environments = vec![project.environment(arguments.env.as_deref())?];
    if arguments.env.is_none() && arguments.scenarios.is_empty() {
        for name in project.environments() {
            let path = project.environment(Some(&name))?;
            if !environments.contains(&path) {
                environments.push(path);
            }
        }
    }
    for (at, path) in environments.iter().enumerate() {
        let Some(source) = outcome.environment(path, arguments)? else {
            continue;
        };
        if at == 0 {
            for path in &scenarios {
                outcome.scenario(&source, path, arguments.profile.as_deref());
            }
            outcome.names(&scenarios);
        }
    }
    outcome.found.once();
    outcome.tell(arguments.format)?;
    Ok(if outcome.found.has_errors() { 2 } else { 0 })
}

impl Outcome {
    /// One environment under its profiles, with its documents and ties; its file, if it can be used.
    fn environment(
        &mut self,
        path: &Path,
        arguments: &CheckArguments,
    ) -> Result<Option<Source>, Error> {
        let source = match vocabulary::read_environment(path) {
            Ok(source) => source,
            Err(found) => {
                self.found.extend(found);
                return Ok(None);
            }
        };
        known_profile(&source, arguments.profile.as_deref())?;
        let mut stacks = Vec::new();
        let before = self.found.0.len();
        for profile in profiles(&source, arguments.profile.as_deref()) {
            match lower::stack(&source, &profile) {
                Ok(stack) => stacks.push(stack),
                Err(found) => self.found.extend(found),
            }
        }
        if let Some(stack) = stacks.first() {
            let found = driver_fits(&source, stack)?;
            if found.has_errors() {
                self.found.extend(found);
            }
            self.found
                .extend(judge::ties(&source, stack, &arguments.document));
        }
        let is_right = self.found.0.len() == before;
        self.found.extend(source.found());
        self.found
            .extend(judge::oddities(&source, &arguments.document));
        if is_right {
            for stack in &stacks {
                self.right.push(Right {
                    kind: "environment",
                    file: source.file.clone(),
                    name: stack.environment.clone(),
                    profile: stack.profile.clone(),
                    steps: None,
                });
            }
        }
        Ok((!stacks.is_empty()).then_some(source))
    }

    /// One scenario under every profile of the environment.
    fn scenario(&mut self, environment: &Source, path: &Path, profile: Option<&str>) {
        let own = vocabulary::read_scenario(path)
            .and_then(|scenario| own_profiles(environment, &scenario));
        if let Err(found) = own {
            self.found.extend(found);
            return;
        }
        for profile in profiles(environment, profile) {
            match under(environment, path, &profile) {
                Ok(ready) => {
                    self.found.extend(ready.scenario.found());
                    self.right.extend(ready.plans.iter().map(|plan| Right {
                        kind: "scenario",
                        file: ready.scenario.file.clone(),
                        name: plan.scenario.clone(),
                        profile: profile.clone(),
                        steps: Some(plan.steps.len()),
                    }));
                }
                Err(found) => self.found.extend(found),
            }
        }
    }

    /// Two files that call their scenario the same cannot be told apart in a report.
    fn names(&mut self, scenarios: &[std::path::PathBuf]) {
        let mut seen: Vec<(String, String)> = Vec::new();
        for path in scenarios {
            let Ok(source) = vocabulary::read_scenario(path) else {
                continue;
            };
            let name = lower::info(&source).name;
            if let Some((_, other)) = seen.iter().find(|(known, _)| *known == name)
                && let Some(node) = source.root.get("scenario")
            {
                source.error(
                    node.place,
                    "duplicate-name",
                    format!("{other} calls its scenario `{name}` too"),
                    Some("give one of them another name".to_owned()),
                );
                self.found.extend(source.found());
            }
            seen.push((name, source.file.clone()));
        }
    }

    fn tell(&self, format: Format) -> Result<(), Error> {
        if format == Format::Json {
            return terminal::json(&self.json());
        }
        let colour = terminal::colour(&std::io::stderr());
        terminal::talk(&self.found.render(colour));
        let mut out = String::new();
        for (file, name, profiles, steps) in self.by_file() {
            let steps = steps.map_or(String::new(), |steps| format!(", {steps} steps"));
            out.push_str(&format!("{file}: ok ({name} under {profiles}{steps})\n"));
        }
        terminal::data(&out)?;
        let plural = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let counts = [
            plural(count(&self.found, Severity::Error), "error"),
            plural(count(&self.found, Severity::Warning), "warning"),
        ];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        if !counts.is_empty() {
            terminal::talk(&format!("{}\n", counts.join(", ")));
        }
        Ok(())
    }

    /// One line for what is right under several profiles.
    fn by_file(&self) -> Vec<(String, String, String, Option<usize>)> {
        let mut lines: Vec<(String, String, String, Option<usize>)> = Vec::new();
        for right in &self.right {
            let same = lines.iter_mut().find(|(file, name, _, steps)| {
                (file, name, steps) == (&right.file, &right.name, &right.steps)
            });
            match same {
                Some((_, _, profiles, _)) => {
                    profiles.push_str(", ");
                    profiles.push_str(&right.profile);
                }
                None => lines.push((
                    right.file.clone(),
                    right.name.clone(),
                    right.profile.clone(),
                    right.steps,
                )),
            }
        }
        lines
    }

    fn json(&self) -> Value {
        let checked: Vec<Value> = self
            .right
            .iter()
            .map(|right| {
                json!({
                    "kind": right.kind,
                    "file": right.file,
                    "name": right.name,
                    "profile": right.profile,
                    "steps": right.steps,
                })
            })
            .collect();
        json!({
            "schema": super::SCHEMA,
            "ok": !self.found.has_errors(),
            "checked": checked,
            "diagnostics": self.found,
        })
    }
}

fn profiles(environment: &Source, given: Option<&str>) -> Vec<String> {
    match given {
        Some(given) => vec![given.to_owned()],
        None => lower::profiles(environment),
    }
}

fn count(found: &Diagnostics, severity: Severity) -> usize {
    let is = |diagnostic: &&Diagnostic| diagnostic.severity == severity;
    found.0.iter().filter(is).count()
}

//! `list`: the scenarios of the project, and the environments that they can run in.

use std::fmt::Write as _;

use phoenix_engine::lower;
use phoenix_language::{Diagnostics, Source, vocabulary};
use serde_json::{Value, json};

use super::prepare::nothing_here;
use crate::arguments::{Format, ListArguments};
use crate::error::Error;
use crate::project::Project;
use crate::terminal;

pub(crate) fn list(arguments: &ListArguments) -> Result<u8, Error> {
    let project = Project::find();
    if !project.is_here() {
        return Err(nothing_here());
    }
    let mut wrong = Diagnostics::default();
    let mut good = |read: Result<Source, Diagnostics>| match read {
        Ok(source) => Some(source),
        Err(found) => {
            wrong.extend(found);
            None
        }
    };
    let (mut scenarios, mut environments) = (Vec::new(), Vec::new());
    for name in project.scenarios() {
        for path in project.scenario(&name)? {
            let read = good(vocabulary::read_scenario(&path));
            scenarios.extend(read.map(|source| (name.clone(), source)));
        }
    }
    for name in project.environments() {
        let read = good(vocabulary::read_environment(
            &project.environment(Some(&name))?,
        ));
        environments.extend(read.map(|source| (name.clone(), source)));
    }
    match arguments.format {
        Format::Json => terminal::json(&as_json(&scenarios, &environments))?,
        Format::Text => terminal::data(&text(&scenarios, &environments))?,
    }
    let colour = terminal::colour(&std::io::stderr());
    terminal::talk(&wrong.render(colour));
    Ok(if wrong.has_errors() { 2 } else { 0 })
}

fn title(source: &Source) -> String {
    let title = source.root.get("title").and_then(|node| node.text());
    title.unwrap_or_default().to_owned()
}

fn text(scenarios: &[(String, Source)], environments: &[(String, Source)]) -> String {
    let rows = |of: &[(String, Source)], profiles: &dyn Fn(&Source) -> Vec<String>| {
        let rows: Vec<[String; 3]> = of
            .iter()
            .map(|(name, source)| {
                let profiles = match profiles(source) {
                    none if none.is_empty() => "-".to_owned(),
                    some => some.join(", "),
                };
                [name.clone(), profiles, title(source)]
            })
            .collect();
        rows
    };
    let mut groups = vec![(
        "scenarios",
        rows(scenarios, &|source| lower::info(source).profiles),
    )];
    groups.push(("environments", rows(environments, &lower::profiles)));
    let widest = |at: usize| {
        let all = groups.iter().flat_map(|(_, rows)| rows);
        all.map(|row| row[at].chars().count()).max().unwrap_or(0)
    };
    let (first, second) = (widest(0), widest(1));
    let mut out = String::new();
    for (heading, rows) in &groups {
        let _infallible = writeln!(out, "{heading}");
        for [name, profiles, title] in rows {
            let line = format!("  {name:<first$}  {profiles:<second$}  {title}");
            let _infallible = writeln!(out, "{}", line.trim_end());
        }
        if rows.is_empty() {
            out.push_str("  none\n");
        }
    }
    out
}

fn as_json(scenarios: &[(String, Source)], environments: &[(String, Source)]) -> Value {
    let scenarios: Vec<Value> = scenarios
        .iter()
        .map(|(name, source)| {
            let info = lower::info(source);
            json!({
                "name": name,
                "scenario": info.name,
                "title": info.title,
                "tags": info.tags,
                "profiles": info.profiles,
                "file": source.file,
            })
        })
        .collect();
    let environments: Vec<Value> = environments
        .iter()
        .map(|(name, source)| {
            json!({
                "name": name,
                "title": title(source),
                "profiles": lower::profiles(source),
                "documents": lower::documents(source),
                "file": source.file,
            })
        })
        .collect();
    json!({
        "schema": super::SCHEMA,
        "scenarios": scenarios,
        "environments": environments,
    })
}

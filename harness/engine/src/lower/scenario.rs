//! A scenario over a stack.

use std::collections::BTreeMap;

use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::{Kind, Place};
use phoenix_language::{Diagnostics, Node, Source, value};

use super::environment::objectives;
use super::steps::Lowering;
use super::{text_of, texts_of};
use crate::plan::{Act, Expect, Expected, Plan, Step};
use crate::stack::{Objectives, Stack};

/// What a scenario says of itself.
#[derive(Clone, Debug, Default)]
pub struct ScenarioInfo {
    /// Its name.
    pub name: String,
    /// What it asks.
    pub title: String,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// The profiles that it runs under; the caller's choice when empty.
    pub profiles: Vec<String>,
    /// Its objectives, where it has its own.
    pub objectives: Objectives,
}

/// What a scenario says of itself.
#[must_use]
pub fn info(source: &Source) -> ScenarioInfo {
    let root = &source.root;
    let mut profiles = texts_of(root.get("profiles"));
    profiles.extend(text_of(root.get("profile")));
    ScenarioInfo {
        name: text_of(root.get("scenario")).unwrap_or_default(),
        title: text_of(root.get("title")).unwrap_or_default(),
        tags: texts_of(root.get("tags")),
        profiles,
        objectives: objectives(root.get("objectives")),
    }
}

/// The plans of a scenario over a stack: one for each value of its matrix.
///
/// # Errors
/// Everything that does not fit the stack, with its place.
pub fn plans(source: &Source, stack: &Stack) -> Result<Vec<Plan>, Diagnostics> {
    let info = info(source);
    name_fits(source, &info.name);
    // A value stands as it is written, but for what a step saves.
    let _as_written = substituted(source, source.root.get("with"), &Values::new());
    let mut plans = Vec::new();
    for (suffix, values) in variants(source) {
        let steps = substituted(source, source.root.get("steps"), &values);
        let finally = substituted(source, source.root.get("finally"), &values);
        let expect = substituted(source, source.root.get("expect"), &values);
        let mut lowering = Lowering::new(source, stack);
        let mut all = lowering.steps(steps.as_ref(), false);
        let has_check = all.iter().any(|step| {
            matches!(
                step.act,
                Act::Check { .. }
                    | Act::Prove { .. }
                    | Act::Http(_)
                    | Act::Sql { .. }
                    | Act::Run(_)
            )
        });
        if !has_check {
            let place = source
                .root
                .get("steps")
                .map_or(Place::default(), |steps| steps.place);
            source.error(
                place,
                "no-check",
                "this scenario checks nothing: it could only ever pass".to_owned(),
                Some("end it with `- check: [health, login, survival, fingerprint]`".to_owned()),
            );
        }
        all.extend(lowering.steps(finally.as_ref(), true));
        resolve_needs(source, &mut all, &lowering.needs);
        plans.push(Plan {
            scenario: format!("{}{suffix}", info.name),
            expect: expectations(source, expect.as_ref(), stack),
            steps: all,
        });
    }
    let found = source.found();
    if found.has_errors() {
        Err(found)
    } else {
        Ok(plans)
    }
}

/// A name goes into folders, tables and terminals: it is of letters that stand for themselves.
fn name_fits(source: &Source, name: &str) {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if name.is_empty() || !name.chars().all(fits) || name.chars().count() > 80 {
        let place = source
            .root
            .get("scenario")
            .map_or(Place::default(), |node| node.place);
        source.error(
            place,
            "bad-name",
            "a scenario cannot be called that".to_owned(),
            Some("use letters, digits, `-`, `_`, `.` and spaces, 80 at the most".to_owned()),
        );
    }
}

type Values = BTreeMap<String, String>;

/// Every combination of the matrix: what its name gets, and its values.
fn variants(source: &Source) -> Vec<(String, Values)> {
    let mut all: Vec<(String, Values)> = vec![(String::new(), Values::new())];
    for (name, node) in source
        .root
        .get("with")
        .map(Node::entries)
        .unwrap_or_default()
    {
        match node.get("matrix") {
            None => {
                for (_, values) in &mut all {
                    values.insert(name.text.clone(), text_of(Some(node)).unwrap_or_default());
                }
            }
            Some(matrix) => {
                let items = texts_of(Some(matrix));
                if items.is_empty() {
                    source.error(
                        matrix.place,
                        "empty-matrix",
                        format!(
                            "the matrix of `{}` is empty: no scenario would run",
                            name.text
                        ),
                        None,
                    );
                }
                all = all
                    .iter()
                    .flat_map(|(suffix, values)| {
                        items.iter().map(move |item| {
                            let mut values = values.clone();
                            values.insert(name.text.clone(), item.clone());
                            let list = suffix.trim_start_matches('[').trim_end_matches(']');
                            let comma = if list.is_empty() { "" } else { "," };
                            (format!("[{list}{comma}{}={item}]", name.text), values)
                        })
                    })
                    .collect();
            }
        }
    }
    all
}

/// A part of the scenario with its variables replaced. What an earlier step saves is left for the
/// run; what nobody sets is an error.
fn substituted(source: &Source, node: Option<&Node>, values: &Values) -> Option<Node> {
    let mut saved = Vec::new();
    collect_saved(&source.root, &mut saved);
    let node = node?;
    Some(
        node.substituted(&|name| values.get(name).cloned(), &mut |name, place| {
            if !saved.iter().any(|known| known == name) {
                let known = values.keys().chain(&saved).map(String::as_str);
                unset(source, name, place, known);
            }
        }),
    )
}

/// A name that nothing sets. A scenario has no variables of its surroundings: its text is the
/// evidence of what was sent, and a run that is gone on with elsewhere has to send the same.
fn unset<'n>(source: &Source, name: &str, place: Place, known: impl Iterator<Item = &'n str>) {
    let (message, help) = if name.starts_with("env:") || name.starts_with("secret:") {
        (
            format!(
                "`${{{name}}}` is for applications in environment files, and not filled in here"
            ),
            "ask with a command instead: `run: { command: [sh, -c, …] }` has the variables of \
             phoenix's own environment"
                .to_owned(),
        )
    } else {
        (
            format!("nothing sets `${{{name}}}`"),
            did_you_mean(name, known).unwrap_or_else(|| "set it under `with:`".to_owned()),
        )
    };
    source.error(place, "unknown-variable", message, Some(help));
}

fn collect_saved(node: &Node, saved: &mut Vec<String>) {
    for (key, value) in node.entries() {
        if key.text == "save" {
            saved.extend(text_of(Some(value)));
            saved.extend(value.entries().iter().map(|(name, _)| name.text.clone()));
        }
        collect_saved(value, saved);
    }
    // An empty map is its own only item.
    if let Kind::List(items) = &node.kind {
        for item in items {
            collect_saved(item, saved);
        }
    }
}

/// Names become ids; a circle is an error that names it.
fn resolve_needs(source: &Source, steps: &mut [Step], needs: &[(String, String, Place)]) {
    let names: Vec<(String, String)> = steps
        .iter()
        .filter_map(|step| step.name.clone().map(|name| (name, step.id.clone())))
        .collect();
    for (step, need, place) in needs {
        match names.iter().find(|(name, _)| name == need) {
            Some((_, id)) => {
                if let Some(step) = steps.iter_mut().find(|known| known.id == *step) {
                    step.needs.push(id.clone());
                }
            }
            None => source.error(
                *place,
                "unknown-step-name",
                format!("no step is called `{need}`"),
                did_you_mean(need, names.iter().map(|(name, _)| name.as_str()))
                    .or_else(|| Some("give the step a `name:`".to_owned())),
            ),
        }
    }
    let mut ended: Vec<&str> = Vec::new();
    loop {
        let before = ended.len();
        for step in steps.iter() {
            let ready = step.needs.iter().all(|need| ended.contains(&need.as_str()));
            if ready && !ended.contains(&step.id.as_str()) {
                ended.push(&step.id);
            }
        }
        if ended.len() == steps.len() {
            return;
        }
        if ended.len() == before {
            let circle = circle(steps, &ended);
            let of_circle = |id: &String| circle.iter().any(|step| step.id == *id);
            let place = needs
                .iter()
                .find(|(step, _, _)| of_circle(step))
                .map_or(Place::default(), |(_, _, place)| *place);
            let stuck: Vec<&str> = circle
                .iter()
                .map(|step| step.name.as_deref().unwrap_or(&step.id))
                .collect();
            source.error(
                place,
                "cyclic-needs",
                format!("these steps wait for each other: {}", stuck.join(", ")),
                Some("remove one of the `needs:`".to_owned()),
            );
            return;
        }
    }
}

/// The steps that wait for each other, without those that only wait for one of them.
fn circle<'s>(steps: &'s [Step], ended: &[&str]) -> Vec<&'s Step> {
    let mut stuck: Vec<&Step> = steps
        .iter()
        .filter(|step| !ended.contains(&step.id.as_str()))
        .collect();
    loop {
        let before = stuck.len();
        let needed: Vec<&String> = stuck.iter().flat_map(|step| &step.needs).collect();
        stuck.retain(|step| needed.contains(&&step.id));
        if stuck.len() == before {
            return stuck;
        }
    }
}

fn expectations(source: &Source, node: Option<&Node>, stack: &Stack) -> Vec<Expect> {
    let mut all = Vec::new();
    for item in node.map(Node::items).unwrap_or_default() {
        let Some((key, value)) = item.entries().first() else {
            continue;
        };
        let text = |name: &str| text_of(value.get(name)).unwrap_or_default();
        let own = text_of(Some(value)).unwrap_or_default();
        let counted = |verdict: &str, store: Option<String>, count: &str| {
            let (at_least, at_most) = value::bound(count).unwrap_or((0, Some(0)));
            let verdict = if verdict == "recovered-writes" {
                "recovered"
            } else {
                verdict
            };
            Expected::Verdict {
                verdict: verdict.to_owned(),
                store,
                at_least,
                at_most,
            }
        };
        let what = match key.text.as_str() {
            "recovery" => Expected::Recovery(own.clone()),
            "document" => Expected::Agreement(own.clone()),
            "exit" => Expected::Exit(own.parse().unwrap_or(0)),
            "diagnosis" => Expected::Diagnosis(own.clone()),
            "verdict" => {
                let stores: Vec<&str> = stack.store_names();
                if let Some(store) = value.get("store") {
                    super::environment::known_name(source, store, &stores, "store");
                }
                counted(&text("is"), Some(text("store")), &text("count"))
            }
            "finding" => Expected::Finding {
                subject: text_of(value.get("subject")),
                kind: text("kind"),
            },
            "claim" => Expected::Claim {
                claim: text("title"),
                status: text("status"),
            },
            verdict => counted(verdict, None, &own),
        };
        let words = if own.is_empty() {
            value.to_json().to_string()
        } else {
            own
        };
        all.push(Expect {
            text: format!("{}: {words}", key.text),
            what,
        });
    }
    all
}

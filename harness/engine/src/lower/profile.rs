//! What a profile makes of a stack: recovery policies, secrets, automations.

use std::collections::BTreeSet;
use std::time::Duration;

use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::Place;
use phoenix_language::{Node, Source, value};

use super::environment::{automation, known_name, objectives};
use super::text_of;
use crate::stack::{Policy, Stack};

pub(super) fn apply_profile(source: &Source, stack: &mut Stack, profile: &str) {
    let Some(profiles) = source.root.get("profiles") else {
        return;
    };
    let mut chain = vec![profile.to_owned()];
    let mut seen = BTreeSet::new();
    // From the profile to the one that everything is inherited from.
    while let Some(name) = chain.last().cloned() {
        let Some(node) = profiles.get(&name) else {
            let known = super::environment::profiles(source);
            source.error(
                profiles.place,
                "unknown-profile",
                format!("no profile is called `{name}`"),
                did_you_mean(&name, known.iter().map(String::as_str)),
            );
            return;
        };
        if !seen.insert(name) {
            source.error(
                node.place,
                "cyclic-needs",
                "profiles inherit in a circle".into(),
                None,
            );
            return;
        }
        match text_of(node.get("inherit")) {
            Some(base) => chain.push(base),
            None => break,
        }
    }
    for name in chain.iter().rev() {
        let Some(node) = profiles.get(name) else {
            continue;
        };
        for (key, value) in node.entries() {
            apply_entry(source, stack, &key.text, key.place, value);
        }
    }
}

fn apply_entry(source: &Source, stack: &mut Stack, key: &str, place: Place, value: &Node) {
    match key {
        "inherit" => {}
        "objectives" => stack.objectives = objectives(Some(value)),
        "default" => {
            if let Some(policy) = policy(source, value) {
                for store in &mut stack.stores {
                    store.policy = policy;
                }
            }
        }
        "secrets" => {
            if let Some(preserved) = preserved(source, value) {
                for secret in &mut stack.secrets {
                    secret.preserved = preserved;
                }
            }
        }
        _ => {
            if let Some(at) = stack.stores.iter().position(|store| store.name == key) {
                if let Some(policy) = policy(source, value) {
                    stack.stores[at].policy = policy;
                }
            } else if let Some(at) = stack.secrets.iter().position(|secret| secret.name == key) {
                if let Some(preserved) = preserved(source, value) {
                    stack.secrets[at].preserved = preserved;
                }
            } else if let Some(at) = stack.manual_steps.iter().position(|step| step.name == key) {
                if let Some(provider) = value.get("automation").and_then(|by| by.get("provision")) {
                    let services: Vec<&str> = stack.service_names();
                    known_name(source, provider, &services, "service");
                }
                stack.manual_steps[at].automation = automation(source, value.get("automation"));
            } else {
                let names: Vec<&str> = ["default", "secrets", "inherit", "objectives"]
                    .into_iter()
                    .chain(stack.stores.iter().map(|store| store.name.as_str()))
                    .chain(stack.secrets.iter().map(|secret| secret.name.as_str()))
                    .chain(stack.manual_steps.iter().map(|step| step.name.as_str()))
                    .collect();
                source.error(
                    place,
                    "unknown-name",
                    format!("no store, secret or manual step is called `{key}`"),
                    did_you_mean(key, names),
                );
            }
        }
    }
}

fn preserved(source: &Source, value: &Node) -> Option<bool> {
    match value.text() {
        Some("preserved") => Some(true),
        Some("regenerated") => Some(false),
        other => {
            source.error(
                value.place,
                "unknown-policy",
                "a secret is `preserved` or `regenerated`".to_owned(),
                other.and_then(|text| did_you_mean(text, ["preserved", "regenerated"])),
            );
            None
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);

const POLICIES: [&str; 7] = [
    "none",
    "retained",
    "keep",
    "snapshot",
    "logical",
    "versioned",
    "replicated",
];

fn policy(source: &Source, value: &Node) -> Option<Policy> {
    if let Some(word) = value.text() {
        return match word {
            "none" => Some(Policy::None),
            "retained" => Some(Policy::Retained),
            "versioned" => Some(Policy::Versioned),
            other => {
                source.error(
                    value.place,
                    "unknown-policy",
                    format!("`{other}` is no recovery policy"),
                    did_you_mean(other, POLICIES),
                );
                None
            }
        };
    }
    let (key, inner) = value.entries().first()?;
    type Read = fn(&str) -> Result<Duration, String>;
    let read = |name: &str, read: Read, default: Duration| match inner.get(name) {
        None => default,
        Some(node) => match read(node.text().unwrap_or_default()) {
            Ok(found) => found,
            Err(why) => {
                let message = format!("`{name}` is no duration");
                source.error(node.place, "bad-duration", message, Some(why));
                default
            }
        },
    };
    let every = || read("every", value::period, DAY);
    let lag = || read("lag", value::duration, Duration::ZERO);
    read("keep", value::period, DAY);
    // A word that nobody knows would be taken for the worse policy, without a word.
    let word = |name: &str, words: &[&str]| {
        let node = inner.get(name)?;
        let found = node.text().filter(|text| words.contains(text));
        if found.is_none() {
            let message = format!("`{name}` cannot be this");
            let help = format!("write `{}`", words.join("` or `"));
            source.error(node.place, "unknown-word", message, Some(help));
        }
        found
    };
    word("verified", &["true", "false"]);
    let outlives = word("outlives", &["instance"]).is_some();
    let known = ["every", "lag", "keep", "outlives", "verified"];
    for (name, _) in inner.entries() {
        if !known.contains(&name.text.as_str()) {
            source.error(
                name.place,
                "unknown-key",
                format!("a policy has no key `{}`", name.text),
                did_you_mean(&name.text, known),
            );
        }
    }
    match key.text.as_str() {
        "keep" => {
            if inner.text() != Some("nothing") {
                let message = "a store that is kept nowhere has `keep: nothing`".to_owned();
                let help = "a snapshot or a dump says inside itself how long it is kept".to_owned();
                source.error(inner.place, "unknown-word", message, Some(help));
            }
            Some(Policy::None)
        }
        "snapshot" => Some(Policy::Snapshot {
            every: every(),
            lag: lag(),
            outlives,
        }),
        "logical" => Some(Policy::Logical {
            every: every(),
            lag: lag(),
        }),
        "versioned" => Some(Policy::Versioned),
        "replicated" => Some(Policy::Replicated { lag: lag() }),
        other => {
            source.error(
                key.place,
                "unknown-policy",
                format!("`{other}` is no recovery policy"),
                did_you_mean(other, POLICIES),
            );
            None
        }
    }
}

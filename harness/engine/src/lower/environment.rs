//! An environment file under a profile.

mod fit;

use std::collections::BTreeMap;

pub(super) use fit::known_name;
use fit::{names_fit, something_is_declared, ties_fit};
use phoenix_language::{Diagnostics, Node, Source};

use super::profile::apply_profile;
use super::{duration_of, number_of, text_of, texts_of};
use crate::stack::{
    Automation, Driver, ManualStep, Objectives, Policy, Secret, SecretEncoding, Service, Stack,
    Store, StoreKind,
};

/// A tie of a claim to checks, as the environment file has it.
#[derive(Clone, Debug)]
pub struct Tie {
    /// Title or id of the claim.
    pub claim: String,
    /// Line of it in the environment file.
    pub line: usize,
    /// The check, by its word in the file; `not_testable` with the reason in `subject`.
    pub check: String,
    /// On what.
    pub subject: TieSubject,
    /// Kinds of failure that the claim speaks of; all when empty.
    pub kinds: Vec<String>,
    /// The level at which it is settled.
    pub level: Option<String>,
}

/// What a tie is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TieSubject {
    /// All subjects of the check.
    All,
    /// These.
    Names(Vec<String>),
}

/// The profiles of an environment file, in its order.
#[must_use]
pub fn profiles(source: &Source) -> Vec<String> {
    source
        .root
        .get("profiles")
        .map(|profiles| {
            profiles
                .entries()
                .iter()
                .map(|(key, _)| key.text.clone())
                .collect()
        })
        .unwrap_or_default()
}

/// The documents that an environment file names.
#[must_use]
pub fn documents(source: &Source) -> Vec<String> {
    texts_of(source.root.get("document"))
}

/// The ties of claims to checks.
#[must_use]
pub fn ties(source: &Source) -> Vec<Tie> {
    let mut ties = Vec::new();
    let Some(gaps) = source.root.get("gaps") else {
        return ties;
    };
    for (claim, checks) in gaps.entries() {
        for entry in checks.items() {
            let beside = ["kinds", "level"];
            for (check, subject) in entry
                .entries()
                .iter()
                .filter(|(key, _)| !beside.contains(&key.text.as_str()))
            {
                let names = texts_of(Some(subject));
                ties.push(Tie {
                    claim: claim.text.clone(),
                    line: claim.place.line,
                    check: check.text.clone(),
                    subject: if names == ["all"] {
                        TieSubject::All
                    } else {
                        TieSubject::Names(names)
                    },
                    kinds: texts_of(entry.get("kinds")),
                    level: text_of(entry.get("level")),
                });
            }
        }
    }
    ties
}

/// The stack of an environment file under a profile.
///
/// # Errors
/// Everything that does not fit together, with its place.
pub fn stack(source: &Source, profile: &str) -> Result<Stack, Diagnostics> {
    let root = &source.root;
    let mut stack = Stack {
        environment: text_of(root.get("environment")).unwrap_or_default(),
        profile: profile.to_owned(),
        driver: driver(source, root),
        services: services(root),
        stores: stores(root),
        secrets: secrets(root),
        manual_steps: manual_steps(source, root),
        objectives: objectives(root.get("objectives")),
        absent: BTreeMap::new(),
        known_sick: BTreeMap::new(),
    };
    something_is_declared(source, &stack);
    names_fit(source, &stack);
    for (name, sick) in root
        .get("known_sick")
        .map(Node::entries)
        .unwrap_or_default()
    {
        let word = |key| text_of(sick.get(key)).unwrap_or_default();
        stack
            .known_sick
            .insert(name.text.clone(), (word("check"), word("because")));
    }
    apply_profile(source, &mut stack, profile);
    ties_fit(source, &stack);
    let found = source.found();
    if found.has_errors() {
        Err(found)
    } else {
        Ok(stack)
    }
}

pub(super) fn objectives(node: Option<&Node>) -> Objectives {
    let get = |key| node.and_then(|node| node.get(key));
    Objectives {
        rto: duration_of(get("rto")),
        rpo: duration_of(get("rpo")),
        manual_steps: number_of(get("manual_steps")),
    }
}

fn driver(source: &Source, root: &Node) -> Driver {
    let folder = std::path::Path::new(&source.file)
        .parent()
        .unwrap_or(std::path::Path::new(""))
        .to_owned();
    let Some(node) = root.get("driver") else {
        return Driver::default();
    };
    let (name, settings) = match node.entries().first() {
        Some((name, settings)) => (name.text.clone(), settings.to_json()),
        None => (
            text_of(Some(node)).unwrap_or_default(),
            serde_json::Value::Null,
        ),
    };
    Driver {
        name,
        settings,
        folder,
    }
}

fn services(root: &Node) -> Vec<Service> {
    let entries = root.get("services").map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|(name, node)| Service {
            name: name.text.clone(),
            app: text_of(node.get("app")).unwrap_or_default(),
            url: text_of(node.get("url")).unwrap_or_default(),
            needs: texts_of(node.get("needs")),
            secrets: texts_of(node.get("secrets")),
            login_via: node
                .get("login")
                .and_then(|login| text_of(login.get("via"))),
            env: node
                .get("env")
                .map(Node::entries)
                .unwrap_or_default()
                .iter()
                .map(|(key, value)| (key.text.clone(), text_of(Some(value)).unwrap_or_default()))
                .collect(),
            settings: settings(node),
        })
        .collect()
}

/// What a service's node says beside the words that are read here: for its application module.
fn settings(node: &Node) -> serde_json::Value {
    let own = ["app", "url", "needs", "secrets", "env"];
    node.entries()
        .iter()
        .filter(|(key, _)| !own.contains(&key.text.as_str()))
        .map(|(key, value)| (key.text.clone(), value.to_json()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn stores(root: &Node) -> Vec<Store> {
    let kinds = [
        ("sqlite", StoreKind::Database),
        ("postgres", StoreKind::Database),
        ("mysql", StoreKind::Database),
        ("directory", StoreKind::Files),
        ("volume", StoreKind::Files),
        ("bucket", StoreKind::Bucket),
        ("redis", StoreKind::Memory),
        ("memcached", StoreKind::Memory),
        ("rabbitmq", StoreKind::Memory),
    ];
    let entries = root.get("stores").map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(name, node)| {
            let (engine, kind, value) = kinds
                .iter()
                .find_map(|(word, kind)| node.get(word).map(|value| (*word, *kind, value)))?;
            let at = text_of(Some(value))
                .or_else(|| text_of(value.get("path")))
                .or_else(|| text_of(value.get("name")))
                .or_else(|| text_of(value.get("database")))
                .or_else(|| text_of(value.get("service")))
                .unwrap_or_default();
            Some(Store {
                name: name.text.clone(),
                kind,
                engine: engine.to_owned(),
                at,
                settings: value.to_json(),
                on: text_of(node.get("on")),
                losable: node.get("losable").and_then(Node::text) == Some("true"),
                catch_up: duration_of(node.get("catch_up")).unwrap_or_default(),
                policy: Policy::None,
            })
        })
        .collect()
}

fn secrets(root: &Node) -> Vec<Secret> {
    let entries = root.get("secrets").map(Node::entries).unwrap_or_default();
    entries
        .iter()
        .map(|(name, node)| Secret {
            name: name.text.clone(),
            bytes: number_of(node.get("bytes")).unwrap_or(32) as usize,
            encoding: match node.get("encoding").and_then(Node::text) {
                Some("base64") => SecretEncoding::PrefixedBase64,
                Some("hex") => SecretEncoding::Hex,
                _ => SecretEncoding::Text,
            },
            env: text_of(node.get("env")),
            opens: text_of(node.get("opens")),
            preserved: false,
        })
        .collect()
}

fn manual_steps(source: &Source, root: &Node) -> Vec<ManualStep> {
    let entries = root
        .get("manual_steps")
        .map(Node::entries)
        .unwrap_or_default();
    entries
        .iter()
        .map(|(name, node)| ManualStep {
            name: name.text.clone(),
            title: text_of(node.get("title")).unwrap_or_default(),
            minutes: f64::from(number_of(node.get("minutes")).unwrap_or(0)),
            automation: automation(source, node.get("automation")),
        })
        .collect()
}

pub(super) fn automation(source: &Source, node: Option<&Node>) -> Option<Automation> {
    let node = node?;
    if let Some(provider) = text_of(node.get("provision")) {
        return Some(Automation::Provision(provider));
    }
    match text_of(Some(node)).as_deref() {
        Some("none") => return None,
        Some("declared") => return Some(Automation::Declared),
        _ => {}
    }
    let words = texts_of(Some(node));
    if words.is_empty() || text_of(Some(node)).is_some() {
        source.error(
            node.place,
            "automation",
            "this automates nothing".to_owned(),
            Some(
                "write `none`, `declared`, `{ provision: SERVICE }`, or a command as a list"
                    .to_owned(),
            ),
        );
        return None;
    }
    Some(Automation::Command(words))
}

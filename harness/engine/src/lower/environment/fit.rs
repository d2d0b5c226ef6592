//! Whether the names of an environment file fit together.

use phoenix_language::diagnostic::did_you_mean;
use phoenix_language::tree::{Kind, Place};
use phoenix_language::{Node, Source};

use crate::stack::{Stack, StoreKind};

/// A drill of a stack with nothing in it would burn nothing, and could not fail.
pub(super) fn something_is_declared(source: &Source, stack: &Stack) {
    if !stack.stores.is_empty() || !stack.services.is_empty() {
        return;
    }
    let keys = source.root.entries().iter().map(|(key, _)| key);
    let place = keys
        .filter(|key| key.text == "stores")
        .map(|key| key.place)
        .next()
        .unwrap_or(source.root.place);
    source.warn(
        place,
        "nothing-declared",
        "no store and no service is declared: a drill would burn nothing and prove nothing"
            .to_owned(),
        Some(
            "declare what holds data under `stores:`, and what people reach under `services:`"
                .to_owned(),
        ),
    );
}

/// Every name that is used is one that is declared, and nothing needs itself.
pub(super) fn names_fit(source: &Source, stack: &Stack) {
    let stores: Vec<&str> = stack.store_names();
    let services: Vec<&str> = stack.service_names();
    let secrets: Vec<&str> = stack.secret_names();
    let both: Vec<&str> = stores.iter().chain(&services).copied().collect();
    let entries = |key| source.root.get(key).map(Node::entries).unwrap_or_default();
    for (name, _) in entries("services") {
        if stores.contains(&name.text.as_str()) {
            source.error(
                name.place,
                "duplicate-name",
                format!("`{}` is a store and a service", name.text),
                Some("give one of them another name".to_owned()),
            );
        }
    }
    for (_, node) in entries("services") {
        for (key, known, what) in [
            ("needs", &both, "store or service"),
            ("secrets", &secrets, "secret"),
        ] {
            for item in node.get(key).map(Node::items).unwrap_or_default() {
                known_name(source, item, known, what);
            }
        }
        if let Some(via) = node.get("login").and_then(|login| login.get("via")) {
            known_name(source, via, &services, "service");
        }
    }
    for (name, node) in entries("stores") {
        // Profiles, ties and steps have words of their own beside the names of stores.
        if RESERVED.contains(&name.text.as_str()) {
            source.error(
                name.place,
                "reserved-name",
                format!(
                    "`{}` is a word of this file, and no name of a store",
                    name.text
                ),
                Some(format!("call it `{}-store`", name.text)),
            );
        }
        if let Some(on) = node.get("on") {
            known_name(source, on, &stores, "store");
            carried(source, stack, &name.text, on);
        }
    }
    secrets_fit(source, stack, &stores);
    for (_, node) in entries("manual_steps") {
        if let Some(provider) = node.get("automation").and_then(|by| by.get("provision")) {
            known_name(source, provider, &services, "service");
        }
    }
    for (name, _) in entries("known_sick") {
        let node = Node {
            place: name.place,
            kind: Kind::Scalar {
                text: name.text.clone(),
                plain: true,
            },
        };
        known_name(source, &node, &both, "store or service");
    }
    if let Some(cycle) = cycle(stack) {
        let place = entries("services")
            .iter()
            .find(|(name, _)| cycle.first() == Some(&name.text))
            .map_or(Place::default(), |(name, _)| name.place);
        source.error(
            place,
            "cyclic-needs",
            format!("these need each other: {}", cycle.join(" → ")),
            Some("nothing of this can start first: remove one of the needs".to_owned()),
        );
    }
}

/// Words that stand where names of stores stand.
const RESERVED: [&str; 5] = ["all", "default", "inherit", "objectives", "secrets"];

/// What a store lies on ends at one that lies on nothing.
fn carried(source: &Source, stack: &Stack, name: &str, on: &Node) {
    let mut seen = vec![name.to_owned()];
    let mut at = on.text().map(str::to_owned);
    while let Some(carrier) = at {
        if carrier == name {
            source.error(
                on.place,
                "cyclic-needs",
                format!("`{name}` would lie on itself"),
                Some("name the store whose loss takes this one along".to_owned()),
            );
            return;
        }
        if seen.contains(&carrier) {
            return;
        }
        at = stack.store(&carrier).and_then(|store| store.on.clone());
        seen.push(carrier);
    }
}

/// A secret opens a store that has a password, and each has a variable of its own.
fn secrets_fit(source: &Source, stack: &Stack, stores: &[&str]) {
    let mut variables: Vec<(&str, &str)> = Vec::new();
    let entries = source.root.get("secrets").map(Node::entries);
    for (name, node) in entries.unwrap_or_default() {
        if let Some(opens) = node.get("opens") {
            known_name(source, opens, stores, "store");
            let store = opens.text().and_then(|opened| stack.store(opened));
            if store.is_some_and(|store| store.kind == StoreKind::Files) {
                let message = "a folder has no password that opens it".to_owned();
                source.error(opens.place, "no-password", message, None);
            }
        }
        let Some((variable, place)) = node
            .get("env")
            .and_then(|env| Some((env.text()?, env.place)))
        else {
            continue;
        };
        match variables.iter().find(|(known, _)| *known == variable) {
            Some((_, other)) => source.error(
                place,
                "duplicate-name",
                format!("`{other}` has the variable `{variable}` too"),
                Some("one of them would be set and never used".to_owned()),
            ),
            None => variables.push((variable, &name.text)),
        }
    }
}

pub(in crate::lower) fn known_name(source: &Source, node: &Node, known: &[&str], what: &str) {
    let Some(text) = node.text() else { return };
    if !known.contains(&text) && !text.contains("${") {
        source.error(
            node.place,
            "unknown-name",
            format!("no {what} is called `{text}`"),
            did_you_mean(text, known.iter().copied()),
        );
    }
}

/// A circle of needs among services, first and last the same.
fn cycle(stack: &Stack) -> Option<Vec<String>> {
    fn walk(stack: &Stack, at: &str, path: &mut Vec<String>) -> Option<Vec<String>> {
        if let Some(from) = path.iter().position(|name| name == at) {
            let mut circle = path[from..].to_vec();
            circle.push(at.to_owned());
            return Some(circle);
        }
        path.push(at.to_owned());
        let service = stack.service(at)?;
        for need in service.needs.iter().chain(&service.login_via) {
            if stack.service(need).is_some() && need != at {
                if let Some(circle) = walk(stack, need, path) {
                    return Some(circle);
                }
            } else if need == at && service.login_via.as_ref() != Some(need) {
                return Some(vec![at.to_owned(), at.to_owned()]);
            }
        }
        path.pop();
        None
    }
    stack
        .services
        .iter()
        .find_map(|service| walk(stack, &service.name, &mut Vec::new()))
}

/// Ties name what exists.
pub(super) fn ties_fit(source: &Source, stack: &Stack) {
    let stores: Vec<&str> = stack.store_names();
    let services: Vec<&str> = stack.service_names();
    let secrets: Vec<&str> = stack.secret_names();
    let manual: Vec<&str> = stack.manual_step_names();
    let keyed: Vec<&str> = stores.iter().chain(&secrets).copied().collect();
    let Some(gaps) = source.root.get("gaps") else {
        return;
    };
    for (_, checks) in gaps.entries() {
        for entry in checks.items() {
            for (check, subject) in entry.entries() {
                let known = match check.text.as_str() {
                    "survival" => &keyed,
                    "fingerprint" | "recovery_points" | "destruction" | "rpo" | "loads"
                    | "freshness" | "content" => &stores,
                    "health" | "login" | "write" | "restart" | "certificate" => &services,
                    "secret_preserved" | "secret_regenerated" => &secrets,
                    "manual_step" => &manual,
                    _ => continue,
                };
                for item in subject.items() {
                    if item.text() != Some("all") {
                        known_name(source, item, known, "such thing");
                    }
                }
            }
        }
    }
}

//! Where Compose files use a variable, and what they give where it is not set.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::variables::{is_secret, words};
use crate::project::sources::Source;

/// Where a variable is used, which says what may stand for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// A text that a container gets.
    Text,
    /// A text that says what something is called: a database, a bucket.
    Called,
    /// A part of what a service is: its image, a volume, a network.
    Name,
    /// The source of a mount.
    Path,
    Port,
    /// Anything else, such as a number.
    Setting,
}

/// A variable of Compose files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Variable {
    /// What files give for when it is not set.
    pub(super) defaults: Vec<String>,
    /// Variables of services that are it and nothing else.
    pub(super) keys: BTreeSet<String>,
    /// Whether a use gives nothing for when it is not set.
    bare: bool,
    /// Whether a use refuses to go on without it.
    demanded: bool,
    places: BTreeSet<Place>,
}

impl Variable {
    /// Whether every use gives something for when it is not set.
    pub(super) fn has_default(&self) -> bool {
        !self.bare
    }

    /// Whether the files cannot be read without it. Version 1 of the tool takes a mount of nothing,
    /// and version 2 does not.
    pub(super) fn is_needed(&self, first: bool) -> bool {
        self.demanded || (self.bare && self.is_path() && !first)
    }

    pub(super) fn feeds_secret(&self) -> bool {
        self.keys.iter().any(|key| is_secret(key))
    }

    /// Whether a file says that it may be left empty: then what it is handed to is off.
    pub(super) fn may_be_empty(&self) -> bool {
        self.defaults.iter().any(String::is_empty)
    }

    pub(super) fn is_name(&self) -> bool {
        use Place::{Called, Name, Path, Port};
        let names = [Called, Name, Path, Port];
        names.iter().any(|place| self.places.contains(place))
    }

    pub(super) fn is_port(&self) -> bool {
        self.places.contains(&Place::Port)
    }

    pub(super) fn is_path(&self) -> bool {
        self.places.contains(&Place::Path)
    }

    pub(super) fn is_text(&self) -> bool {
        let mut places = self.places.iter();
        places.all(|place| matches!(place, Place::Text | Place::Called))
    }
}

/// The variables of Compose files and of the files that those extend or include.
pub(super) fn of_files(files: &[Source]) -> BTreeMap<String, Variable> {
    let mut found = Found::default();
    // A file that is none is refused when the tool is asked.
    for tree in files.iter().filter_map(|read| read.tree.as_ref().ok()) {
        for (part, value) in tree.as_object().into_iter().flatten() {
            match part.as_str() {
                "services" => {
                    let services = value.as_object().into_iter().flatten();
                    services.for_each(|(_, service)| found.service(service));
                }
                "volumes" | "networks" | "name" | "include" => found.all(value, Place::Name),
                _ => found.all(value, Place::Text),
            }
        }
    }
    found.0
}

#[derive(Default)]
struct Found(BTreeMap<String, Variable>);

impl Found {
    fn service(&mut self, service: &Value) {
        for (key, value) in service.as_object().into_iter().flatten() {
            match key.as_str() {
                "<<" => merged(value).for_each(|one| self.service(one)),
                "environment" => self.environment(value),
                "build" | "command" | "entrypoint" | "labels" | "logging" | "secrets"
                | "configs" => self.all(value, Place::Text),
                "healthcheck" => {
                    for (key, value) in value.as_object().into_iter().flatten() {
                        let is_test = key == "test";
                        self.all(value, if is_test { Place::Text } else { Place::Setting });
                    }
                }
                "ports" | "expose" => self.all(value, Place::Port),
                "volumes" => self.all(value, Place::Path),
                "image" | "container_name" | "hostname" | "networks" | "extends" | "env_file" => {
                    self.all(value, Place::Name);
                }
                _ => self.all(value, Place::Setting),
            }
        }
    }

    fn environment(&mut self, value: &Value) {
        for (key, value) in value.as_object().into_iter().flatten() {
            if let Some(text) = value.as_str() {
                self.handed(key, text);
            } else if key == "<<" {
                merged(value).for_each(|one| self.environment(one));
            }
        }
        let lines = value.as_array().into_iter().flatten();
        for (key, text) in lines.filter_map(|line| line.as_str()?.split_once('=')) {
            self.handed(key, text);
        }
    }

    /// What a service gets as a variable of its own.
    fn handed(&mut self, key: &str, text: &str) {
        const CALLED: [&str; 6] = ["BUCKET", "BUCKETS", "DATABASE", "DB", "DBNAME", "NAME"];
        let last = words(key).pop().unwrap_or_default();
        let called = CALLED.contains(&last.as_str());
        let place = if called { Place::Called } else { Place::Text };
        self.text(text, place, Some(key));
    }

    fn all(&mut self, value: &Value, place: Place) {
        match value {
            Value::String(text) => self.text(text, place, None),
            Value::Array(items) => items.iter().for_each(|item| self.all(item, place)),
            Value::Object(entries) => entries.values().for_each(|value| self.all(value, place)),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, place: Place, key: Option<&str>) {
        let mut at = 0;
        while let Some(dollar) = text[at..].find('$').map(|found| at + found) {
            at = dollar + 1;
            if text[at..].starts_with('$') {
                at += 1;
                continue;
            }
            let braced = text[at..].starts_with('{');
            let from = at + usize::from(braced);
            let len = text[from..]
                .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .unwrap_or(text.len() - from);
            let name = &text[from..from + len];
            at = from;
            if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
                continue;
            }
            at = from + len;
            let rest = if braced { inside(&text[at..]) } else { "" };
            let end = at + rest.len() + usize::from(braced);
            let known = self.0.entry(name.to_owned()).or_default();
            // Only what begins with it is where it leads to.
            let inner = place == Place::Path && dollar > 0;
            known.places.insert(if inner { Place::Name } else { place });
            let said = rest.strip_prefix(':').unwrap_or(rest);
            match said.split_at_checked(1) {
                Some(("-", default)) => known.defaults.push(default.to_owned()),
                // What stands there in its place says that it may be missing.
                Some(("+", _)) => {}
                Some(("?", _)) => {
                    known.demanded = true;
                    known.bare = true;
                }
                _ => known.bare = true,
            }
            if let Some(key) = key.filter(|_| dollar == 0 && end >= text.len()) {
                known.keys.insert(key.to_owned());
            }
            let before = &text[..dollar];
            let is_password = before.contains("://") && before.ends_with(':');
            if is_password && text.get(end..).is_some_and(|after| after.starts_with('@')) {
                known.keys.insert("PASSWORD".to_owned());
            }
        }
    }
}

/// What `<<` puts in: a map, or several.
fn merged(value: &Value) -> impl Iterator<Item = &Value> {
    let many = value.as_array().into_iter().flatten();
    many.chain(std::iter::once(value))
}

/// What is before the brace that closes.
fn inside(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return &text[..at],
            '}' => depth -= 1,
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_as_the_tool_reads_them() {
        let mut found = Found::default();
        let text = "$A ${B} ${C:-d} ${D-${E}} ${F:?set it} $$NOT $${NEITHER} ${1} 100$";
        found.text(text, Place::Text, None);
        let found = found.0;
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["A", "B", "C", "D", "E", "F"]);
        assert!(found["C"].has_default() && found["D"].has_default());
        assert!(!found["A"].has_default() && !found["B"].has_default());
        assert!(found["F"].is_needed(true) && !found["B"].is_needed(true));
        assert_eq!(found["C"].defaults, ["d"]);
    }

    #[test]
    fn one_use_without_a_default_is_enough_to_ask() {
        let mut found = Found::default();
        found.text("x:${TAG:-1}", Place::Name, None);
        found.text("${TAG}", Place::Text, Some("A"));
        assert!(!found.0["TAG"].has_default());
    }

    #[test]
    fn what_a_variable_is_handed_to_is_known() {
        let mut found = Found::default();
        found.handed("POSTGRES_PASSWORD", "${PW:?}");
        found.handed("URL", "postgres://${WHO}:${IN}@db/${AT}");
        found.handed("POSTGRES_DB", "${KEY_DB}");
        let found = found.0;
        assert!(found["PW"].feeds_secret() && found["IN"].feeds_secret());
        assert!(!found["WHO"].feeds_secret() && !found["AT"].feeds_secret());
        assert!(found["KEY_DB"].is_name() && found["KEY_DB"].is_text());
    }
}

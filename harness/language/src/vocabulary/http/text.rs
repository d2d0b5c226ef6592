//! The texts of a description, one by one: paths, placeholders, selectors, patterns.

use scraper::Selector;

use crate::diagnostic::did_you_mean;
use crate::json_path::JsonPath;
use crate::placeholder::{Piece, pieces};
use crate::tree::{Kind, Node, Place, Source};

/// The names that phoenix gives, and nobody else may.
const RESERVED: [&str; 6] = ["payload", "marker", "nonce", "bytes", "page", "token"];

/// What a text may name.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    known: Vec<String>,
}

impl Names {
    pub(super) fn of(names: &[&str]) -> Self {
        Self {
            known: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    pub(super) fn with(&self, more: &Names) -> Self {
        let mut known = self.known.clone();
        known.extend(more.known.iter().cloned());
        Self { known }
    }

    pub(super) fn add(&mut self, name: &str) {
        self.known.push(name.to_owned());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.known.iter().any(|known| known == name)
    }
}

/// The place of a part of a scalar; the whole of it where it is written over several lines.
fn within(node: &Node, byte: usize, bytes: usize) -> Place {
    let Kind::Scalar { text, plain } = &node.kind else {
        return node.place;
    };
    let before = text.get(..byte).map_or(0, |text| text.chars().count());
    let width = text
        .get(byte..byte + bytes)
        .map_or(1, |text| text.chars().count());
    let quote = usize::from(!plain);
    if before + quote >= node.place.width {
        return node.place;
    }
    Place {
        column: node.place.column + quote + before,
        width: width.max(1),
        ..node.place
    }
}

/// Every placeholder of a text is a name that is known there.
pub(super) fn placeholders(source: &Source, node: &Node, names: &Names, secrets: &[&str]) {
    for piece in pieces(node.text().unwrap_or_default()) {
        let Piece::Name { name, at } = piece else {
            continue;
        };
        let place = within(node, at, name.len() + 3);
        if let Some(secret) = name.strip_prefix("secret:") {
            if !secrets.contains(&secret) {
                let help = did_you_mean(secret, secrets.iter().copied())
                    .or_else(|| Some("declare it under `secrets`".to_owned()));
                let message = format!("no secret is called `{secret}`");
                source.error(place, "unknown-name", message, help);
            }
        } else if let Some(variable) = name.strip_prefix("env:") {
            if variable.is_empty() {
                let message = "`${env:}` names no variable".to_owned();
                source.error(place, "unknown-name", message, None);
            }
        } else if !names.has(name) {
            let help = match name {
                "payload" => Some(
                    "a reading is not told what was written: say where it stands, \
                     `payload: $.text`"
                        .to_owned(),
                ),
                "bytes" => Some(
                    "`${bytes}` is the whole `body` of a request of `file`, or nothing".to_owned(),
                ),
                _ => did_you_mean(name, names.known.iter().map(String::as_str)),
            };
            let message = format!("nothing is called `{name}` here");
            source.error(place, "unknown-name", message, help);
        }
    }
}

/// A path from the service's URL, or a link that was saved.
pub(super) fn path(source: &Source, node: &Node) {
    let Some(text) = node.text() else { return };
    if !text.starts_with('/') && !text.starts_with("${") {
        let help = "a path begins with `/`; its host is the `url` of the service";
        let message = format!("`{text}` is no path");
        source.error(node.place, "bad-path", message, Some(help.to_owned()));
    }
}

/// Where a value stands in an answer.
pub(super) fn place(source: &Source, node: &Node) {
    match node.text() {
        Some("body") => {}
        Some(text) if text.starts_with('$') => json_path(source, node, text),
        Some(text) => {
            let help = match did_you_mean(text, ["body"]) {
                Some(meant) if meant.starts_with("did") => meant,
                _ => "write `$.id` (JSON), `{ html: SELECTOR }`, `{ header: NAME }`, `{ cookie: \
                      NAME }`, `{ redirect: /entries/* }` or `body`"
                    .to_owned(),
            };
            let message = format!("`{text}` is no place in an answer");
            source.error(node.place, "bad-place", message, Some(help));
        }
        None => {
            if let Some(path) = node.get("json") {
                json_path(source, path, path.text().unwrap_or_default());
            }
            if let Some(css) = node.get("html") {
                selector(source, css.place, css.text().unwrap_or_default());
            } else if let Some(attribute) = node.get("attribute") {
                let message = "an attribute is one of an HTML element".to_owned();
                let help = "add `html: SELECTOR`, or remove it".to_owned();
                source.error(attribute.place, "bad-place", message, Some(help));
            }
            for key in ["redirect", "like"] {
                if let Some(node) = node.get(key) {
                    pattern(source, node, 1);
                }
            }
        }
    }
}

pub(super) fn json_path(source: &Source, node: &Node, text: &str) {
    if let Err((at, why)) = JsonPath::parse(text) {
        let message = format!("`{text}` is no path in JSON");
        let rest = text.len().saturating_sub(at);
        source.error(within(node, at, rest), "bad-json-path", message, Some(why));
    }
}

/// A path that stands as a key.
pub(super) fn json_path_key(source: &Source, place: Place, text: &str) {
    if let Err((_, why)) = JsonPath::parse(text) {
        let message = format!("`{text}` is no path in JSON");
        source.error(place, "bad-json-path", message, Some(why));
    }
}

pub(super) fn selector(source: &Source, place: Place, text: &str) {
    if let Err(why) = Selector::parse(text) {
        let message = format!("`{text}` is no CSS selector");
        source.error(place, "bad-selector", message, Some(why.to_string()));
    }
}

/// A pattern with so many `*`, at most one.
pub(super) fn pattern(source: &Source, node: &Node, least: usize) {
    let Some(text) = node.text() else { return };
    let stars = text.matches('*').count();
    if stars > 1 || stars < least {
        let message = format!("`{text}` has {stars} `*`");
        let help = "one `*` stands for the value, and everything else for itself: `/entries/*`";
        source.error(node.place, "bad-pattern", message, Some(help.to_owned()));
    }
}

/// A name under which something is saved.
pub(super) fn own_name(source: &Source, place: Place, name: &str) {
    if RESERVED.contains(&name) {
        let message = format!("`{name}` is a name that phoenix gives itself");
        let help = "choose another name".to_owned();
        source.error(place, "reserved-name", message, Some(help));
    } else if name.is_empty()
        || !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    {
        let message = format!("`{name}` cannot be a name");
        let help = "letters, digits, `_` and `-`".to_owned();
        source.error(place, "bad-name", message, Some(help));
    }
}
